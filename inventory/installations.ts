import { randomUUIDv7 } from 'node:crypto'
import type { Calibration } from '../domain/calibration.ts'
import type { Installation, InstallationPatch, NewInstallation, Swap } from '../domain/installation.ts'
import { Problem } from '../domain/problem.ts'
import type { Label } from '../domain/quantity.ts'
import { formatTime } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import { type Change, mutate, type Registry, type RegistryTransaction } from '../store/registry.ts'
import type { DeviceTable, InstallationTable } from '../store/registry-tables.ts'
import { toDevice } from './devices.ts'
import { decodeCursor, type Page, type PageRequest, toPage, wrongCursor } from './page.ts'

/**
 * Records that a device, or one of its channels, is on an asset from `installedAt` (now, when left out) on, or up to
 * `removedAt`. Both may lie in the past. Throws Problem `not_found`, `bad_request`, or `overlapping_installation` when
 * it was on an asset during any part of that time.
 */
export async function install(access: Access, input: NewInstallation): Promise<Installation> {
  return mutate(access, (change) => insertInstallation(change, input))
}

/** The same as `install`, inside a transaction of the caller. */
export async function insertInstallation(change: Change, input: NewInstallation): Promise<Installation> {
  const { trx, revision, record } = change
  const { deviceId, assetId, channel = null, removedAt = null, calibration = null } = input
  const device = await readDevice(trx, deviceId)
  await checkExists(trx, 'assets', assetId)
  const recordedAt = Date.now()
  const installedAt = input.installedAt ?? recordedAt
  const installation = {
    id: randomUUIDv7(),
    deviceId,
    assetId,
    channel,
    installedAt,
    removedAt,
    calibration,
    recordedAt,
  }
  checkForward(installation)
  await checkNoOverlap(change, installation)
  await trx
    .insertInto('installations')
    .values({ ...toRow(installation), revision })
    .execute()
  record('installation', installation.id, null, installation)
  if (removedAt === null) await takeFromShelf(change, device)
  return installation
}

/** What is installed is in service: a spare becomes active. Throws Problem `move_not_allowed` for one that was disposed of. */
async function takeFromShelf({ trx, revision, record }: Change, row: DeviceTable): Promise<void> {
  if (row.life_cycle === 'disposed')
    throw new Problem('move_not_allowed', {
      fr: `${row.id} a été mis au rebut ; remettez-le d’abord en stock`,
      en: `${row.id} was disposed of; put it back in stock first`,
    })
  if (row.life_cycle !== 'stored') return
  const after: DeviceTable = { ...row, life_cycle: 'active' }
  await trx.updateTable('devices').set({ life_cycle: 'active', revision }).where('id', '=', row.id).execute()
  record('device', row.id, toDevice(row), toDevice(after))
}

/**
 * Ends what is installed of a device, or of one of its channels, at `removedAt` (now, when left out). Answers what it
 * ended: several installations when the device's channels are on several assets. Throws Problem `not_found`,
 * `not_installed`, or `bad_request` when it was installed later than that.
 */
export async function uninstall(
  access: Access,
  {
    deviceId,
    channel,
    removedAt = Date.now(),
  }: { deviceId: string; channel?: string | null | undefined; removedAt?: number | undefined },
): Promise<Installation[]> {
  return mutate(access, async (change) => {
    const { trx } = change
    await checkExists(trx, 'devices', deviceId)
    const open = (await readOpen(trx, { deviceId })).filter((each) => channel == null || each.channel === channel)
    if (open.length === 0)
      throw new Problem(
        'not_installed',
        channel == null ? deviceId : { fr: `${deviceId}, voie ${channel}`, en: `${deviceId}, channel ${channel}` },
      )
    return close(change, open, removedAt)
  })
}

/**
 * Puts one device in the place of another at `at`: ends what is installed of the old one, and installs the new one on
 * the same assets and channels, with the same calibrations unless told otherwise. Answers what it ended and what it began. Throws Problem `not_found`, `not_installed`,
 * `bad_request`, or `overlapping_installation` when the new device was on an asset after `at`.
 */
