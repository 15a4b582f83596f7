import type { Window } from '../domain/window.ts'
import type { Part } from './embedded-block.ts'
import { type Blocks, chunkId, daysPerChunk, periodOf } from './embedded-blocks.ts'
import { alignedHours, type DaySpan, spanOf, touchedHours, wholeHours } from './embedded-hours.ts'
import { countBefore } from './embedded-merge.ts'
import { type Cells, createCells, readChunks } from './embedded-rollup.ts'
import { dayMs, dayOf, hourMs, hoursPerDay } from './embedded-time.ts'

/** What takes the readings of a series, one after another; whole hours at once where it `reads` hours. */
export type Target = {
  reads: 'points' | 'hours'
  limit: number
  isFull(): boolean
  add(time: number, value: number): void
  /** Some hours of a day that begins at `dayStart`, by their marks. */
  addHours(dayStart: number, cells: Cells, hours: number): void
}

/** A series, with the first one of its device's channel. */
export type StoredSeries = { id: number; first: number }

/** How the days of a series are read: its rows, its blocks and its rollups. */
export type Days = {
  blocks: Blocks
  /** The first day from `day` on that anything tells of. */
  nextDay(day: number): number | null
  /** The days from `first` to `last` that hold rows of a channel, each with the marks of their hours. */
  listMarks(channel: number, first: number, last: number): [day: number, marks: number][]
  /** The same of many channels: by day, the marks of each channel. */
  marksOfMany(channels: readonly number[], first: number, last: number): Map<number, Map<number, number>>
  /**
   * Rows and block of one series and day, merged; where there are only rows, at least `limit` of them if there are so many.
   * `block` is looked for unless it is given.
   */
  readDay(
    series: StoredSeries,
    part: DaySpan & { marks: number; block?: Uint8Array | null | undefined; limit?: number | undefined },
  ): Part | null
  orDamaged<Result>(id: number, what: () => string, read: () => Result): Result | null
  nameBlock(id: number): string
  nameRollups(id: number): string
}

type Asked = { from: number; to: number; window?: Window }

/**
 * Gives the readings of a series in [from, to) to `target`, in order, from a day on until the time comes (as
 * `performance.now` tells it) or the target is full. Answers the day to go on with, or null at the end.
 *
 * Whole hours come from the rollups, unless rows lie in them or a window begins in their middle; what the rollups tell is
 * all that is left of days whose readings retention took.
 */
export function foldDays(
  days: Days,
  series: StoredSeries,
  { from, to, window }: Asked,
  begin: number,
  target: Target,
  until: number,
): number | null {
  const last = dayOf(to - 1)
  const { first } = series
  const marked = days.listMarks(first, begin, last)
  let atMark = 0

  function add(day: number, cells: Cells | null, block?: Uint8Array | null) {
    const marks = marked[atMark]?.[0] === day ? marked[atMark++]![1] : 0
    const span = spanOf(day, from, to)
    const hours =
      cells === null || window === undefined ? 0 : cells.hours & wholeHours(span) & alignedHours(window, day)
    const fromCells = hours & ~marks
    if (cells !== null && fromCells === (cells.hours & touchedHours(span)) && (marks & touchedHours(span)) === 0) {
      target.addHours(day * dayMs, cells, fromCells)
      return
    }
    const part = days.readDay(series, { ...span, marks, block, limit: window === undefined ? target.limit : undefined })
    if (cells === null) addReadings(part, day, span.from, span.to)
    else
      for (let hour = 0; hour < hoursPerDay; hour++) {
        const start = day * dayMs + hour * hourMs
        const isFromCells = ((fromCells >> hour) & 1) === 1
        if (!isFromCells && addReadings(part, day, Math.max(span.from, start), Math.min(span.to, start + hourMs)))
          continue
        target.addHours(day * dayMs, cells, hours & (1 << hour))
      }
  }

  /** Answers whether there were any. */
  function addReadings(part: Part | null, day: number, begin: number, end: number): boolean {
    if (part === null || begin >= end) return false
    const start = day * dayMs
    const last = countBefore(part.times, end - start)
    const at = countBefore(part.times, begin - start)
    for (let i = at; i < last; i++) target.add(start + part.times[i]!, part.values[i]!)
    return at < last
  }

  // Days of rows alone that come before a day with a block or rollups.
  function addRowsBefore(day: number): boolean {
    while (atMark < marked.length && marked[atMark]![0] < day) {
      add(marked[atMark]![0], null)
      if (isOver()) return false
    }
    return true
  }

  const isOver = () => target.isFull() || performance.now() > until
  const nextMark = () => marked[atMark]?.[0] ?? Number.POSITIVE_INFINITY

  /** All days up to `end` by their rows and blocks. Answers the day to go on with when it is over before. */
  function addDays(begin: number, end: number): number | null {
    for (let day = begin; ; ) {
      const block = days.blocks.nextBlock(first, day, end)
      const next = Math.min(block?.span ?? Number.POSITIVE_INFINITY, nextMark())
      if (next > end) return null
      add(next, null, block?.span === next ? block.data : null)
      day = next + 1
      if (isOver()) return day
    }
  }

  function addPeriod(period: number, chunk: Uint8Array): number | null {
    const base = period * daysPerChunk
    const range = {
      first: Math.max(0, begin - base),
      last: Math.min(daysPerChunk - 1, last - base),
    }
    const id = chunkId(period, series.id)
    const chunks = { sums: chunk, ends: days.blocks.ends(id) }
    const read = days.orDamaged(
      id + 0.5,
      () => days.nameRollups(id),
      () => readChunks(id, chunks, range, pool),
    )
    if (read === null) return addDays(Math.max(begin, base), base + range.last)
    for (let i = 0; i < read; i++) {
      const { day, cells } = pool[i]!
      if (!addRowsBefore(base + day)) return Math.min(base + day, nextMark())
      add(base + day, cells)
      if (isOver()) return base + day + 1
    }
    return null
  }

  if (window === undefined || target.reads === 'points') return addDays(begin, last)
  for (let period = periodOf(begin); ; period++) {
    const chunk = days.blocks.nextChunk(series.id, period, periodOf(last))
    if (chunk === null) return addRowsBefore(last + 1) ? null : nextMark() > last ? null : nextMark()
    period = chunk.span
    const goOn = addPeriod(period, chunk.data)
    if (goOn !== null) return goOn
  }
}

const pool = Array.from({ length: daysPerChunk }, () => ({ day: 0, cells: createCells() }))
