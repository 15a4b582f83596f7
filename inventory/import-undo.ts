import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Asset, Device } from '../domain/asset.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { type Change, inParts, mutate, recordRemoval } from '../store/registry.ts'
import type { RegistryTables } from '../store/registry-tables.ts'
import { toAsset, toRow } from './assets.ts'
import { toDevice } from './devices.ts'
import { toInstallation } from './installations.ts'

/** Most objects that a refusal names. */
const maxNamed = 100

/** An import that was made. Times are UTC epoch milliseconds. */
export type ImportInfo = {
  id: string
  kind: string
  createdAt: number
  /** Who made it, and why; the pages say the file's name there. */
  actorName: string | null
  reason: string | null
  created: number
  changed: number
  installed: number
  undoneAt: number | null
}

/** The imports, the newest first; at most a hundred. Who is limited to services is told of their own. */
export async function listImports(access: Access): Promise<ImportInfo[]> {
  const rows = await selectImports(access, access.registry.withoutPlugins())
    .orderBy('imports.revision', 'desc')
    .limit(100)
    .execute()
  return rows.map(({ id, kind, created_at, actor_name, reason, created, changed, installed, undone_at }) => ({
    id,
    kind,
    createdAt: created_at,
    actorName: actor_name,
    reason,
    created,
    changed,
    installed,
    undoneAt: undone_at,
  }))
}

/** The imports that may be seen: whose objects one wrote, only its rows tell, so that of others nothing is told. */
function selectImports({ services, actor }: Access, all: Kysely<RegistryTables>) {
  let query = all
    .selectFrom('imports')
    .leftJoin('audit_entries', 'audit_entries.revision', 'imports.revision')
    .selectAll('imports')
    .select(['audit_entries.actor_name', 'audit_entries.reason'])
  if (services !== null)
    query = query.where('audit_entries.actor_kind', '=', actor.kind).where('audit_entries.actor_id', '=', actor.id)
  return query
}

/**
 * Undoes an import in one step: what it made goes, what it changed is as it was before. Throws Problem `not_found`, or
 * `changed_since` when one of its objects was changed, or is used by something newer: it names them, and nothing is done.
 */
export async function undoImport(access: Access, id: string): Promise<{ removed: number; restored: number }> {
  return mutate(access, async (change) => {
    const { trx, all } = change
    const made = await selectImports(access, all).where('imports.id', '=', id).executeTakeFirst()
    if (made === undefined) throw new Problem('not_found', id)
    if (made.undone_at !== null)
      throw new Problem('changed_since', { fr: 'il est déjà annulé', en: 'it is undone already' })
    const revision = made.revision
    const rows = await trx.selectFrom('audit_rows').selectAll().where('revision', '=', revision).execute()
    const assets = rows.filter((row) => row.kind === 'asset')
    const devices = rows.filter((row) => row.kind === 'device')
    const installations = rows.filter((row) => row.kind === 'installation').map((row) => row.object_id)
    const idsOf = (list: typeof rows) => list.map((row) => row.object_id)
    const newAssets = idsOf(assets.filter((row) => row.before === null))
    const newDevices = idsOf(devices.filter((row) => row.before === null))
    await checkUntouched(change, revision, { assets: idsOf(assets), devices: idsOf(devices), installations })
    await checkUnused(change, revision, newAssets, newDevices)
    // The import comes first in the audit, then what goes, then what comes back.
    change.record('import', id, { undoneAt: null }, { undoneAt: Date.now() })
    await removeInstallations(change, installations)
    await removeDevices(change, newDevices)
    await removeAssets(change, newAssets)
    const restored = assets.filter((row) => row.before !== null)
    for (const { object_id, before, after } of restored) {
      const asset = JSON.parse(before!) as Asset
      const { created_at: _, ...row } = toRow(asset)
      await trx
        .updateTable('assets')
        .set({ ...row, revision: change.revision })
        .where('id', '=', object_id)
        .execute()
      change.record('asset', object_id, JSON.parse(after!) as Asset, asset)
    }
    // Spares that it installed go back to the shelf.
    const spares = devices.filter((row) => row.before !== null)
    for (const { object_id, before, after } of spares) {
      const device = JSON.parse(before!) as Device
      await trx
        .updateTable('devices')
        .set({ life_cycle: device.lifeCycle, revision: change.revision })
        .where('id', '=', object_id)
        .execute()
      change.record('device', object_id, JSON.parse(after!) as Device, device)
    }
    await all.updateTable('imports').set({ undone_at: Date.now() }).where('id', '=', id).execute()
    return {
      removed: newAssets.length + newDevices.length + installations.length,
      restored: restored.length + spares.length,
    }
  })
}

