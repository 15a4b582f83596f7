import { randomUUIDv7 } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type DeviceLine, deviceLineSchema } from '../domain/asset.ts'
import type { Access } from '../store/access.ts'
import { type Change, inParts, mutate } from '../store/registry.ts'
import type { DeviceTable, InstallationTable } from '../store/registry-tables.ts'
import { chooseService } from '../store/scope.ts'
import { hashGenerated, hashSecret, minSecretLength, newSecret } from '../store/secrets.ts'
import type { LineError } from './csv.ts'
import { deviceSearch, toDevice } from './devices.ts'
import { type ImportOptions, type ImportOutcome, judge, readLines, recordImport } from './import-file.ts'
import { type ColumnType, refuseFile } from './import-mapping.ts'
import { toInstallation } from './installations.ts'
import {
  areTooManySecrets,
  isNoAsset,
  isShortSecret,
  isTaken,
  isTwice,
  isUnknownModel,
  needsAsset,
} from './line-faults.ts'
import { findUnknownModels } from './models.ts'

export const deviceColumns: Readonly<Record<string, ColumnType>> = {
  id: 'text',
  model: 'text',
  label: 'text',
  expectedIntervalS: 'number',
  service: 'text',
  lifeCycle: 'text',
  secret: 'text',
  assetId: 'text',
  channel: 'text',
  installedAt: 'time',
}

// A chosen secret costs 34 ms of CPU to write down.
const maxChosenSecrets = 2000

/** One good line of a file of devices. */
type NumberedDevice = { line: number; fields: DeviceLine }

/**
 * Registers the devices of a CSV file, and installs those that name an asset: all of them, or none when one line is
 * bad. The columns are the JSON names. Throws Problem `payload_too_large`, or `bad_request` with an error for every
 * bad line.
 */
export async function importDevices(
  access: Access,
  file: string | Uint8Array,
  { dryRun = false, mapping, progress }: ImportOptions = {},
): Promise<ImportOutcome> {
  progress?.('reading', 0, 0)
  const { lines, errors } = await readLines(file, deviceColumns, deviceLineSchema, mapping, progress)
  checkDeviceLines(lines, errors)
  if (dryRun || errors.length > 0) {
    await judge(access, errors, (change) => checkDevices(change, lines, errors, progress))
    const installed = lines.filter(isInstalled).length
    return { ...nothingChanged, importId: null, dryRun, created: lines.length, installed, devices: [] }
  }
  const secrets = await makeSecrets(lines)
  return mutate(access, async (change) => {
    await checkDevices(change, lines, errors, progress)
    if (errors.length > 0) refuseFile(errors)
    const installed = await writeDevices(access, change, lines, secrets, progress)
    const counts = { created: lines.length, changed: 0, installed }
    const importId = lines.length === 0 ? null : await recordImport(change, 'devices', counts)
    const devices = lines.map(({ fields: device }, i) => ({ id: device.id, secret: secrets[i]!.secret }))
    return { ...nothingChanged, ...counts, importId, dryRun: false, devices }
  })
}

// Devices that are there already are refused, so that a file never changes one.
const nothingChanged = { changed: 0, unchanged: 0, changes: [] }

function isInstalled({ fields }: NumberedDevice): boolean {
  return fields.assetId !== undefined
}

/** What can be judged without the registry: secrets, what is there twice. */
function checkDeviceLines(lines: readonly NumberedDevice[], errors: LineError[]): void {
  const seen = new Map<string, number>()
  let chosen = 0
  for (const { line, fields: device } of lines) {
    const earlier = seen.get(device.id)
    if (earlier !== undefined) errors.push({ line, column: 'id', message: isTwice(device.id, earlier) })
    seen.set(device.id, line)
    if (device.secret !== undefined) {
      if ([...device.secret].length < minSecretLength)
        errors.push({ line, column: 'secret', message: isShortSecret(minSecretLength) })
      if (++chosen === maxChosenSecrets + 1)
        errors.push({ line, column: 'secret', message: areTooManySecrets(maxChosenSecrets) })
    }
    if (device.assetId === undefined && (device.installedAt !== undefined || device.channel !== undefined))
      errors.push({ line, column: 'assetId', message: needsAsset })
  }
}

