import { z } from 'zod'
import { maxChannelLength } from '../../domain/channel.ts'
import { refuseParts } from '../../domain/issue.ts'
import type { Problem } from '../../domain/problem.ts'
import { defineQuantity, isQuantity, type Label } from '../../domain/quantity.ts'
import { aggregates } from '../../domain/reading.ts'
import { formatTime } from '../../domain/time.ts'
import { parseWindow, type Window } from '../../domain/window.ts'
import { readAssetSeries } from '../../inventory/asset-readings.ts'
import { getAsset } from '../../inventory/assets.ts'
import { type JoinedSeries, readParts } from '../../inventory/series-parts.ts'
import { readDeviceParts } from '../../inventory/view.ts'
import type { Series, SeriesQuery } from '../../store/reading-store.ts'
import type { Routes } from '../context.ts'
import { asKnownAt, idParams, quantitySchema, timeIn, timeOut } from '../shapes.ts'

/** Points of one answer, all series together, when the request names no number, and at most. */
const pointLimits = { usual: 5000, most: 50_000 } as const

/** How far back an answer goes when the request does not say. */
const usualSpanMs = 24 * 3_600_000

const query = z.strictObject({
  quantity: quantitySchema.optional(),
  channel: z.string().max(maxChannelLength).optional(),
  from: timeIn.optional().describe('Included; 24 hours before `to` when left out.'),
  to: timeIn.optional().describe('Excluded; now when left out.'),
  window: z.string().max(16).optional().describe('Such as `15m`, `1h`, `1d` or `1mo`; without it, every reading.'),
  aggregate: z.enum(aggregates).optional().describe('How a window is folded; `mean` when left out.'),
  zone: z.string().max(64).optional().describe('IANA zone whose days and months are meant; UTC when left out.'),
  limit: z.coerce.number().int().min(1).max(pointLimits.most).default(pointLimits.usual).describe('Points, in all.'),
  cursor: z.string().max(2048).optional().describe('`next` of the answer before.'),
})
type Query = z.infer<typeof query>

const seriesSchema = z.object({
  series: z.array(
    z.object({
      deviceId: z.string(),
      channel: z.string(),
      quantity: quantitySchema,
      unit: z.string().describe('UCUM code.'),
      points: z.array(z.tuple([timeOut, z.number()])),
      estimated: z
        .array(timeOut)
        .optional()
        .describe(
          'Windows, by their beginnings, that an installation began or ended in, and whose readings are gone: their values are estimates.',
        ),
    }),
  ),
  next: z.string().nullable().describe('Cursor of what follows, or null.'),
})

// A cursor carries its span, so that "now" does not move from one page to the next.
const cursorSchema = z.tuple([
  z.number().int(),
  z.number().int(),
  z.string().max(256),
  z.string().max(maxChannelLength),
  z.string().refine(isQuantity),
  z.number().int(),
])

const documentation = {
  querystring: query,
  response: { 200: seriesSchema.meta({ id: 'Series' }) },
  description:
    'Series by device, channel and quantity, points by time. A point is a reading; with `window` it is a window that holds at least one, told by its beginning.',
} as const

export const readingRoutes: Routes = (api, { reader }) => {
  api.get(
    '/devices/:id/readings',
    {
      config: { role: 'viewer' },
      schema: { tags: ['devices'], summary: 'Readings of a device', params: idParams, ...documentation },
    },
    async (request, reply) => {
      const parts = await readDeviceParts(request.access, reader, request.params.id)
      const asked = toSeriesQuery(request.query)
      const series = await readParts(reader, parts, asked)
      reply.type('application/json; charset=utf-8').serializer(serializeAsIs)
      return toAnswer(series, asked, request.query.limit)
    },
  )

  api.get(
    '/assets/:id/readings',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['assets'],
        summary: 'Readings of what was installed on an asset, while it was',
        params: idParams,
        ...documentation,
        querystring: query.extend({ asKnownAt }),
      },
    },
    async (request, reply) => {
      const { id } = await getAsset(request.access, request.params.id)
      const { asKnownAt, ...query } = request.query
      const asked = toSeriesQuery(query)
      const series = await readAssetSeries(request.access, reader, id, { ...asked, asKnownAt })
      reply.type('application/json; charset=utf-8').serializer(serializeAsIs)
      return toAnswer(series, asked, request.query.limit)
    },
  )
}

