import { z } from 'zod'
import { assetIdSchema } from '../../domain/asset.ts'
import { deviceIdSchema } from '../../domain/id.ts'
import {
  installationPatchSchema,
  installationSchema,
  newInstallationSchema,
  swapSchema,
  toInstallationJson,
} from '../../domain/installation.ts'
import {
  correctInstallation,
  getInstallation,
  install,
  listInstallations,
  removeInstallation,
  swapDevice,
} from '../../inventory/installations.ts'
import type { Routes } from '../context.ts'
import { asKnownAt, idParams, pageOf, pageQuery, tagged } from '../shapes.ts'

const tags = ['installations']

const query = z.strictObject({
  ...pageQuery,
  deviceId: deviceIdSchema.optional(),
  assetId: assetIdSchema.optional(),
  asKnownAt,
})

export const installationRoutes: Routes = (api) => {
  api.get(
    '/installations',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Installations, by their beginnings',
        querystring: query,
        response: { 200: pageOf(installationSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listInstallations(request.access, request.query)
      return { items: items.map(toInstallationJson), next }
    },
  )

  api.post(
    '/installations',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Record that a device, or one of its channels, is on an asset',
        description:
          'From `installedAt` (included; now, when left out) to `removedAt` (excluded); both may lie in the past. `channel` null, or left out, stands for the whole device.',
        body: newInstallationSchema,
        response: { 201: installationSchema },
      },
    },
    async (request, reply) => {
      reply.code(201)
      return toInstallationJson(tagged(reply, await install(request.access, request.body)))
    },
  )

  api.get(
    '/installations/:id',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One installation', params: idParams, response: { 200: installationSchema } },
    },
    async (request, reply) =>
      toInstallationJson(tagged(reply, await getInstallation(request.access, request.params.id))),
  )

  api.delete(
    '/installations/:id',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Take back an installation that never was',
        description: 'What ended is no mistake: then it has `removedAt`. That it was once known stays in the history.',
        params: idParams,
        response: { 204: z.undefined().describe('Taken back.') },
      },
    },
    async (request, reply) => {
      await removeInstallation(request.access, request.params.id)
      reply.code(204)
    },
  )

  api.patch(
    '/installations/:id',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'End an installation, or mend what was recorded wrongly',
        description: 'With `removedAt` it ends; with `removedAt` null it goes on. What is left out stays.',
        params: idParams,
        body: installationPatchSchema,
        response: { 200: installationSchema },
      },
    },
    async (request, reply) =>
      toInstallationJson(tagged(reply, await correctInstallation(request.access, request.params.id, request.body))),
  )

  api.post(
    '/installations/swap',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Put one device in the place of another',
        description:
          'The old one is named by `oldDeviceId`, or found by the asset that it is on. The new one takes over its assets and channels from `at` on (now, when left out).',
        body: swapSchema,
        response: {
          200: z.object({ removed: z.array(installationSchema), installed: z.array(installationSchema) }),
        },
      },
    },
    async (request) => {
      const { removed, installed } = await swapDevice(request.access, request.body)
      return { removed: removed.map(toInstallationJson), installed: installed.map(toInstallationJson) }
    },
  )
}
