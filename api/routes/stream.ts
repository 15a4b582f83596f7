import { z } from 'zod'
import { assetIdSchema } from '../../domain/asset.ts'
import { deviceIdSchema } from '../../domain/id.ts'
import { Problem } from '../../domain/problem.ts'
import { openView } from '../../inventory/view.ts'
import type { Access } from '../../store/access.ts'
import { readRevision } from '../../store/registry.ts'
import { watchCaller } from '../access.ts'
import type { Routes } from '../context.ts'
import type { SeenReading } from '../live.ts'
import { quantitySchema } from '../shapes.ts'

/** How often an open stream asks whether what it may tell has changed. */
const renewMs = 1000

const maxFilterValues = 200
const reconnectAfterMs = 2000

const query = z.strictObject({
  deviceId: oneOrMore(deviceIdSchema).describe('Only of these devices; may be repeated.'),
  assetId: assetIdSchema.optional().describe('Only what is installed on it, with its calibrations.'),
  quantity: oneOrMore(quantitySchema).describe('Only these quantities; may be repeated.'),
})

export const streamRoutes: Routes = (api, context) => {
  const { live, counters } = context
  api.get(
    '/stream',
    {
      config: { role: 'viewer' },
      // A HEAD would hold a stream open that carries nothing.
      exposeHeadRoute: false,
      schema: {
        tags: ['stream'],
        summary: 'Readings as they are stored, as server-sent events',
        description:
          'Event `reading`: data is JSON, a reading as `GET /devices/{id}/latest` tells it. Event `lagged`: `{"missed": n}` readings were not told, since this client read too slowly; the API still has them. A comment comes every 15 s.',
        querystring: query,
        response: {
          200: { description: 'Until either side ends it.', content: { 'text/event-stream': { schema: z.string() } } },
        },
      },
    },
    async (request, reply) => {
      const { deviceId, assetId, quantity } = request.query
      const { access } = request
      const followed = await followView(access, { deviceIds: deviceId, assetId })
      const stop = live.listen(
        {
          deviceIds: deviceId && new Set(deviceId),
          quantities: quantity && new Set<string>(quantity),
          see: followed.see,
        },
        reply.raw,
      )
      if (stop === null)
        throw new Problem('too_many_requests', {
          fr: 'trop de flux sont ouverts',
          en: 'too many streams are open',
        })
      counters.streams = live.listeners
      const stopWatching = watchCaller(context, request.caller!, () => reply.raw.end())
      const renew = setInterval(() => followed.renew().catch(() => reply.raw.end()), renewMs)
      reply.raw.on('close', () => {
        stopWatching()
        clearInterval(renew)
        stop()
        counters.streams = live.listeners
      })
      reply.hijack()
      reply.raw.on('error', () => {})
      reply.raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'content-type': 'text/event-stream',
        'x-accel-buffering': 'no',
      })
      reply.raw.write(`retry: ${reconnectAfterMs}\n\n`)
    },
  )
}

/**
 * What a caller sees, kept up to date: what was installed a moment ago is told within a second. Who sees everything
 * anyway has nothing to follow. A device that is not registered yet may be waited for by who sees all.
 */
async function followView(access: Access, wanted: { deviceIds?: string[] | undefined; assetId?: string | undefined }) {
  if (access.services === null && wanted.assetId === undefined) return { see: undefined, renew: async () => {} }
  let revision = await readRevision(access.registry)
  let view = await openView(access, wanted)
  return {
    see: (reading: SeenReading) => view.see(reading),
    async renew() {
      const now = await readRevision(access.registry)
      if (now === revision) return
      view = await openView(access, wanted)
      revision = now
    },
  }
}

function oneOrMore<Schema extends z.ZodType>(schema: Schema) {
  return z
    .preprocess(
      (value) => (value === undefined || Array.isArray(value) ? value : [value]),
      z.array(schema).max(maxFilterValues).optional(),
    )
    .optional()
}