type AskedSeries = Omit<SeriesQuery, 'devices'>

// One point more than was asked for tells whether something follows.
function toSeriesQuery({ limit, cursor, from, to, window, aggregate, zone, ...rest }: Query): AskedSeries {
  const position = cursor === undefined ? undefined : readCursor(cursor)
  const end = position?.to ?? to ?? Date.now()
  const start = position?.from ?? from ?? end - usualSpanMs
  if (start >= end)
    throw refuse('from', {
      fr: `${formatTime(start)} n’est pas avant to, ${formatTime(end)}`,
      en: `${formatTime(start)} is not before to, ${formatTime(end)}`,
    })
  if (window === undefined && aggregate !== undefined)
    throw refuse('aggregate', { fr: 'il faut aussi window', en: 'it needs a window' })
  if (window === undefined && zone !== undefined)
    throw refuse('zone', { fr: 'il faut aussi window', en: 'it needs a window' })
  return {
    ...rest,
    from: start,
    to: end,
    ...(window === undefined ? {} : { window: readWindow(window, zone), aggregate: aggregate ?? 'mean' }),
    limit: limit + 1,
    ...(position === undefined ? {} : { after: position.after }),
  }
}

function readWindow(text: string, zone: string | undefined): Window {
  if (zone !== undefined && !isZone(zone))
    throw refuse('zone', {
      fr: 'un fuseau IANA, comme Europe/Paris',
      en: 'expected an IANA time zone, such as Europe/Paris',
    })
  const window = parseWindow(text, zone)
  if (window === null)
    throw refuse('window', {
      fr: 'un nombre suivi de m, h, d ou mo, comme 15m, 1h, 1d ou 1mo',
      en: 'expected a number and m, h, d or mo, such as 15m, 1h, 1d or 1mo',
    })
  return window
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    // An offset is no zone: it has no summer time, and its days are not a town's.
    return !/^[+-]/.test(zone)
  } catch {
    return false
  }
}

function toAnswer(
  found: readonly (Series & Partial<Pick<JoinedSeries, 'estimated'>>)[],
  { from, to }: AskedSeries,
  limit: number,
): z.infer<typeof seriesSchema> {
  const series: z.infer<typeof seriesSchema>['series'] = []
  let left = limit
  let last: [Series, number] | undefined
  for (const each of found) {
    const points = each.points.slice(0, left)
    if (points.length > 0) {
      const { deviceId, channel, quantity } = each
      const { unit } = defineQuantity(quantity)
      const told = points.map(([time, value]): [string, number] => [formatTime(time), value])
      const estimated = each.estimated?.filter((time) => time <= points.at(-1)![0]).map(formatTime) ?? []
      series.push({
        deviceId,
        channel,
        quantity,
        unit,
        points: told,
        ...(estimated.length === 0 ? {} : { estimated }),
      })
      last = [each, points.at(-1)![0]]
    }
    left -= points.length
    if (points.length < each.points.length) return { series, next: writeCursor(from, to, ...last!) }
  }
  return { series, next: null }
}

function writeCursor(from: number, to: number, { deviceId, channel, quantity }: Series, time: number): string {
  return Buffer.from(JSON.stringify([from, to, deviceId, channel, quantity, time])).toString('base64url')
}

function readCursor(cursor: string) {
  try {
    const text = Buffer.from(cursor, 'base64url').toString('utf8')
    const [from, to, deviceId, channel, quantity, time] = cursorSchema.parse(JSON.parse(text))
    return { from, to, after: { series: { deviceId, channel, quantity }, time } }
  } catch {
    throw refuse('cursor', { fr: 'ce curseur ne vient pas de cette liste', en: 'this cursor is not one of this list' })
  }
}

function refuse(path: string, message: Label): Problem {
  return refuseParts([{ path, message }])
}

// Up to 50,000 points that this file has just made: they are written without being held against the schema again.
function serializeAsIs(payload: unknown): string {
  return JSON.stringify(payload)
}