export async function swapDevice(
  access: Access,
  { oldDeviceId, assetId, newDeviceId, at = Date.now(), calibration }: Swap,
): Promise<{ removed: Installation[]; installed: Installation[] }> {
  if (oldDeviceId === undefined && assetId === undefined)
    throw new Problem('bad_request', {
      fr: 'oldDeviceId ou assetId : l’un des deux dit ce qui est remplacé',
      en: 'oldDeviceId or assetId: one of them says what is replaced',
    })
  if (oldDeviceId === newDeviceId) throw replacesItself()
  return mutate(access, async (change) => {
    const { trx } = change
    if (oldDeviceId !== undefined) await checkExists(trx, 'devices', oldDeviceId)
    if (assetId !== undefined) await checkExists(trx, 'assets', assetId)
    const open = await readOpen(trx, { deviceId: oldDeviceId, assetId })
    const devices = [...new Set(open.map((each) => each.deviceId))]
    if (devices.length === 0)
      throw new Problem(
        'not_installed',
        oldDeviceId ?? { fr: `aucun appareil n’est sur ${assetId}`, en: `no device is on ${assetId}` },
      )
    if (devices.length > 1)
      throw new Problem('bad_request', {
        fr: `oldDeviceId : ${assetId} porte ${devices.join(', ')} ; nommez celui à remplacer`,
        en: `oldDeviceId: ${assetId} carries ${devices.join(', ')}; name the one to replace`,
      })
    if (devices[0] === newDeviceId) throw replacesItself()
    const removed = await close(change, open, at)
    const installed: Installation[] = []
    for (const old of open)
      installed.push(
        await insertInstallation(change, {
          deviceId: newDeviceId,
          assetId: old.assetId,
          channel: old.channel,
          installedAt: at,
          calibration: calibration === undefined ? old.calibration : calibration,
        }),
      )
    return { removed, installed }
  })
}

function replacesItself(): Problem {
  return new Problem('bad_request', {
    fr: 'newDeviceId : un appareil ne se remplace pas lui-même',
    en: 'newDeviceId: a device cannot replace itself',
  })
}

/** Mends what was recorded wrongly; what was known before is kept as such. Throws as `install` does. */
export async function correctInstallation(access: Access, id: string, patch: InstallationPatch): Promise<Installation> {
  return mutate(access, async (change) => {
    const { trx } = change
    const before = toInstallation(await readRow(trx, id))
    const after: Installation = {
      id,
      deviceId: patch.deviceId ?? before.deviceId,
      assetId: patch.assetId ?? before.assetId,
      channel: patch.channel === undefined ? before.channel : patch.channel,
      installedAt: patch.installedAt ?? before.installedAt,
      removedAt: patch.removedAt === undefined ? before.removedAt : patch.removedAt,
      calibration: patch.calibration === undefined ? before.calibration : patch.calibration,
      recordedAt: before.recordedAt,
    }
    if (after.deviceId !== before.deviceId) await checkExists(trx, 'devices', after.deviceId)
    if (after.assetId !== before.assetId) {
      await checkExists(trx, 'assets', after.assetId)
      await touchAsset(change, before.assetId)
    }
    checkForward(after)
    await checkNoOverlap(change, after)
    return supersede(change, before, after)
  })
}

/** Takes back an installation that never was; that it was once known stays so. Throws Problem `not_found`. */
export async function removeInstallation(access: Access, id: string): Promise<void> {
  await mutate(access, async (change) => {
    const row = await readRow(change.trx, id)
    await keepVersion(change, row, Date.now())
    await change.trx.deleteFrom('installations').where('id', '=', id).execute()
    await touchAsset(change, row.asset_id)
    change.record('installation', id, toInstallation(row), null)
  })
}

/** Throws Problem `not_found`. */
export async function getInstallation(access: Access, id: string): Promise<Installation> {
  return toInstallation(await readRow(access.registry, id))
}

