import { z } from 'zod'
import { models } from '../../devices/catalogue.ts'
import { faultText } from '../../domain/fault.ts'
import { modelTableSchema } from '../../domain/model-table.ts'
import { Problem } from '../../domain/problem.ts'
import { defineQuantity } from '../../domain/quantity.ts'
import { formatTime } from '../../domain/time.ts'
import {
  addModel,
  getModel,
  listModels,
  modelOrigins,
  modelPatchSchema,
  newModelSchema,
  type RegisteredModel,
  removeModel,
  updateModel,
} from '../../inventory/models.ts'
import { openLetter, type Trial, tryModel } from '../../inventory/try-model.ts'
import { openView } from '../../inventory/view.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import { idParams, labelSchema, pageOf, pageQuery, timeOut, wholeList } from '../shapes.ts'

const tags = ['catalogue']

const modelSchema = z
  .object({
    id: z.string(),
    vendor: z.string(),
    label: labelSchema,
    assetKinds: z.array(z.string()).describe('What it watches.'),
    expectedIntervalS: z.number().describe('How often it is expected to speak, in seconds.'),
    quantities: z.array(z.string()).describe('What it measures.'),
  })
  .meta({ id: 'DeviceModel' })

const registeredSchema = z
  .object({
    id: z.string(),
    origin: z.enum(modelOrigins),
    vendor: z.string(),
    label: z.string(),
    description: z.string(),
    expectedIntervalS: z.number().int(),
    codecs: z.record(z.string(), z.string()).describe('The codec of each operation, by the hash of its source.'),
    table: modelTableSchema,
    samples: z.array(
      z.object({ name: z.string(), bytes: z.string(), port: z.number().nullable(), answer: z.unknown() }),
    ),
    examples: z.object({ passed: z.number().int(), total: z.number().int() }).nullable(),
    version: z.number().int(),
    createdAt: timeOut,
    updatedAt: timeOut,
  })
  .meta({ id: 'RegisteredModel' })

const trialSchema = z.strictObject({
  hex: z
    .string()
    .regex(/^([0-9a-fA-F]{2})*$/)
    .max(8192)
    .optional()
    .describe('A frame.'),
  json: z.unknown().optional().describe('A JSON payload.'),
  deadLetterId: z
    .string()
    .regex(/^\d{1,16}$/)
    .optional()
    .describe('The payload of a dead letter.'),
  fPort: z.number().int().min(1).max(223).optional(),
  table: modelTableSchema.optional().describe('Instead of the table that is written down.'),
  source: z.string().max(2_000_000).optional().describe('Instead of the codec that is written down.'),
})

const outcomeSchema = z.object({
  readings: z.array(
    z.object({
      channel: z.string(),
      quantity: z.string(),
      value: z.number(),
      unit: z.string(),
      observedAt: timeOut.nullable(),
    }),
  ),
  faults: z.array(z.string()).describe('What is wrong, in the language of `Accept-Language`.'),
  answer: z.unknown().describe('What the codec answered.'),
  warnings: z.array(z.string()),
  unmapped: z.array(z.string()).describe('Paths of the answer that the table says nothing of.'),
  suggestion: modelTableSchema.describe('A table for those of them that are recognised.'),
})

export const modelRoutes: Routes = (api, { config, scripts, reader }) => {
  api.get(
    '/models',
    {
      config: { role: 'public' },
      schema: { tags: ['catalogue'], summary: 'Device models', response: { 200: pageOf(modelSchema) } },
    },
    async () =>
      wholeList(
        [...models.values()].map(({ id, vendor, label, assetKinds, expectedIntervalS, quantities }) => ({
          id,
          vendor,
          label,
          assetKinds: [...assetKinds],
          expectedIntervalS,
          quantities: [...quantities],
        })),
      ),
  )

  api.get(
    '/models/registered',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Device models beside those of Parvis itself: imported, or made here; by id',
        querystring: z.strictObject({
          ...pageQuery,
          origin: z.enum(modelOrigins).optional(),
          q: z.string().max(200).optional(),
        }),
        response: { 200: pageOf(registeredSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listModels(request.access, request.query)
      return { items: items.map(tellModel), next }
    },
  )

  api.post(
    '/models',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Make a device model',
        description: 'From the source of a codec and a table for what it answers, or a table alone for JSON payloads.',
        body: newModelSchema,
        response: { 201: registeredSchema },
      },
    },
    async (request, reply) => {
      const model = await addModel(request.access, request.body)
      reply.code(201).header('location', `/api/v1/models/${model.id}`)
      return tellModel(model)
    },
  )

  api.get(
    '/models/:id',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One model of the registry', params: idParams, response: { 200: registeredSchema } },
    },
    async (request) => tellModel(await getModel(request.access, request.params.id)),
  )

  api.patch(
    '/models/:id',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Change a model',
        description:
          'What is left out stays; `table` is replaced as a whole. It counts from the next uplink on; replay for those before.',
        params: idParams,
        body: modelPatchSchema,
        response: { 200: registeredSchema },
      },
    },
    async (request) => tellModel(await updateModel(request.access, request.params.id, request.body)),
  )

  api.delete(
    '/models/:id',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Take out a model',
        description: 'Refused as `in_use` while a device is of it.',
        params: idParams,
        response: { 204: z.undefined().describe('Removed.') },
      },
    },
    async (request, reply) => {
      await removeModel(request.access, request.params.id)
      reply.code(204)
    },
  )

  api.post(
    '/models/:id/try',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Try a model on a payload, and store nothing',
        params: idParams,
        body: trialSchema,
        response: { 200: outcomeSchema },
      },
    },
    async (request) => {
      const { hex, json, deadLetterId, fPort, table, source } = request.body
      const now = Date.now()
      let trial: Trial | null = null
      if (hex !== undefined) trial = { payload: Buffer.from(hex, 'hex'), port: fPort, receivedAt: now }
      else if (json !== undefined) trial = { payload: Buffer.from(JSON.stringify(json)), port: fPort, receivedAt: now }
      else if (deadLetterId !== undefined) {
        const [letter] = reader.deadLetters({ limit: 1, before: Number(deadLetterId) + 1 })
        const view = await openView(request.access)
        if (
          letter === undefined ||
          String(letter.seq) !== deadLetterId ||
          !view.seesMessage(letter.deviceId, letter.receivedAt)
        )
          throw new Problem('not_found', deadLetterId)
        trial = await openLetter(request.access, letter, config.PARVIS_TIME_ZONE)
      }
      if (trial === null) throw new Problem('bad_request', 'hex, json or deadLetterId: one with a payload is needed')
      const { id } = request.params
      const outcome = await tryModel(request.access, scripts, id, trial, { table, source }, config.PARVIS_HORIZON_DAYS)
      const language = languageOf(request, config)
      return {
        ...outcome,
        answer: outcome.answer ?? null,
        readings: outcome.readings.map(({ observedAt, ...reading }) => ({
          ...reading,
          unit: defineQuantity(reading.quantity).unit,
          observedAt: observedAt === undefined ? null : formatTime(observedAt),
        })),
        faults: outcome.faults.map((fault) => faultText(fault, language)),
      }
    },
  )
}

function tellModel({
  dialect: _,
  createdAt,
  updatedAt,
  codecs,
  ...model
}: RegisteredModel): z.infer<typeof registeredSchema> {
  return {
    ...model,
    codecs: codecs as Record<string, string>,
    createdAt: formatTime(createdAt),
    updatedAt: formatTime(updatedAt),
  }
}
