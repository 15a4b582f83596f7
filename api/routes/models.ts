import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { deadLetterReasons, fault, faultText } from '../../domain/fault.ts'
import { deviceIdSchema } from '../../domain/id.ts'
import { modelTableSchema } from '../../domain/model-table.ts'
import { Problem } from '../../domain/problem.ts'
import { defineQuantity } from '../../domain/quantity.ts'
import { formatTime } from '../../domain/time.ts'
import { listDeadLetters } from '../../inventory/dead-letters.ts'
import {
  type CatalogueEntry,
  catalogueOrigins,
  getCatalogueModel,
  listCatalogue,
  tellEntry,
} from '../../inventory/model-catalogue.ts'
import {
  addModel,
  modelPatchSchema,
  newModelSchema,
  readSource,
  removeModel,
  updateModel,
} from '../../inventory/models.ts'
import {
  maxLettersTried,
  openLetter,
  type Trial,
  type TrialOutcome,
  tryLetters,
  tryModel,
} from '../../inventory/try-model.ts'
import { openView } from '../../inventory/view.ts'
import type { Access } from '../../store/access.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import type { Language } from '../language.ts'
import { idParams, labelSchema, pageOf, pageQuery, tellTime, timeOut } from '../shapes.ts'

const tags = ['catalogue']

const modelSchema = z
  .object({
    id: z.string(),
    origin: z
      .enum(catalogueOrigins)
      .describe('`parvis`: part of Parvis. The others were imported, or made here (`own`).'),
    vendor: z.string(),
    label: labelSchema,
    description: z.string(),
    assetKinds: z.array(z.string()).describe('What it watches.'),
    expectedIntervalS: z.number().describe('How often it is expected to speak, in seconds.'),
    quantities: z.array(z.string()).describe('What it measures, as far as its table says it.'),
    examples: z
      .object({ passed: z.number().int(), total: z.number().int() })
      .nullable()
      .describe('Published examples that came out as published, and all.'),
    version: z.number().nullable(),
    updatedAt: timeOut.nullable(),
  })
  .meta({ id: 'DeviceModel' })

const entrySchema = modelSchema
  .extend({
    codecs: z.record(z.string(), z.string()).describe('The codec of each operation, by the hash of its source.'),
    table: modelTableSchema.nullable().describe('Null for a model that is part of Parvis.'),
    samples: z.array(
      z.object({ name: z.string(), bytes: z.string(), port: z.number().nullable(), answer: z.unknown() }),
    ),
    createdAt: timeOut.nullable(),
  })
  .meta({ id: 'DeviceModelEntry' })

const draftShape = {
  table: modelTableSchema.optional().describe('Instead of the table that is written down.'),
  source: z.string().max(2_000_000).optional().describe('Instead of the codec that is written down.'),
}

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
  ...draftShape,
})

