import {
  type Asset,
  type AssetLifeCycle,
  type AssetPatch,
  assetMoves,
  assetPatchSchema,
  type NewAsset,
  newAssetSchema,
} from '../domain/asset.ts'
import { type AssetKind, checkAttributes, isAssetKind } from '../domain/asset-kind.ts'
import { refuseParts } from '../domain/issue.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { type Change, mutate, type RegistryTransaction, recordRemoval } from '../store/registry.ts'
import type { AssetTable } from '../store/registry-tables.ts'
import { chooseService } from '../store/scope.ts'
import { parseInput } from './input.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'
import { contains, foldText, searchWords } from './search.ts'

/** A lamp hangs on a cabinet that stands in a building: this is as deep as parents may go. */
const maxDepth = 16

/** Which assets; each word of `q` is looked for in id, label, number and place. */
export type AssetFilter = {
  kind?: string | undefined
  service?: string | undefined
  district?: string | undefined
  parentId?: string | undefined
  lifeCycle?: AssetLifeCycle | undefined
  inventoryNumber?: string | undefined
  q?: string | undefined
}

/**
 * Adds an asset; it is in service unless told otherwise. Throws Problem `bad_request`, `unknown_asset_kind`,
 * `already_exists`, or `not_found` for a parent that does not exist.
 */
export async function addAsset(access: Access, input: NewAsset): Promise<Asset> {
  const asked = parseInput(newAssetSchema, input)
  const row = toRow({ ...asked, service: chooseService(access, asked.service) })
  return mutate(access, async ({ trx, all, revision, record }) => {
    const taken = await all.selectFrom('assets').select('id').where('id', '=', row.id).executeTakeFirst()
    if (taken !== undefined) throw new Problem('already_exists', row.id)
    await checkParent({ trx, all }, row.id, row.parent_id)
    await claimNumber(trx, row)
    await trx
      .insertInto('assets')
      .values({ ...row, revision })
      .execute()
    const asset = toAsset(row)
    record('asset', asset.id, null, asset)
    return asset
  })
}

/** Throws Problem `not_found`. */
export async function getAsset(access: Access, id: string): Promise<Asset> {
  const row = await access.registry.selectFrom('assets').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return toAsset(row)
}

/** The assets in the order of their ids. */
export async function listAssets(
  access: Access,
  { limit, cursor, kind, service, district, parentId, lifeCycle, inventoryNumber, q }: PageRequest & AssetFilter,
): Promise<Page<Asset>> {
  let query = access.registry.selectFrom('assets').selectAll()
  if (cursor !== undefined) query = query.where('id', '>', decodeCursor(cursor))
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (service !== undefined) query = query.where('service', '=', service)
  if (district !== undefined) query = query.where('district', '=', district)
  if (parentId !== undefined) query = query.where('parent_id', '=', parentId)
  if (lifeCycle !== undefined) query = query.where('life_cycle', '=', lifeCycle)
  if (inventoryNumber !== undefined) query = query.where('inventory_number', '=', inventoryNumber)
  for (const word of searchWords(q ?? '')) query = query.where(contains('search', word))
  const rows = await query
    .orderBy('id')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => row.id, toAsset)
}

/**
 * Changes what `patch` names. Throws Problem `bad_request`, `unknown_asset_kind`, `not_found`, `already_exists` for an
 * inventory number that was used before, or `move_not_allowed` for a life cycle that does not follow on its own.
 */
export async function updateAsset(access: Access, id: string, patch: AssetPatch): Promise<Asset> {
  const changes = parseInput(assetPatchSchema, patch)
  return mutate(access, async ({ trx, all, revision, record }) => {
    const found = await trx.selectFrom('assets').selectAll().where('id', '=', id).executeTakeFirst()
    if (found === undefined) throw new Problem('not_found', id)
    const before = toAsset(found)
    const row = { ...toRow(parseInput(newAssetSchema, { ...before, ...changes })), created_at: found.created_at }
    checkMove(before.lifeCycle, row.life_cycle as AssetLifeCycle)
    if (changes.parentId !== undefined) await checkParent({ trx, all }, id, row.parent_id)
    await claimNumber(trx, row)
    await trx
      .updateTable('assets')
      .set({ ...row, revision })
      .where('id', '=', id)
      .execute()
    const after = toAsset(row)
    record('asset', id, before, after)
    return after
  })
}

