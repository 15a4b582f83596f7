import { z } from 'zod'
import { models } from '../devices/catalogue.ts'
import { isFieldUnit } from '../devices/model-table.ts'
import { toScript } from '../devices/repositories/published.ts'
import type { ScriptDialect } from '../devices/script-model.ts'
import { type Operation, scriptLimits } from '../devices/scripts/sandbox.ts'
import { say } from '../domain/issue.ts'
import { emptyTable, type ModelTable, modelTableSchema } from '../domain/model-table.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { inParts, mutate, type Registry, type RegistryTransaction, recordRemoval } from '../store/registry.ts'
import type { DeviceModelTable } from '../store/registry-tables.ts'
import { parseInput } from './input.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'
import { contains, foldText, searchWords } from './search.ts'

export const modelOrigins = ['ttn', 'chirpstack', 'actility', 'own'] as const

/** A payload to try a model on: hexadecimal, with its port, and what the codec answered when it was kept. */
export type ModelSample = { name: string; bytes: string; port: number | null; answer: unknown }

/** A model of the registry: imported, or made by a technician. Times are UTC epoch milliseconds. */
export type RegisteredModel = {
  id: string
  origin: (typeof modelOrigins)[number]
  vendor: string
  label: string
  description: string
  expectedIntervalS: number
  /** The codec's id for each operation; empty for a model that reads JSON without code. */
  codecs: Partial<Record<Operation, string>>
  dialect: ScriptDialect
  table: ModelTable
  samples: ModelSample[]
  /** Published examples that came out as published, and all of them. */
  examples: { passed: number; total: number } | null
  version: number
  createdAt: number
  updatedAt: number
}

const idSchema = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,127}$/, {
  error: say({
    fr: 'des minuscules, des chiffres, . _ et -, 128 caractères au plus',
    en: 'expected lower-case letters, digits, . _ and -, at most 128',
  }),
})

const tableSchema = modelTableSchema.superRefine((table, context) => {
  for (const [index, field] of table.fields.entries())
    if (!isFieldUnit(field))
      context.addIssue({
        code: 'custom',
        path: ['fields', index, 'unit'],
        message: say({
          fr: 'cette unité n’est pas connue pour cette grandeur',
          en: 'this unit is not known for this quantity',
        }),
      })
})

const sourceSchema = z.string().min(1).max(scriptLimits.sourceChars)

/** What a technician makes a model from: a codec's source and a table for what it answers, or a table for JSON alone. */
export const newModelSchema = z.strictObject({
  id: idSchema,
  vendor: z.string().min(1).max(120).default('-'),
  label: z.string().min(1).max(200),
  description: z.string().max(2000).default(''),
  expectedIntervalS: z.number().int().min(1).max(31_536_000).default(3600),
  source: sourceSchema.nullable().default(null),
  table: tableSchema.default(emptyTable),
})
export type NewModel = z.input<typeof newModelSchema>

export const modelPatchSchema = z.strictObject({
  vendor: z.string().min(1).max(120).optional(),
  label: z.string().min(1).max(200).optional(),
  description: z.string().max(2000).optional(),
  expectedIntervalS: z.number().int().min(1).max(31_536_000).optional(),
  source: sourceSchema.optional(),
  table: tableSchema.optional(),
})
export type ModelPatch = z.infer<typeof modelPatchSchema>

/** Most models that one registry takes. */
export const maxModels = 50_000

/** Adds a model. Throws Problem `bad_request`, or `already_exists`. */
export async function addModel(access: Access, input: NewModel): Promise<RegisteredModel> {
  const { source, table, ...given } = parseInput(newModelSchema, input)
  return mutate(access, async ({ trx, revision, record }) => {
    const taken = await trx.selectFrom('device_models').select('id').where('id', '=', given.id).executeTakeFirst()
    if (taken !== undefined || models.has(given.id)) throw new Problem('already_exists', given.id)
    await checkRoom(trx, 1)
    const now = Date.now()
    const row: DeviceModelTable = {
      id: given.id,
      origin: 'own',
      vendor: given.vendor,
      label: given.label,
      description: given.description,
      expected_interval_s: given.expectedIntervalS,
      codecs: JSON.stringify(source === null ? {} : await keepSource(trx, source)),
      dialect: '{}',
      mapping: JSON.stringify(table),
      samples: '[]',
      examples: null,
      version: 1,
      search: foldText(`${given.id} ${given.vendor} ${given.label}`),
      created_at: now,
      updated_at: now,
      revision,
    }
    await trx.insertInto('device_models').values(row).execute()
    const model = toModel(row)
    record('model', model.id, null, toAudit(model))
    return model
  })
}

