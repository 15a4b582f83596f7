import type { DatabaseSync } from 'node:sqlite'
import type { Summary } from '../domain/aggregate.ts'
import type { Quantity } from '../domain/quantity.ts'
import type { Reading, SeriesKey } from '../domain/reading.ts'
import { hourMs } from './embedded-time.ts'
import { clampToInflux } from './influx-line.ts'
import { openInfluxReader } from './influx-reader.ts'
import { openRollups, openToldHours, type RollupOptions } from './influx-rollups.ts'
import { openInfluxWriter } from './influx-writer.ts'
import type { ReadingStore, SeriesRange } from './reading-store.ts'

/** What to read of each of some series of one quantity: at most `limit` points, the newest first with `isDescending`. */
export type InfluxSpan = { from: number; to: number; limit: number; isDescending?: boolean }

/**
 * What differs between the versions of InfluxDB; the rest is the same for all. Times are UTC epoch ms within those that
 * InfluxDB can hold, `from` is included, `to` excluded. Whatever throws may be tried again, but for InfluxRefusal.
 */
export type InfluxServer = {
  /** Which server and database this is, for what is written down about it. */
  name: string
  /** Makes the database or bucket, and its retention, where they are missing; tells whether it had to. */
  prepare(): Promise<boolean>
  /** Writes lines of line protocol with times in milliseconds, wholly, or throws. InfluxRefusal: not these lines. */
  write(lines: string): Promise<void>
  /** The series of some devices, or of all, in any order; one without readings may be among them. */
  listSeries(devices: readonly string[] | null): Promise<SeriesKey[]>
  /** The points of each of some series of one quantity, by time. */
  readPoints(series: readonly SeriesKey[], span: InfluxSpan): Promise<[time: number, value: number][][]>
  /** Removes readings of some devices, or of all, and their rollups whose time is in the span. */
  remove(range: { devices: readonly string[] | null; from: number; to: number }): Promise<void>
  /** Hourly rollups; absent where there are none. */
  hours?: {
    /** What the readings of an hour come to, of each series of a quantity that has any; told by the hour's beginning. */
    sum(quantity: Quantity, from: number): Promise<[SeriesKey, Summary][]>
    /** The rollups of each of some series of one quantity, by time. */
    read(series: readonly SeriesKey[], span: InfluxSpan): Promise<[time: number, Summary][][]>
    /** Removes rollups of some devices, or of all. */
    remove(range: { devices: readonly string[] | null; from: number; to: number }): Promise<void>
  }
}

/**
 * `database` is ingest's file, in which stands what rollups are right; without it there are none. With `readOnly` nothing
 * is written there.
 */
export type InfluxStoreOptions = {
  hasWritten?: boolean | undefined
  database?: DatabaseSync
  readOnly?: boolean | undefined
  /** No question is answered from the rollups. */
  readsReadings?: boolean | undefined
  rollups?: RollupOptions
}

// A round tells rollups for so long for each millisecond that it is given: most of the time goes by in InfluxDB.
const roundsPerMs = 25

/**
 * Readings in InfluxDB: measurement = quantity, tags `device` and `channel` (absent when empty), one float field
 * `value`, milliseconds. InfluxDB keeps neither `receivedAt` nor `seq`: readings come back with `observedAt` and 0, and
 * of two writes of one key the later one stands; ingest writes in the order of `seq`. With `hasWritten` the database is
 * expected to be there: `write` throws ReadingsLostError, once, when it was not, and whenever it is gone later.
 */
export function openInfluxStore(server: InfluxServer, options: InfluxStoreOptions = {}): ReadingStore {
  const { hasWritten = false, database, readOnly = false, readsReadings = false } = options
  const { rollups: rollupOptions = { settleMs: 60_000 } } = options
  const hasRollups = database !== undefined && server.hours !== undefined
  const rollups = hasRollups && !readOnly ? openRollups(database, server, rollupOptions) : null
  const { write } = openInfluxWriter(server, { hasWritten, rollups })
  const usesRollups = hasRollups && !readsReadings
  const reader = openInfluxReader(server, usesRollups ? openToldHours(database, server.name) : () => null)

  async function lastBefore(series: SeriesKey, time: number): Promise<Reading | null> {
    const span = clampToInflux({ from: Number.NEGATIVE_INFINITY, to: time })
    if (span.from >= span.to) return null
    const [[point] = []] = await server.readPoints([series], { ...span, limit: 1, isDescending: true })
    return point === undefined ? null : toReading(series, point)
  }

  async function* scan({ devices, ...range }: SeriesRange): AsyncIterable<Reading> {
    for (const series of await reader.listSeries(devices ?? null))
      for await (const page of reader.readPages(series, range, Number.POSITIVE_INFINITY))
        for (const point of page) yield toReading(series, point)
  }

  async function remove({ devices, ...range }: SeriesRange): Promise<void> {
    const { from, to } = clampToInflux(range)
    if (from >= to || devices?.length === 0) return
    if (rollups !== null) {
      const series = await reader.listSeries(devices ?? null)
      rollups.markCut(new Set(series.map(({ quantity }) => quantity)), from, to)
    }
    await server.remove({ devices: devices ?? null, from, to })
    // The rollup of the hour that the span begins in stands before it.
    const cut = clampToInflux({ from: Math.floor(from / hourMs) * hourMs, to: from })
    if (rollups !== null && cut.from < from) await server.hours?.remove({ devices: devices ?? null, ...cut })
  }

  const { query } = reader
  const store: ReadingStore = { write, query, lastBefore, scan, remove, overwrites: true, close: async () => {} }
  if (rollups === null) return store
  return {
    ...store,
    async seal(forMs = 0) {
      await rollups.recompute(forMs * roundsPerMs)
      return false
    },
  }
}

function toReading(series: SeriesKey, [observedAt, value]: [number, number]): Reading {
  return { ...series, value, observedAt, receivedAt: observedAt, seq: 0 }
}