/**
 * Takes an asset out of the register, for one that was added by mistake; one that has a history is disposed of
 * instead. Throws Problem `not_found`, or `in_use` when a device was ever on it or another asset has it as its parent.
 */
export async function removeAsset(access: Access, id: string): Promise<void> {
  await mutate(access, async ({ trx, all, revision, record }) => {
    const seen = await trx.selectFrom('assets').select('id').where('id', '=', id).executeTakeFirst()
    if (seen === undefined) throw new Problem('not_found', id)
    const installation = await all
      .selectFrom('installations')
      .select('device_id')
      .where('asset_id', '=', id)
      .unionAll(all.selectFrom('installation_versions').select('device_id').where('asset_id', '=', id))
      .limit(1)
      .executeTakeFirst()
    if (installation !== undefined)
      throw new Problem('in_use', {
        fr: `${installation.device_id} y a été installé ; sortez plutôt ${id} de l’inventaire (disposed)`,
        en: `${installation.device_id} was installed on ${id}; set its life cycle to disposed instead`,
      })
    const child = await all.selectFrom('assets').select('id').where('parent_id', '=', id).limit(1).executeTakeFirst()
    if (child !== undefined)
      throw new Problem('in_use', { fr: `${id} porte un autre équipement`, en: `${id} is the parent of another asset` })
    const document = await all
      .selectFrom('documents')
      .select('id')
      .where('asset_id', '=', id)
      .where('removed_at', 'is', null)
      .limit(1)
      .executeTakeFirst()
    if (document !== undefined)
      throw new Problem('in_use', {
        fr: `${id} a des documents ; retirez-les d’abord`,
        en: `${id} has documents; remove them first`,
      })
    const row = await trx.deleteFrom('assets').where('id', '=', id).returningAll().executeTakeFirstOrThrow()
    await trx.deleteFrom('status').where('asset_id', '=', id).execute()
    await recordRemoval(trx, revision, 'asset', id)
    record('asset', id, toAsset(row), null)
  })
}

/** Throws Problem `not_found` for a parent that does not exist, `bad_request` when an asset would hang on itself. */
async function checkParent(
  { trx, all }: Pick<Change, 'trx' | 'all'>,
  id: string,
  parentId: string | null,
): Promise<void> {
  let current = parentId
  for (let depth = 1; current !== null; depth++) {
    if (current === id)
      throw new Problem('bad_request', {
        fr: `parentId : ${id} se porterait lui-même`,
        en: `parentId: ${id} would hang on itself`,
      })
    if (depth > maxDepth)
      throw new Problem('bad_request', {
        fr: `parentId : au plus ${maxDepth} niveaux`,
        en: `parentId: parents go at most ${maxDepth} deep`,
      })
    // What is seen may hang on what is not: only the parent itself is asked for.
    const registry = depth === 1 ? trx : all
    const parent = await registry.selectFrom('assets').select('parent_id').where('id', '=', current).executeTakeFirst()
    if (parent === undefined) throw new Problem('not_found', `parentId: ${current}`)
    current = parent.parent_id
  }
}

/** Throws Problem `move_not_allowed`. */
export function checkMove(from: AssetLifeCycle, to: AssetLifeCycle): void {
  if (from === to || assetMoves[from].includes(to)) return
  throw new Problem('move_not_allowed', {
    fr: `lifeCycle : ${from} mène à ${assetMoves[from].join(', ')}, pas à ${to}`,
    en: `lifeCycle: ${from} goes to ${assetMoves[from].join(', ')}, not to ${to}`,
  })
}