/** Changes what `patch` names. Throws Problem `bad_request`, `not_found`, or `builtin_model` for one of the catalogue. */
export async function updateModel(access: Access, id: string, patch: ModelPatch): Promise<RegisteredModel> {
  const { source, table, expectedIntervalS, ...texts } = parseInput(modelPatchSchema, patch)
  if (models.has(id)) throw new Problem('builtin_model', id)
  return mutate(access, async ({ trx, revision, record }) => {
    const before = await trx.selectFrom('device_models').selectAll().where('id', '=', id).executeTakeFirst()
    if (before === undefined) throw new Problem('not_found', id)
    const { vendor, label } = { ...before, ...texts }
    const row = await trx
      .updateTable('device_models')
      .set({
        ...texts,
        search: foldText(`${id} ${vendor} ${label}`),
        ...(expectedIntervalS === undefined ? {} : { expected_interval_s: expectedIntervalS }),
        ...(source === undefined ? {} : { codecs: JSON.stringify(await keepSource(trx, source)) }),
        ...(table === undefined ? {} : { mapping: JSON.stringify(table) }),
        version: before.version + 1,
        updated_at: Date.now(),
        revision,
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await dropUnusedCodecs(trx, before)
    const after = toModel(row)
    record('model', id, toAudit(toModel(before)), toAudit(after))
    return after
  })
}

/** Takes a model out. Throws Problem `not_found`, `builtin_model`, or `in_use` while devices are of it. */
export async function removeModel(access: Access, id: string): Promise<void> {
  if (models.has(id)) throw new Problem('builtin_model', id)
  await mutate(access, async ({ trx, revision, record }) => {
    const device = await trx.selectFrom('devices').select('id').where('model', '=', id).limit(1).executeTakeFirst()
    if (device !== undefined)
      throw new Problem('in_use', { fr: `${device.id} est de ce modèle`, en: `${device.id} is of this model` })
    const row = await trx.deleteFrom('device_models').where('id', '=', id).returningAll().executeTakeFirst()
    if (row === undefined) throw new Problem('not_found', id)
    await dropUnusedCodecs(trx, row)
    await recordRemoval(trx, revision, 'model', id)
    record('model', id, toAudit(toModel(row)), null)
  })
}

/** Throws Problem `not_found`. */
export async function getModel(access: Pick<Access, 'registry'>, id: string): Promise<RegisteredModel> {
  const row = await access.registry.selectFrom('device_models').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return toModel(row)
}

/** The registry's models in the order of their ids. */
export async function listModels(
  access: Access,
  { limit, cursor, origin, q }: PageRequest & { origin?: string | undefined; q?: string | undefined },
): Promise<Page<RegisteredModel>> {
  let query = access.registry.selectFrom('device_models').selectAll()
  if (cursor !== undefined) query = query.where('id', '>', decodeCursor(cursor))
  if (origin !== undefined) query = query.where('origin', '=', origin as DeviceModelTable['origin'])
  for (const word of searchWords(q ?? '')) query = query.where(contains('search', word))
  const rows = await query
    .orderBy('id')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => row.id, toModel)
}

/** The source of a model's codec for an operation, or null. */
export async function readSource(access: Access, id: string | undefined): Promise<string | null> {
  if (id === undefined) return null
  const row = await access.registry.selectFrom('codecs').select('source').where('id', '=', id).executeTakeFirst()
  return row?.source ?? null
}

/** Which of these models nobody knows: neither the catalogue nor the registry. */
export async function findUnknownModels(
  registry: Registry | RegistryTransaction,
  ids: readonly string[],
): Promise<Set<string>> {
  const unknown = new Set(ids.filter((id) => !models.has(id)))
  for (const part of inParts([...unknown])) {
    const rows = await registry.selectFrom('device_models').select('id').where('id', 'in', part).execute()
    for (const { id } of rows) unknown.delete(id)
  }
  return unknown
}

/** What an import gives of one model. `fingerprint` stands for its sources and examples. */
export type ImportedModel = Omit<RegisteredModel, 'version' | 'createdAt' | 'updatedAt' | 'codecs' | 'examples'> & {
  sources: Partial<Record<Operation, { id: string; source: string }>>
  examples: { passed: number; total: number; fingerprint: string }
}

/**
 * Writes models of an import, in one transaction. A model that was imported before gets the new codec and keeps the table
 * that a technician edited; one that somebody made under that id stays as it is. Answers what became of each.
 */
export async function keepImported(
  access: Access,
  imported: readonly ImportedModel[],
): Promise<{ added: number; updated: number; unchanged: number }> {
  const counts = { added: 0, updated: 0, unchanged: 0 }
  if (imported.length === 0) return counts
  await mutate(access, async ({ trx, revision, record }) => {
    const known = new Map<string, DeviceModelTable>()
    for (const part of inParts(imported.map(({ id }) => id)))
      for (const row of await trx.selectFrom('device_models').selectAll().where('id', 'in', part).execute())
        known.set(row.id, row)
    await checkRoom(trx, imported.filter(({ id }) => !known.has(id)).length)
    for (const model of imported) {
      const before = known.get(model.id)
      const fingerprint =
        before?.examples == null ? null : (JSON.parse(before.examples) as { fingerprint: string }).fingerprint
      if (models.has(model.id) || before?.origin === 'own' || fingerprint === model.examples.fingerprint) {
        counts.unchanged++
        continue
      }
      const now = Date.now()
      const codecs: Partial<Record<Operation, string>> = {}
      for (const [operation, { id, source }] of Object.entries(model.sources)) {
        codecs[operation as Operation] = id
        await keepCodec(trx, id, source)
      }
      const row: DeviceModelTable = {
        id: model.id,
        origin: model.origin,
        vendor: model.vendor,
        label: model.label,
        description: model.description,
        expected_interval_s: before?.expected_interval_s ?? model.expectedIntervalS,
        codecs: JSON.stringify(codecs),
        dialect: JSON.stringify(model.dialect),
        mapping: before !== undefined && before.version > 1 ? before.mapping : JSON.stringify(model.table),
        samples: JSON.stringify(model.samples),
        examples: JSON.stringify(model.examples),
        version: (before?.version ?? 0) + 1,
        search: foldText(`${model.id} ${model.vendor} ${model.label}`),
        created_at: before?.created_at ?? now,
        updated_at: now,
        revision,
      }
      if (before === undefined) await trx.insertInto('device_models').values(row).execute()
      else await trx.updateTable('device_models').set(row).where('id', '=', row.id).execute()
      record('model', row.id, before === undefined ? null : toAudit(toModel(before)), toAudit(toModel(row)))
      counts[before === undefined ? 'added' : 'updated']++
    }
  })
  return counts
}

async function checkRoom(trx: RegistryTransaction, more: number): Promise<void> {
  const { count } = await trx
    .selectFrom('device_models')
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(count) + more > maxModels) throw new Problem('too_many_models', `${maxModels}`)
}

