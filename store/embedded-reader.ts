import type { DatabaseSync } from 'node:sqlite'
import { startFold } from '../domain/aggregate.ts'
import type { Quantity } from '../domain/quantity.ts'
import { compareSeries, type Reading, type SeriesKey } from '../domain/reading.ts'
import { windowEnd } from '../domain/window.ts'
import { DamageError, type Part, readPart, readParts } from './embedded-block.ts'
import { blockId, openBlocks } from './embedded-blocks.ts'
import { foldDays, type Target } from './embedded-days.ts'
import { startGrids } from './embedded-grid.ts'
import { countBefore, mergeParts, partOfRows, type Row } from './embedded-merge.ts'
import type { Cells } from './embedded-rollup.ts'
import { dayMs, dayOf, hourMs, hoursPerDay, listHours, maxTimeMs, minTimeMs } from './embedded-time.ts'
import type { Series, SeriesQuery, SeriesRange } from './reading-store.ts'
import { longestTurnMs, startTurns } from './turns.ts'

const time = `hour * ${hourMs} + at`

/**
 * The statements that read rows. The hours of one series and day are given as a list, which SQLite seeks one by one, in
 * order. The days that hold anything at all are found by a seek each as well, however far apart they are.
 */
export const readingStatements = {
  rows: `
    SELECT ${time}, value, delay, seq FROM readings
    WHERE series = ? AND hour IN (SELECT value FROM json_each(?)) AND ${time} >= ? AND ${time} < ?
    ORDER BY hour, at LIMIT ?`,
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
  seriesOfDay: 'SELECT series, hours FROM series_days WHERE day = ? ORDER BY series',
  extentOfDays: 'SELECT (SELECT min(day) FROM series_days), (SELECT max(day) FROM series_days)',
  marksOfDay: 'SELECT hours FROM series_days WHERE day = ? AND series = ?',
  seriesOfDevices: `
    SELECT stored.id, stored.device_id, stored.channel, stored.quantity FROM json_each(?1) AS wanted
    CROSS JOIN series AS stored ON stored.device_id = wanted.value
    WHERE (?2 IS NULL OR stored.quantity = ?2) AND (?3 IS NULL OR stored.channel = ?3)`,
  idOfSeries: 'SELECT id FROM series WHERE device_id = ? AND channel = ? AND quantity = ?',
  nameOfSeries: 'SELECT device_id, channel, quantity FROM series WHERE id = ?',
  firstOfChannel: 'SELECT min(id) AS first FROM series WHERE device_id = ? AND channel = ?',
  seriesOfChannel: 'SELECT id, quantity FROM series WHERE device_id = ? AND channel = ?',
} as const

export type StoredSeries = SeriesKey & { id: number }

// Damage that one reader remembers having told.
const maxDamageTold = 10_000

/** What a file holds: `none` before its writer made the tables, `rows` where it was an older Parvis, without blocks. */
export function findTables(database: DatabaseSync): 'none' | 'rows' | 'all' {
  const has = (name: string) =>
    database.prepare('SELECT 1 FROM main.sqlite_master WHERE name = ?').get(name) !== undefined
  if (!has('readings')) return 'none'
  return has('rollups') ? 'all' : 'rows'
}

export type Reader = ReturnType<typeof openReader>

/**
 * The reading half of the embedded store. No statement outlives a turn: a slow caller never holds the log's reset up.
 * Within a turn the rows and the blocks are of one moment, for another process may seal between two statements. Damaged
 * blocks are passed over and told to `onDamage`, each once.
 */
