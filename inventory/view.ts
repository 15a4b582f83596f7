import { calibrate } from '../domain/calibration.ts'
import type { Installation } from '../domain/installation.ts'
import { Problem } from '../domain/problem.ts'
import type { Reading } from '../domain/reading.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import { inParts } from '../store/registry.ts'
import { toInstallation } from './installations.ts'
import type { Part } from './series-parts.ts'

/*
 * Whose a reading is. It belongs to the asset on which it was read, and so to that asset's service; read under no
 * installation, it belongs to the service of its device. Who is limited to services sees those alone, whichever device
 * they came from.
 */

/** What may be seen of one device. */
type Seen = {
  isOwned: boolean
  /** All of its installations, in the order of time, with whether their asset is seen. */
  installations: (Installation & { isSeen: boolean })[]
}

type Told = Pick<Reading, 'deviceId' | 'channel' | 'quantity' | 'value' | 'observedAt'>

/** What someone may see of readings as they come by. */
export type View = {
  /** The devices whose readings may be seen, in part at least; null for all. */
  deviceIds: string[] | null
  /** A reading as it is seen: none, or several where a calibration makes more of it. */
  see<Any extends Told>(reading: Any): Any[]
  /** Whether a message of a device, received at a time, may be seen. */
  seesMessage(deviceId: string | null, receivedAt: number): boolean
}

const all: View = { deviceIds: null, see: (reading) => [reading], seesMessage: () => true }

/**
 * What someone may see of the readings of some devices (all, when left out), or of one asset, whose calibrations are
 * applied. Throws Problem `not_found` for a device or asset that may not be seen.
 */
export async function openView(
  access: Access,
  { deviceIds, assetId }: { deviceIds?: readonly string[] | undefined; assetId?: string | undefined } = {},
): Promise<View> {
  if (assetId !== undefined) return viewAsset(access, assetId)
  if (access.services === null && deviceIds === undefined) return all
  if (deviceIds !== undefined) await checkDevices(access, deviceIds)
  if (access.services === null) return { ...all, deviceIds: [...deviceIds!] }
  const seen = await readSeen(access, deviceIds)
  return {
    deviceIds: [...seen.keys()],
    see(reading) {
      const device = seen.get(reading.deviceId)
      if (device === undefined) return []
      const there = device.installations.find((each) => covers(each, reading.channel, reading.observedAt))
      return (there?.isSeen ?? device.isOwned) ? [reading] : []
    },
    seesMessage(deviceId, receivedAt) {
      const device = deviceId === null ? undefined : seen.get(deviceId)
      if (device === undefined) return false
      const there = device.installations.filter((each) => covers(each, null, receivedAt))
      return there.length === 0 ? device.isOwned : there.some((each) => each.isSeen)
    },
  }
}

/** The parts of a device's time that may be seen, channel by channel; one part for who sees all. */
export async function readDeviceParts(
  access: Access,
  reader: Pick<IngestReader, 'latestOf'>,
  deviceId: string,
): Promise<Part[]> {
  await checkDevices(access, [deviceId])
  const whole = { deviceId, channel: null, from: 0, to: Number.POSITIVE_INFINITY, calibration: null }
  if (access.services === null) return [whole]
  const device = (await readSeen(access, [deviceId])).get(deviceId)!
  const channels = new Set(reader.latestOf([deviceId]).map((each) => each.channel))
  return [...channels].flatMap((channel) => partsOfChannel(whole, device, channel))
}

function partsOfChannel(whole: Part, { isOwned, installations }: Seen, channel: string): Part[] {
  const parts: Part[] = []
  let free = whole.from
  for (const { installedAt, removedAt, isSeen } of installations.filter((each) => isOf(each, channel))) {
    if (isOwned && free < installedAt) parts.push({ ...whole, channel, from: free, to: installedAt })
    free = removedAt ?? Number.POSITIVE_INFINITY
    if (isSeen) parts.push({ ...whole, channel, from: installedAt, to: free })
  }
  if (isOwned && free < whole.to) parts.push({ ...whole, channel, from: free })
  return parts
}

async function viewAsset(access: Access, assetId: string): Promise<View> {
  const asset = await access.registry.selectFrom('assets').select('id').where('id', '=', assetId).executeTakeFirst()
  if (asset === undefined) throw new Problem('not_found', { fr: `équipement ${assetId}`, en: `asset ${assetId}` })
  const rows = await access.registry.selectFrom('installations').selectAll().where('asset_id', '=', assetId).execute()
  const byDevice = Map.groupBy(rows.map(toInstallation), (each) => each.deviceId)
  const find = (deviceId: string, channel: string | null, time: number) =>
    byDevice.get(deviceId)?.find((each) => covers(each, channel, time))
  return {
    deviceIds: [...byDevice.keys()],
    see(reading) {
      const there = find(reading.deviceId, reading.channel, reading.observedAt)
      return there === undefined ? [] : calibrate(there.calibration, reading)
    },
    seesMessage: (deviceId, receivedAt) => deviceId !== null && find(deviceId, null, receivedAt) !== undefined,
  }
}

async function readSeen(access: Access, deviceIds: readonly string[] | undefined): Promise<Map<string, Seen>> {
  const { registry, services } = access
  const devices: { id: string; service: string | null }[] = []
  if (deviceIds === undefined)
    devices.push(...(await registry.selectFrom('devices').select(['id', 'service']).execute()))
  else
    for (const part of inParts(deviceIds))
      devices.push(
        ...(await registry.selectFrom('devices').select(['id', 'service']).where('id', 'in', part).execute()),
      )
  const seen = new Map<string, Seen>()
  for (const { id, service } of devices)
    seen.set(id, { isOwned: service !== null && services!.includes(service), installations: [] })
  for (const part of inParts(devices)) {
    // All of them, since a reading under an installation that is not seen is not its device's either.
    const rows = await registry
      .withoutPlugins()
      .selectFrom('installations')
      .innerJoin('assets', 'assets.id', 'installations.asset_id')
      .selectAll('installations')
      .select('assets.service')
      .where(
        'device_id',
        'in',
        part.map((each) => each.id),
      )
      .orderBy('installed_at')
      .execute()
    for (const { service, ...row } of rows)
      seen
        .get(row.device_id)!
        .installations.push({ ...toInstallation(row), isSeen: service !== null && services!.includes(service) })
  }
  return seen
}

async function checkDevices({ registry }: Access, deviceIds: readonly string[]): Promise<void> {
  for (const part of inParts(deviceIds)) {
    const rows = await registry.selectFrom('devices').select('id').where('id', 'in', part).execute()
    const missing = part.find((id) => rows.every((row) => row.id !== id))
    if (missing !== undefined) throw new Problem('not_found', missing)
  }
}

function covers(installation: Installation, channel: string | null, time: number): boolean {
  const { installedAt, removedAt } = installation
  return isOf(installation, channel) && installedAt <= time && (removedAt === null || time < removedAt)
}

// A message is of all channels.
function isOf(installation: Installation, channel: string | null): boolean {
  return channel === null || installation.channel === null || installation.channel === channel
}