const lettersSchema = z.strictObject({
  ...draftShape,
  reason: z.enum(deadLetterReasons).optional(),
  code: z.string().max(64).optional().describe('What was wrong first, as the groups tell it.'),
  deviceId: deviceIdSchema.optional(),
  limit: z.number().int().min(1).max(maxLettersTried).default(20),
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

const letterOutcomeSchema = outcomeSchema
  .pick({ readings: true, faults: true, unmapped: true })
  .extend({ deadLetterId: z.string(), deviceId: z.string().nullable(), receivedAt: timeOut })

export const modelRoutes: Routes = (api, { config, scripts, reader }) => {
  api.get(
    '/models',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Device models: those of Parvis first, then those that were imported or made here, by id',
        querystring: z.strictObject({
          ...pageQuery,
          origin: z.enum(catalogueOrigins).optional(),
          q: z.string().max(200).optional().describe('Looked for in id, vendor and label.'),
        }),
        response: { 200: pageOf(modelSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listCatalogue(request.access, request.query)
      return { items: items.map((model) => ({ ...model, updatedAt: tellTime(model.updatedAt) })), next }
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
        response: { 201: entrySchema },
      },
    },
    async (request, reply) => {
      const model = await addModel(request.access, request.body)
      reply.code(201).header('location', `/api/v1/models/${model.id}`)
      return tellModel(tellEntry(model))
    },
  )

  api.get(
    '/models/:id',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One model', params: idParams, response: { 200: entrySchema } },
    },
    async (request) => tellModel(await getCatalogueModel(request.access, request.params.id)),
  )

  api.get(
    '/models/:id/codec',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'The source of a model’s codec',
        params: idParams,
        response: { 200: z.object({ source: z.string().nullable().describe('Null where there is none.') }) },
      },
    },
    async (request) => {
      const { codecs } = await getCatalogueModel(request.access, request.params.id)
      return { source: await readSource(request.access, codecs.decodeUplink ?? Object.values(codecs)[0]) }
    },
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
        response: { 200: entrySchema },
      },
    },
    async (request) => tellModel(tellEntry(await updateModel(request.access, request.params.id, request.body))),
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
    '/models/try',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Try a codec or a table that no model has yet on a payload, and store nothing',
        body: trialSchema,
        response: { 200: outcomeSchema },
      },
    },
    async (request) => {
      const { source, table } = request.body
      if (source === undefined && table === undefined)
        throw new Problem('bad_request', {
          fr: 'source ou table : il n’y a rien à essayer',
          en: 'source or table: there is nothing to be tried',
        })
      return answerTrial(request, null)
    },
  )

  api.post(
    '/models/:id/try',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Try a model on a payload, and store nothing',
        description: 'As it is written down, or with another table or codec. A model of Parvis itself takes neither.',
        params: idParams,
        body: trialSchema,
        response: { 200: outcomeSchema },
      },
    },
    async (request) => answerTrial(request, request.params.id),
  )

  api.post(
    '/models/:id/try-letters',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Try a model on the newest dead letters of its devices, and store nothing',
        description: 'What a replay would make of them, as the model is written down or with another table or codec.',
        params: idParams,
        body: lettersSchema,
        response: {
          200: z.object({
            tried: z.number().int(),
            readable: z.number().int().describe('Of these nothing would be wrong any more.'),
            items: z.array(letterOutcomeSchema),
          }),
        },
      },
    },
    async (request) => {
      const { id } = request.params
      const { table, source, ...filter } = request.body
      const { access } = request
      const letters = await listDeadLetters(access, reader, await openView(access), { ...filter, model: id })
      const tried = await tryLetters(access, scripts, id, letters, { table, source }, rules)
      const language = languageOf(request, config)
      const items = tried.map(({ letter, outcome }) => {
        const told = outcome === null ? nothingRead(language) : tellOutcome(outcome, language)
        return {
          deadLetterId: String(letter.seq),
          deviceId: letter.deviceId,
          receivedAt: formatTime(letter.receivedAt),
          ...told,
        }
      })
      return { tried: items.length, readable: items.filter(({ faults }) => faults.length === 0).length, items }
    },
  )

  const rules = { zone: config.PARVIS_TIME_ZONE, horizonDays: config.PARVIS_HORIZON_DAYS }

  async function answerTrial(request: FastifyRequest, id: string | null) {
    const { hex, json, deadLetterId, fPort, table, source } = request.body as z.infer<typeof trialSchema>
    const now = Date.now()
    let trial: Trial | null = null
    if (hex !== undefined) trial = { payload: Buffer.from(hex, 'hex'), port: fPort, receivedAt: now }
    else if (json !== undefined) trial = { payload: Buffer.from(JSON.stringify(json)), port: fPort, receivedAt: now }
    else if (deadLetterId !== undefined) trial = await readLetter(request.access, deadLetterId)
    if (trial === null)
      throw new Problem('bad_request', {
        fr: 'hex, json ou deadLetterId : il en faut un, avec une charge utile',
        en: 'hex, json or deadLetterId: one with a payload is needed',
      })
    const draft = { table, source }
    const outcome = await tryModel(request.access, scripts, id, trial, draft, config.PARVIS_HORIZON_DAYS)
    return tellOutcome(outcome, languageOf(request, config))
  }

  async function readLetter(access: Access, id: string): Promise<Trial | null> {
    const [letter] = reader.deadLetters({ limit: 1, before: Number(id) + 1 })
    const view = await openView(access)
    if (letter === undefined || String(letter.seq) !== id || !view.seesMessage(letter.deviceId, letter.receivedAt))
      throw new Problem('not_found', id)
    return openLetter(access, letter, config.PARVIS_TIME_ZONE)
  }
}

function nothingRead(language: Language) {
  return { readings: [], faults: [faultText(fault('no_frame', { path: 'payload' }), language)], unmapped: [] }
}

function tellOutcome(outcome: TrialOutcome, language: Language): z.infer<typeof outcomeSchema> {
  return {
    ...outcome,
    answer: outcome.answer ?? null,
    readings: outcome.readings.map(({ observedAt, ...reading }) => ({
      ...reading,
      unit: defineQuantity(reading.quantity).unit,
      observedAt: observedAt === undefined ? null : formatTime(observedAt),
    })),
    faults: outcome.faults.map((each) => faultText(each, language)),
  }
}

function tellModel({ createdAt, updatedAt, ...model }: CatalogueEntry): z.infer<typeof entrySchema> {
  return { ...model, createdAt: tellTime(createdAt), updatedAt: tellTime(updatedAt) }
}
