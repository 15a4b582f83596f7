import { startFold } from '../domain/aggregate.ts'
import { compareSeries, type Reading, type SeriesKey } from '../domain/reading.ts'
import { windowEnd } from '../domain/window.ts'
import { maxInfluxTimeMs, minInfluxTimeMs } from './influx-line.ts'
import { openInfluxWriter } from './influx-writer.ts'
import type { ReadingStore, Series, SeriesQuery, SeriesRange } from './reading-store.ts'

/**
 * What differs between the versions of InfluxDB; the rest is the same for all. Times are UTC epoch ms within those that
 * InfluxDB can hold, `from` is included, `to` excluded. Whatever throws may be tried again, but for InfluxRefusal.
 */
export type InfluxServer = {
  /** Makes the database or bucket, and its retention, where they are missing; tells whether it had to. */
  prepare(): Promise<boolean>
  /** Writes lines of line protocol with times in milliseconds, wholly, or throws. InfluxRefusal: not these lines. */
  write(lines: string): Promise<void>
  /** The series of some devices, or of all, in any order; one without readings may be among them. */
  listSeries(devices: readonly string[] | null): Promise<SeriesKey[]>
  /** At most `limit` points of one series, by time, the newest first with `isDescending`. */
  readPoints(
    series: SeriesKey,
    span: { from: number; to: number; limit: number; isDescending?: boolean },
  ): Promise<[time: number, value: number][]>
  /** Removes readings of some devices, or of all. */
  remove(range: { devices: readonly string[] | null; from: number; to: number }): Promise<void>
}

// Points that are held at a time while a series is read.
const pageSize = 10_000

/**
 * Readings in InfluxDB: measurement = quantity, tags `device` and `channel` (absent when empty), one float field
 * `value`, milliseconds. InfluxDB keeps neither `receivedAt` nor `seq`: readings come back with `observedAt` and 0, and
 * of two writes of one key the later one stands; ingest writes in the order of `seq`. With `hasWritten` the database is
 * expected to be there: `write` throws ReadingsLostError, once, when it was not, and whenever it is gone later.
 */
export function openInfluxStore(
  server: InfluxServer,
  { hasWritten = false }: { hasWritten?: boolean | undefined } = {},
): ReadingStore {
  const { write } = openInfluxWriter(server, { hasWritten })

  async function listSeries(devices: readonly string[] | null): Promise<SeriesKey[]> {
    if (devices?.length === 0) return []
    return (await server.listSeries(devices)).sort(compareSeries)
  }

  async function query(asked: SeriesQuery): Promise<Series[]> {
    const answer: Series[] = []
    const { channel, quantity } = asked
    let left = asked.limit ?? Number.POSITIVE_INFINITY
    for (const series of await listSeries([...new Set(asked.devices)])) {
      if (left <= 0) break
      if (channel !== undefined && channel !== series.channel) continue
      if (quantity !== undefined && quantity !== series.quantity) continue
      const points = await readSeries(series, { ...asked, from: goOnFrom(asked, series) }, left)
      if (points.length > 0) answer.push({ ...series, points })
      left -= points.length
    }
    return answer
  }

  /** At most `limit` points of one series, folded into windows where those are asked for. */
  async function readSeries(
    series: SeriesKey,
    { from, to, window, aggregate = 'mean' }: SeriesQuery,
    limit: number,
  ): Promise<Series['points']> {
    const points: Series['points'] = []
    const fold = window === undefined ? null : startFold(window, aggregate)
    const wanted = fold === null ? limit : Number.POSITIVE_INFINITY
    for await (const page of readPages(series, { from, to }, wanted)) {
      if (fold === null) for (const point of page) points.push(point)
      else for (const [time, value] of page) fold.add(time, value)
      if (fold !== null && fold.points.length >= limit) break
    }
    if (fold === null) return points
    fold.finish()
    return fold.points.length > limit ? fold.points.slice(0, limit) : fold.points
  }

  async function* readPages(series: SeriesKey, range: { from: number; to: number }, limit: number) {
    const { from, to } = clamp(range)
    let left = limit
    for (let start = from; start < to && left > 0; ) {
      const size = Math.min(pageSize, left)
      const page = await server.readPoints(series, { from: start, to, limit: size })
      if (page.length > 0) yield page
      if (page.length < size) return
      left -= page.length
      start = page.at(-1)![0] + 1
    }
  }

  async function lastBefore(series: SeriesKey, time: number): Promise<Reading | null> {
    const span = clamp({ from: minInfluxTimeMs, to: time })
    if (span.from >= span.to) return null
    const [point] = await server.readPoints(series, { ...span, limit: 1, isDescending: true })
    return point === undefined ? null : toReading(series, point)
  }

  async function* scan({ devices, ...range }: SeriesRange): AsyncIterable<Reading> {
    for (const series of await listSeries(devices ?? null))
      for await (const page of readPages(series, range, Number.POSITIVE_INFINITY))
        for (const point of page) yield toReading(series, point)
  }

  async function remove({ devices, ...range }: SeriesRange): Promise<void> {
    const { from, to } = clamp(range)
    if (from < to && devices?.length !== 0) await server.remove({ devices: devices ?? null, from, to })
  }

  return { write, query, lastBefore, scan, remove, close: async () => {} }
}

function toReading(series: SeriesKey, [observedAt, value]: [number, number]): Reading {
  return { ...series, value, observedAt, receivedAt: observedAt, seq: 0 }
}

/** Where a page begins: behind the last point of the one before, or after the series that it ended with. */
function goOnFrom({ after, from, to, window }: SeriesQuery, series: SeriesKey): number {
  if (after === undefined) return from
  const order = compareSeries(series, after.series)
  if (order < 0) return to
  if (order > 0) return from
  return Math.max(from, window === undefined ? after.time + 1 : windowEnd(window, after.time))
}

function clamp({ from, to }: { from: number; to: number }): { from: number; to: number } {
  return { from: Math.max(from, minInfluxTimeMs), to: Math.min(to, maxInfluxTimeMs + 1) }
}
