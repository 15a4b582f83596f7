import { setImmediate } from 'node:timers/promises'
import type { AssetState, DeviceLifeCycle } from '../domain/asset.ts'
import { attentionRules } from '../domain/attention.ts'
import { compareTexts } from '../domain/compare.ts'
import { Problem } from '../domain/problem.ts'
import type { Quantity } from '../domain/quantity.ts'
import type { Latest } from '../domain/reading.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import { inParts } from '../store/registry.ts'
import { expectedIntervalS } from './expected-interval.ts'
import { decodeCursor, encodeCursor, type Page, type PageRequest } from './page.ts'
import { foldText, searchWords } from './search.ts'
import { openView } from './view.ts'

/** How a device is. Times are UTC epoch milliseconds; `assetId` is one that it is on. */
export type DeviceHealth = {
  deviceId: string
  label: string | null
  model: string
  service: string | null
  lifeCycle: DeviceLifeCycle
  state: AssetState
  intervalS: number
  lastSeenAt: number | null
  /** When it counts as silent, or has since. */
  silentAt: number | null
  battery: number | null
  rssi: number | null
  snr: number | null
  assetId: string | null
}

/** A device is silent once nothing was heard for this many expected intervals, as an asset is. */
const silentAfterIntervals = 3

/** What was read is told again for twenty times as long as it took to read, within these bounds. */
const keptMs = { least: 300, most: 10_000 }
const maxKept = 20

// What calls for work comes first.
const urgency: readonly AssetState[] = ['silent', 'attention', 'never_seen', 'working', 'out_of_service']

type Key = string | number | null
const sortKeys = {
  urgency: (row: DeviceHealth): Key => urgency.indexOf(row.state) * 1e14 + (row.silentAt ?? 0),
  id: (row: DeviceHealth): Key => row.deviceId,
  lastSeenAt: (row: DeviceHealth): Key => row.lastSeenAt,
  battery: (row: DeviceHealth): Key => row.battery,
  rssi: (row: DeviceHealth): Key => row.rssi,
} as const
export const fleetSorts = Object.keys(sortKeys) as [FleetSort, ...FleetSort[]]
export type FleetSort = keyof typeof sortKeys

export type FleetFilter = { state?: AssetState | undefined; model?: string | undefined; q?: string | undefined }

/**
 * The health of all devices that someone may see, read at most every few seconds and in parts, so that a large fleet
 * holds nobody up.
 */
export function openFleet(reader: Pick<IngestReader, 'activityOf' | 'latestOf'>) {
  const kept = new Map<string, { until: number; rows: Promise<DeviceHealth[]> }>()

  function read(access: Access): Promise<DeviceHealth[]> {
    const key = JSON.stringify(access.services)
    const known = kept.get(key)
    if (known !== undefined && Date.now() < known.until) return known.rows
    const start = Date.now()
    // Who asks while it is being read gets the same.
    const entry = { until: Number.POSITIVE_INFINITY, rows: readFleet(access, reader) }
    kept.delete(key)
    kept.set(key, entry)
    entry.rows.then(
      () => {
        const now = Date.now()
        entry.until = now + Math.min(keptMs.most, Math.max(keptMs.least, 20 * (now - start)))
      },
      () => kept.delete(key),
    )
    const { rows } = entry
    if (kept.size > maxKept) kept.delete(kept.keys().next().value!)
    return rows
  }

  return {
    /** The devices in the order of `sort`; what is not known comes last. */
    async list(
      access: Access,
      { limit, cursor, sort = 'urgency', ...filter }: PageRequest & FleetFilter & { sort?: FleetSort | undefined },
    ): Promise<Page<DeviceHealth>> {
      const keyOf = sortKeys[sort]
      const order = (a: [Key, string], b: [Key, string]) => compareKeys(a[0], b[0]) || compareTexts(a[1], b[1])
      const place = (row: DeviceHealth): [Key, string] => [keyOf(row), row.deviceId]
      const after = cursor === undefined ? null : readCursor(cursor)
      const found = (await read(access))
        .filter((row) => isWanted(row, filter) && (after === null || order(place(row), after) > 0))
        .sort((a, b) => order(place(a), place(b)))
      const items = found.slice(0, limit)
      return { items, next: found.length > limit ? encodeCursor(JSON.stringify(place(items.at(-1)!))) : null }
    },
    /** How many there are of each state; what there is none of is left out. */
    async count(access: Access, filter: Omit<FleetFilter, 'state'>): Promise<{ state: AssetState; count: number }[]> {
      const byState = Map.groupBy(
        (await read(access)).filter((row) => isWanted(row, filter)),
        (row) => row.state,
      )
      return urgency.flatMap((state) => {
        const count = byState.get(state)?.length ?? 0
        return count === 0 ? [] : [{ state, count }]
      })
    },
  }
}

