import type { DatabaseSync } from 'node:sqlite'
import { startFold } from '../domain/aggregate.ts'
import type { Quantity } from '../domain/quantity.ts'
import { compareSeries, type Reading, type SeriesKey } from '../domain/reading.ts'
import { windowEnd } from '../domain/window.ts'
import { DamageError, type Part, readPart, readParts } from './embedded-block.ts'
import { blockId, chunkId, daysPerChunk, openBlocks, periodOf, splitId } from './embedded-blocks.ts'
import { type Days, foldDays, type StoredSeries, type Target } from './embedded-days.ts'
import { prepareReading } from './embedded-fresh.ts'
import { startGrids } from './embedded-grid.ts'
import { countBefore, mergeParts } from './embedded-merge.ts'
import type { Cells } from './embedded-rollup.ts'
import { partsOfRows, type Row } from './embedded-row.ts'
import { dayMs, dayOf, hourMs, hoursPerDay, listHours, maxTimeMs, minTimeMs } from './embedded-time.ts'
import { foldTogether } from './embedded-together.ts'
import type { Series, SeriesQuery, SeriesRange } from './reading-store.ts'
import { longestTurnMs, startTurns } from './turns.ts'

type NamedSeries = SeriesKey & StoredSeries

// Damage that one reader remembers having told.
const maxDamageTold = 10_000

export type Reader = ReturnType<typeof openReader>

/**
 * The reading half of the embedded store. No statement outlives a turn: a slow caller never holds the log's reset up.
 * Within a turn the rows and the blocks are of one moment, for another process may seal between two statements. Damaged
 * blocks are passed over and told to `onDamage`, each once.
 */
