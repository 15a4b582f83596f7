import type { Quantity } from '../domain/quantity.ts'
import { parseWindow, windowAt } from '../domain/window.ts'
import type { Access } from '../store/access.ts'
import type { ReadingStore } from '../store/reading-store.ts'
import { inParts } from '../store/registry.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** An index read up to this long before a time stands for it: meters speak every quarter of an hour to every two hours. */
const staleMs = 3 * hourMs

/** Most meters of one answer; of more, the first by id are summed, and `of` says so. */
const maxMeters = 2000

const quantity: Quantity = 'energy_active_import'

/**
 * The energy of today until now, in Wh, and that of the same hours of the same day last week. It sums the `meters` whose
 * index was known at all four times and grew, of the `of` in service, so that like is compared with like; where no meter
 * has a last week, `before` is null and the sum is of those that were known today.
 */
export type EnergyToday = { value: number | null; before: number | null; meters: number; of: number }

/** Reads the indexes of the energy meters that may be seen, those that hang on another one apart: they are part of it. */
export async function readEnergyToday(
  access: Access,
  readings: Pick<ReadingStore, 'query'>,
  zone: string,
  now = Date.now(),
): Promise<EnergyToday> {
  const meters = await listMeters(access)
  const devices = await listDevices(access, meters.slice(0, maxMeters), now)
  const civil = parseWindow('1d', zone)!
  const { start } = windowAt(civil, now)
  // Noon of the day a week before, whatever the clocks did in between.
  const startBefore = windowAt(civil, start - 6.5 * dayMs).start
  const times = [start, now, startBefore, startBefore + (now - start)] as const
  const found = new Map(devices.map(({ deviceId }) => [deviceId, times.map(() => null as Map<string, number> | null)]))
  for (const part of inParts([...found.keys()]))
    for (const [i, to] of times.entries())
      for (const { deviceId, channel, points } of await readings.query({
        devices: part,
        quantity,
        from: to - staleMs,
        to,
        window: { kind: 'fixed', ms: hourMs },
        aggregate: 'last',
      })) {
        const indexes = found.get(deviceId)!
        indexes[i] ??= new Map()
        indexes[i].set(channel, points.at(-1)![1])
      }
  const days = devices.map(({ deviceId, installedAt }) => {
    const [from, to, fromBefore, toBefore] = found.get(deviceId)!
    return {
      today: installedAt <= start ? grow(from!, to!) : null,
      before: installedAt <= startBefore ? grow(fromBefore!, toBefore!) : null,
    }
  })
  const compared = days.filter((each) => each.today !== null && each.before !== null)
  const summed = compared.length > 0 ? compared : days.filter((each) => each.today !== null)
  const sum = (key: 'today' | 'before') => summed.reduce((total, each) => total + each[key]!, 0)
  return {
    value: summed.length === 0 ? null : sum('today'),
    before: compared.length === 0 ? null : sum('before'),
    meters: summed.length,
    of: meters.length,
  }
}

/** What went through a meter between two sets of indexes; null where one is missing or smaller than before. */
function grow(from: Map<string, number> | null, to: Map<string, number> | null): number | null {
  if (from === null || to === null) return null
  // Where a device tells a total, in the empty channel, its other channels are parts of it.
  const channels = to.has('') ? [''] : [...to.keys()]
  let sum = 0
  for (const channel of channels) {
    const before = from.get(channel)
    const after = to.get(channel)!
    if (before === undefined || after < before) return null
    sum += after - before
  }
  return sum
}

async function listMeters({ registry }: Access): Promise<string[]> {
  const rows = await registry
    .selectFrom('assets')
    .leftJoin('assets as parents', 'parents.id', 'assets.parent_id')
    .select('assets.id')
    .where('assets.kind', '=', 'energy_meter')
    .where('assets.life_cycle', '=', 'in_service')
    .where((e) => e.or([e('parents.kind', 'is', null), e('parents.kind', '!=', 'energy_meter')]))
    .orderBy('assets.id')
    .execute()
  return rows.map((row) => row.id)
}

/** The device that is on each meter now; one that has several installed at once is left out. */
async function listDevices(
  { registry }: Access,
  assetIds: readonly string[],
  now: number,
): Promise<{ deviceId: string; installedAt: number }[]> {
  const found = new Map<string, { deviceId: string; installedAt: number }[]>()
  for (const part of inParts(assetIds)) {
    const rows = await registry
      .selectFrom('installations')
      .select(['asset_id', 'device_id', 'installed_at'])
      .where('asset_id', 'in', part)
      .where('installed_at', '<=', now)
      .where((e) => e.or([e('removed_at', 'is', null), e('removed_at', '>', now)]))
      .execute()
    for (const { asset_id, device_id, installed_at } of rows)
      found.set(asset_id, [...(found.get(asset_id) ?? []), { deviceId: device_id, installedAt: installed_at }])
  }
  return [...found.values()].filter((each) => each.length === 1).map(([only]) => only!)
}