export type Fleet = ReturnType<typeof openFleet>

function isWanted(row: DeviceHealth, { state, model, q }: FleetFilter): boolean {
  if ((state !== undefined && row.state !== state) || (model !== undefined && row.model !== model)) return false
  const words = searchWords(q ?? '')
  if (words.length === 0) return true
  const text = foldText(`${row.deviceId} ${row.label ?? ''} ${row.assetId ?? ''}`)
  return words.every((word) => text.includes(word))
}

function readCursor(cursor: string): [Key, string] {
  try {
    const [key, id] = JSON.parse(decodeCursor(cursor)) as [Key, string]
    if (typeof id === 'string') return [key, id]
  } catch (error) {
    if (error instanceof Problem) throw error
  }
  throw new Problem('bad_request', {
    fr: 'ce curseur ne vient pas de cette liste',
    en: 'this cursor is not one of this list',
  })
}

function compareKeys(a: Key, b: Key): number {
  if (a === b) return 0
  if (a === null) return 1
  if (b === null) return -1
  return a < b ? -1 : 1
}

async function readFleet(access: Access, reader: Pick<IngestReader, 'activityOf' | 'latestOf'>) {
  const { registry } = access
  const devices = await registry
    .selectFrom('devices')
    .leftJoin('learned_intervals', 'learned_intervals.device_id', 'devices.id')
    .leftJoin('device_models', 'device_models.id', 'devices.model')
    .selectAll('devices')
    .select([
      'learned_intervals.interval_s as learned_interval_s',
      'device_models.expected_interval_s as model_interval_s',
    ])
    .execute()
  const open = await registry
    .selectFrom('installations')
    .select(['device_id', 'asset_id'])
    .where('removed_at', 'is', null)
    .execute()
  const assetOf = new Map(open.map((row) => [row.device_id, row.asset_id]))
  const view = await openView(access)
  const now = Date.now()
  const rows: DeviceHealth[] = []
  for (const part of inParts(devices)) {
    await setImmediate()
    const ids = part.map((device) => device.id)
    const heard = new Map(reader.activityOf(ids).map((each) => [each.deviceId, each.lastSeenAt]))
    const latest = Map.groupBy(reader.latestOf(ids).flatMap(view.see), (reading) => reading.deviceId)
    for (const device of part) {
      const seenAt = heard.get(device.id)
      const lastSeenAt = seenAt !== undefined && view.seesMessage(device.id, seenAt) ? seenAt : null
      const intervalS = expectedIntervalS(device)
      const silentAt = lastSeenAt === null ? null : lastSeenAt + silentAfterIntervals * intervalS * 1000
      const told = latest.get(device.id) ?? []
      const battery = newest(told, 'battery_level')
      rows.push({
        deviceId: device.id,
        label: device.label,
        model: device.model,
        service: device.service,
        lifeCycle: device.life_cycle,
        state: stateOf(device.life_cycle, silentAt, battery, now),
        intervalS,
        lastSeenAt,
        silentAt,
        battery,
        rssi: newest(told, 'rssi'),
        snr: newest(told, 'snr'),
        assetId: assetOf.get(device.id) ?? null,
      })
    }
  }
  return rows
}

const lowBattery = attentionRules.find((rule) => rule.quantity === 'battery_level')!

function stateOf(lifeCycle: DeviceLifeCycle, silentAt: number | null, battery: number | null, now: number): AssetState {
  if (lifeCycle !== 'active') return 'out_of_service'
  if (silentAt === null) return 'never_seen'
  if (silentAt < now) return 'silent'
  return battery !== null && lowBattery.holds(battery) ? 'attention' : 'working'
}

function newest(readings: readonly Latest[], quantity: Quantity): number | null {
  let best: Latest | null = null
  for (const reading of readings)
    if (reading.quantity === quantity && (best === null || reading.observedAt >= best.observedAt)) best = reading
  return best?.value ?? null
}
