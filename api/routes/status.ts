import { z } from 'zod'
import { assetStates } from '../../domain/asset.ts'
import { assetKindNames } from '../../domain/asset-kind.ts'
import { countStatus, listStatus, listStatusGeojson, toStatusJson } from '../../inventory/status.ts'
import type { Routes } from '../context.ts'
import { pageOf, pageQuery, timeOut } from '../shapes.ts'

const tags = ['status']

const bboxSchema = z
  .string()
  .max(200)
  .transform((text, context) => {
    const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
    const [west = Number.NaN, south = Number.NaN, east = Number.NaN, north = Number.NaN] = numbers
    const isBox = numbers.length === 4 && [west, east].every(isLongitude) && [south, north].every(isLatitude)
    if (isBox && south <= north) return [west, south, east, north] as [number, number, number, number]
    context.addIssue({
      code: 'custom',
      message: 'expected west,south,east,north in degrees, such as 7.2,47.7,7.4,47.8',
    })
    return z.NEVER
  })
  .meta({ description: '`west,south,east,north`, in degrees.', examples: ['7.2,47.7,7.4,47.8'] })

const filterQuery = {
  kind: z.enum(assetKindNames).optional(),
  state: z.enum(assetStates).optional(),
  service: z.string().max(120).optional(),
  district: z.string().max(120).optional(),
  bbox: bboxSchema.optional(),
  q: z.string().max(200).optional().describe('Words, each of them looked for in id, label, number and place.'),
}

const statusSchema = z
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

export const statusRoutes: Routes = (api) => {
  api.get(
    '/status/assets',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How assets are, one row each, by id',
        querystring: z.strictObject({ ...pageQuery, ...filterQuery }),
        response: { 200: pageOf(statusSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listStatus(request.access, request.query)
      return { items: items.map(toStatusJson), next }
    },
  )

  api.get(
    '/status/assets/counts',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How many assets there are of each kind and state',
        description: 'What there is none of is left out.',
        querystring: z.strictObject(filterQuery),
        response: {
          200: z.object({
            items: z.array(
              z.object({ kind: z.enum(assetKindNames), state: z.enum(assetStates), count: z.number().int() }),
            ),
          }),
        },
      },
    },
    async (request) => ({ items: await countStatus(request.access, request.query) }),
  )

  api.get(
    '/status/assets.geojson',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How assets are, for maps (RFC 7946)',
        querystring: z.strictObject(filterQuery),
        response: { 200: { description: 'OK', content: { 'application/geo+json': { schema: featuresSchema } } } },
      },
    },
    async (request, reply) => {
      // Thousands of features: they are written as they are, without being held against the schema one by one.
      reply.type('application/geo+json').serializer((payload: unknown) => JSON.stringify(payload))
      return listStatusGeojson(request.access, request.query)
    },
  )
}

function isLongitude(degrees: number): boolean {
  return degrees >= -180 && degrees <= 180
}

function isLatitude(degrees: number): boolean {
  return degrees >= -90 && degrees <= 90
}
