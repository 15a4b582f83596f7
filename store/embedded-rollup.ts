import { DamageError, type Part, scaleValues } from './embedded-block.ts'
import { createSink, openSource, reserve, type Sink } from './embedded-bytes.ts'
import {
  type Chunks,
  copySegment,
  countHours,
  doublesKind,
  findSegments,
  headerBytes,
  openDay,
  readMarks,
  readSums,
  singleFlag,
  startChunk,
  takeChunk,
} from './embedded-chunk.ts'
import { readColumn, writeColumn } from './embedded-column.ts'
import { hourMs, hoursPerDay } from './embedded-time.ts'

/*
 * Hourly rollups: what the readings of each hour of a series come to. They follow from the readings alone: an hour is told
 * anew, never added to.
 */

/** The rollups of one series and day; `hours` tells which there are, the others hold what the hours of a day come to. */
export type Cells = {
  hours: number
  counts: Float64Array
  sums: Float64Array
  mins: Float64Array
  maxs: Float64Array
  firsts: Float64Array
  lasts: Float64Array
}

export function createCells(): Cells {
  const column = () => new Float64Array(hoursPerDay)
  return {
    hours: 0,
    counts: column(),
    sums: column(),
    mins: column(),
    maxs: column(),
    firsts: column(),
    lasts: column(),
  }
}

/**
 * The rollups of one series and day without gaps, times ten to the power of their decimals; `ends` holds least, greatest,
 * first and last values, each `hoursPerDay` behind the other.
 */
type Dense = { hours: number; count: number; counts: Float64Array; sums: Float64Array; ends: Float64Array }

const dense: Dense = {
  hours: 0,
  count: 0,
  counts: new Float64Array(hoursPerDay),
  sums: new Float64Array(hoursPerDay),
  ends: new Float64Array(hoursPerDay * 4),
}
let whole = new Float64Array(256)

/** Rolls the readings of a day up into `dense`; answers their decimals, or null where it holds them as they are. */
function roll({ times, values }: Part): number | null {
  const count = times.length
  if (whole.length < count) whole = new Float64Array(count * 2)
  const decimals = scaleValues(values, count, whole)
  const from = decimals === null ? values : whole
  const { counts, sums, ends } = dense
  let hours = 0
  let k = 0
  for (let i = 0; i < count; k++) {
    const hour = Math.floor(times[i]! / hourMs)
    const end = (hour + 1) * hourMs
    const begin = i
    let min = from[i]!
    let max = min
    let sum = 0
    let lost = 0
    for (; i < count && times[i]! < end; i++) {
      const value = from[i]!
      if (value < min) min = value
      if (value > max) max = value
      const next = sum + value
      // What rounding takes from a sum of doublesKind is kept beside it (Neumaier).
      if (decimals === null) lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
      sum = next
    }
    hours |= 1 << hour
    counts[k] = i - begin
    sums[k] = Number.isFinite(sum) ? sum + lost : sum
    ends[k] = min
    ends[k + hoursPerDay] = max
    ends[k + 2 * hoursPerDay] = from[begin]!
    ends[k + 3 * hoursPerDay] = from[i - 1]!
  }
  dense.hours = hours
  dense.count = k
  return decimals
}

/** Rolls the readings of a day up; `cells` are overwritten where the part has readings, and left elsewhere. */
export function rollPart(part: Part, cells: Cells): void {
  const power = 10 ** (roll(part) ?? 0)
  const { hours, counts, sums, ends } = dense
  spread(counts, 0, cells.counts, hours, 1)
  spread(sums, 0, cells.sums, hours, power)
  for (const [i, column] of endsOf(cells).entries()) spread(ends, i * hoursPerDay, column, hours, power)
  cells.hours |= hours
}

const endsOf = ({ mins, maxs, firsts, lasts }: Cells) => [mins, maxs, firsts, lasts]

type Writing = { sums: Sink; ends: Sink }
type Decimals = { ofSums: number | null; ofEnds: number | null }

/**
 * Writes what the readings of a day come to; answers false, and writes nothing, where that is not all: `before` are the
 * hours that were told until now, some of them by readings that are gone.
 */
function writePart(writing: Writing, day: number, part: Part, before: number): boolean {
  const decimals = roll(part)
  if (decimals === null || (before & ~dense.hours) !== 0) return false
  writeDense(writing, day, { ofSums: decimals, ofEnds: decimals })
  return true
}

function writeCells(writing: Writing, day: number, cells: Cells): void {
  const { hours } = cells
  dense.hours = hours
  dense.count = countHours(hours)
  gather(cells.counts, hours, dense.counts, 0)
  gather(cells.sums, hours, packed, 0)
  const ofSums = scaleOrCopy(dense.count, dense.sums)
  packed.fill(0)
  for (const [i, column] of endsOf(cells).entries()) gather(column, hours, packed, i * hoursPerDay)
  const ofEnds = scaleOrCopy(packed.length, dense.ends)
  writeDense(writing, day, { ofSums, ofEnds })
}

const packed = new Float64Array(hoursPerDay * 4)

// What is packed, times ten to the power of the decimals that are answered, or as it is.
function scaleOrCopy(count: number, column: Float64Array): number | null {
  const decimals = scaleValues(packed, count, column)
  if (decimals === null) column.set(packed.subarray(0, count))
  return decimals
}

