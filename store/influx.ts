import { startFold } from '../domain/aggregate.ts'
import { compareSeries, type Reading, type SeriesKey } from '../domain/reading.ts'
import { windowEnd } from '../domain/window.ts'
import { InfluxRefusal } from './influx-http.ts'
import { encodeSeries, findLineFault, maxInfluxTimeMs, minInfluxTimeMs } from './influx-line.ts'
import {
  type ReadingStore,
  ReadingsLostError,
  type Series,
  type SeriesQuery,
  type SeriesRange,
} from './reading-store.ts'

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

// A batch of lines grows while InfluxDB takes it quickly, and shrinks when it does not.
const fewestLines = 250
const mostLines = 20_000
const slowMs = 1000
const quickMs = 250
// Points that are held at a time while a series is read.
const pageSize = 10_000
// Series whose encoded names are remembered.
const maxKnownSeries = 200_000

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
  const prefixes = new Map<string, string>()
  let batchLines = 5000
  let isPrepared = false
  let hasLines = hasWritten

  function prefixOf(reading: Reading): string {
    const key = `${reading.deviceId}\n${reading.channel}\n${reading.quantity}`
    let prefix = prefixes.get(key)
    if (prefix === undefined) {
      if (prefixes.size >= maxKnownSeries) prefixes.clear()
      prefix = encodeSeries(reading)
      prefixes.set(key, prefix)
    }
    return prefix
  }

  type Line = { index: number; seq: number; text: string }

  async function write(readings: readonly Reading[]) {
    const rejected: { index: number; reason: string }[] = []
    const byKey = new Map<string, Line>()
    for (const [index, reading] of readings.entries()) {
      const reason = findLineFault(reading)
      if (reason !== null) {
        rejected.push({ index, reason })
        continue
      }
      const prefix = prefixOf(reading)
      const key = `${prefix} ${reading.observedAt}`
      const other = byKey.get(key)
      if (other === undefined || reading.seq >= other.seq)
        byKey.set(key, { index, seq: reading.seq, text: `${prefix} value=${reading.value} ${reading.observedAt}` })
    }
    const lines = [...byKey.values()]
    for (let at = 0; at < lines.length; ) {
      const batch = lines.slice(at, at + batchLines)
      await send(batch, rejected)
      at += batch.length
    }
    rejected.sort((a, b) => a.index - b.index)
    return { rejected }
  }

  // InfluxDB says that it refused lines, seldom which: the batch is halved until a refused line is alone. Lines that it
  // had taken are written again by that, which changes nothing.
  async function send(batch: readonly Line[], rejected: { index: number; reason: string }[]): Promise<void> {
    if (!isPrepared) {
      const isNew = await server.prepare().catch((error: Error) => {
        // A refusal here says nothing of the lines.
        throw new Error(error.message)
      })
      isPrepared = true
      if (isNew && hasLines) throw new ReadingsLostError('InfluxDB had lost its database, which was made again')
    }
    hasLines = true
    const begun = performance.now()
    try {
      await server.write(batch.map((line) => line.text).join('\n'))
    } catch (error) {
      if (!(error instanceof InfluxRefusal)) throw error
      if (error.status === 404) {
        isPrepared = false
        await send(batch, rejected)
        return
      }
      if (batch.length === 1) {
        rejected.push({ index: batch[0]!.index, reason: error.message })
        return
      }
      const half = batch.length >> 1
      await send(batch.slice(0, half), rejected)
      await send(batch.slice(half), rejected)
      return
    }
    const tookMs = performance.now() - begun
    if (tookMs > slowMs) batchLines = Math.max(fewestLines, batchLines >> 1)
    else if (tookMs < quickMs && batch.length === batchLines) batchLines = Math.min(mostLines, batchLines * 2)
  }

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
