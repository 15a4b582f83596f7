import { setImmediate } from 'node:timers/promises'
import type { IngestReader } from '../store/ingest-reader.ts'
import { inParts, type Registry, readRevision } from '../store/registry.ts'
import type { RegistryTables, StatusTable } from '../store/registry-tables.ts'
import type { IntervalFacts } from './expected-interval.ts'
import { toInstallation } from './installations.ts'
import type { IntervalLearner } from './learned-intervals.ts'
import type { StatusBoard } from './status-board.ts'
import { computeStatus } from './status-row.ts'

/** Devices heard that one call takes in; what is left waits for the next call. */
const maxHeardPerFold = 5000

/** Assets that are judged and written at once: others wait for no longer than this takes. */
const assetsPerPart = 250

/** Who hears of the rows that were written. */
export type StatusListener = Pick<StatusBoard, 'put' | 'remove' | 'reach'>

/** Tells a listener all rows that are written down. */
export async function loadStatus(registry: Registry, listener: StatusListener): Promise<void> {
  let after = ''
  while (true) {
    const rows = await registry
      .selectFrom('status')
      .selectAll()
      .where('asset_id', '>', after)
      .orderBy('asset_id')
      .limit(1000)
      .execute()
    if (rows.length === 0) return
    listener.put(rows)
    after = rows.at(-1)!.asset_id
    await setImmediate()
  }
}

/**
 * Folds what changed since the last call into the status table: devices that were heard, assets, devices, documents and
 * installations that were written, installations that began or ended as time passed. How far it is stands in the
 * registry, so that it goes on where it was. Answers how many assets it judged anew, and whether more devices wait.
 */
export async function foldStatus(
  registry: Registry,
  reader: IngestReader,
  {
    now = Date.now(),
    listener,
    learner,
  }: { now?: number; listener?: StatusListener | undefined; learner?: IntervalLearner | undefined } = {},
): Promise<{ assets: number; hasMore: boolean }> {
  const cursor = await registry.selectFrom('status_cursor').selectAll().executeTakeFirstOrThrow()
  const revision = await readRevision(registry)
  const heard = reader.activitySince(cursor.activity_seq, maxHeardPerFold)
  if (learner !== undefined) await learn(registry, learner, heard, now)
  const assetIds = new Set<string>()
  for (const id of await assetsOfHeard(registry, heard)) assetIds.add(id)
  if (revision !== cursor.revision) {
    await forgetRemoved(registry, cursor.revision, listener)
    for (const id of await assetsChanged(registry, cursor.revision)) assetIds.add(id)
  }
  for (const id of await assetsAtEdges(registry, cursor.folded_at, now)) assetIds.add(id)
  if (assetIds.size === 0 && heard.length === 0 && revision === cursor.revision) {
    listener?.reach(revision)
    return { assets: 0, hasMore: false }
  }

  // Many short transactions, so that nobody waits long; the cursor moves when all are done.
  for (const part of inParts([...assetIds], assetsPerPart)) {
    const rows = await judge(registry, reader, part, now)
    await writeRows(registry, rows)
    listener?.put(rows)
    await setImmediate()
  }
  await registry
    .updateTable('status_cursor')
    .set({ activity_seq: heard.at(-1)?.seq ?? cursor.activity_seq, revision, folded_at: now })
    .execute()
  listener?.reach(revision)
  return { assets: assetIds.size, hasMore: heard.length === maxHeardPerFold }
}

type Heard = readonly { deviceId: string; lastSeenAt: number }[]

async function learn(registry: Registry, learner: IntervalLearner, heard: Heard, now: number): Promise<void> {
  const learned: RegistryTables['learned_intervals'][] = []
  for (const { deviceId, lastSeenAt } of heard) {
    const intervalS = learner.hear(deviceId, lastSeenAt)
    if (intervalS !== null) learned.push({ device_id: deviceId, interval_s: intervalS, learned_at: now })
  }
  for (const part of inParts(learned))
    await registry
      .insertInto('learned_intervals')
      .values(part)
      .onConflict((conflict) =>
        conflict.column('device_id').doUpdateSet((e) => ({
          interval_s: e.ref('excluded.interval_s'),
          learned_at: e.ref('excluded.learned_at'),
        })),
      )
      .execute()
}