/** Keeps the number of an asset for it, for ever. Throws Problem `already_exists` when it was another's. */
async function claimNumber(trx: RegistryTransaction, row: Pick<AssetTable, 'id' | 'inventory_number'>): Promise<void> {
  const { id, inventory_number: number } = row
  if (number === null) return
  const used = await trx
    .selectFrom('inventory_numbers')
    .select('asset_id')
    .where('number', '=', number)
    .executeTakeFirst()
  if (used?.asset_id === id) return
  // Whose it was is not told: it may be an asset that the caller may not see.
  if (used !== undefined)
    throw new Problem('already_exists', {
      fr: `inventoryNumber : ${number} a déjà servi, et un numéro ne sert qu’une fois`,
      en: `inventoryNumber: ${number} was used before, and a number is never used again`,
    })
  await trx.insertInto('inventory_numbers').values({ number, asset_id: id, first_used_at: Date.now() }).execute()
}

/** The same of many, whose numbers were checked in this transaction. */
export async function claimNumbers(
  trx: RegistryTransaction,
  rows: readonly Pick<AssetTable, 'id' | 'inventory_number'>[],
): Promise<void> {
  const now = Date.now()
  const numbers = rows.flatMap(({ id, inventory_number: number }) =>
    number === null ? [] : [{ number, asset_id: id, first_used_at: now }],
  )
  if (numbers.length === 0) return
  await trx
    .insertInto('inventory_numbers')
    .values(numbers)
    .onConflict((conflict) => conflict.column('number').doNothing())
    .execute()
}

/** The row of a new asset, its revision left open. Throws Problem `unknown_asset_kind`, or `bad_request` for attributes. */
export function toRow(asset: NewAsset): Omit<AssetTable, 'revision'> {
  if (!isAssetKind(asset.kind)) throw new Problem('unknown_asset_kind', asset.kind)
  const attributes = dropNulls(asset.attributes ?? {})
  const issues = checkAttributes(asset.kind, attributes)
  if (issues.length > 0) {
    const errors = issues.map(({ name, message }) => ({ path: `attributes.${name}`, message }))
    throw refuseParts(errors)
  }
  const row = {
    id: asset.id,
    kind: asset.kind,
    label: asset.label,
    inventory_number: asset.inventoryNumber ?? null,
    latitude: asset.latitude ?? null,
    longitude: asset.longitude ?? null,
    address: asset.address ?? null,
    district: asset.district ?? null,
    commune: asset.commune ?? null,
    service: asset.service ?? null,
    parent_id: asset.parentId ?? null,
    life_cycle: asset.lifeCycle ?? 'in_service',
    condition: asset.condition ?? null,
    acquired_on: asset.acquiredOn ?? null,
    commissioned_on: asset.commissionedOn ?? null,
    warranty_until: asset.warrantyUntil ?? null,
    disposed_on: asset.disposedOn ?? null,
    attributes: JSON.stringify(attributes),
    created_at: Date.now(),
  }
  const { id, label, inventory_number, address, district, commune } = row
  const search = foldText([id, label, inventory_number, address, district, commune].filter((each) => each).join(' '))
  return { ...row, search }
}

function dropNulls(attributes: NonNullable<NewAsset['attributes']>): Asset['attributes'] {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null))
}

export function toAsset(row: Omit<AssetTable, 'revision'>): Asset {
  return {
    id: row.id,
    kind: row.kind as AssetKind,
    label: row.label,
    inventoryNumber: row.inventory_number,
    latitude: row.latitude,
    longitude: row.longitude,
    address: row.address,
    district: row.district,
    commune: row.commune,
    service: row.service,
    parentId: row.parent_id,
    lifeCycle: row.life_cycle as AssetLifeCycle,
    condition: row.condition as Asset['condition'],
    acquiredOn: row.acquired_on,
    commissionedOn: row.commissioned_on,
    warrantyUntil: row.warranty_until,
    disposedOn: row.disposed_on,
    attributes: JSON.parse(row.attributes) as Asset['attributes'],
  }
}
