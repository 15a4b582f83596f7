import type { DatabaseSync } from 'node:sqlite'
import { startFold } from '../domain/aggregate.ts'
import type { Quantity } from '../domain/quantity.ts'
import type { Reading, SeriesKey } from '../domain/reading.ts'
import { windowEnd } from '../domain/window.ts'
import { dayOf, hourMs, listHours, maxTimeMs, minTimeMs } from './embedded-time.ts'
import type { Series, SeriesQuery, SeriesRange } from './reading-store.ts'
import { startTurns } from './turns.ts'

const time = `hour * ${hourMs} + at`

/**
 * The statements that read. The hours of one series and day are given as a list, which SQLite seeks one by one, in
 * order. The days that hold anything at all are found by a seek each as well, however far apart they are.
 */
export const readingStatements = {
  points: `
    SELECT ${time}, value FROM readings
    WHERE series = ? AND hour IN (SELECT value FROM json_each(?)) AND ${time} >= ? AND ${time} < ?
    ORDER BY hour, at LIMIT ?`,
  rows: `
    SELECT ${time}, value, delay, seq FROM readings
    WHERE series = ? AND hour IN (SELECT value FROM json_each(?)) AND ${time} >= ? AND ${time} < ?
    ORDER BY hour, at`,
  lastRow: `
    SELECT ${time}, value, delay, seq FROM readings
    WHERE series = ? AND hour IN (SELECT value FROM json_each(?)) AND ${time} < ?
    ORDER BY hour DESC, at DESC LIMIT 1`,
  daysUp: `
    WITH RECURSIVE days (day) AS (
      SELECT min(day) FROM series_days WHERE day >= ?2
      UNION ALL SELECT (SELECT min(day) FROM series_days WHERE day > days.day) FROM days WHERE days.day < ?3
    )
    SELECT day, hours FROM days CROSS JOIN series_days USING (day) WHERE series = ?1 AND day <= ?3`,
  dayDown: `
    WITH RECURSIVE days (day) AS (
      SELECT max(day) FROM series_days WHERE day <= ?2
      UNION ALL SELECT (SELECT max(day) FROM series_days WHERE day < days.day) FROM days WHERE days.day IS NOT NULL
    )
    SELECT day, hours FROM days CROSS JOIN series_days USING (day) WHERE series = ?1 LIMIT 1`,
  nextDay: 'SELECT min(day) AS day FROM series_days WHERE day >= ?',
  seriesOfDay: 'SELECT series, hours FROM series_days WHERE day = ? AND series > ? ORDER BY series LIMIT ?',
  marksOfDay: 'SELECT hours FROM series_days WHERE day = ? AND series = ?',
  seriesOfDevice: 'SELECT id, device_id, channel, quantity FROM series WHERE device_id = ?',
  idOfSeries: 'SELECT id FROM series WHERE device_id = ? AND channel = ? AND quantity = ?',
  nameOfSeries: 'SELECT device_id, channel, quantity FROM series WHERE id = ?',
} as const

type StoredSeries = SeriesKey & { id: number }
type Row = [time: number, value: number, delay: number, seq: number]

const seriesPerPage = 500
// Names of series that one scan remembers.
const maxScanNames = 100_000

