import {
  type Device,
  type DeviceLifeCycle,
  type DevicePatch,
  deviceMoves,
  devicePatchSchema,
  type NewDevice,
  newDeviceSchema,
} from '../domain/asset.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { type Change, mutate, type Registry, type RegistryTransaction, recordRemoval } from '../store/registry.ts'
import type { DeviceTable } from '../store/registry-tables.ts'
import { chooseService } from '../store/scope.ts'
import { hashSecret, newSecret } from '../store/secrets.ts'
import { parseInput } from './input.ts'
import { findUnknownModels } from './models.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'
import { contains, foldText, searchWords } from './search.ts'

/**
 * Registers a device, and tells its secret this one time: a generated one, or the one that a person chose. Throws
 * Problem `bad_request`, `unknown_model`, `weak_secret`, or `already_exists` when a device or an integration has that id.
 */
export async function addDevice(access: Access, input: NewDevice): Promise<{ device: Device; secret: string }> {
  const device = parseInput(newDeviceSchema, input)
  await checkModel(access.registry, device.model)
  const secret = device.secret ?? newSecret()
  const stored = await hashSecret(secret, { chosen: device.secret !== undefined })
  return mutate(access, async (change) => ({ device: await insertDevice(access, change, device, stored), secret }))
}

/** Puts a device in, inside a transaction of the caller. Throws Problem `already_exists`. */
export async function insertDevice(
  access: Access,
  { trx, all, revision, record }: Change,
  device: Omit<NewDevice, 'secret'>,
  stored: string,
): Promise<Device> {
  await checkNameIsFree(all, device.id)
  const row = toDeviceRow(access, device, stored, revision)
  await trx.insertInto('devices').values(row).execute()
  const added = toDevice(row)
  record('device', added.id, null, added)
  return added
}

/**
 * Gives a device another secret, generated or chosen, and tells it this one time: who is connected with the old one is
 * disconnected within a second. Throws Problem `not_found` or `weak_secret`.
 */
export async function renewSecret(
  access: Access,
  id: string,
  { secret: chosen }: { secret?: string | undefined } = {},
): Promise<{ device: Device; secret: string }> {
  await getDevice(access, id)
  const secret = chosen ?? newSecret()
  const stored = await hashSecret(secret, { chosen: chosen !== undefined })
  return mutate(access, async ({ trx, revision, record }) => {
    const found = await readRow(trx, id)
    const row = await trx
      .updateTable('devices')
      .set({ secret: stored, secret_revision: revision, secret_set_at: Date.now(), revision })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    const device = toDevice(row)
    record('device', id, toDevice(found), device)
    return { device, secret }
  })
}

/** The row of a new device; `stored` is what is kept of its secret. */
export function toDeviceRow(
  access: Access,
  device: Omit<NewDevice, 'secret'>,
  stored: string,
  revision: number,
): DeviceTable {
  return {
    id: device.id,
    model: device.model,
    label: device.label ?? null,
    expected_interval_s: device.expectedIntervalS ?? null,
    life_cycle: device.lifeCycle ?? 'active',
    service: chooseService(access, device.service),
    secret: stored,
    secret_revision: revision,
    secret_set_at: Date.now(),
    search: deviceSearch(device.id, device.label),
    created_at: Date.now(),
    revision,
  }
}

/** Throws Problem `not_found`. */
export async function getDevice(access: Access, id: string): Promise<Device> {
  return toDevice(await readRow(access.registry, id))
}

/** The devices in the order of their ids; each word of `q` is looked for in id and label. */
export async function listDevices(
  access: Access,
  { limit, cursor, model, q }: PageRequest & { model?: string | undefined; q?: string | undefined },
): Promise<Page<Device>> {
  let query = access.registry.selectFrom('devices').selectAll()
  if (cursor !== undefined) query = query.where('id', '>', decodeCursor(cursor))
  if (model !== undefined) query = query.where('model', '=', model)
  for (const word of searchWords(q ?? '')) query = query.where(contains('search', word))
  const rows = await query
    .orderBy('id')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => row.id, toDevice)
}

/**
 * Changes what `patch` names. Throws Problem `bad_request`, `unknown_model`, `not_found`, `move_not_allowed` for a life
 * cycle that does not follow on its own, or `in_use` when what is disposed of is still on an asset.
 */
