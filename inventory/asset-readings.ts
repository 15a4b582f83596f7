import type { Installation } from '../domain/asset.ts'
import { Problem } from '../domain/problem.ts'
import type { Aggregate, Latest, Reading } from '../domain/reading.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { ReadingStore, Series, SeriesQuery } from '../store/reading-store.ts'
import { toInstallation } from './installations.ts'

/** What to read of an asset: as of a store, without the devices, which the installations tell. */
export type AssetSeriesQuery = Omit<SeriesQuery, 'devices'>

/**
 * The newest reading of each channel and quantity of an asset, inside its installations, closed ones included; ordered
 * by channel and quantity. Throws Problem `not_found`.
 */
export async function readAssetLatest(
  access: Access,
  reader: Pick<IngestReader, 'latestOf'>,
  store: Pick<ReadingStore, 'lastBefore'>,
  assetId: string,
): Promise<Latest[]> {
  const installations = await readInstallations(access, assetId)
  const deviceIds = [...new Set(installations.map((each) => each.deviceId))]
  const latest = Map.groupBy(reader.latestOf(deviceIds), (each) => each.deviceId)
  const newest = new Map<string, Reading>()
  // The newest installations first: what they give spares most questions to the store about older ones.
  for (const installation of installations.toReversed())
    for (const series of latest.get(installation.deviceId) ?? []) {
      if (installation.channel !== null && installation.channel !== series.channel) continue
      const key = JSON.stringify([series.channel, series.quantity])
      const best = newest.get(key)
      if (best !== undefined && installation.removedAt !== null && best.observedAt >= installation.removedAt) continue
      const reading = await lastInside(store, installation, series)
      if (reading !== null && (best === undefined || reading.observedAt > best.observedAt)) newest.set(key, reading)
    }
  return [...newest.values()].sort((a, b) => compare(a.channel, b.channel) || compare(a.quantity, b.quantity))
}

/**
 * The readings of an asset, cut to what each device gave while it was installed there: one series for each device,
 * channel and quantity, ordered by them, at most `limit` points in all. A window that an installation's limits split
 * holds what was read inside them; one in which a device was taken off and put back holds both parts.
 * Throws Problem `not_found`.
 */
export async function readAssetSeries(
  access: Access,
  store: Pick<ReadingStore, 'query'>,
  assetId: string,
  query: AssetSeriesQuery,
): Promise<Series[]> {
  const installations = await readInstallations(access, assetId)
  const series: Series[] = []
  let left = query.limit ?? Number.POSITIVE_INFINITY
  const byDevice = Map.groupBy(installations, (each) => each.deviceId)
  for (const deviceId of [...byDevice.keys()].sort(compare)) {
    if (left <= 0) break
    if (query.after !== undefined && deviceId < query.after.series.deviceId) continue
    for (const each of await readDeviceSeries(store, byDevice.get(deviceId)!, { ...query, limit: left })) {
      const points = each.points.slice(0, left)
      left -= points.length
      if (points.length > 0) series.push({ ...each, points })
    }
  }
  return series
}

/** One part of a device's time on an asset, and what was read in it. */
type Part = { from: number; to: number; series: Series }

/** The series of one device over its installations on one asset, which do not overlap. */
async function readDeviceSeries(
  store: Pick<ReadingStore, 'query'>,
  installations: readonly Installation[],
  query: AssetSeriesQuery & { limit: number },
): Promise<Series[]> {
  const { limit, ...rest } = query
  const parts = new Map<string, Part[]>()
  for (const { deviceId, channel, installedAt, removedAt } of installations) {
    if (channel !== null && query.channel !== undefined && channel !== query.channel) continue
    const from = Math.max(query.from, installedAt)
    const to = Math.min(query.to, removedAt ?? query.to)
    if (from >= to) continue
    const found = await store.query({
      ...rest,
      devices: [deviceId],
      from,
      to,
      ...(channel === null ? {} : { channel }),
      ...(Number.isFinite(limit) ? { limit } : {}),
    })
    for (const series of found) {
      const key = JSON.stringify([series.channel, series.quantity])
      const list = parts.get(key)
      if (list === undefined) parts.set(key, [{ from, to, series }])
      else list.push({ from, to, series })
    }
  }
  const merged = await Promise.all([...parts.values()].map((each) => joinParts(store, each, query)))
  return merged.sort((a, b) => compare(a.channel, b.channel) || compare(a.quantity, b.quantity))
}