/** What only the registry can tell: ids that are taken, models and assets that do not exist. */
async function checkDevices(
  { trx, all }: Pick<Change, 'trx' | 'all'>,
  lines: readonly NumberedDevice[],
  errors: LineError[],
  progress: ImportOptions['progress'],
): Promise<void> {
  let done = 0
  for (const part of inParts(lines)) {
    done += part.length
    progress?.('checking', done, lines.length)
    await setImmediate()
    const ids = part.map(({ fields: device }) => device.id)
    const devices = await all.selectFrom('devices').select('id').where('id', 'in', ids).execute()
    const integrations = await all.selectFrom('integrations').select('name as id').where('name', 'in', ids).execute()
    const taken = new Set([...devices, ...integrations].map((row) => row.id))
    const assetIds = part.flatMap(({ fields: device }) => (device.assetId === undefined ? [] : [device.assetId]))
    const known = new Set<string>()
    if (assetIds.length > 0)
      for (const row of await trx.selectFrom('assets').select('id').where('id', 'in', assetIds).execute())
        known.add(row.id)
    const unknown = await findUnknownModels(trx, [...new Set(part.map(({ fields: device }) => device.model))])
    for (const { line, fields: device } of part) {
      if (unknown.has(device.model)) errors.push({ line, column: 'model', message: isUnknownModel(device.model) })
      if (taken.has(device.id)) errors.push({ line, column: 'id', message: isTaken(device.id) })
      if (device.assetId !== undefined && !known.has(device.assetId))
        errors.push({ line, column: 'assetId', message: isNoAsset(device.assetId) })
    }
  }
}

/** Secrets and what is kept of them, made before the transaction, which is to be short. */
async function makeSecrets(lines: readonly NumberedDevice[]): Promise<{ secret: string; stored: string }[]> {
  const secrets: { secret: string; stored: string }[] = []
  for (const [i, { fields: device }] of lines.entries()) {
    if (device.secret !== undefined)
      secrets.push({ secret: device.secret, stored: await hashSecret(device.secret, { chosen: true }) })
    else {
      const secret = newSecret()
      secrets.push({ secret, stored: hashGenerated(secret) })
    }
    if (i % 1000 === 999) await setImmediate()
  }
  return secrets
}

/** Writes lines that were checked in the same transaction; answers how many were installed. */
async function writeDevices(
  access: Access,
  { trx, revision, record }: Change,
  lines: readonly NumberedDevice[],
  secrets: readonly { secret: string; stored: string }[],
  progress: ImportOptions['progress'],
): Promise<number> {
  const now = Date.now()
  const devices = lines.map(
    ({ fields: device }, i): DeviceTable => ({
      id: device.id,
      model: device.model,
      label: device.label ?? null,
      expected_interval_s: device.expectedIntervalS ?? null,
      life_cycle: device.lifeCycle ?? 'active',
      service: chooseService(access, device.service),
      secret: secrets[i]!.stored,
      secret_revision: revision,
      secret_set_at: now,
      search: deviceSearch(device.id, device.label),
      created_at: now,
      revision,
    }),
  )
  let done = 0
  for (const part of inParts(devices)) {
    await trx.insertInto('devices').values(part).execute()
    for (const row of part) record('device', row.id, null, toDevice(row))
    done += part.length
    progress?.('writing', done, devices.length)
    await setImmediate()
  }
  // These devices are new: nothing of theirs can overlap.
  const installations = lines.filter(isInstalled).map(
    ({ fields: device }): InstallationTable => ({
      id: randomUUIDv7(),
      device_id: device.id,
      asset_id: device.assetId!,
      channel: device.channel ?? null,
      installed_at: device.installedAt ?? now,
      removed_at: null,
      calibration: null,
      recorded_at: now,
      revision,
    }),
  )
  for (const part of inParts(installations)) {
    await trx.insertInto('installations').values(part).execute()
    for (const row of part) record('installation', row.id, null, toInstallation(row))
    await setImmediate()
  }
  return installations.length
}
