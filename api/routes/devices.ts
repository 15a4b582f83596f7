import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { type Device, devicePatchSchema, deviceSchema, newDeviceSchema } from '../../domain/asset.ts'
import { formatTime } from '../../domain/time.ts'
import { adoptDevice, listFoundlings } from '../../inventory/adoption.ts'
import { detailDevices } from '../../inventory/device-details.ts'
import { addDevice, getDevice, listDevices, removeDevice, renewSecret, updateDevice } from '../../inventory/devices.ts'
import { readHistory } from '../../inventory/history.ts'
import { readLatest } from '../../inventory/series-parts.ts'
import { readDeviceParts } from '../../inventory/view.ts'
import { type Access, tagOf } from '../../store/access.ts'
import type { IngestReader } from '../../store/ingest-reader.ts'
import type { Routes } from '../context.ts'
import {
  historyEntrySchema,
  idParams,
  pageOf,
  pageQuery,
  readingSchema,
  tellHistory,
  tellReading,
  timeOut,
  wholeList,
} from '../shapes.ts'

const tags = ['devices']

const query = z.strictObject({
  ...pageQuery,
  model: z.string().max(128).optional(),
  q: z.string().max(200).optional().describe('Looked for in id and label.'),
})

const withSecret = deviceSchema.extend({ secret: z.string().describe('This one time.') })

const foundlingSchema = z
  .object({
    id: z.string(),
    integration: z.string().nullable().describe('That handed its messages over.'),
    topic: z.string().describe('Of its newest message.'),
    letters: z.number().int().describe('Its dead letters.'),
    firstHeardAt: timeOut,
    lastHeardAt: timeOut,
    suggestedModel: z.string().nullable().describe('Where its newest message can only be of one model.'),
  })
  .meta({ id: 'UnknownDevice' })

export const deviceRoutes: Routes = (api, { config, reader }) => {
  api.get(
    '/devices',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'Devices, by id', querystring: query, response: { 200: pageOf(deviceSchema) } },
    },
    async ({ access, query }) => {
      const { items, next } = await listDevices(access, query)
      return { items: await detailDevices(access, reader, items), next }
    },
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
        response: { 201: withSecret },
      },
    },
    async (request, reply) => {
      const { device, secret } = await addDevice(request.access, request.body)
      reply.code(201).header('location', `/api/v1/devices/${encodeURIComponent(device.id)}`)
      return { ...(await tell(request.access, reader, reply, device)), secret }
    },
  )

  api.get(
    '/devices/to-adopt',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Devices that were heard and that nobody registered, the one heard last first',
        description: 'Known from their dead letters. They belong to no service: who is limited to services sees none.',
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(foundlingSchema) },
      },
    },
    async (request) => {
      const page = await listFoundlings(request.access, reader, request.query, config.PARVIS_TIME_ZONE)
      const items = page.items.map(({ firstHeardAt, lastHeardAt, ...each }) => ({
        ...each,
        firstHeardAt: formatTime(firstHeardAt),
        lastHeardAt: formatTime(lastHeardAt),
      }))
      return { items, next: page.next }
    },
  )

  api.post(
    '/devices/:id/adopt',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Register a device that was heard, and read its messages again',
        description:
          'As `POST /devices`, of one that is in `GET /devices/to-adopt`. `replayId` tells how far its dead letters are: `GET /replays/{id}`.',
        params: idParams,
        body: newDeviceSchema.omit({ id: true }),
        response: { 201: withSecret.extend({ replayId: z.string() }) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { device, secret, replay } = await adoptDevice(request.access, reader, { ...request.body, id })
      reply.code(201).header('location', `/api/v1/devices/${encodeURIComponent(id)}`)
      return { ...(await tell(request.access, reader, reply, device)), secret, replayId: replay.id }
    },
  )

  api.post(
    '/devices/:id/secret',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Give a device another secret',
        description:
          'Answers it, this one time; Parvis generates it when none is given. The old one is of no use from then on, and who is connected with it is disconnected within a second.',
        params: idParams,
        body: newDeviceSchema.pick({ secret: true }).nullish(),
        response: { 200: withSecret },
      },
    },
    async (request, reply) => {
      const { device, secret } = await renewSecret(request.access, request.params.id, request.body ?? {})
      return { ...(await tell(request.access, reader, reply, device)), secret }
    },
  )

  api.get(
    '/devices/:id',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One device', params: idParams, response: { 200: deviceSchema } },
    },
    async ({ access, params }, reply) => tell(access, reader, reply, await getDevice(access, params.id)),
  )

  api.patch(
    '/devices/:id',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Change a device',
        description:
          'What is left out stays. With `lifeCycle` `revoked` or `disposed` it is disconnected, and may not connect again.',
        params: idParams,
        body: devicePatchSchema,
        response: { 200: deviceSchema },
      },
    },
    async ({ access, params, body }, reply) => tell(access, reader, reply, await updateDevice(access, params.id, body)),
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

/** A device in the API's words. Its tag is that of what the register keeps: being heard does not change it. */
async function tell(access: Access, reader: IngestReader, reply: FastifyReply, device: Device) {
  reply.header('etag', tagOf(device))
  return (await detailDevices(access, reader, [device]))[0]!
}
