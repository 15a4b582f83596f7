import { z } from 'zod'
import { indexKinds } from '../../domain/consumption.ts'
import { Problem } from '../../domain/problem.ts'
import { defineQuantity } from '../../domain/quantity.ts'
import { formatTime } from '../../domain/time.ts'
import { getAsset } from '../../inventory/assets.ts'
import { readConsumption } from '../../inventory/consumption.ts'
import { addMeterIndex, listMeterIndexes, type MeterIndex, newMeterIndexSchema } from '../../inventory/meter-indexes.ts'
import type { Routes } from '../context.ts'
import { asKnownAt, idParams, pageOf, quantitySchema, tellTime, timeIn, timeOut, wholeList } from '../shapes.ts'

const tags = ['assets']

const usualSpanMs = 30 * 86_400_000

const indexSchema = z
  .object({
    id: z.string(),
    assetId: z.string(),
    quantity: quantitySchema,
    kind: z.enum(indexKinds),
    at: timeOut,
    value: z.number(),
    note: z.string().nullable(),
    recordedAt: timeOut,
    supersededAt: timeOut.nullable(),
  })
  .meta({ id: 'MeterIndex' })

const share = z.number().min(0).max(1)

const consumptionSchema = z
  .object({
    quantity: quantitySchema,
    unit: z.string().describe('UCUM code.'),
    meters: z.array(z.string()).describe('The assets whose meters were counted.'),
    items: z.array(
      z.object({
        start: timeOut,
        end: timeOut,
        value: z.number().nullable().describe('Null when nothing is known of the window, which is not zero.'),
        estimatedValue: z.number().describe('The part of it that was spread over windows, or follows a reset.'),
        measured: share.describe('Share of the time that is measured.'),
        estimated: share,
        missing: share,
      }),
    ),
    notices: z.array(
      z.object({
        assetId: z.string(),
        kind: z.enum(['rollover', 'reset', 'replacement', 'handover', 'implausible']),
        time: timeOut,
        before: z.number(),
        after: z.number(),
      }),
    ),
  })
  .meta({ id: 'Consumption' })

export const consumptionRoutes: Routes = (api, { reader, config }) => {
  api.get(
    '/assets/:id/consumption',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What went through the meters of an asset, or of what hangs on it',
        description:
          'By hour, day or month of the wall clock, across meters, devices and swaps. Windows that the span touches are whole.',
        params: idParams,
        querystring: z.strictObject({
          quantity: quantitySchema.default('energy_active_import'),
          from: timeIn.optional().describe('30 days before `to` when left out.'),
          to: timeIn.optional().describe('Now when left out.'),
          window: z.enum(['1h', '1d', '1mo']).default('1d'),
          zone: z.string().max(64).optional().describe('IANA zone; that of the platform when left out.'),
          asKnownAt,
        }),
        response: { 200: consumptionSchema },
      },
    },
    async (request) => {
      const { quantity, to = Date.now(), window, zone = config.PARVIS_TIME_ZONE, ...rest } = request.query
      const from = rest.from ?? to - usualSpanMs
      if (from >= to) throw new Problem('bad_request', { fr: 'from : pas avant to', en: 'from: it is not before to' })
      const { id } = await getAsset(request.access, request.params.id)
      const query = { ...rest, quantity, from, to, window, zone }
      const { points, meters, notices } = await readConsumption(request.access, reader, id, query)
      return {
        quantity,
        unit: defineQuantity(quantity).unit,
        meters,
        items: points.map((each) => ({ ...each, start: formatTime(each.start), end: formatTime(each.end) })),
        notices: notices.map((each) => ({ ...each, time: formatTime(each.time) })),
      }
    },
  )

  api.get(
    '/assets/:id/indexes',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Indexes of a meter that were declared',
        params: idParams,
        querystring: z.strictObject({ quantity: quantitySchema.optional(), asKnownAt }),
        response: { 200: pageOf(indexSchema) },
      },
    },
    async (request) => {
      const { id } = await getAsset(request.access, request.params.id)
      return wholeList((await listMeterIndexes(request.access, [id], request.query)).map(tellIndex))
    },
  )

  api.post(
    '/assets/:id/indexes',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Declare an index of a meter',
        description: 'A correction is an entry of its own: `corrects` names the one that it supersedes.',
        params: idParams,
        body: newMeterIndexSchema.extend({ quantity: quantitySchema, at: timeIn }),
        response: { 201: indexSchema },
      },
    },
    async (request, reply) => {
      const { at, ...rest } = request.body
      const index = await addMeterIndex(request.access, request.params.id, { ...rest, at: formatTime(at) })
      reply.code(201)
      return tellIndex(index)
    },
  )
}

function tellIndex({ at, recordedAt, supersededAt, ...rest }: MeterIndex): z.infer<typeof indexSchema> {
  return { ...rest, at: formatTime(at), recordedAt: formatTime(recordedAt), supersededAt: tellTime(supersededAt) }
}
