import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem } from '../../domain/problem.ts'
import type { PushProof } from '../../inventory/integrations.ts'
import type { Context, Routes } from '../context.ts'
import { limits } from '../limits.ts'

const params = z.object({ integration: z.string().min(1).max(128), '*': z.string().optional() })

// ChirpStack names the event in the query, where its MQTT topics have it at their end.
const query = z.object({ event: z.string().optional() })

/** What the topic and the packet's header take beside the payload. */
const packetOverheadBytes = 2048

export const uplinkRoutes: Routes = (api, context) => {
  const bodyLimit = Math.max(0, context.config.PARVIS_MQTT_MAX_PACKET_BYTES - packetOverheadBytes)
  // A scope of its own: here a body is bytes, whatever it says of itself, since a signature is over the bytes.
  api.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, async (_request: unknown, body: Buffer) => body)
    for (const url of ['/uplinks/:integration', '/uplinks/:integration/*'])
      scope.route({
        method: 'POST',
        url,
        bodyLimit,
        config: { role: 'public' },
        schema: {
          hide: !url.endsWith('*'),
          tags: ['ingest'],
          summary: 'A message of a network server, with the end of its topic',
          description:
            'For network servers that push over HTTP. `Authorization: Bearer` with the integration’s secret, `Basic` with its name and secret, or `X-Parvis-Signature: sha256=` with the HMAC-SHA256 of the body under the secret, in hexadecimal. The path becomes the topic. The answer follows the commit of the journal.',
          params: params as never,
          querystring: query as never,
          response: { 204: z.undefined().describe('It is on disk.') } as never,
        },
        onRequest: async (request, reply) => {
          const secret = readSecret(request)
          if (secret === null && readSignature(request) === null) throw new Problem('bad_credentials')
          if (secret !== null) await admitPush(request, reply, context, { secret })
        },
        handler: async (request, reply) => {
          const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
          const signature = readSignature(request)
          if (readSecret(request) === null) await admitPush(request, reply, context, { signature: signature!, body })
          await context.uplinks.publish(toTopic(request), body)
          reply.code(204)
        },
      })
  })
}

async function admitPush(request: FastifyRequest, reply: FastifyReply, context: Context, proof: PushProof) {
  const { integration } = request.params as z.infer<typeof params>
  if (await context.verifyPush(integration, proof)) return
  const waitMs = context.attempts.countWrong(request.ip)
  if (waitMs === 0) throw new Problem('bad_credentials')
  reply.header('retry-after', Math.ceil(waitMs / 1000))
  throw new Problem('too_many_requests')
}

/** The secret that a request shows, or null; with `Basic` its name has to be that of the path. */
function readSecret(request: FastifyRequest): string | null {
  const [, scheme, shown] = /^(Bearer|Basic) +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (scheme === undefined) return null
  if (scheme.toLowerCase() === 'bearer') return shown!
  const [, name, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(shown!, 'base64').toString('utf8')) ?? []
  const { integration } = request.params as z.infer<typeof params>
  // A wrong name is answered like a wrong secret.
  return name === integration ? secret! : ''
}

function readSignature(request: FastifyRequest): string | null {
  const header = request.headers['x-parvis-signature']
  return typeof header === 'string' ? (/^sha256=([0-9a-f]{64})$/i.exec(header)?.[1] ?? null) : null
}

function toTopic(request: FastifyRequest): string {
  const { integration, '*': rest = '' } = request.params as z.infer<typeof params>
  const { event } = request.query as z.infer<typeof query>
  const end = event === undefined ? '' : `/event/${event}`
  const path = rest.replace(/\/+$/, '')
  const topic = `uplinks/${integration}${path === '' ? '' : `/${path}`}${end}`
  if (
    /[+#\p{C}]/u.test(topic) ||
    topic.split('/').length > limits.maxTopicLevels ||
    Buffer.byteLength(topic) > limits.maxTopicBytes
  )
    throw new Problem('bad_request', {
      fr: `le chemin ne peut pas être un sujet : ni + # ni caractère de contrôle, ${limits.maxTopicLevels} niveaux au plus`,
      en: `the path cannot be a topic: no + # or control characters, at most ${limits.maxTopicLevels} levels`,
    })
  return topic
}