/**
 * The installations of a device, of an asset or all, in the order of their beginnings: as they are known now, or as they
 * were known at `asKnownAt`.
 */
export async function listInstallations(
  access: Access,
  {
    limit,
    cursor,
    deviceId,
    assetId,
    asKnownAt,
  }: PageRequest & { deviceId?: string | undefined; assetId?: string | undefined; asKnownAt?: number | undefined },
): Promise<Page<Installation>> {
  let query = installationsAt(access.registry, asKnownAt)
  if (deviceId !== undefined) query = query.where('device_id', '=', deviceId)
  if (assetId !== undefined) query = query.where('asset_id', '=', assetId)
  if (cursor !== undefined) {
    const [time, id = ''] = decodeCursor(cursor).split('/')
    const after = Number(time)
    if (!Number.isSafeInteger(after)) throw wrongCursor()
    query = query.where((e) =>
      e.or([e('installed_at', '>', after), e.and([e('installed_at', '=', after), e('id', '>', id)])]),
    )
  }
  const rows = await query
    .orderBy('installed_at')
    .orderBy('id')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => `${row.installed_at}/${row.id}`, toInstallation)
}

/** The installations as they are known now, or as they were known at a time (UTC epoch ms). */
export function installationsAt(registry: Registry | RegistryTransaction, asKnownAt: number | undefined) {
  if (asKnownAt === undefined) return registry.selectFrom('installations').select(columns)
  const since = registry.selectFrom('installations').select(columns).where('recorded_at', '<=', asKnownAt)
  const before = registry
    .selectFrom('installation_versions')
    .select(columns)
    .where('recorded_at', '<=', asKnownAt)
    .where('superseded_at', '>', asKnownAt)
  return registry.selectFrom(since.unionAll(before).as('installations')).select(columns)
}

const columns = [
  'id',
  'device_id',
  'asset_id',
  'channel',
  'installed_at',
  'removed_at',
  'calibration',
  'recorded_at',
  'revision',
] as const

export function toInstallation(row: InstallationTable): Installation {
  return {
    id: row.id,
    deviceId: row.device_id,
    assetId: row.asset_id,
    channel: row.channel,
    installedAt: row.installed_at,
    removedAt: row.removed_at,
    calibration: row.calibration === null ? null : (JSON.parse(row.calibration) as Calibration),
    recordedAt: row.recorded_at,
  }
}

function toRow(installation: Installation): Omit<InstallationTable, 'revision'> {
  return {
    id: installation.id,
    device_id: installation.deviceId,
    asset_id: installation.assetId,
    channel: installation.channel,
    installed_at: installation.installedAt,
    removed_at: installation.removedAt,
    calibration: installation.calibration === null ? null : JSON.stringify(installation.calibration),
    recorded_at: installation.recordedAt,
  }
}

async function readDevice(trx: RegistryTransaction, id: string): Promise<DeviceTable> {
  const row = await trx.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', { fr: `appareil ${id}`, en: `device ${id}` })
  return row
}

async function checkExists(trx: RegistryTransaction, table: 'devices' | 'assets', id: string): Promise<void> {
  const row = await trx.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()
  if (row === undefined)
    throw new Problem(
      'not_found',
      table === 'devices'
        ? { fr: `appareil ${id}`, en: `device ${id}` }
        : { fr: `équipement ${id}`, en: `asset ${id}` },
    )
}

function checkForward({ installedAt, removedAt }: Installation): void {
  if (removedAt !== null && removedAt <= installedAt)
    throw new Problem('bad_request', {
      fr: `removedAt : ${formatTime(removedAt)} n’est pas après installedAt, ${formatTime(installedAt)}`,
      en: `removedAt: ${formatTime(removedAt)} is not after installedAt, ${formatTime(installedAt)}`,
    })
}

