import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem, problemDocument, tellDetail } from '../domain/problem.ts'
import { formatTime } from '../domain/time.ts'
import { readBridgeStates } from '../store/bridge-states.ts'
import { type RoleState, readRoleStates } from '../store/role-state.ts'
import { admit } from './access.ts'
import type { Api, Context } from './context.ts'
import { languageOf } from './errors.ts'
import type { Language } from './language.ts'

const loopbackAddresses: ReadonlySet<string | undefined> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

/** `/health` for whoever watches the platform, and `/metrics` for Prometheus. */
export function installHealth(api: Api, context: Context): void {
  const { config } = context
  api.get(
    '/health',
    {
      config: { role: 'public' },
      schema: {
        tags: ['platform'],
        summary: 'Whether every role of the platform is ready',
        description: '503, a problem document that says which role is not ready and why, when one is not.',
        response: {
          200: z.object({
            status: z.literal('ok'),
            roles: z.record(z.string(), roleSchema),
            bridges: z.record(z.string(), bridgeSchema).describe('Bridges to other brokers, whose outages are theirs.'),
          }),
        },
      },
    },
    async (request, reply) => {
      const language = languageOf(request, config)
      const states = readRoleStates(config.PARVIS_DATA_DIR)
      const roles = Object.fromEntries(states.map((state) => [state.role, describeState(state, language)]))
      const missing = states.filter((state) => !state.ready)
      const bridges = describeBridges(readBridgeStates(config.PARVIS_DATA_DIR))
      if (missing.length === 0) return { status: 'ok' as const, roles, bridges }
      const problem = new Problem('not_ready', {
        fr: missing.map((state) => `${state.role} : ${tellWhy(state, 'fr')}`).join(' ; '),
        en: missing.map((state) => `${state.role}: ${tellWhy(state, 'en')}`).join('; '),
      })
      const answer = reply as unknown as FastifyReply
      return answer
        .code(503)
        .header('content-language', language)
        .type('application/problem+json')
        .serializer((payload: unknown) => JSON.stringify(payload))
        .send({ ...problemDocument(problem, language), roles, bridges })
    },
  )

  const loopDelay = monitorEventLoopDelay({ resolution: 20 })
  loopDelay.enable()
  api.addHook('onClose', async () => {
    loopDelay.disable()
  })
  api.get(
    '/metrics',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['platform'],
        summary: 'Counters of every role, in the text format of Prometheus',
        description: 'Without a token to a program on the same machine that comes through no proxy.',
        response: { 200: { description: 'OK', content: { 'text/plain': { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      if (!isLocal(request)) await admit(request, reply, context, 'viewer')
      const states = readRoleStates(config.PARVIS_DATA_DIR)
      const text = formatMetrics([
        ...states.map(({ role, ready }) =>
          metric('parvis_role_ready', 'gauge', 'Whether a role is ready.', +ready, { role }),
        ),
        ...states.flatMap(({ role, counters }) => describeCounters(role, role === 'api' ? context.counters : counters)),
        ...measureProcess(loopDelay.percentile(99) / 1e9),
      ])
      loopDelay.reset()
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text)
    },
  )
}

const roleSchema = z.object({ ready: z.boolean(), since: z.string().nullable(), detail: z.string().optional() })

const bridgeSchema = z.object({ state: z.enum(['connecting', 'connected', 'waiting']), since: z.string() })

// Who asks without a token is not told where a bridge leads, nor why it is not connected.
function describeBridges(states: ReturnType<typeof readBridgeStates>): Record<string, z.infer<typeof bridgeSchema>> {
  return Object.fromEntries([...states].map(([name, { state, since }]) => [name, { state, since: formatTime(since) }]))
}

function describeState(state: RoleState, language: Language): z.infer<typeof roleSchema> {
  const { ready, since, detail } = state
  const told = detail === undefined ? {} : { detail: tellWhy(state, language) }
  return { ready, since: since === 0 ? null : formatTime(since), ...told }
}

function tellWhy({ detail = '' }: RoleState, language: Language): string {
  return tellDetail(detail, language)
}

// What a proxy passes on comes from elsewhere, though the connection is the proxy's own.
function isLocal({ raw }: FastifyRequest): boolean {
  const { headers, socket } = raw
  const isForwarded =
    'forwarded' in headers || 'x-forwarded-for' in headers || 'x-real-ip' in headers || 'via' in headers
  return loopbackAddresses.has(socket.remoteAddress) && !isForwarded
}

type Metric = {
  name: string
  type: 'counter' | 'gauge'
  help: string
  value: number
  labels: Readonly<Record<string, string>>
}

function metric(
  name: string,
  type: Metric['type'],
  help: string,
  value: number,
  labels: Record<string, string> = {},
): Metric {
  return { name, type, help, value, labels }
}

// A name that ends in Total only rises, as Prometheus names counters; any other may fall too.
function describeCounters(role: string, counters: Readonly<Record<string, number>>): Metric[] {
  return Object.entries(counters).map(([counter, value]) => {
    const name = counter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/[^a-z0-9_]/g, '_')
    const type = name.endsWith('_total') ? 'counter' : 'gauge'
    return metric(`parvis_${role}_${name}`, type, `${name.replaceAll('_', ' ')}, as the role ${role} tells it.`, value)
  })
}

function measureProcess(loopDelayS: number): Metric[] {
  const { user, system } = process.cpuUsage()
  return [
    metric('process_cpu_seconds_total', 'counter', 'CPU time of the process that runs the API.', (user + system) / 1e6),
    metric(
      'process_resident_memory_bytes',
      'gauge',
      'Memory of the process that runs the API.',
      process.memoryUsage.rss(),
    ),
    metric('process_uptime_seconds', 'gauge', 'Age of the process that runs the API.', process.uptime()),
    metric('parvis_api_event_loop_delay_p99_seconds', 'gauge', 'Delay of the API since the last look.', loopDelayS),
  ]
}

/** The text format of Prometheus, version 0.0.4: one HELP and one TYPE a name, then its values. */
export function formatMetrics(metrics: readonly Metric[]): string {
  let text = ''
  let last = ''
  for (const { name, type, help, value, labels } of metrics) {
    if (name !== last) text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    const pairs = Object.entries(labels).map(([label, content]) => `${label}=${JSON.stringify(content)}`)
    text += `${name}${pairs.length === 0 ? '' : `{${pairs.join()}}`} ${Number.isFinite(value) ? value : 0}\n`
    last = name
  }
  return text
}
