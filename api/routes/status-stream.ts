import { z } from 'zod'
import { Problem } from '../../domain/problem.ts'
import { listStatusChanges } from '../../inventory/status-changes.ts'
import { watchCaller } from '../access.ts'
import type { Routes } from '../context.ts'
import { takeAreas } from '../place-query.ts'
import { statusFilterQuery } from './status.ts'

const everyMs = 1000
const heartbeatMs = 15_000
const maxStreams = 200
const reconnectAfterMs = 2000

/** Bytes that may wait for one slow reader; what comes beyond is not kept. */
const maxWaitingBytes = 256 * 1024

export const statusStreamRoutes: Routes = (api, context) => {
  let streams = 0
  const open = new Set<() => void>()
  api.addHook('preClose', async () => {
    for (const end of open) end()
  })

  api.get(
    '/status/assets/stream',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        tags: ['stream'],
        summary: 'How assets are, as it changes, as server-sent events',
        description:
          'Once a second. Event `status`: an asset that changed, as `GET /status/assets` tells it. Event `left`: `{"assetId"}` is not one of those asked for any more. Event `lagged`: more changed than was told; read the list again.',
        querystring: z.strictObject(statusFilterQuery),
        response: {
          200: { description: 'Until either side ends it.', content: { 'text/event-stream': { schema: z.string() } } },
        },
      },
    },
    async (request, reply) => {
      if (streams >= maxStreams)
        throw new Problem('too_many_requests', { fr: 'trop de flux sont ouverts', en: 'too many streams are open' })
      const changes = listStatusChanges(request.access, context.board, takeAreas(request.query))
      streams++
      let sentAt = Date.now()
      const timer = setInterval(() => {
        const { text, isLagging } = changes.take(Date.now())
        const isBlocked = reply.raw.writableLength > maxWaitingBytes
        if (isLagging || (isBlocked && text !== '')) reply.raw.write('event: lagged\ndata: {}\n\n')
        if (!isBlocked && text !== '') reply.raw.write(text)
        // A comment, so that proxies see a live connection.
        if (Date.now() - sentAt < heartbeatMs) return
        sentAt = Date.now()
        reply.raw.write(': still here\n\n')
      }, everyMs)
      const end = () => reply.raw.end()
      const stopWatching = watchCaller(context, request.caller!, end)
      open.add(end)
      reply.raw.on('close', () => {
        clearInterval(timer)
        stopWatching()
        changes.close()
        open.delete(end)
        streams--
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
