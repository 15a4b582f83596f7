import { z } from 'zod'
import { assetKindNames } from '../../domain/asset-kind.ts'
import { Problem } from '../../domain/problem.ts'
import { defineQuantity } from '../../domain/quantity.ts'
import { formatTime } from '../../domain/time.ts'
import { parseWindow } from '../../domain/window.ts'
import { formatCsvLine } from '../../inventory/csv.ts'
import {
  type FigureQuery,
  type FigureRow,
  kindAggregates,
  kindFolds,
  listFigures,
  readTogether,
} from '../../inventory/figures.ts'
import { toStatusJson } from '../../inventory/status.ts'
import type { Routes } from '../context.ts'
import { takeAreas } from '../place-query.ts'
import { labelSchema, pageQuery, quantitySchema, timeIn, timeOut } from '../shapes.ts'
import { statusFilterQuery, statusSchema } from './status.ts'

const tags = ['status']

const usualSpanMs = 24 * 3_600_000

/** Windows of one answer. */
const maxWindows = 2000

const { kind: _, ...filterQuery } = statusFilterQuery

const figureQuery = {
  ...filterQuery,
  kind: z.enum(assetKindNames).default('bench').describe('Figures are of one kind.'),
  task: z.string().max(40).optional().describe('Those for which one of the `tasks` of the kind holds.'),
  sort: z.string().max(40).optional().describe('`label`, or a figure; with `-` before it, from the largest.'),
}

const rowSchema = statusSchema
  .extend({
    figures: z.record(z.string(), z.object({ value: z.number(), observedAt: timeOut.nullable() }).nullable()),
  })
  .meta({ id: 'AssetFigures' })

const answerSchema = z.object({
  items: z.array(rowSchema),
  next: z.string().nullable(),
  total: z.number().int().describe('Assets that the filter leaves.'),
  tasks: z.array(z.object({ code: z.string(), label: labelSchema, count: z.number().int() })),
  figures: z.array(
    z.object({
      name: z.string(),
      label: labelSchema,
      unit: z.string().describe('UCUM code.'),
      decimals: z.number().int(),
      quantity: quantitySchema,
      isReading: z.boolean().describe('Whether it is the newest reading of its quantity.'),
      known: z.number().int().describe('Assets of which it is known.'),
    }),
  ),
})

export const figureRoutes: Routes = (api, { reader, board, config }) => {
  const zone = config.PARVIS_TIME_ZONE

  api.get(
    '/figures/assets',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What each service reads off its assets, one row each, and what there is to do today',
        description: 'Made anew every five seconds. What is not known comes last in any order.',
        querystring: z.strictObject({ ...pageQuery, ...figureQuery }),
        response: { 200: answerSchema },
      },
    },
    async (request) => {
      const query: FigureQuery = { ...takeAreas(request.query), zone }
      const { items, ...rest } = await listFigures(request.access, reader, board, query)
      return { ...rest, items: items.map(tellRow) }
    },
  )

  api.get(
    '/exports/figures',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        tags: ['files'],
        summary: 'The same figures as a CSV file, all rows',
        querystring: z.strictObject(figureQuery),
        response: { 200: { description: 'A line an asset.', content: { 'text/csv': { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      const query: FigureQuery = { ...takeAreas(request.query), zone, limit: Number.MAX_SAFE_INTEGER }
      const { items, figures } = await listFigures(request.access, reader, board, query)
      const names = figures.map((figure) => figure.name)
      const head = ['id', 'label', 'district', 'service', 'state', 'lastSeenAt', ...names]
      reply.type('text/csv; charset=utf-8')
      reply.header('content-disposition', `attachment; filename="${query.kind}.csv"`)
      const lines = items.map((row) => {
        const { assetId, label, district, service, state, lastSeenAt } = toStatusJson(row)
        const values = figures.map(({ name, decimals }) => {
          const value = row.figures[name]?.value
          return value === undefined ? null : Number(value.toFixed(decimals))
        })
        return formatCsvLine([assetId, label, district, service, state, lastSeenAt, ...values])
      })
      return [formatCsvLine(head), ...lines].join('') as never
    },
  )

  api.get(
    '/readings/assets',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Readings of many assets folded into one line',
        description:
          'First the readings of each asset by window, then those of all assets: the mean occupancy of bays, the sum of the powers of meters.',
        querystring: z.strictObject({
          ...statusFilterQuery,
          quantity: quantitySchema,
          from: timeIn.optional().describe('Included; 24 hours before `to` when left out.'),
          to: timeIn.optional().describe('Excluded; now when left out.'),
          window: z.string().max(16).default('15m').describe('Such as `15m`, `1h`, `1d` or `1mo`.'),
          aggregate: z
            .enum(kindAggregates)
            .default('mean')
            .describe('How a window of one asset is folded; `rise` is what a counter rose by since the window before.'),
          fold: z.enum(kindFolds).default('mean').describe('How the values of assets are folded.'),
          zone: z.string().max(64).optional().describe('IANA zone; that of the platform when left out.'),
        }),
        response: {
          200: z.object({
            quantity: quantitySchema,
            unit: z.string().describe('UCUM code.'),
            assets: z.number().int().describe('Assets that the filter leaves.'),
            points: z
              .array(z.tuple([timeOut, z.number(), z.number().int()]))
              .describe('Beginning of the window, value, and of how many assets it is.'),
          }),
        },
      },
    },
    async (request) => {
      const {
        quantity,
        to = Date.now(),
        window,
        aggregate,
        fold,
        zone: asked = zone,
        ...rest
      } = takeAreas(request.query)
      const { from = to - usualSpanMs, ...filter } = rest
      if (from >= to) throw new Problem('bad_request', { fr: 'from : pas avant to', en: 'from: it is not before to' })
      const parsed = parseWindow(window, asked)
      if (parsed === null)
        throw new Problem('bad_request', {
          fr: 'window : un nombre suivi de m, h, d ou mo, dans un fuseau IANA',
          en: 'window: expected a number and m, h, d or mo, in an IANA zone',
        })
      const leastMs = parsed.kind === 'fixed' ? parsed.ms : 86_400_000
      if ((to - from) / leastMs > maxWindows)
        throw new Problem('bad_request', {
          fr: `au plus ${maxWindows} périodes à la fois`,
          en: `at most ${maxWindows} windows at once`,
        })
      const found = await readTogether(request.access, reader, board, {
        ...{ quantity, from, to, window: parsed, aggregate, fold, filter },
      })
      return {
        quantity,
        unit: defineQuantity(quantity).unit,
        assets: found.assets,
        points: found.points.map(({ time, value, assets }): [string, number, number] => [
          formatTime(time),
          value,
          assets,
        ]),
      }
    },
  )
}

function tellRow({ figures, ...status }: FigureRow) {
  return {
    ...toStatusJson(status),
    figures: Object.fromEntries(
      Object.entries(figures).map(([name, figure]) => [
        name,
        figure === null
          ? null
          : { ...figure, observedAt: figure.observedAt === null ? null : formatTime(figure.observedAt) },
      ]),
    ),
  }
}