/** Joins the parts of one series, which come in the order of time. */
async function joinParts(
  store: Pick<ReadingStore, 'query'>,
  parts: readonly Part[],
  query: AssetSeriesQuery,
): Promise<Series> {
  const points: Series['points'] = []
  // The parts that gave the last point: a window may be split more than once.
  let sources: Part[] = []
  for (const part of parts)
    for (const [i, point] of part.series.points.entries()) {
      const last = points.at(-1)
      if (i > 0 || query.window === undefined || last === undefined || last[0] !== point[0]) {
        points.push([...point])
        sources = [part]
        continue
      }
      last[1] = await foldWindow(store, query, point[0], sources, last[1], part, point[1])
      sources.push(part)
    }
  return { ...parts[0]!.series, points }
}

/** The value of a window that stands in several parts. */
async function foldWindow(
  store: Pick<ReadingStore, 'query'>,
  query: AssetSeriesQuery,
  windowStart: number,
  earlier: readonly Part[],
  earlierValue: number,
  later: Part,
  laterValue: number,
): Promise<number> {
  const aggregate: Aggregate = query.aggregate ?? 'mean'
  if (aggregate !== 'mean') return joins[aggregate](earlierValue, laterValue)
  const counts = await Promise.all([...earlier, later].map((part) => countInWindow(store, query, windowStart, part)))
  const laterCount = counts.pop()!
  const earlierCount = counts.reduce((sum, count) => sum + count, 0)
  return (earlierValue * earlierCount + laterValue * laterCount) / (earlierCount + laterCount)
}

const joins: Record<Exclude<Aggregate, 'mean'>, (earlier: number, later: number) => number> = {
  min: Math.min,
  max: Math.max,
  sum: (earlier, later) => earlier + later,
  count: (earlier, later) => earlier + later,
  first: (earlier) => earlier,
  last: (_, later) => later,
}

/** How many readings of a part fall into the window, which is the first one at or after both beginnings. */
async function countInWindow(
  store: Pick<ReadingStore, 'query'>,
  query: AssetSeriesQuery,
  windowStart: number,
  { from, to, series: { deviceId, channel, quantity } }: Part,
): Promise<number> {
  const found = await store.query({
    devices: [deviceId],
    channel,
    quantity,
    from: Math.max(from, windowStart),
    to,
    window: query.window!,
    aggregate: 'count',
    limit: 1,
  })
  return found[0]?.points[0]?.[1] ?? 0
}

/** The newest reading of a series inside an installation, or null. */
async function lastInside(
  store: Pick<ReadingStore, 'lastBefore'>,
  { installedAt, removedAt }: Installation,
  series: Latest,
): Promise<Reading | null> {
  if (series.observedAt < installedAt) return null
  if (removedAt === null || series.observedAt < removedAt) return series
  const { deviceId, channel, quantity } = series
  const reading = await store.lastBefore({ deviceId, channel, quantity }, removedAt)
  return reading === null || reading.observedAt < installedAt ? null : reading
}

/** All installations of an asset, in the order of their beginnings. Throws Problem `not_found` for an unknown asset. */
async function readInstallations(access: Access, assetId: string): Promise<Installation[]> {
  const asset = await access.registry.selectFrom('assets').select('id').where('id', '=', assetId).executeTakeFirst()
  if (asset === undefined) throw new Problem('not_found', assetId)
  const rows = await access.registry
    .selectFrom('installations')
    .selectAll()
    .where('asset_id', '=', assetId)
    .orderBy('installed_at')
    .orderBy('id')
    .execute()
  return rows.map(toInstallation)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