export async function updateDevice(access: Access, id: string, patch: DevicePatch): Promise<Device> {
  const { model, label, expectedIntervalS, lifeCycle, service } = parseInput(devicePatchSchema, patch)
  if (model !== undefined) await checkModel(access.registry, model)
  return mutate(access, async ({ trx, all, revision, record }) => {
    const found = await readRow(trx, id)
    if (lifeCycle !== undefined) await checkMove(all, found, lifeCycle)
    const row = await trx
      .updateTable('devices')
      .set({
        revision,
        ...(model === undefined ? {} : { model }),
        ...(label === undefined ? {} : { label, search: deviceSearch(id, label) }),
        ...(expectedIntervalS === undefined ? {} : { expected_interval_s: expectedIntervalS }),
        ...(lifeCycle === undefined ? {} : { life_cycle: lifeCycle }),
        ...(service === undefined ? {} : { service }),
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    const after = toDevice(row)
    record('device', id, toDevice(found), after)
    return after
  })
}

/** Ends a device's credential: it is disconnected, and may not connect again. Throws Problem `not_found`. */
export async function revokeDevice(access: Access, id: string): Promise<Device> {
  return updateDevice(access, id, { lifeCycle: 'revoked' })
}

/**
 * Takes a device out of the registry, for one that was registered by mistake. Throws Problem `not_found`, or `in_use`
 * when it was ever installed: its history hangs on it, so it can only be revoked.
 */
export async function removeDevice(access: Access, id: string): Promise<void> {
  await mutate(access, async ({ trx, all, revision, record }) => {
    await readRow(trx, id)
    const installation = await all
      .selectFrom('installations')
      .select('asset_id')
      .where('device_id', '=', id)
      .unionAll(all.selectFrom('installation_versions').select('asset_id').where('device_id', '=', id))
      .limit(1)
      .executeTakeFirst()
    if (installation !== undefined)
      throw new Problem('in_use', {
        fr: `${id} a été installé ; révoquez-le plutôt`,
        en: `${id} was installed; revoke it instead`,
      })
    const row = await trx.deleteFrom('devices').where('id', '=', id).returningAll().executeTakeFirstOrThrow()
    await trx.deleteFrom('commands').where('device_id', '=', id).execute()
    await recordRemoval(trx, revision, 'device', id)
    record('device', id, toDevice(row), null)
  })
}

async function checkMove(all: RegistryTransaction, { id, life_cycle: from }: DeviceTable, to: DeviceLifeCycle) {
  if (from === to) return
  if (!deviceMoves[from].includes(to))
    throw new Problem('move_not_allowed', {
      fr: `lifeCycle : ${from} mène à ${deviceMoves[from].join(', ')}, pas à ${to}`,
      en: `lifeCycle: ${from} goes to ${deviceMoves[from].join(', ')}, not to ${to}`,
    })
  if (to !== 'disposed') return
  const open = await all
    .selectFrom('installations')
    .select('id')
    .where('device_id', '=', id)
    .where('removed_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  if (open !== undefined)
    throw new Problem('in_use', {
      fr: `${id} est installé ; déposez-le d’abord`,
      en: `${id} is installed; remove it first`,
    })
}

async function readRow(registry: Registry | RegistryTransaction, id: string): Promise<DeviceTable> {
  const row = await registry.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return row
}

/** Device ids and integration names share one name space: both are MQTT user names. Throws Problem `already_exists`. */
export async function checkNameIsFree(trx: RegistryTransaction, name: string): Promise<void> {
  const device = await trx.selectFrom('devices').select('id').where('id', '=', name).executeTakeFirst()
  if (device !== undefined) throw new Problem('already_exists', name)
  const integration = await trx.selectFrom('integrations').select('name').where('name', '=', name).executeTakeFirst()
  if (integration !== undefined)
    throw new Problem('already_exists', {
      fr: `${name} est le nom d’une intégration`,
      en: `${name} is the name of an integration`,
    })
}

/** What a search looks through. */
export function deviceSearch(id: string, label: string | null | undefined): string {
  return foldText(`${id} ${label ?? ''}`)
}

/** Throws Problem `unknown_model`. */
export async function checkModel(registry: Registry, model: string): Promise<void> {
  if ((await findUnknownModels(registry, [model])).size > 0) throw new Problem('unknown_model', model)
}

export function toDevice(row: DeviceTable): Device {
  return {
    id: row.id,
    model: row.model,
    label: row.label,
    expectedIntervalS: row.expected_interval_s,
    lifeCycle: row.life_cycle,
    service: row.service,
    secretSetAt: row.secret_set_at,
  }
}