// A codec of a technician's serves every operation that it has a function for.
async function keepSource(trx: RegistryTransaction, source: string): Promise<Partial<Record<Operation, string>>> {
  const { id } = toScript(source)
  await keepCodec(trx, id, source)
  return Object.fromEntries(listOperations(source).map((operation) => [operation, id]))
}

/** The operations that a codec's source has functions for, in any dialect. */
export function listOperations(source: string): Operation[] {
  return [
    'decodeUplink',
    ...(/\bnormalizeUplink\b/.test(source) ? (['normalizeUplink'] as const) : []),
    ...(/\bencodeDownlink\b|\bEncoder\b|\bEncode\b/.test(source) ? (['encodeDownlink'] as const) : []),
    ...(/\bdecodeDownlink\b/.test(source) ? (['decodeDownlink'] as const) : []),
  ]
}

async function keepCodec(trx: RegistryTransaction, id: string, source: string): Promise<void> {
  await trx
    .insertInto('codecs')
    .values({ id, source, created_at: Date.now() })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

// Models share codecs: the one of a version before goes when no model names it any more.
async function dropUnusedCodecs(trx: RegistryTransaction, { codecs }: DeviceModelTable): Promise<void> {
  for (const id of new Set(Object.values(JSON.parse(codecs) as Record<string, string>))) {
    const user = await trx
      .selectFrom('device_models')
      .select('id')
      .where('codecs', 'like', `%"${id}"%`)
      .limit(1)
      .executeTakeFirst()
    if (user === undefined) await trx.deleteFrom('codecs').where('id', '=', id).execute()
  }
}

function toAudit({ samples: _, ...model }: RegisteredModel): object {
  return model
}

function toModel(row: DeviceModelTable): RegisteredModel {
  const examples = row.examples === null ? null : (JSON.parse(row.examples) as { passed: number; total: number })
  return {
    id: row.id,
    origin: row.origin,
    vendor: row.vendor,
    label: row.label,
    description: row.description,
    expectedIntervalS: row.expected_interval_s,
    codecs: JSON.parse(row.codecs) as RegisteredModel['codecs'],
    dialect: JSON.parse(row.dialect) as ScriptDialect,
    table: JSON.parse(row.mapping) as ModelTable,
    samples: JSON.parse(row.samples) as ModelSample[],
    examples: examples === null ? null : { passed: examples.passed, total: examples.total },
    version: row.version,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  }
}