/** The assets that devices are on, or were on when they were last heard. */
async function assetsOfHeard(registry: Registry, heard: Heard): Promise<string[]> {
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

/** A row that was written while its asset was being removed goes too. */
async function forgetRemoved(registry: Registry, since: number, listener?: StatusListener): Promise<void> {
  const removed = await registry
    .selectFrom('removals')
    .select('id')
    .where('kind', '=', 'asset')
    .where('revision', '>', since)
    .execute()
  for (const part of inParts(removed.map((row) => row.id))) {
    const present = await registry.selectFrom('assets').select('id').where('id', 'in', part).execute()
    const known = new Set(present.map((row) => row.id))
    const gone = part.filter((id) => !known.has(id))
    if (gone.length === 0) continue
    await registry.deleteFrom('status').where('asset_id', 'in', gone).execute()
    listener?.remove(gone)
  }
}

/** The assets that were written since a revision, or whose devices, documents or installations were. */
async function assetsChanged(registry: Registry, since: number): Promise<string[]> {
  const assets = await registry.selectFrom('assets').select('id').where('revision', '>', since).execute()
  const installations = await registry
    .selectFrom('installations')
    .select('asset_id as id')
    .where('revision', '>', since)
    .execute()
  const documents = await registry
    .selectFrom('documents')
    .select('asset_id as id')
    .where('revision', '>', since)
    .execute()
  const ofDevices = await registry
    .selectFrom('devices')
    .innerJoin('installations', 'installations.device_id', 'devices.id')
    .select('installations.asset_id as id')
    .where('devices.revision', '>', since)
    .execute()
  return [...assets, ...installations, ...documents, ...ofDevices].map((row) => row.id)
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

async function judge(
  registry: Registry,
  reader: IngestReader,
  assetIds: readonly string[],
  now: number,
): Promise<StatusTable[]> {
  const assets = await registry.selectFrom('assets').selectAll().where('id', 'in', assetIds).execute()
  const installations = (
    await registry
      .selectFrom('installations')
      .selectAll()
      .where('asset_id', 'in', assetIds)
      .orderBy('installed_at')
      .orderBy('id')
      .execute()
  ).map(toInstallation)
  const deviceIds = [...new Set(installations.map((each) => each.deviceId))]
  const devices = await readDevices(registry, deviceIds)
  const status = await registry.selectFrom('status').selectAll().where('asset_id', 'in', assetIds).execute()
  const before = new Map(status.map((row) => [row.asset_id, row]))
  const photos = await registry
    .selectFrom('documents')
    .select((e) => ['asset_id', e.fn.max<number>('created_at').as('photo_at')])
    .where('asset_id', 'in', assetIds)
    .where('kind', '=', 'photo')
    .where('removed_at', 'is', null)
    .groupBy('asset_id')
    .execute()
  const photoAt = new Map(photos.map((row) => [row.asset_id, Number(row.photo_at)]))

  const present = installations.filter((each) => each.removedAt === null || each.removedAt > now)
  const latest = Map.groupBy(
    reader.latestOf([...new Set(present.map((each) => each.deviceId))]),
    (each) => each.deviceId,
  )
  const lastSeenAt = new Map(reader.activityOf(deviceIds).map((each) => [each.deviceId, each.lastSeenAt]))
  const installationsOf = Map.groupBy(installations, (each) => each.assetId)
  return assets.map((asset) =>
    computeStatus(
      {
        asset,
        installations: installationsOf.get(asset.id) ?? [],
        devices,
        lastSeenAt,
        latest,
        photoAt: photoAt.get(asset.id) ?? null,
        before: before.get(asset.id),
      },
      now,
    ),
  )
}

async function readDevices(registry: Registry, deviceIds: readonly string[]) {
  const devices = new Map<string, IntervalFacts>()
  for (const part of inParts(deviceIds)) {
    const rows = await registry
      .selectFrom('devices')
      .leftJoin('learned_intervals', 'learned_intervals.device_id', 'devices.id')
      .leftJoin('device_models', 'device_models.id', 'devices.model')
      .select([
        'devices.id',
        'devices.model',
        'devices.expected_interval_s',
        'learned_intervals.interval_s as learned_interval_s',
        'device_models.expected_interval_s as model_interval_s',
      ])
      .where('devices.id', 'in', part)
      .execute()
    for (const row of rows) devices.set(row.id, row)
  }
  return devices
}

async function writeRows(registry: Registry, rows: readonly StatusTable[]): Promise<void> {
  if (rows.length === 0) return
  const columns = Object.keys(rows[0]!).filter((column) => column !== 'asset_id') as (keyof StatusTable)[]
  await registry
    .insertInto('status')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column('asset_id')
        .doUpdateSet((e) => Object.fromEntries(columns.map((column) => [column, e.ref(`excluded.${column}`)]))),
    )
    .execute()
}
