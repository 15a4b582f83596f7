import { z } from 'zod'
import { formatTime } from '../../domain/time.ts'
import {
  addBridge,
  type Bridge,
  bridgeChangesSchema,
  changeBridge,
  getBridge,
  listBridges,
  newBridgeSchema,
  removeBridge,
} from '../../inventory/bridges.ts'
import { type BridgeState, readBridgeStates } from '../../store/bridge-states.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import type { Language } from '../language.ts'
import { idParams, pageOf, pageQuery, tellTime, timeOut } from '../shapes.ts'

const tags = ['access']

const statusSchema = z.object({
  state: z
    .enum(['connecting', 'connected', 'waiting', 'unknown'])
    .describe('`waiting` is between two attempts; `unknown` while the broker does not run.'),
  since: timeOut.nullable(),
  detail: z.string().nullable().describe('Why it waits, or what was refused, in the language of `Accept-Language`.'),
  qos: z
    .number()
    .nullable()
    .describe('What the other broker granted. With 0, what it sends while the bridge is away is lost.'),
  received: z.number(),
  journaled: z.number(),
  repeated: z.number().describe('Messages that came again and stood in the journal already.'),
  lost: z.number().describe('Messages of QoS 0 that the journal refused.'),
  lastMessageAt: timeOut.nullable(),
})

const bridgeSchema = z
  .object({
    name: z.string(),
    integration: z.string(),
    url: z.string(),
    topics: z.array(z.string()),
    qos: z.number(),
    clientId: z.string(),
    userName: z.string().nullable(),
    hasPassword: z.boolean(),
    ca: z.string().nullable(),
    insecure: z.boolean(),
    createdAt: timeOut,
    status: statusSchema,
  })
  .meta({ id: 'Bridge' })

export const bridgeRoutes: Routes = (api, { config }) => {
  const tell = (bridge: Bridge, language: Language, states = readBridgeStates(config.PARVIS_DATA_DIR)) => ({
    ...bridge,
    createdAt: formatTime(bridge.createdAt),
    status: tellStatus(states.get(bridge.name), language),
  })

  api.get(
    '/bridges',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Bridges to other brokers and how they are, by name',
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(bridgeSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listBridges(request.access, request.query)
      const states = readBridgeStates(config.PARVIS_DATA_DIR)
      return { items: items.map((bridge) => tell(bridge, languageOf(request, config), states)), next }
    },
  )

  api.post(
    '/bridges',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Add a bridge to another broker',
        description:
          'Parvis connects to it within a second, and what it subscribes to there are messages of the `integration`. The password is never told again.',
        body: newBridgeSchema,
        response: { 201: bridgeSchema },
      },
    },
    async (request, reply) => {
      const bridge = await addBridge(request.access, request.body)
      reply.code(201).header('location', `/api/v1/bridges/${encodeURIComponent(bridge.name)}`)
      return tell(bridge, languageOf(request, config))
    },
  )

  api.get(
    '/bridges/:id',
    {
      config: { role: 'admin' },
      schema: { tags, summary: 'One bridge and how it is', params: idParams, response: { 200: bridgeSchema } },
    },
    async (request) => tell(await getBridge(request.access, request.params.id), languageOf(request, config)),
  )

  api.patch(
    '/bridges/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Change a bridge',
        description: 'It is connected anew with what changed. A password that is not given stays.',
        params: idParams,
        body: bridgeChangesSchema,
        response: { 200: bridgeSchema },
      },
    },
    async (request) =>
      tell(await changeBridge(request.access, request.params.id, request.body), languageOf(request, config)),
  )

  api.delete(
    '/bridges/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Remove a bridge',
        description: 'Its subscriptions at the other broker are ended, and it is disconnected.',
        params: idParams,
        response: { 204: z.undefined().describe('It is removed.') },
      },
    },
    async (request, reply) => {
      await removeBridge(request.access, request.params.id)
      reply.code(204)
    },
  )
}

function tellStatus(state: BridgeState | undefined, language: Language): z.infer<typeof statusSchema> {
  if (state === undefined)
    return {
      state: 'unknown',
      since: null,
      detail: null,
      qos: null,
      received: 0,
      journaled: 0,
      repeated: 0,
      lost: 0,
      lastMessageAt: null,
    }
  const { name: _, since, lastMessageAt, detail, ...counts } = state
  return {
    ...counts,
    detail: detail === null ? null : detail[language],
    since: formatTime(since),
    lastMessageAt: tellTime(lastMessageAt),
  }
}
