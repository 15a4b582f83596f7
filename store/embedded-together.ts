import type { Window } from '../domain/window.ts'
import { type Part, type Points, readPoints } from './embedded-block.ts'
import { blockId, chunkId, daysPerChunk, periodOf } from './embedded-blocks.ts'
import { openSource } from './embedded-bytes.ts'
import { eachDay, type Piece } from './embedded-chunk.ts'
import type { Days } from './embedded-days.ts'
import type { Grid } from './embedded-grid.ts'
import { alignedHours, type DaySpan, spanOf, touchedHours, wholeHours } from './embedded-hours.ts'
import { countBefore } from './embedded-merge.ts'
import { createCells, readChunks } from './embedded-rollup.ts'
import { dayMs, dayOf, hourMs, hoursPerDay } from './embedded-time.ts'

/** One of the series that are folded together. */
export type Member = { id: number; first: number }

// How many series one step reads over 32 days: the rollups of some hundred, or the blocks of some.
const membersByRollups = 256
const membersByBlocks = 16

// Blocks that are asked for at once.
const blocksAtOnce = 256

type Day = DaySpan & { touched: number; aligned: number }
/** Readings of some hours of a day, which rollups do not tell; those of `fallback` they do where there are no readings. */
type Missing = { member: Member; day: number; marks: number; hours: number; fallback: number }
/** Some days of a chunk, counted from the day `base`. */
type Period = { base: number; days: readonly Day[]; range: { first: number; last: number } }

/**
 * Folds many series into a grid, in steps: the series side by side, 32 days after 32 days, so that each step asks for
 * many rows at once. Each step is to be taken within one state of the database.
 *
 * Whole hours come from the rollups, unless rows lie in their day or a window begins in their middle; what the rollups
 * tell is all that is left of days whose readings retention took.
 */
export function* foldTogether(days: Days, members: readonly Member[], window: Window, grid: Grid): Generator<void> {
  const last = dayOf(grid.to - 1)
  for (let day = days.nextDay(dayOf(grid.from)); day !== null && day <= last; ) {
    const period = startPeriod(periodOf(day) * daysPerChunk, window, grid)
    const byRollups = grid.takes !== 'points' && period.days.some(({ aligned }) => aligned !== 0)
    const size = byRollups ? membersByRollups : membersByBlocks
    for (let i = 0; i < members.length; i += size) {
      foldPeriod(days, members.slice(i, i + size), period, byRollups, grid)
      yield
    }
    day = days.nextDay(period.base + daysPerChunk)
  }
}

function startPeriod(base: number, window: Window, { from, to }: Grid): Period {
  const days = Array.from({ length: daysPerChunk }, (_, place) => {
    const span = spanOf(base + place, from, to)
    const touched = touchedHours(span)
    return { ...span, touched, aligned: touched === 0 ? 0 : wholeHours(span) & alignedHours(window, span.day) }
  })
  const isTouched = ({ touched }: Day) => touched !== 0
  return { base, days, range: { first: days.findIndex(isTouched), last: days.findLastIndex(isTouched) } }
}

function foldPeriod(days: Days, members: readonly Member[], period: Period, byRollups: boolean, grid: Grid): void {
  const { base, range } = period
  const marks = days.marksOfMany(
    members.map((each) => each.first),
    base + range.first,
    base + range.last,
  )
  const missing: Missing[] = []
  for (const member of byRollups && marks.size === 0 ? [] : members)
    for (const { day, touched, aligned } of period.days) {
      const open = marks.get(day)?.get(member.first) ?? 0
      if (open !== 0) missing.push({ member, day, marks: open, hours: touched, fallback: byRollups ? aligned : 0 })
      else if (!byRollups && touched !== 0) missing.push({ member, day, marks: 0, hours: touched, fallback: 0 })
    }
  const isOpen = (member: Member, day: number) => marks.get(day)?.has(member.first) === true
  if (byRollups) foldRollups(days, members, period, { isOpen, grid, missing })
  foldMissing(days, missing, period, grid)
}

type Rolling = { isOpen(member: Member, day: number): boolean; grid: Grid; missing: Missing[] }

