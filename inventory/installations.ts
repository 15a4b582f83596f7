import { randomUUIDv7 } from 'node:crypto'
import type { Installation, InstallationPatch, NewInstallation, Swap } from '../domain/asset.ts'
import { Problem } from '../domain/problem.ts'
import { formatTime } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import { type Change, mutate, type RegistryTransaction } from '../store/registry.ts'
import type { InstallationTable } from '../store/registry-tables.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'

/**
 * Records that a device, or one of its channels, is on an asset from `installedAt` (now, when left out) on, or up to
 * `removedAt`. Both may lie in the past. Throws Problem `not_found`, `bad_request`, or `overlapping_installation` when
 * it was on an asset during any part of that time.
 */
export async function install(access: Access, input: NewInstallation): Promise<Installation> {
  return mutate(access, (change) => insertInstallation(change, input))
}

/** The same as `install`, inside a transaction of the caller. */
export async function insertInstallation(
  { trx, revision, record }: Change,
  { deviceId, assetId, channel = null, installedAt = Date.now(), removedAt = null }: NewInstallation,
): Promise<Installation> {
  await checkExists(trx, 'devices', deviceId)
  await checkExists(trx, 'assets', assetId)
  const installation = { id: randomUUIDv7(), deviceId, assetId, channel, installedAt, removedAt }
  checkForward(installation)
  await checkNoOverlap(trx, installation)
  await trx
    .insertInto('installations')
    .values({ ...toRow(installation), created_at: Date.now(), revision })
    .execute()
  record('installation', installation.id, null, installation)
  return installation
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
      throw new Problem('not_installed', channel == null ? deviceId : `${deviceId}, channel ${channel}`)
    return close(change, open, removedAt)
  })
}

/**
 * Puts one device in the place of another at `at`: ends what is installed of the old one, and installs the new one on
 * the same assets and channels. Answers what it ended and what it began. Throws Problem `not_found`, `not_installed`,
 * `bad_request`, or `overlapping_installation` when the new device was on an asset after `at`.
 */
export async function swapDevice(
  access: Access,
  { oldDeviceId, assetId, newDeviceId, at = Date.now() }: Swap,
): Promise<{ removed: Installation[]; installed: Installation[] }> {
  if (oldDeviceId === undefined && assetId === undefined)
    throw new Problem('bad_request', 'oldDeviceId or assetId: one of them says what is replaced')
  if (oldDeviceId === newDeviceId) throw new Problem('bad_request', 'newDeviceId: a device cannot replace itself')
  return mutate(access, async (change) => {
    const { trx } = change
    if (oldDeviceId !== undefined) await checkExists(trx, 'devices', oldDeviceId)
    if (assetId !== undefined) await checkExists(trx, 'assets', assetId)
    const open = await readOpen(trx, { deviceId: oldDeviceId, assetId })
    const devices = [...new Set(open.map((each) => each.deviceId))]
    if (devices.length === 0) throw new Problem('not_installed', oldDeviceId ?? `no device is on ${assetId}`)
    if (devices.length > 1)
      throw new Problem('bad_request', `oldDeviceId: ${assetId} carries ${devices.join(', ')}; name the one to replace`)
    if (devices[0] === newDeviceId) throw new Problem('bad_request', 'newDeviceId: a device cannot replace itself')
    const removed = await close(change, open, at)
    const installed: Installation[] = []
    for (const old of open)
      installed.push(
        await insertInstallation(change, {
          deviceId: newDeviceId,
          assetId: old.assetId,
          channel: old.channel,
          installedAt: at,
        }),
      )
    return { removed, installed }
  })
}

/** Mends what was recorded wrongly. Throws as `install` does. */
export async function correctInstallation(access: Access, id: string, patch: InstallationPatch): Promise<Installation> {
  return mutate(access, async ({ trx, revision, record }) => {
    const row = await trx.selectFrom('installations').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new Problem('not_found', id)
    const before = toInstallation(row)
    const after: Installation = {
      id,
      deviceId: patch.deviceId ?? before.deviceId,
      assetId: patch.assetId ?? before.assetId,
      channel: patch.channel === undefined ? before.channel : patch.channel,
      installedAt: patch.installedAt ?? before.installedAt,
      removedAt: patch.removedAt === undefined ? before.removedAt : patch.removedAt,
    }
    if (after.deviceId !== before.deviceId) await checkExists(trx, 'devices', after.deviceId)
    if (after.assetId !== before.assetId) {
      await checkExists(trx, 'assets', after.assetId)
      // Who follows the changes sees the asset that it is on now; the one that it was on changes too.
      await trx.updateTable('assets').set({ revision }).where('id', '=', before.assetId).execute()
    }
    checkForward(after)
    await checkNoOverlap(trx, after)
    await trx
      .updateTable('installations')
      .set({ ...toRow(after), revision })
      .where('id', '=', id)
      .execute()
    record('installation', id, before, after)
    return after
  })
}