export function openReader(database: DatabaseSync, onDamage: (text: string) => void) {
  const statements = prepareReading(database)
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

  function listMarks(channel: number, first: number, last: number) {
    return statements.daysUp(channel, first, last) as [day: number, marks: number][]
  }

  function marksOfMany(channels: readonly number[], first: number, last: number) {
    const marks = new Map<number, Map<number, number>>()
    let list: string | null = null
    for (let day = first; ; day++) {
      const [next] = statements.nextDay(day)[0] as [number | null]
      if (next === null || next > last) return marks
      day = next
      list ??= JSON.stringify([...new Set(channels)])
      marks.set(day, new Map(statements.marksOfChannels(list, day) as [number, number][]))
    }
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

  const nameBlock = (id: number) => {
    const { span, series } = splitId(id)
    return `the sealed readings of ${nameDay(nameOf(series), span)}`
  }
  const nameRollups = (id: number) => {
    const { deviceId, quantity } = nameOf(splitId(id).series)
    return `the rollups of device ${deviceId}, ${quantity}`
  }

  function readBlockPart({ id, first }: StoredSeries, day: number, data: Uint8Array, isWhole: boolean) {
    const key = blockId(day, first)
    return orDamaged(
      key,
      () => nameBlock(key),
      () => readPart(key, first, data, id, isWhole),
    )
  }

  const readDay: Days['readDay'] = (series, { day, marks, from, to, limit = Number.POSITIVE_INFINITY, block }) => {
    const data = block === undefined ? blocks.block(blockId(day, series.first)) : block
    const old = data === null ? null : readBlockPart(series, day, data, marks !== 0)
    if (marks === 0) return old
    const part = readRows(series, day, { marks, from, to }, data === null ? limit : Number.POSITIVE_INFINITY)
    return part === null ? old : mergeParts(old, part)
  }

  type Span = { marks: number; from: number; to: number }

  // Whether a row tells of the series only the row knows: with a limit an hour is read at a time, until there is enough.
  function readRows({ id, first }: StoredSeries, day: number, { marks, from, to }: Span, limit: number): Part | null {
    const read = (hours: string) => statements.rows(first, hours, from, to) as Row[]
    if (!Number.isFinite(limit)) return partsOfRows(first, day * dayMs, read(listHours(day, marks)), id)[0] ?? null
    const rows: Row[] = []
    let part: Part | null = null
    for (let hour = 0; hour < hoursPerDay && (part?.times.length ?? 0) < limit; hour++) {
      if (((marks >> hour) & 1) === 0) continue
      for (const row of read(listHours(day, 1 << hour))) rows.push(row)
      part = partsOfRows(first, day * dayMs, rows, id)[0] ?? null
    }
    return part
  }

  const days: Days = { blocks, nextDay: nextOfAny, listMarks, marksOfMany, readDay, orDamaged, nameBlock, nameRollups }

  function listSeries({ devices, quantity, channel }: Pick<SeriesQuery, 'devices' | 'quantity' | 'channel'>) {
    const names = JSON.stringify([...new Set(devices)])
    const found = statements.seriesOfDevices(names, quantity ?? null, channel ?? null)
    return (found as [number, number, Quantity, string, string][])
      .map(([id, first, quantity, deviceId, channel]): NamedSeries => ({ id, first, quantity, deviceId, channel }))
      .sort(compareSeries)
  }

  function listMembers({ devices, quantity, channel }: Pick<SeriesQuery, 'devices' | 'quantity' | 'channel'>) {
    const members = new Map<Quantity, StoredSeries[]>()
    const names = JSON.stringify([...new Set(devices)])
    const found = statements.membersOfDevices(names, quantity ?? null, channel ?? null)
    for (const [of, ids, firsts] of found as [Quantity, string, string][]) {
      const firstOf = JSON.parse(firsts) as number[]
      members.set(
        of,
        (JSON.parse(ids) as number[]).map((id, i) => ({ id, first: firstOf[i]! })),
      )
    }
    return members
  }

  async function query(asked: SeriesQuery): Promise<Series[]> {
    if (asked.from >= asked.to) return []
    if (asked.together === true) return queryTogether(asked)
    const series = listSeries(asked)
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
    series: NamedSeries,
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

  async function queryTogether(asked: SeriesQuery): Promise<Series[]> {
    const { window, limit = Number.POSITIVE_INFINITY } = asked
    if (window === undefined) throw new TypeError('series are folded together by windows')
    const nextTurn = startTurns()
    const answer: Series[] = []
    let left = limit
    const extent = inOneState(findExtent)
    for (const [quantity, members] of inOneState(() => listMembers(asked))) {
      const key = { deviceId: '', channel: asked.channel ?? '', quantity }
      const points: Series['points'] = []
      const from = Math.max(goOnFrom(asked, key), extent[0])
      for (const grid of startGrids(window, asked.aggregate, from, Math.min(asked.to, extent[1]))) {
        const steps = foldTogether(days, members, window, grid)
        while (!inOneState(() => steps.next()).done) await nextTurn()
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
    const [found] = statements.seriesOfName(key.deviceId, key.channel, key.quantity) as [number, number][]
    if (found === undefined) return null
    const [id, first] = found
    const { deviceId, channel, quantity } = key
    return inOneState(() => findLast({ deviceId, channel, quantity }, { id, first }, before))
  }

  function findLast(key: SeriesKey, series: StoredSeries, before: number): Reading | null {
    const { first } = series
    for (let end = dayOf(before - 1); ; ) {
      const sealed = blocks.dayBefore(first, end + 1)
      const [open] = statements.dayDown(first, end) as [number, number][]
      if (sealed === null && open === undefined) return null
      const day = Math.max(sealed ?? Number.NEGATIVE_INFINITY, open?.[0] ?? Number.NEGATIVE_INFINITY)
      const rows = open?.[0] === day ? lastRows(series, day, open[1], before) : null
      const data = sealed === day ? blocks.block(blockId(day, first)) : null
      const part = data === null ? null : readBlockPart(series, day, data, true)
      const merged = rows === null ? part : mergeParts(part, rows)
      const at = merged === null ? -1 : countBefore(merged.times, before - day * dayMs) - 1
      if (at >= 0) return toReading(key, merged!, at, day)
      end = day - 1
    }
  }

  /** The rows of the last hour of a day, before a time, that tell of a series. */
  function lastRows({ id, first }: StoredSeries, day: number, marks: number, before: number): Part | null {
    for (let hour = hoursPerDay - 1; hour >= 0; hour--) {
      if (((marks >> hour) & 1) === 0) continue
      const rows = statements.rows(first, listHours(day, 1 << hour), minTimeMs, before) as Row[]
      const [part] = partsOfRows(first, day * dayMs, rows, id)
      if (part !== undefined) return part
    }
    return null
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
          for (let i = countBefore(part.times, from - day * dayMs); i < end; i++) yield toReading(key, part, i, day)
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

  /** The same, of days that only rollups may tell of as well. */
  function nextOfAny(day: number): number | null {
    const next = nextDay(day)
    const chunk = blocks.chunkFrom(chunkId(periodOf(day), 0))
    if (chunk === null) return next
    const rolled = Math.max(day, splitId(chunk[0]).span * daysPerChunk)
    return next === null ? rolled : Math.min(next, rolled)
  }

  /** The first series of every channel that holds anything of a day, in order; a number each is kept in memory. */
  function listChannels(day: number): number[] {
    const open = (statements.channelsOfDay(day) as [number][]).map(([first]) => first)
    return [...new Set([...blocks.listDay(day), ...open])].sort((a, b) => a - b)
  }

  function readChannel(deviceId: string, channel: string, first: number, day: number): [SeriesKey, Part][] {
    const key = blockId(day, first)
    const data = blocks.block(key)
    const sealed =
      data === null
        ? null
        : orDamaged(
            key,
            () => nameBlock(key),
            () => readParts(key, first, data),
          )
    const [marked] = statements.marksOfDay(day, first) as [number][]
    const hours = marked && listHours(day, marked[0])
    const rows = hours === undefined ? [] : (statements.rows(first, hours, minTimeMs, maxTimeMs + 1) as Row[])
    const fresh = partsOfRows(first, day * dayMs, rows)
    const parts: [SeriesKey, Part][] = []
    const series = statements.seriesOfChannel(deviceId, channel) as [number, Quantity][]
    for (const [id, quantity] of series.sort((a, b) => a[0] - b[0])) {
      const old = sealed?.find((each) => each.series === id) ?? null
      const part = fresh.find((each) => each.series === id)
      if (part !== undefined) parts.push([{ deviceId, channel, quantity }, mergeParts(old, part)])
      else if (old !== null) parts.push([{ deviceId, channel, quantity }, old])
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

/** Where a series goes on, behind the last point of an earlier answer; `to` when that was past the series. */
function goOnFrom({ from, to, window, after }: SeriesQuery, series: SeriesKey): number {
  if (after === undefined) return from
  const order = compareSeries(series, after.series)
  if (order !== 0 || after.time >= to) return order > 0 ? from : to
  if (window === undefined) return Math.max(from, after.time + 1)
  if (after.time < minTimeMs || after.time > maxTimeMs) return after.time < minTimeMs ? from : to
  return Math.max(from, windowEnd(window, after.time))
}

function toReading(series: SeriesKey, { times, values, delays, seqs }: Part, at: number, day: number): Reading {
  const observedAt = times[at]! + day * dayMs
  return { ...series, value: values[at]!, observedAt, receivedAt: observedAt + delays[at]!, seq: seqs[at]! }
}
