import { startFold } from '../domain/aggregate.ts'
import { type Calibration, calibrate, madeFrom, type Source, sourceOf } from '../domain/calibration.ts'
import { compareTexts } from '../domain/compare.ts'
import { type Aggregate, compareSeries, type Latest, type SeriesKey } from '../domain/reading.ts'
import { type Window, windowAt, windowStart } from '../domain/window.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { ReadingStore, Series, SeriesQuery } from '../store/reading-store.ts'

/**
 * A stretch of a device's time, [from, to) in UTC epoch ms: of one channel, or of all when null, read with a
 * calibration.
 */
export type Part = {
  deviceId: string
  channel: string | null
  from: number
  to: number
  calibration: Calibration | null
}

/** What to read of some parts: as of a store, without the devices, which the parts tell. */
export type PartsQuery = Omit<SeriesQuery, 'devices'>

/** A series whose windows may be `estimated`: by their starts, those that could not be told exactly any more. */
export type JoinedSeries = Series & { estimated: number[] }

/** Raw readings that are held at once while they are folded. */
const rawPerQuery = 20_000

/** One series that parts give, and the stretches of time that it is made of, in their order. */
type Plan = SeriesKey & { stretches: { from: number; to: number; source: Source }[] }

/**
 * The readings of some parts, which do not overlap: one series for each device, channel and quantity, ordered by them,
 * at most `limit` points in all. A window that the limits of a part split holds what was read inside them, computed
 * from single readings; where those are gone it is estimated.
 */
export async function readParts(
  reader: Pick<IngestReader, 'latestOf' | 'readings'>,
  parts: readonly Part[],
  query: PartsQuery,
): Promise<JoinedSeries[]> {
  const found: JoinedSeries[] = []
  let left = query.limit ?? Number.POSITIVE_INFINITY
  for (const plan of planSeries(reader, parts, query)) {
    if (left <= 0) break
    const position = query.after === undefined ? -1 : compareSeries(plan, query.after.series)
    if (query.after !== undefined && position < 0) continue
    const from = query.after !== undefined && position === 0 ? follow(query, query.after.time) : query.from
    const series = await readPlan(reader.readings, plan, { ...query, from }, left)
    left -= series.points.length
    if (series.points.length > 0) found.push(series)
  }
  return found
}

/**
 * The newest reading of each channel and quantity inside some parts, whichever device it came from; ordered by channel
 * and quantity. Calibrations are applied.
 */
export async function readLatest(
  reader: Pick<IngestReader, 'latestOf' | 'readings'>,
  parts: readonly Part[],
): Promise<Latest[]> {
  const latest = Map.groupBy(reader.latestOf([...new Set(parts.map((part) => part.deviceId))]), (each) => each.deviceId)
  const newest = new Map<string, Latest>()
  for (const part of parts)
    for (const series of latest.get(part.deviceId) ?? []) {
      if (part.channel !== null && part.channel !== series.channel) continue
      const reading = await lastInside(reader.readings, part, series)
      if (reading === null) continue
      for (const each of calibrate(part.calibration, reading)) {
        const key = JSON.stringify([each.channel, each.quantity])
        const best = newest.get(key)
        if (best === undefined || each.observedAt > best.observedAt) newest.set(key, each)
      }
    }
  return [...newest.values()].sort((a, b) => compareTexts(a.channel, b.channel) || compareTexts(a.quantity, b.quantity))
}

/** The newest reading of a series inside a part, or null. */
async function lastInside(
  store: Pick<ReadingStore, 'lastBefore'>,
  { from, to }: Part,
  series: Latest,
): Promise<Latest | null> {
  if (series.observedAt < from) return null
  if (series.observedAt < to) return series
  const { deviceId, channel, quantity } = series
  const reading = await store.lastBefore({ deviceId, channel, quantity }, to)
  return reading === null || reading.observedAt < from ? null : reading
}

/** Which series there are, and what each is made of. Every series that was ever stored has its latest reading. */
function planSeries(reader: Pick<IngestReader, 'latestOf'>, parts: readonly Part[], query: PartsQuery): Plan[] {
  const byDevice = Map.groupBy(parts, (part) => part.deviceId)
  const plans = new Map<string, Plan>()
  for (const { deviceId, channel, quantity: raw } of reader.latestOf([...byDevice.keys()])) {
    if (query.channel !== undefined && query.channel !== channel) continue
    for (const { from, to, calibration, ...part } of byDevice.get(deviceId) ?? []) {
      if (part.channel !== null && part.channel !== channel) continue
      for (const quantity of madeFrom(calibration, raw)) {
        if (query.quantity !== undefined && query.quantity !== quantity) continue
        const key = JSON.stringify([deviceId, channel, quantity])
        const plan = plans.get(key) ?? { deviceId, channel, quantity, stretches: [] }
        plan.stretches.push({ from, to, source: sourceOf(calibration, quantity) })
        plans.set(key, plan)
      }
    }
  }
  for (const { stretches } of plans.values()) stretches.sort((a, b) => a.from - b.from)
  return [...plans.values()].sort(compareSeries)
}

// Where an answer goes on that ended with a point: a reading behind it, or the window behind that.
function follow({ window }: PartsQuery, time: number): number {
  return window === undefined ? time + 1 : windowAt(window, time).end
}

