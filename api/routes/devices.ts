import { z } from 'zod'
import { devicePatchSchema, deviceSchema, newDeviceSchema } from '../../domain/asset.ts'
import { addDevice, getDevice, listDevices, removeDevice, updateDevice } from '../../inventory/devices.ts'
import { readHistory } from '../../inventory/history.ts'
import { readLatest } from '../../inventory/series-parts.ts'
import { readDeviceParts } from '../../inventory/view.ts'
import type { Routes } from '../context.ts'
import {
  historyEntrySchema,
  idParams,
  pageOf,
  pageQuery,
  readingSchema,
  tagged,
  tellHistory,
  tellReading,
  wholeList,
} from '../shapes.ts'

const tags = ['devices']

const query = z.strictObject({
  ...pageQuery,
  model: z.string().max(128).optional(),
  q: z.string().max(200).optional().describe('Looked for in id and label.'),
})

export const deviceRoutes: Routes = (api, { reader }) => {
  api.get(
    '/devices',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'Devices, by id', querystring: query, response: { 200: pageOf(deviceSchema) } },
    },
    async (request) => listDevices(request.access, request.query),
  )

  api.post(
    '/devices',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Register a device',
        description:
          'Answers its `secret`, this one time; Parvis generates it when none is given. Device ids and names of integrations are one name space: both are user names of MQTT.',
        body: newDeviceSchema,
        response: { 201: deviceSchema.extend({ secret: z.string() }) },
      },
    },
    async (request, reply) => {
      const { device, secret } = await addDevice(request.access, request.body)
      reply.code(201).header('location', `/api/v1/devices/${encodeURIComponent(device.id)}`)
      return { ...tagged(reply, device), secret }
    },
  )

  api.get(
    '/devices/:id',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One device', params: idParams, response: { 200: deviceSchema } },
    },
    async (request, reply) => tagged(reply, await getDevice(request.access, request.params.id)),
  )

  api.patch(
    '/devices/:id',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Change a device',
        description:
          'What is left out stays. With `lifeCycle` `revoked` it is disconnected, and may not connect again.',
        params: idParams,
        body: devicePatchSchema,
        response: { 200: deviceSchema },
      },
    },
    async (request, reply) => tagged(reply, await updateDevice(request.access, request.params.id, request.body)),
  )

  api.delete(
    '/devices/:id',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Remove a device that was registered by mistake',
        description: 'Refused as `in_use` when it was ever installed: then revoke it.',
        params: idParams,
        response: { 204: z.undefined().describe('Removed.') },
      },
    },
    async (request, reply) => {
      await removeDevice(request.access, request.params.id)
      reply.code(204)
    },
  )

  api.get(
    '/devices/:id/latest',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'The newest reading of each quantity of a device',
        params: idParams,
        response: { 200: pageOf(readingSchema) },
      },
    },
    async (request) => {
      const parts = await readDeviceParts(request.access, reader, request.params.id)
      return wholeList((await readLatest(reader, parts)).map(tellReading))
    },
  )

  api.get(
    '/devices/:id/history',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Who changed what of a device and its installations, when and why; newest first',
        params: idParams,
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(historyEntrySchema) },
      },
    },
    async (request) => tellHistory(await readHistory(request.access, 'device', request.params.id, request.query)),
  )
}