async function checkUntouched(
  { trx }: Change,
  revision: number,
  ids: Record<'assets' | 'devices' | 'installations', string[]>,
): Promise<void> {
  const touched: string[] = []
  for (const table of ['assets', 'devices', 'installations'] as const)
    for (const part of inParts(ids[table])) {
      const same = await trx
        .selectFrom(table)
        .select('id')
        .where('id', 'in', part)
        .where('revision', '=', revision)
        .execute()
      const known = new Set(same.map((row) => row.id))
      touched.push(...part.filter((id) => !known.has(id)))
      await setImmediate()
    }
  refuse(touched)
}

/** What hangs on new assets and devices, and is newer than they are. */
async function checkUnused({ all }: Change, revision: number, assets: string[], devices: string[]): Promise<void> {
  const used: string[] = []
  for (const part of inParts(assets)) {
    const on = await all
      .selectFrom('installations')
      .select('asset_id as id')
      .where('asset_id', 'in', part)
      .where('revision', '!=', revision)
      .execute()
    const before = await all
      .selectFrom('installation_versions')
      .select('asset_id as id')
      .where('asset_id', 'in', part)
      .execute()
    const under = await all
      .selectFrom('assets')
      .select('parent_id as id')
      .where('parent_id', 'in', part)
      .where('revision', '!=', revision)
      .execute()
    const documents = await all.selectFrom('documents').select('asset_id as id').where('asset_id', 'in', part).execute()
    const indexes = await all
      .selectFrom('meter_indexes')
      .select('asset_id as id')
      .where('asset_id', 'in', part)
      .execute()
    used.push(...[...on, ...before, ...under, ...documents, ...indexes].map((row) => row.id!))
    await setImmediate()
  }
  for (const part of inParts(devices)) {
    const on = await all
      .selectFrom('installations')
      .select('device_id as id')
      .where('device_id', 'in', part)
      .where('revision', '!=', revision)
      .execute()
    const before = await all
      .selectFrom('installation_versions')
      .select('device_id as id')
      .where('device_id', 'in', part)
      .execute()
    used.push(...[...on, ...before].map((row) => row.id))
  }
  refuse([...new Set(used)])
}

function refuse(ids: readonly string[]): void {
  if (ids.length === 0) return
  const message = { fr: 'modifié ou utilisé depuis l’import', en: 'changed or used since the import' }
  const errors = ids.slice(0, maxNamed).map((id) => ({ path: id, message }))
  const detail = {
    fr: `${ids.length} modifiés ou utilisés depuis, comme ${ids[0]}`,
    en: `${ids.length} changed or used since, such as ${ids[0]}`,
  }
  throw new Problem('changed_since', detail, errors)
}

async function removeInstallations({ trx, record, revision }: Change, ids: readonly string[]): Promise<void> {
  for (const part of inParts(ids)) {
    const rows = await trx.deleteFrom('installations').where('id', 'in', part).returningAll().execute()
    for (const row of rows) record('installation', row.id, toInstallation(row), null)
    // Who follows the changes hears of the assets that they were on.
    const assetIds = rows.map((row) => row.asset_id)
    await trx.updateTable('assets').set({ revision }).where('id', 'in', assetIds).execute()
  }
}

async function removeDevices({ trx, record, revision }: Change, ids: readonly string[]): Promise<void> {
  for (const part of inParts(ids)) {
    const rows = await trx.deleteFrom('devices').where('id', 'in', part).returningAll().execute()
    for (const row of rows) {
      record('device', row.id, toDevice(row), null)
      await recordRemoval(trx, revision, 'device', row.id)
    }
  }
}

async function removeAssets({ trx, record, revision }: Change, ids: readonly string[]): Promise<void> {
  for (const part of inParts(ids)) {
    const rows = await trx.deleteFrom('assets').where('id', 'in', part).returningAll().execute()
    await trx.deleteFrom('status').where('asset_id', 'in', part).execute()
    // As if the file had never come: its numbers are free again.
    await trx.deleteFrom('inventory_numbers').where('asset_id', 'in', part).execute()
    const removedAt = Date.now()
    const removals = rows.map((row) => ({ kind: 'asset' as const, id: row.id, removed_at: removedAt, revision }))
    await trx.deleteFrom('removals').where('kind', '=', 'asset').where('id', 'in', part).execute()
    if (removals.length > 0) await trx.insertInto('removals').values(removals).execute()
    for (const row of rows) record('asset', row.id, toAsset(row), null)
    await setImmediate()
  }
}