export function openReader(database: DatabaseSync, onDamage: (text: string) => void) {
  const statements = {} as Record<keyof typeof readingStatements, (...params: (string | number | null)[]) => unknown[]>
  for (const [name, sql] of Object.entries(readingStatements)) {
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    statements[name as keyof typeof readingStatements] = (...params) => statement.all(...params)
  }
  const blocks = openBlocks(database)
  const begin = database.prepare('BEGIN')
  const commit = database.prepare('COMMIT')
  const told = new Set<number>()

  /** Does a turn's reading on one state of the database. */
  function inOneState<Result>(work: () => Result): Result {
    if (database.isTransaction) return work()
    begin.run()
    try {
      return work()
    } finally {
      commit.run()
    }
  }

  function listMarks(id: number, first: number, last: number) {
    return statements.daysUp(id, first, last) as [day: number, marks: number][]
  }

  function firstOf({ deviceId, channel }: SeriesKey): number {
    return (statements.firstOfChannel(deviceId, channel) as [[number]])[0][0]
  }

  // Passes what is damaged over; `id` is that of a block, or of a chunk of rollups less one half.
  function orDamaged<Result>(id: number, what: () => string, read: () => Result): Result | null {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof DamageError || error instanceof RangeError)) throw error
      if (told.size < maxDamageTold && !told.has(id)) {
        told.add(id)
        onDamage(`${what()} cannot be read and are passed over: ${error.message}`)
      }
      return null
    }
  }

  function readBlockPart(series: StoredSeries, first: number, day: number, data: Uint8Array, isWhole: boolean) {
    const id = blockId(day, first)
    return orDamaged(
      id,
      () => `the sealed readings of ${nameDay(series, day)}`,
      () => readPart(id, first, data, series.id, isWhole),
    )
  }

  /** All readings of a series in [from, to) of one day, or the first `limit` where there are only rows. */
  function readDay(
    series: StoredSeries,
    first: number,
    { day, marks, from, to, limit = -1 }: { day: number; marks: number; from: number; to: number; limit?: number },
  ): Part | null {
    const data = blocks.block(blockId(day, first))
    const hasRows = marks !== 0
    const old = data === null ? null : readBlockPart(series, first, day, data, hasRows)
    if (!hasRows) return old
    const rows = statements.rows(series.id, listHours(day, marks), from, to, old === null ? limit : -1) as Row[]
    return rows.length === 0 ? old : mergeParts(old, partOfRows(series.id, day * dayMs, rows))
  }

  const days = { blocks, listMarks, firstOf, readDay, orDamaged }

  function listSeries({ devices, quantity, channel }: Pick<SeriesQuery, 'devices' | 'quantity' | 'channel'>) {
    const names = JSON.stringify([...new Set(devices)])
    const found = statements.seriesOfDevices(names, quantity ?? null, channel ?? null)
    return (found as [number, string, string, Quantity][])
      .map(([id, deviceId, channel, quantity]): StoredSeries => ({ id, deviceId, channel, quantity }))
      .sort(compareSeries)
  }

  async function query(asked: SeriesQuery): Promise<Series[]> {
    if (asked.from >= asked.to) return []
    const series = listSeries(asked)
    if (asked.together === true) return queryTogether(asked, series)
    const answer: Series[] = []
    const nextTurn = startTurns()
    let left = asked.limit ?? Number.POSITIVE_INFINITY
    for (const each of series) {
      if (left <= 0) break
      const points = await readPoints(each, { ...asked, from: goOnFrom(asked, each) }, left, nextTurn)
      const { deviceId, channel, quantity } = each
      if (points.length > 0) answer.push({ deviceId, channel, quantity, points })
      left -= points.length
    }
    return answer
  }

  /** At most `limit` points of one series. */
  async function readPoints(
    series: StoredSeries,
    asked: SeriesQuery,
    limit: number,
    nextTurn: () => Promise<void>,
  ): Promise<Series['points']> {
    const target = asked.window === undefined ? startPoints(limit) : startWindows(asked, limit)
    await foldSeries(series, asked, target, nextTurn)
    target.finish()
    return target.points.length > limit ? target.points.slice(0, limit) : target.points
  }

  async function foldSeries(series: StoredSeries, asked: SeriesQuery, target: Target, nextTurn: () => Promise<void>) {
    if (asked.from >= asked.to) return
    for (let day: number | null = dayOf(asked.from); day !== null && !target.isFull(); await nextTurn()) {
      const begun: number = day
      day = inOneState(() => foldDays(days, series, asked, begun, target, performance.now() + longestTurnMs))
    }
  }

  async function queryTogether(asked: SeriesQuery, series: StoredSeries[]): Promise<Series[]> {
    const { window, limit = Number.POSITIVE_INFINITY } = asked
    if (window === undefined) throw new TypeError('series are folded together by windows')
    const nextTurn = startTurns()
    const answer: Series[] = []
    let left = limit
    const extent = inOneState(findExtent)
    for (const [quantity, members] of Map.groupBy(series, (each) => each.quantity)) {
      const key = { deviceId: '', channel: asked.channel ?? '', quantity }
      const points: Series['points'] = []
      const from = Math.max(goOnFrom(asked, key), extent[0])
      for (const grid of startGrids(window, asked.aggregate, from, Math.min(asked.to, extent[1]))) {
        for (const each of members) await foldSeries(each, { ...asked, from: grid.from, to: grid.to }, grid, nextTurn)
        for (const point of grid.list()) points.push(point)
        if (points.length >= left) break
      }
      if (points.length > left) points.length = left
      if (points.length > 0) answer.push({ ...key, points })
      left -= points.length
      if (left <= 0) break
    }
    return answer.sort(compareSeries)
  }

  // A question without bounds is asked of the days that there are.
  function findExtent(): [from: number, to: number] {
    const [[open, lastOpen]] = statements.extentOfDays() as [[number | null, number | null]]
    const { first, last } = blocks.extent()
    const none = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY }
    return [Math.min(first, open ?? none.first) * dayMs, (Math.max(last, lastOpen ?? none.last) + 1) * dayMs]
  }

  function lastBefore(key: SeriesKey, before: number): Reading | null {
    const [id] = (statements.idOfSeries(key.deviceId, key.channel, key.quantity)[0] ?? []) as number[]
    if (id === undefined) return null
    const { deviceId, channel, quantity } = key
    const series = { deviceId, channel, quantity, id }
    return inOneState(() => findLast(series, before))
  }

  function findLast(series: StoredSeries, before: number): Reading | null {
    const { id, ...key } = series
    const first = firstOf(series)
    for (let end = dayOf(before - 1); ; ) {
      const sealed = blocks.dayBefore(first, end + 1)
      const [open] = statements.dayDown(id, end) as [number, number][]
      if (sealed === null && open === undefined) return null
      const day = Math.max(sealed ?? Number.NEGATIVE_INFINITY, open?.[0] ?? Number.NEGATIVE_INFINITY)
      const [row] = (open?.[0] === day ? statements.lastRow(id, listHours(...open), before) : []) as Row[]
      const data = sealed === day ? blocks.block(blockId(day, first)) : null
      const part = data === null ? null : readBlockPart(series, first, day, data, true)
      const found = lastOf(part, day, before, row)
      if (found !== undefined) return toReading(key, found)
      end = day - 1
    }
  }

  /** By day, and within it by device and channel, series and time. */
  async function* scan({ devices, from, to }: SeriesRange): AsyncGenerator<Reading> {
    const nextTurn = startTurns()
    if (from >= to) return
    const wanted = devices && new Set(devices)
    for (let day = dayOf(from); ; day++) {
      const found = inOneState(() => nextDay(day))
      if (found === null || found > dayOf(to - 1)) return
      day = found
      for (const first of inOneState(() => listChannels(day))) {
        const { deviceId, channel } = nameOf(first)
        if (wanted !== undefined && !wanted.has(deviceId)) continue
        for (const [key, part] of inOneState(() => readChannel(deviceId, channel, first, day))) {
          const end = countBefore(part.times, to - day * dayMs)
          for (let i = countBefore(part.times, from - day * dayMs); i < end; i++)
            yield toReading(key, rowOf(part, i, day))
        }
        await nextTurn()
      }
    }
  }

  function nextDay(day: number): number | null {
    const [open] = statements.nextDay(day)[0] as [number | null]
    const sealed = blocks.nextDay(day)
    if (open === null || sealed === null) return open ?? sealed
    return Math.min(open, sealed)
  }

  /** The first series of every channel that holds anything of a day, in order; a number each is kept in memory. */
  function listChannels(day: number): number[] {
    const firsts = new Set(blocks.listDay(day))
    const known = new Map<string, number>()
    for (const [series] of statements.seriesOfDay(day) as [number][]) {
      if (firsts.has(series)) continue
      const name = nameOf(series)
      const key = `${name.deviceId}\n${name.channel}`
      let first = known.get(key)
      if (first === undefined) {
        first = firstOf(name)
        known.set(key, first)
      }
      firsts.add(first)
    }
    return [...firsts].sort((a, b) => a - b)
  }

  function readChannel(deviceId: string, channel: string, first: number, day: number): [SeriesKey, Part][] {
    const data = blocks.block(blockId(day, first))
    const sealed =
      data === null
        ? null
        : orDamaged(
            blockId(day, first),
            () => `the sealed readings of ${nameDay({ deviceId, channel }, day)}`,
            () => readParts(blockId(day, first), first, data),
          )
    const parts: [SeriesKey, Part][] = []
    const series = statements.seriesOfChannel(deviceId, channel) as [number, Quantity][]
    for (const [id, quantity] of series.sort((a, b) => a[0] - b[0])) {
      let part = sealed?.find((each) => each.series === id) ?? null
      const [marked] = statements.marksOfDay(day, id) as [number][]
      if (marked !== undefined) {
        const rows = statements.rows(id, listHours(day, marked[0]), minTimeMs, maxTimeMs + 1, -1) as Row[]
        part = mergeParts(part, partOfRows(id, day * dayMs, rows))
      }
      if (part !== null) parts.push([{ deviceId, channel, quantity }, part])
    }
    return parts
  }

  function nameOf(id: number): SeriesKey {
    const [[deviceId, channel, quantity]] = statements.nameOfSeries(id) as [[string, string, Quantity]]
    return { deviceId, channel, quantity }
  }

  return { query, lastBefore, scan }
}