function foldRollups(days: Days, members: readonly Member[], period: Period, { isOpen, grid, missing }: Rolling): void {
  const { base } = period
  const byId = new Map(members.map((member) => [chunkId(periodOf(base), member.id), member]))
  /** The hours of a day that the rollups are to tell; others that they know of are missing. */
  function choose(member: Member, place: number, hours: number): number {
    const { day, touched, aligned } = period.days[place]!
    if (isOpen(member, day)) return 0
    const rest = hours & touched & ~aligned
    if (rest !== 0) missing.push({ member, day, marks: 0, hours: rest, fallback: 0 })
    return hours & aligned
  }
  for (const { id, piece } of days.blocks.sumsOf([...byId.keys()])) {
    const member = byId.get(id)!
    const isRead = foldChunk(days, id, piece, period.range, grid, (place, hours) => choose(member, place, hours), base)
    if (isRead) continue
    for (const { day, touched } of period.days)
      if (touched !== 0 && !isOpen(member, day)) missing.push({ member, day, marks: 0, hours: touched, fallback: 0 })
  }
}

const pool = Array.from({ length: daysPerChunk }, () => ({ day: 0, cells: createCells() }))

/** Gives what a chunk tells of the hours that `choose` lets it tell to the grid; false when it is damaged. */
function foldChunk(
  days: Days,
  id: number,
  sums: Piece,
  range: Period['range'],
  grid: Grid,
  choose: (place: number, hours: number) => number,
  base: number,
): boolean {
  const read = days.orDamaged(
    id + 0.5,
    () => days.nameRollups(id),
    () => {
      if (grid.takes !== 'cells') {
        eachDay(id, sums, range, (day) => {
          const hours = choose(day.day, day.hours)
          if (hours !== 0) grid.addSums((base + day.day) * dayMs, day, hours)
        })
        return true
      }
      const chunks = { sums: sums.source.bytes.subarray(sums.begin, sums.end), ends: days.blocks.ends(id) }
      const count = readChunks(id, chunks, range, pool)
      for (const { day, cells } of pool.slice(0, count)) {
        const hours = choose(day, cells.hours)
        if (hours !== 0) grid.addCells((base + day) * dayMs, cells, hours)
      }
      return true
    },
  )
  return read !== null
}

function foldMissing(days: Days, missing: Missing[], period: Period, grid: Grid): void {
  missing.sort((a, b) => a.day - b.day || a.member.first - b.member.first)
  for (let i = 0; i < missing.length; i += blocksAtOnce) {
    const some = missing.slice(i, i + blocksAtOnce)
    const blocks = days.blocks.blocksOf(some.map(({ day, member }) => blockId(day, member.first)))
    let at = 0
    for (const each of some) {
      const isNext = blocks[at]?.[0] === blockId(each.day, each.member.first)
      addMissing(days, each, isNext ? blocks[at++]![1] : null, period, grid)
    }
  }
}

// The points of one series and day; used again for the next one.
const scratch: Points = { count: 0, times: new Float64Array(256), values: new Float64Array(256), decimals: 0 }

function addMissing(days: Days, missing: Missing, block: Uint8Array | null, period: Period, grid: Grid): void {
  const { member, day, marks, hours, fallback } = missing
  const span = period.days[day - period.base]!
  const points = marks === 0 ? readBlock(days, member, day, block) : toPoints(days.readDay(member, { ...span, marks }))
  const start = day * dayMs
  if (hours === span.touched && fallback === 0) {
    if (points !== null) addSpan(points, start, span.from, span.to, grid)
    return
  }
  let left = 0
  for (let hour = 0; hour < hoursPerDay; hour++) {
    if (((hours >> hour) & 1) === 0) continue
    const begin = start + hour * hourMs
    const isFound =
      points !== null && addSpan(points, start, Math.max(span.from, begin), Math.min(span.to, begin + hourMs), grid)
    if (!isFound) left |= fallback & (1 << hour)
  }
  if (left === 0) return
  const id = chunkId(periodOf(day), member.id)
  const place = day - period.base
  const sums = days.blocks.sums(id)
  if (sums !== null)
    foldChunk(days, id, toPiece(sums), { first: place, last: place }, grid, (_, told) => told & left, period.base)
}

function toPiece(bytes: Uint8Array): Piece {
  return { source: openSource(bytes), begin: 0, end: bytes.length }
}

function readBlock(days: Days, { id, first }: Member, day: number, block: Uint8Array | null): Points | null {
  if (block === null) return null
  const key = blockId(day, first)
  const name = () => days.nameBlock(key)
  return days.orDamaged(key, name, () => readPoints(key, first, block, id, scratch)) === true ? scratch : null
}

function toPoints(part: Part | null): Points | null {
  return part && { count: part.times.length, times: part.times, values: part.values, decimals: 0 }
}

/** Adds the points in [from, to); tells whether there were any. */
function addSpan(points: Points, start: number, from: number, to: number, grid: Grid): boolean {
  const begin = countBefore(points.times, from - start, points.count)
  const end = countBefore(points.times, to - start, points.count)
  if (begin < end) grid.addPoints(start, points, begin, end)
  return begin < end
}