async function readPlan(
  store: Pick<ReadingStore, 'query'>,
  plan: Plan,
  query: PartsQuery,
  limit: number,
): Promise<JoinedSeries> {
  const { stretches, ...key } = plan
  const cut = stretches
    .map((each) => ({ ...each, from: Math.max(query.from, each.from), to: Math.min(query.to, each.to) }))
    .filter(({ from, to }) => from < to)
  if (query.window === undefined) {
    const points: Series['points'] = []
    for (const stretch of cut) {
      if (points.length >= limit) break
      for await (const [time, value] of readRaw(store, key, stretch, limit - points.length)) points.push([time, value])
    }
    return { ...key, points: points.slice(0, limit), estimated: [] }
  }
  return readWindows(store, key, cut, splitWindows(stretches, query.window), query as WindowQuery, limit)
}

type WindowQuery = PartsQuery & { window: Window }

/** The windows that the limits of stretches split, by their starts. */
function splitWindows(stretches: Plan['stretches'], window: Window): Set<number> {
  const limits = stretches.flatMap(({ from, to }) => [from, to]).filter(Number.isFinite)
  return new Set(limits.map((time) => windowStart(window, time)).filter((start, i) => start !== limits[i]))
}

async function readWindows(
  store: Pick<ReadingStore, 'query'>,
  key: SeriesKey,
  stretches: Plan['stretches'],
  split: ReadonlySet<number>,
  query: WindowQuery,
  limit: number,
): Promise<JoinedSeries> {
  const aggregate = query.aggregate ?? 'mean'
  const points: Series['points'] = []
  let lastMs = 0
  for (const stretch of stretches) {
    // One more than wanted: the last one may still be joined with what follows.
    if (points.length > limit) break
    for (const [time, value] of await readStretch(store, key, stretch, query, limit + 1 - points.length)) {
      const ms = Math.min(stretch.to, windowAt(query.window, time).end) - Math.max(stretch.from, time)
      const last = points.at(-1)
      if (last?.[0] === time) last[1] = joins[aggregate](last[1], value, lastMs, ms)
      else points.push([time, value])
      lastMs = last?.[0] === time ? lastMs + ms : ms
    }
  }
  const estimated: number[] = []
  for (const point of points.slice(0, limit)) {
    if (!split.has(point[0])) continue
    const exact = await foldWindow(store, key, stretches, query.window, aggregate, point[0])
    if (exact === null) estimated.push(point[0])
    else point[1] = exact
  }
  return { ...key, points: points.slice(0, limit), estimated }
}

// Two parts of one window whose single readings are gone. A mean is weighed by their lengths.
const joins: Record<Aggregate, (earlier: number, later: number, earlierMs: number, laterMs: number) => number> = {
  mean: (earlier, later, earlierMs, laterMs) => (earlier * earlierMs + later * laterMs) / (earlierMs + laterMs),
  min: Math.min,
  max: Math.max,
  sum: (earlier, later) => earlier + later,
  count: (earlier, later) => earlier + later,
  first: (earlier) => earlier,
  last: (_, later) => later,
}

/** The windows of one stretch. A plain factor may be applied to what the store has folded; all else is folded here. */
async function readStretch(
  store: Pick<ReadingStore, 'query'>,
  key: SeriesKey,
  stretch: Plan['stretches'][number],
  query: WindowQuery,
  limit: number,
): Promise<Series['points']> {
  const aggregate = query.aggregate ?? 'mean'
  const { source, from, to } = stretch
  if (source.factor === null) {
    const fold = startFold(query.window, aggregate)
    for await (const [time, value] of readRaw(store, key, stretch)) {
      fold.add(time, value)
      if (fold.points.length >= limit) return fold.points
    }
    fold.finish()
    return fold.points
  }
  const [found] = await store.query({
    devices: [key.deviceId],
    channel: key.channel,
    quantity: source.quantity,
    from,
    to,
    window: query.window,
    aggregate,
    ...(Number.isFinite(limit) ? { limit } : {}),
  })
  const factor = aggregate === 'count' ? 1 : source.factor
  return (found?.points ?? []).map(([time, value]) => [time, value * factor])
}

/** A window out of single readings, or null where there are none any more. */
async function foldWindow(
  store: Pick<ReadingStore, 'query'>,
  key: SeriesKey,
  stretches: Plan['stretches'],
  window: Window,
  aggregate: Aggregate,
  time: number,
): Promise<number | null> {
  const { start, end } = windowAt(window, time)
  const fold = startFold(window, aggregate)
  for (const { source, ...stretch } of stretches) {
    const [from, to] = [Math.max(start, stretch.from), Math.min(end, stretch.to)]
    if (from < to) for await (const point of readRaw(store, key, { from, to, source })) fold.add(...point)
  }
  fold.finish()
  return fold.points[0]?.[1] ?? null
}

/** Single readings of a stretch, converted, in the order of time. */
async function* readRaw(
  store: Pick<ReadingStore, 'query'>,
  { deviceId, channel }: SeriesKey,
  { source, from, to }: Plan['stretches'][number],
  limit = Number.POSITIVE_INFINITY,
): AsyncIterable<[time: number, value: number]> {
  let start = from
  let left = limit
  while (left > 0 && start < to) {
    const [found] = await store.query({
      devices: [deviceId],
      channel,
      quantity: source.quantity,
      from: start,
      to,
      limit: Math.min(left, rawPerQuery),
    })
    const points = found?.points ?? []
    for (const [time, value] of points) yield [time, source.convert(value)]
    if (points.length < Math.min(left, rawPerQuery)) return
    left -= points.length
    start = points.at(-1)![0] + 1
  }
}