/** Whether the writer has made its tables; `readings` is the last of them. */
export function hasReadings(database: DatabaseSync): boolean {
  return database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'readings'`).get() !== undefined
}

export type Reader = ReturnType<typeof openReader>

/** The reading half of the embedded store. No statement outlives a turn: a slow caller never holds the log's reset up. */
export function openReader(database: DatabaseSync) {
  const statements = {} as Record<keyof typeof readingStatements, (...params: (string | number)[]) => unknown[]>
  for (const [name, sql] of Object.entries(readingStatements)) {
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    statements[name as keyof typeof readingStatements] = (...params) => statement.all(...params)
  }
  const daysUp = statements.daysUp as (id: number, first: number, last: number) => [day: number, marks: number][]
  const rowsOf = statements.rows as (id: number, hours: string, from: number, to: number) => Row[]

  function listSeries(devices: readonly string[]): StoredSeries[] {
    const found = [...new Set(devices)].flatMap((each) => statements.seriesOfDevice(each))
    return (found as [number, string, string, Quantity][])
      .map(([id, deviceId, channel, quantity]) => ({ id, deviceId, channel, quantity }))
      .sort(compareSeries)
  }

  async function query(asked: SeriesQuery): Promise<Series[]> {
    const answer: Series[] = []
    const nextTurn = startTurns()
    let left = asked.limit ?? Number.POSITIVE_INFINITY
    for (const { id, ...series } of listSeries(asked.devices)) {
      if (left <= 0) break
      if (asked.channel !== undefined && asked.channel !== series.channel) continue
      if (asked.quantity !== undefined && asked.quantity !== series.quantity) continue
      const points = await readPoints(id, { ...asked, from: goOnFrom(asked, series) }, left, nextTurn)
      if (points.length > 0) answer.push({ ...series, points })
      left -= points.length
    }
    return answer
  }

  /** At most `limit` points of one series. */
  async function readPoints(
    id: number,
    { from, to, window, aggregate = 'mean' }: Pick<SeriesQuery, 'from' | 'to' | 'window' | 'aggregate'>,
    limit: number,
    nextTurn: () => Promise<void>,
  ): Promise<Series['points']> {
    const points: Series['points'] = []
    const fold = window === undefined ? null : startFold(window, aggregate)
    if (from >= to) return points
    for (const [day, marks] of daysUp(id, dayOf(from), dayOf(to - 1))) {
      const wanted = fold === null && limit !== Number.POSITIVE_INFINITY ? limit - points.length : -1
      const found = statements.points(id, listHours(day, marks), from, to, wanted) as Series['points']
      if (fold === null) for (const point of found) points.push(point)
      else for (const [at, value] of found) fold.add(at, value)
      if ((fold?.points ?? points).length >= limit) break
      await nextTurn()
    }
    if (fold === null) return points
    fold.finish()
    return fold.points.length > limit ? fold.points.slice(0, limit) : fold.points
  }

  function lastBefore({ deviceId, channel, quantity }: SeriesKey, before: number): Reading | null {
    const [id] = (statements.idOfSeries(deviceId, channel, quantity)[0] ?? []) as number[]
    if (id === undefined) return null
    let day = dayOf(before - 1)
    for (;;) {
      const [found] = statements.dayDown(id, day) as [number, number][]
      if (found === undefined) return null
      const [row] = statements.lastRow(id, listHours(...found), before) as Row[]
      if (row !== undefined) return toReading({ deviceId, channel, quantity }, row)
      day = found[0] - 1
    }
  }

  /** In the order of day, series and time. */
  async function* scan({ devices, from, to }: SeriesRange): AsyncGenerator<Reading> {
    const names = new Map<number, SeriesKey>()
    const nextTurn = startTurns()
    for (const { day, id, marks } of listParts(devices, from, to)) {
      const rows = rowsOf(id, listHours(day, marks), from, to)
      const series = names.get(id) ?? nameOf(id)
      if (names.size >= maxScanNames) names.clear()
      names.set(id, series)
      for (const row of rows) yield toReading(series, row)
      await nextTurn()
    }
  }

  /** The days and series that hold readings of some time, in order. */
  function* listParts(devices: readonly string[] | undefined, from: number, to: number) {
    const ids = devices && listSeries(devices).map((each) => each.id)
    ids?.sort((a, b) => a - b)
    if (from >= to) return
    for (let day = dayOf(from); ; day++) {
      const [found] = statements.nextDay(day)[0] as [number | null]
      if (found === null || found > dayOf(to - 1)) return
      day = found
      if (ids === undefined)
        for (let id = -1; ; ) {
          const page = statements.seriesOfDay(day, id, seriesPerPage) as [number, number][]
          for (const [series, marks] of page) yield { day, id: series, marks }
          if (page.length < seriesPerPage) break
          id = page.at(-1)![0]
        }
      else
        for (const id of ids) {
          const [marked] = statements.marksOfDay(day, id) as [number][]
          if (marked !== undefined) yield { day, id, marks: marked[0] }
        }
    }
  }

  function nameOf(id: number): SeriesKey {
    const [[deviceId, channel, quantity]] = statements.nameOfSeries(id) as [[string, string, Quantity]]
    return { deviceId, channel, quantity }
  }

  return { query, lastBefore, scan }
}

/** Where a series goes on, behind the last point of an earlier answer; `to` when that was past the series. */
function goOnFrom({ from, to, window, after }: SeriesQuery, series: SeriesKey): number {
  if (after === undefined) return from
  const order = compareSeries(series, after.series)
  if (order !== 0 || after.time >= to) return order > 0 ? from : to
  if (window === undefined) return Math.max(from, after.time + 1)
  if (after.time < minTimeMs || after.time > maxTimeMs) return after.time < minTimeMs ? from : to
  return Math.max(from, windowEnd(window, after.time))
}

function toReading(series: SeriesKey, [observedAt, value, delay, seq]: Row): Reading {
  return { ...series, value, observedAt, receivedAt: observedAt + delay, seq }
}

function compareSeries(a: SeriesKey, b: SeriesKey): number {
  return compare(a.deviceId, b.deviceId) || compare(a.channel, b.channel) || compare(a.quantity, b.quantity)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