/** What is still installed, of a device or on an asset or both; by device and channel. */
async function readOpen(
  trx: RegistryTransaction,
  { deviceId, assetId }: { deviceId?: string | undefined; assetId?: string | undefined },
): Promise<Installation[]> {
  let query = trx.selectFrom('installations').selectAll().where('removed_at', 'is', null)
  if (deviceId !== undefined) query = query.where('device_id', '=', deviceId)
  if (assetId !== undefined) query = query.where('asset_id', '=', assetId)
  const key = ({ deviceId, channel }: Installation) => `${deviceId}\n${channel ?? ''}`
  return (await query.execute()).map(toInstallation).sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

async function close(change: Change, open: readonly Installation[], removedAt: number): Promise<Installation[]> {
  const closed: Installation[] = []
  for (const before of open) {
    const after = { ...before, removedAt }
    checkForward(after)
    closed.push(await supersede(change, before, after))
  }
  return closed
}

/** Writes down what is known from now on of an installation, and keeps what was known. */
async function supersede(change: Change, before: Installation, after: Installation): Promise<Installation> {
  const { trx, revision, record } = change
  const recordedAt = Math.max(Date.now(), before.recordedAt)
  await keepVersion(change, await readRow(trx, before.id), recordedAt)
  const known = { ...after, recordedAt }
  await trx
    .updateTable('installations')
    .set({ ...toRow(known), revision })
    .where('id', '=', known.id)
    .execute()
  record('installation', known.id, before, known)
  return known
}

async function keepVersion({ trx }: Change, row: InstallationTable, supersededAt: number): Promise<void> {
  await trx
    .insertInto('installation_versions')
    .values({ ...row, superseded_at: Math.max(supersededAt, row.recorded_at) })
    .execute()
}

/** Who follows the changes sees the asset that an installation is on; the one that it was on changes too. */
async function touchAsset({ trx, revision }: Change, id: string): Promise<void> {
  await trx.updateTable('assets').set({ revision }).where('id', '=', id).execute()
}

async function readRow(registry: Registry | RegistryTransaction, id: string): Promise<InstallationTable> {
  const row = await registry.selectFrom('installations').select(columns).where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return row
}

/**
 * A device, or one channel of it, is on one asset at a time; the whole device overlaps each of its channels. The
 * transaction holds the change counter, so that nothing can be written between this check and the commit.
 */
async function checkNoOverlap({ trx, all }: Change, installation: Installation): Promise<void> {
  const { id, deviceId, channel, installedAt, removedAt } = installation
  let query = all
    .selectFrom('installations')
    .selectAll()
    .where('device_id', '=', deviceId)
    .where('id', '!=', id)
    .where((e) => e.or([e('removed_at', 'is', null), e('removed_at', '>', installedAt)]))
  if (removedAt !== null) query = query.where('installed_at', '<', removedAt)
  if (channel !== null) query = query.where((e) => e.or([e('channel', 'is', null), e('channel', '=', channel)]))
  const row = await query.orderBy('installed_at').limit(1).executeTakeFirst()
  if (row === undefined) return
  const seen = await trx.selectFrom('installations').select('id').where('id', '=', row.id).executeTakeFirst()
  throw new Problem(
    'overlapping_installation',
    seen === undefined
      ? {
          fr: `${deviceId} est alors sur un équipement d’un autre service`,
          en: `${deviceId} is on an asset of another service then`,
        }
      : describe(toInstallation(row)),
  )
}

function describe({ id, deviceId, assetId, channel, installedAt, removedAt }: Installation): Label {
  const from = formatTime(installedAt)
  const to = removedAt === null ? null : formatTime(removedAt)
  const fr = `${channel === null ? '' : `la voie ${channel} de `}${deviceId} était sur l’équipement ${assetId} depuis ${from}`
  const en = `${channel === null ? '' : `channel ${channel} of `}${deviceId} was on asset ${assetId} from ${from}`
  return {
    fr: `${fr}${to === null ? ', et y est encore' : `, jusqu’à ${to}`} (pose ${id})`,
    en: `${en} ${to === null ? 'on, and is still there' : `to ${to}`} (installation ${id})`,
  }
}