/** How people find the readings of a device's channel and a day. */
export function nameDay({ deviceId, channel }: { deviceId: string; channel: string }, day: number): string {
  const date = new Date(day * dayMs).toISOString().slice(0, 10)
  return `device ${deviceId}${channel === '' ? '' : `, channel ${channel}`}, ${date}`
}

function startPoints(limit: number) {
  const points: Series['points'] = []
  return {
    points,
    limit,
    reads: 'points' as const,
    isFull: () => points.length >= limit,
    add: (time: number, value: number) => void points.push([time, value]),
    addHours() {},
    finish() {},
  }
}

function startWindows({ window, aggregate = 'mean' }: SeriesQuery, limit: number) {
  const fold = startFold(window!, aggregate)
  return {
    points: fold.points,
    limit,
    reads: 'hours' as const,
    isFull: () => fold.points.length >= limit,
    add: fold.add,
    addHours(dayStart: number, { counts, sums, mins, maxs, firsts, lasts }: Cells, hours: number) {
      for (let hour = 0; hour < hoursPerDay; hour++)
        if ((hours >> hour) & 1)
          fold.addAll(dayStart + hour * hourMs, {
            count: counts[hour]!,
            sum: sums[hour]!,
            lost: 0,
            min: mins[hour]!,
            max: maxs[hour]!,
            first: firsts[hour]!,
            last: lasts[hour]!,
          })
    },
    finish: fold.finish,
  }
}

// Of the last reading of a part before a time and a row: the later one; of equal times the higher seq, or the row.
function lastOf(part: Part | null, day: number, before: number, row: Row | undefined): Row | undefined {
  const at = part === null ? -1 : countBefore(part.times, before - day * dayMs) - 1
  if (at < 0) return row
  const sealed = rowOf(part!, at, day)
  if (row === undefined || sealed[0] > row[0]) return sealed
  return sealed[0] === row[0] && sealed[3] > row[3] ? sealed : row
}

function rowOf({ times, values, delays, seqs }: Part, at: number, day: number): Row {
  return [times[at]! + day * dayMs, values[at]!, delays[at]!, seqs[at]!]
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
