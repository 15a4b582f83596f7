import { z } from 'zod'
import { assetLifeCycles, assetStates } from '../../domain/asset.ts'
import { assetKindNames } from '../../domain/asset-kind.ts'
import { attentionCodes } from '../../domain/attention.ts'
import {
  countStatus,
  listStatus,
  listStatusGeojson,
  proofKinds,
  statusGroups,
  toStatusJson,
} from '../../inventory/status.ts'
import { statusSorts } from '../../inventory/status-order.ts'
import { listStatusPoints } from '../../inventory/status-points.ts'
import { compressFor } from '../compress.ts'
import type { Routes } from '../context.ts'
import { placeQuery, takeAreas } from '../place-query.ts'
import { pageOf, pageQuery, timeOut } from '../shapes.ts'

const tags = ['status']

/** A filter that `*` leaves open, as the choice "all" of a dashboard or a form does. */
function openFilter<Schema extends z.ZodType>(schema: Schema) {
  return z
    .union([z.literal('*').transform(() => undefined), schema])
    .optional()
    .describe('`*`: any.')
}

/** Query parameters that say which assets. */
export const statusFilterQuery = {
  kind: openFilter(z.enum(assetKindNames)),
  state: openFilter(
    z
      .string()
      .max(120)
      .transform((text) => text.split(','))
      .pipe(z.array(z.enum(assetStates))),
  ).describe('One, or several with commas between them; `*`: any.'),
  attention: openFilter(z.enum(attentionCodes)),
  service: openFilter(z.string().max(120)),
  district: openFilter(z.string().max(120)),
  lifeCycle: z.enum(assetLifeCycles).optional().describe('Disposed ones are left out unless asked for.'),
  ...placeQuery,
  q: z.string().max(200).optional().describe('Words, each of them looked for in id, label, number and place.'),
}

export const statusSchema = z
  .object({
    assetId: z.string(),
    kind: z.enum(assetKindNames),
    label: z.string(),
    state: z.enum(assetStates),
    since: timeOut,
    lastSeenAt: timeOut.nullable(),
    silentAt: timeOut.nullable().describe('When it falls silent, or fell silent, unless it is heard before.'),
    battery: z.number().nullable().describe('%'),
    attentions: z.array(z.string()).describe('The rules that call for attention.'),
    deviceId: z.string().nullable(),
    installationId: z.string().nullable(),
    lastProofAt: timeOut.nullable(),
    lastProof: z.enum(proofKinds).nullable().describe('What last proved that it is there.'),
    lifeCycle: z.enum(assetLifeCycles),
    latitude: z.number().nullable(),
    longitude: z.number().nullable(),
    service: z.string().nullable(),
    district: z.string().nullable(),
  })
  .meta({ id: 'AssetStatus' })

const featuresSchema = z
  .object({
    type: z.literal('FeatureCollection'),
    truncated: z.boolean().describe('Whether there are more.'),
    features: z.array(
      z.object({
        type: z.literal('Feature'),
        id: z.string(),
        geometry: z.object({ type: z.literal('Point'), coordinates: z.array(z.number()) }),
        properties: statusSchema.omit({ latitude: true, longitude: true }),
      }),
    ),
  })
  .meta({ id: 'AssetStatusFeatures' })

const numbers = z.array(z.number())
const words = z.array(z.string().nullable())

const pointsSchema = z
  .object({
    words: z
      .object({ kind: words, state: words, attention: words, service: words, district: words })
      .describe('What the numbers of these columns stand for; `attention` is a set of bits.'),
    id: z.array(z.string()),
    label: z.array(z.string()),
    kind: numbers,
    state: numbers,
    attention: numbers,
    service: numbers,
    district: numbers,
    longitude: numbers,
    latitude: numbers,
    unplaced: z.number().int().describe('Assets that have no position.'),
    truncated: z.boolean().describe('Whether there are more.'),
  })
  .meta({ id: 'AssetStatusPoints' })

export const statusRoutes: Routes = (api, { board }) => {
  api.get(
    '/status/assets',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How assets are, one row each, by id',
        querystring: z.strictObject({
          ...pageQuery,
          ...statusFilterQuery,
          sort: z.enum(statusSorts).default('id').describe('With `-` before it, from the last to the first.'),
        }),
        response: { 200: pageOf(statusSchema) },
      },
    },
    async (request) => {
      const { items, next } = listStatus(request.access, board, takeAreas(request.query))
      return { items: items.map(toStatusJson), next }
    },
  )

  api.get(
    '/status/assets/counts',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How many assets there are of each state, by kind, district or service',
        description: 'What there is none of is left out.',
        querystring: z.strictObject({ ...statusFilterQuery, by: z.enum(statusGroups).default('kind') }),
        response: {
          200: z.object({
            items: z.array(
              z.object({
                kind: z.enum(assetKindNames).optional(),
                district: z.string().nullable().optional(),
                service: z.string().nullable().optional(),
                state: z.enum(assetStates),
                count: z.number().int(),
              }),
            ),
          }),
        },
      },
    },
    async (request) => ({ items: countStatus(request.access, board, takeAreas(request.query)) }),
  )

  api.get(
    '/status/assets.geojson',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How assets are, for maps (RFC 7946)',
        querystring: z.strictObject(statusFilterQuery),
        response: { 200: { description: 'OK', content: { 'application/geo+json': { schema: featuresSchema } } } },
      },
    },
    async (request, reply) => {
      // Thousands of features: they are written as they are, without being held against the schema one by one.
      reply.type('application/geo+json').serializer((payload: unknown) => JSON.stringify(payload))
      return listStatusGeojson(request.access, board, takeAreas(request.query))
    },
  )

  api.get(
    '/status/assets/points',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How assets are, as columns, for maps of many',
        description: 'Those that have a position, by id: `id[i]`, `label[i]` and so on are one asset.',
        querystring: z.strictObject(statusFilterQuery),
        response: { 200: pointsSchema },
      },
    },
    async (request, reply) => {
      const points = listStatusPoints(request.access, board, takeAreas(request.query))
      reply.type('application/json').serializer((payload: unknown) => payload as string)
      return compressFor(request, reply, JSON.stringify(points)) as never
    },
  )
}