function writeDense({ sums, ends }: Writing, day: number, { ofSums, ofEnds }: Decimals): void {
  const { count, counts } = dense
  let isSingle = true
  for (let i = 0; i < count; i++) if (counts[i] !== 1) isSingle = false
  const begin = startSegment(sums, day, ofSums, isSingle ? singleFlag : 0)
  if (!isSingle) writeColumn(sums, counts, count, 'value')
  endSegment(sums, begin, dense.sums, count, ofSums)
  if (isSingle) return
  for (let column = 1; column < 4 && count < hoursPerDay; column++)
    dense.ends.copyWithin(column * count, column * hoursPerDay, column * hoursPerDay + count)
  endSegment(ends, startSegment(ends, day, ofEnds, 0), dense.ends, count * 4, ofEnds)
}

// A segment's header; what comes before its last column is to follow.
function startSegment(sink: Sink, day: number, decimals: number | null, flags: number): number {
  reserve(sink, headerBytes)
  const { bytes, at } = sink
  const { hours } = dense
  bytes[at] = day
  bytes[at + 3] = hours
  bytes[at + 4] = hours >> 8
  bytes[at + 5] = hours >> 16
  bytes[at + 6] = (decimals ?? doublesKind) + flags
  sink.at += headerBytes
  return at
}

function endSegment(sink: Sink, begin: number, column: Float64Array, count: number, decimals: number | null): void {
  writeColumn(sink, column, count, decimals === null ? 'double' : 'shorter')
  sink.view.setUint16(begin + 1, sink.at - begin, true)
}

function gather(column: Float64Array, hours: number, into: Float64Array, at: number): void {
  for (let hour = 0, i = at; hour < hoursPerDay; hour++) if ((hours >> hour) & 1) into[i++] = column[hour]!
}

function readCells(
  sums: Uint8Array,
  at: number,
  ends: Uint8Array | null,
  endsAt: number | undefined,
  cells: Cells,
): void {
  const day = openDay(openSource(sums), at)
  const { hours, decimals, isSingle } = day
  const told = readSums(day)
  cells.hours = hours
  spread(told.counts, 0, cells.counts, hours, 1)
  spread(told.sums, 0, cells.sums, hours, 10 ** decimals)
  const columns = endsOf(cells)
  if (isSingle) {
    for (const column of columns) column.set(cells.sums)
    return
  }
  if (ends === null || endsAt === undefined || readMarks(ends, endsAt) !== hours)
    throw new DamageError('least and greatest values are missing')
  const count = countHours(hours)
  readColumn(openSource(ends, endsAt + headerBytes), count * 4, packed)
  const kind = ends[endsAt + 6]!
  for (const [i, column] of columns.entries())
    spread(packed, i * count, column, hours, kind === doublesKind ? 1 : 10 ** kind)
}

function spread(from: Float64Array, begin: number, column: Float64Array, marks: number, power: number): void {
  for (let hour = 0, at = begin; hour < hoursPerDay; hour++)
    if ((marks >> hour) & 1) column[hour] = power === 1 ? from[at++]! : from[at++]! / power
}

/**
 * Reads the rollups of the days `first` to `last` of a chunk, numbered in it from 0, into a pool of 32, and answers of how
 * many there are any. Throws a DamageError when the chunks are not what was written under `id`.
 */
export function readChunks(
  id: number,
  { sums, ends }: Chunks,
  { first, last }: { first: number; last: number },
  pool: { day: number; cells: Cells }[],
): number {
  const segments = findSegments(id, sums)
  const others = findSegments(id, ends)
  let count = 0
  for (const [day, { at }] of segments) {
    if (day < first || day > last) continue
    const into = pool[count++]!
    into.day = day
    readCells(sums!, at, ends, others.get(day)?.at, into.cells)
  }
  return count
}

const writing: Writing = { sums: createSink(), ends: createSink() }
const scratch = createCells()

/** What becomes of the rollups of a day: those of all its readings beside what is left of others, or what is done to them. */
export type Edit = Part | ((cells: Cells) => void)

/**
 * Chunks with other rollups of some days, each given by what becomes of those that it had (`hours` is 0 when there were
 * none). Throws a DamageError when the chunks are not what was written.
 */
export function editChunks(id: number, { sums, ends }: Chunks, edits: ReadonlyMap<number, Edit>): Chunks {
  const oldSums = findSegments(id, sums)
  const oldEnds = findSegments(id, ends)
  const days = [...edits.keys()]
  for (const day of oldSums.keys()) if (!edits.has(day)) days.push(day)
  days.sort((a, b) => a - b)
  startChunk(writing.sums)
  startChunk(writing.ends)
  for (const day of days) {
    const edit = edits.get(day)
    const segment = oldSums.get(day)
    if (edit === undefined) {
      copySegment(writing.sums, sums!, segment!)
      const other = oldEnds.get(day)
      if (other !== undefined) copySegment(writing.ends, ends!, other)
      continue
    }
    const isPart = typeof edit !== 'function'
    if (isPart && writePart(writing, day, edit, segment === undefined ? 0 : readMarks(sums!, segment.at))) continue
    scratch.hours = 0
    if (segment !== undefined) readCells(sums!, segment.at, ends, oldEnds.get(day)?.at, scratch)
    if (isPart) rollPart(edit, scratch)
    else edit(scratch)
    if (scratch.hours !== 0) writeCells(writing, day, scratch)
  }
  return { sums: takeChunk(writing.sums, id), ends: takeChunk(writing.ends, id) }
}