/** Throws Problem `not_found`. */
export async function getInstallation(access: Access, id: string): Promise<Installation> {
  const row = await access.registry.selectFrom('installations').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return toInstallation(row)
}

/** The installations of a device, of an asset or all, in the order of their beginnings. */
export async function listInstallations(
  access: Access,
  { limit, cursor, deviceId, assetId }: PageRequest & { deviceId?: string | undefined; assetId?: string | undefined },
): Promise<Page<Installation>> {
  let query = access.registry.selectFrom('installations').selectAll()
  if (deviceId !== undefined) query = query.where('device_id', '=', deviceId)
  if (assetId !== undefined) query = query.where('asset_id', '=', assetId)
  if (cursor !== undefined) {
    const [time, id = ''] = decodeCursor(cursor).split('/')
    const after = Number(time)
    if (!Number.isSafeInteger(after)) throw new Problem('bad_request', 'this cursor is not one of this list')
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

export function toInstallation(row: InstallationTable): Installation {
  return {
    id: row.id,
    deviceId: row.device_id,
    assetId: row.asset_id,
    channel: row.channel,
    installedAt: row.installed_at,
    removedAt: row.removed_at,
  }
}

function toRow(installation: Installation): Omit<InstallationTable, 'created_at' | 'revision'> {
  return {
    id: installation.id,
    device_id: installation.deviceId,
    asset_id: installation.assetId,
    channel: installation.channel,
    installed_at: installation.installedAt,
    removed_at: installation.removedAt,
  }
}

async function checkExists(trx: RegistryTransaction, table: 'devices' | 'assets', id: string): Promise<void> {
  const row = await trx.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', `${table === 'devices' ? 'device' : 'asset'} ${id}`)
}

function checkForward({ installedAt, removedAt }: Installation): void {
  if (removedAt !== null && removedAt <= installedAt)
    throw new Problem(
      'bad_request',
      `removedAt: ${formatTime(removedAt)} is not after installedAt, ${formatTime(installedAt)}`,
    )
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

async function close(
  { trx, revision, record }: Change,
  open: readonly Installation[],
  removedAt: number,
): Promise<Installation[]> {
  const closed = open.map((each) => ({ ...each, removedAt }))
  for (const [i, each] of closed.entries()) {
    checkForward(each)
    await trx.updateTable('installations').set({ removed_at: removedAt, revision }).where('id', '=', each.id).execute()
    record('installation', each.id, open[i]!, each)
  }
  return closed
}

/**
 * A device, or one channel of it, is on one asset at a time; the whole device overlaps each of its channels. The
 * transaction holds the change counter, so that nothing can be written between this check and the commit.
 */
async function checkNoOverlap(trx: RegistryTransaction, installation: Installation): Promise<void> {
  const { id, deviceId, channel, installedAt, removedAt } = installation
  let query = trx
    .selectFrom('installations')
    .selectAll()
    .where('device_id', '=', deviceId)
    .where('id', '!=', id)
    .where((e) => e.or([e('removed_at', 'is', null), e('removed_at', '>', installedAt)]))
  if (removedAt !== null) query = query.where('installed_at', '<', removedAt)
  if (channel !== null) query = query.where((e) => e.or([e('channel', 'is', null), e('channel', '=', channel)]))
  const row = await query.orderBy('installed_at').limit(1).executeTakeFirst()
  if (row !== undefined) throw new Problem('overlapping_installation', describe(toInstallation(row)))
}

function describe({ id, deviceId, assetId, channel, installedAt, removedAt }: Installation): string {
  const what = channel === null ? deviceId : `channel ${channel} of ${deviceId}`
  const until = removedAt === null ? 'on, and is still there' : `to ${formatTime(removedAt)}`
  return `${what} was on asset ${assetId} from ${formatTime(installedAt)} ${until} (installation ${id})`
}
