import { randomUUIDv7 } from 'node:crypto'
import { z } from 'zod'
import { type IndexKind, indexKinds } from '../domain/consumption.ts'
import { say } from '../domain/issue.ts'
import { Problem } from '../domain/problem.ts'
import { defineQuantity, isQuantity, type Quantity } from '../domain/quantity.ts'
import { timeSchema } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import { mutate } from '../store/registry.ts'
import type { MeterIndexTable } from '../store/registry-tables.ts'
import { parseInput } from './input.ts'

/** Most indexes that one asset may have declared of it. */
const maxIndexes = 10_000

/** An index that a person declared, in the quantity's unit. Times are UTC epoch ms; what was superseded stays. */
export type MeterIndex = {
  id: string
  assetId: string
  quantity: Quantity
  kind: IndexKind
  at: number
  value: number
  note: string | null
  recordedAt: number
  supersededAt: number | null
}

/** What an index is made from; `corrects` names the one that it supersedes. */
export const newMeterIndexSchema = z.strictObject({
  quantity: z.string().refine(isQuantity, { error: say({ fr: 'une grandeur', en: 'expected a quantity' }) }),
  kind: z.enum(indexKinds),
  at: timeSchema,
  value: z.number().min(0).max(1e15),
  note: z.string().trim().min(1).max(500).nullable().optional(),
  corrects: z.string().max(64).optional(),
})
export type NewMeterIndex = z.infer<typeof newMeterIndexSchema>

/**
 * Declares an index of a meter: at its installation, its removal, a reset, or as it was read. A correction is an entry of
 * its own, which supersedes another. Throws Problem `not_found`, or `bad_request` for what is no counter.
 */
export async function addMeterIndex(
  access: Access,
  assetId: string,
  input: z.input<typeof newMeterIndexSchema>,
): Promise<MeterIndex> {
  const { quantity, kind, at, value, note = null, corrects } = parseInput(newMeterIndexSchema, input)
  if (defineQuantity(quantity as Quantity).kind !== 'counter')
    throw new Problem('bad_request', {
      fr: `quantity : ${quantity} n’est pas un compteur`,
      en: `quantity: ${quantity} is not a counter`,
    })
  return mutate(access, async ({ trx, revision, record }) => {
    const asset = await trx.selectFrom('assets').select('id').where('id', '=', assetId).executeTakeFirst()
    if (asset === undefined) throw new Problem('not_found', assetId)
    const { count } = await trx
      .selectFrom('meter_indexes')
      .select((e) => e.fn.countAll<number>().as('count'))
      .where('asset_id', '=', assetId)
      .executeTakeFirstOrThrow()
    if (Number(count) >= maxIndexes)
      throw new Problem('bad_request', {
        fr: `un équipement a au plus ${maxIndexes} index`,
        en: `an asset has at most ${maxIndexes} indexes`,
      })
    const now = Date.now()
    const row: MeterIndexTable = {
      id: randomUUIDv7(),
      asset_id: assetId,
      quantity,
      kind,
      at,
      value,
      note,
      recorded_at: now,
      superseded_at: null,
      revision,
    }
    let before: MeterIndex | null = null
    if (corrects !== undefined) {
      const old = await trx
        .updateTable('meter_indexes')
        .set({ superseded_at: now, revision })
        .where('id', '=', corrects)
        .where('asset_id', '=', assetId)
        .where('superseded_at', 'is', null)
        .returningAll()
        .executeTakeFirst()
      if (old === undefined) throw new Problem('not_found', `corrects: ${corrects}`)
      before = toMeterIndex({ ...old, superseded_at: null })
    }
    await trx.insertInto('meter_indexes').values(row).execute()
    if (before !== null) record('meter_index', before.id, before, { ...before, supersededAt: now })
    record('meter_index', row.id, null, toMeterIndex(row))
    return toMeterIndex(row)
  })
}

/** The indexes declared of an asset, in the order of their times, as they were known at `asKnownAt`; else as they are. */
export async function listMeterIndexes(
  { registry }: Access,
  assetIds: readonly string[],
  { quantity, asKnownAt }: { quantity?: string | undefined; asKnownAt?: number | undefined } = {},
): Promise<MeterIndex[]> {
  if (assetIds.length === 0) return []
  let query = registry.selectFrom('meter_indexes').selectAll().where('asset_id', 'in', assetIds)
  if (quantity !== undefined) query = query.where('quantity', '=', quantity)
  query =
    asKnownAt === undefined
      ? query.where('superseded_at', 'is', null)
      : query
          .where('recorded_at', '<=', asKnownAt)
          .where((e) => e.or([e('superseded_at', 'is', null), e('superseded_at', '>', asKnownAt)]))
  return (await query.orderBy('at').orderBy('id').execute()).map(toMeterIndex)
}

function toMeterIndex(row: MeterIndexTable): MeterIndex {
  return {
    id: row.id,
    assetId: row.asset_id,
    quantity: row.quantity as Quantity,
    kind: row.kind as IndexKind,
    at: row.at,
    value: row.value,
    note: row.note,
    recordedAt: row.recorded_at,
    supersededAt: row.superseded_at,
  }
}
