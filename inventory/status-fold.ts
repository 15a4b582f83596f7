import { setImmediate } from 'node:timers/promises'
import type { IngestReader } from '../store/ingest-reader.ts'
import { inParts, type Registry, type RegistryTransaction, readRevision } from '../store/registry.ts'
import type { StatusTable } from '../store/registry-tables.ts'
import { toInstallation } from './installations.ts'
import { computeStatus } from './status-row.ts'

/** Devices heard that one call takes in; what is left waits for the next call, a second later. */
const maxHeardPerFold = 5000

/**
 * Folds what changed since the last call into the status table: devices that were heard, assets, devices and
 * installations that were written, installations that began or ended as time passed. How far it is stands in the
 * registry, so that it goes on where it was. Answers how many assets it judged anew.
 */
export async function foldStatus(
  registry: Registry,
  reader: IngestReader,
  { now = Date.now() }: { now?: number } = {},
): Promise<{ assets: number }> {
  const cursor = await registry.selectFrom('status_cursor').selectAll().executeTakeFirstOrThrow()
  const revision = await readRevision(registry)
  const heard = reader.activitySince(cursor.activity_seq, maxHeardPerFold)
  const assetIds = new Set<string>()
  for (const id of await assetsOfHeard(registry, heard)) assetIds.add(id)
  if (revision !== cursor.revision) for (const id of await assetsChanged(registry, cursor.revision)) assetIds.add(id)
  for (const id of await assetsAtEdges(registry, cursor.folded_at, now)) assetIds.add(id)
  if (assetIds.size === 0 && heard.length === 0 && revision === cursor.revision) return { assets: 0 }

  // Many short transactions, so that nobody waits long; the cursor moves when all are done.
  for (const part of inParts([...assetIds])) {
    await registry.transaction().execute((trx) => foldPart(trx, reader, part, now))
    await setImmediate()
  }
  await registry
    .updateTable('status_cursor')
    .set({ activity_seq: heard.at(-1)?.seq ?? cursor.activity_seq, revision, folded_at: now })
    .execute()
  return { assets: assetIds.size }
}

/** The assets that devices are on, or were on when they were last heard. */
async function assetsOfHeard(
  registry: Registry,
  heard: readonly { deviceId: string; lastSeenAt: number }[],
): Promise<string[]> {
  const found: string[] = []
  for (const part of inParts(heard)) {
    const seenAt = new Map(part.map((each) => [each.deviceId, each.lastSeenAt]))
    const rows = await registry
      .selectFrom('installations')
      .select(['device_id', 'asset_id', 'removed_at'])
      .where('device_id', 'in', [...seenAt.keys()])
      .execute()
    for (const row of rows)
      if (row.removed_at === null || row.removed_at >= seenAt.get(row.device_id)!) found.push(row.asset_id)
  }
  return found
}

/** The assets that were written since a revision, or whose devices or installations were. */
async function assetsChanged(registry: Registry, since: number): Promise<string[]> {
  const assets = await registry.selectFrom('assets').select('id').where('revision', '>', since).execute()
  const installations = await registry
    .selectFrom('installations')
    .select('asset_id as id')
    .where('revision', '>', since)
    .execute()
  const ofDevices = await registry
    .selectFrom('devices')
    .innerJoin('installations', 'installations.device_id', 'devices.id')
    .select('installations.asset_id as id')
    .where('devices.revision', '>', since)
    .execute()
  return [...assets, ...installations, ...ofDevices].map((row) => row.id)
}

/** The assets on which an installation begins or ends in (from, to]. */
async function assetsAtEdges(registry: Registry, from: number, to: number): Promise<string[]> {
  const begun = await registry
    .selectFrom('installations')
    .select('asset_id as id')
    .where('installed_at', '>', from)
    .where('installed_at', '<=', to)
    .execute()
  const ended = await registry
    .selectFrom('installations')
    .select('asset_id as id')
    .where('removed_at', '>', from)
    .where('removed_at', '<=', to)
    .execute()
  return [...begun, ...ended].map((row) => row.id)
}

async function foldPart(
  trx: RegistryTransaction,
  reader: IngestReader,
  assetIds: readonly string[],
  now: number,
): Promise<void> {
  const assets = await trx.selectFrom('assets').selectAll().where('id', 'in', assetIds).execute()
  const installations = (
    await trx
      .selectFrom('installations')
      .selectAll()
      .where('asset_id', 'in', assetIds)
      .orderBy('installed_at')
      .orderBy('id')
      .execute()
  ).map(toInstallation)
  const deviceIds = [...new Set(installations.map((each) => each.deviceId))]
  const devices = new Map<string, { model: string; expected_interval_s: number | null }>()
  for (const part of inParts(deviceIds)) {
    const rows = await trx
      .selectFrom('devices')
      .select(['id', 'model', 'expected_interval_s'])
      .where('id', 'in', part)
      .execute()
    for (const row of rows) devices.set(row.id, row)
  }
  const before = new Map<string, StatusTable>()
  for (const row of await trx.selectFrom('status').selectAll().where('asset_id', 'in', assetIds).execute())
    before.set(row.asset_id, row)

  const present = installations.filter((each) => each.removedAt === null || each.removedAt > now)
  const latest = Map.groupBy(
    reader.latestOf([...new Set(present.map((each) => each.deviceId))]),
    (each) => each.deviceId,
  )
  const lastSeenAt = new Map(reader.activityOf(deviceIds).map((each) => [each.deviceId, each.lastSeenAt]))
  const installationsOf = Map.groupBy(installations, (each) => each.assetId)
  const rows = assets.map((asset) =>
    computeStatus(
      {
        asset,
        installations: installationsOf.get(asset.id) ?? [],
        devices,
        lastSeenAt,
        latest,
        before: before.get(asset.id),
      },
      now,
    ),
  )
  await writeRows(trx, rows)
}

async function writeRows(trx: RegistryTransaction, rows: readonly StatusTable[]): Promise<void> {
  if (rows.length === 0) return
  await trx
    .insertInto('status')
    .values(rows)
    .onConflict((conflict) =>
      conflict.column('asset_id').doUpdateSet((e) => ({
        kind: e.ref('excluded.kind'),
        label: e.ref('excluded.label'),
        service: e.ref('excluded.service'),
        district: e.ref('excluded.district'),
        latitude: e.ref('excluded.latitude'),
        longitude: e.ref('excluded.longitude'),
        search: e.ref('excluded.search'),
        state: e.ref('excluded.state'),
        since: e.ref('excluded.since'),
        last_seen_at: e.ref('excluded.last_seen_at'),
        silent_at: e.ref('excluded.silent_at'),
        attention_at: e.ref('excluded.attention_at'),
        battery: e.ref('excluded.battery'),
        attentions: e.ref('excluded.attentions'),
        device_id: e.ref('excluded.device_id'),
      })),
    )
    .execute()
}
