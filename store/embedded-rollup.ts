import { checkBytes, DamageError, type Part, scaleValues, seal } from './embedded-block.ts'
import {
  addColumn,
  createSink,
  openSource,
  readColumn,
  reserve,
  type Sink,
  type Source,
  skipColumn,
  writeColumn,
} from './embedded-column.ts'
import { allHours, hourMs, hoursPerDay } from './embedded-time.ts'

/*
 * Hourly rollups: what the readings of each hour of a series come to. Those of one series over 32 days are two chunks, one
 * of counts and sums, which most questions read alone, and one of the ends: least, greatest, first and last values. A chunk
 * holds a segment for each day, in order (docs/embedded-store.md). Rollups follow from the readings alone: an hour is told
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

/** The two chunks of a series and 32 days; null where there are no rollups, or no ends that the sums do not tell. */
export type Chunks = { sums: Uint8Array | null; ends: Uint8Array | null }

const version = 2
const checksumBytes = 4
// Of a segment: its day in the chunk, its length, which hours it holds, the decimals of its values and what it leaves out.
const headerBytes = 1 + 2 + 3 + 1
const doubles = 0x3f
// Every hour holds one reading, which is its sum, least, greatest, first and last.
const single = 0x40

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
      // What rounding takes from a sum of doubles is kept beside it (Neumaier).
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
  const begin = startSegment(sums, day, ofSums, isSingle ? single : 0)
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
  bytes[at + 6] = (decimals ?? doubles) + flags
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

/** How many hours are marked. */
export function countHours(marks: number): number {
  if (marks === allHours) return hoursPerDay
  let count = 0
  for (let left = marks; left !== 0; left &= left - 1) count++
  return count
}

/** The counts and sums of one day of a chunk, which are read when they are asked for; `hours` tells of which. */
export type DaySums = {
  day: number
  hours: number
  /** The sums are to be divided by ten to the power of it. */
  decimals: number
  /** Every hour holds one reading. */
  isSingle: boolean
  source: Source
  /** Where the columns begin. */
  at: number
}

const ones = new Float64Array(hoursPerDay).fill(1)
const dayCounts = new Float64Array(hoursPerDay)
const daySums = new Float64Array(hoursPerDay)

function openDay(source: Source, at: number): DaySums {
  const kind = source.bytes[at + 6]!
  const decimals = kind & doubles
  return {
    day: source.bytes[at]!,
    hours: readMarks(source.bytes, at),
    decimals: decimals === doubles ? 0 : decimals,
    isSingle: (kind & single) !== 0,
    source,
    at: at + headerBytes,
  }
}

/** The counts and sums of the hours of a day, without gaps, in columns that are used again. */
export function readSums({ hours, isSingle, source, at }: DaySums): { counts: Float64Array; sums: Float64Array } {
  const count = countHours(hours)
  source.at = at
  if (!isSingle) readColumn(source, count, dayCounts)
  readColumn(source, count, daySums)
  return { counts: isSingle ? ones : dayCounts, sums: daySums }
}

/** Adds the sums of the hours of a day to those of `sums` from a place on, without gaps, and so their counts if wanted. */
export function addSums(
  { hours, isSingle, source, at }: DaySums,
  counts: Float64Array | null,
  sums: Float64Array,
  place: number,
): void {
  const count = countHours(hours)
  source.at = at
  if (counts !== null && isSingle) for (let i = 0; i < count; i++) counts[place + i]!++
  else if (counts !== null) addColumn(source, count, counts, place)
  else if (!isSingle) skipColumn(source)
  addColumn(source, count, sums, place)
}

function readMarks(bytes: Uint8Array, at: number): number {
  return bytes[at + 3]! | (bytes[at + 4]! << 8) | (bytes[at + 5]! << 16)
}

/** Some bytes among others. */
export type Piece = { source: Source; begin: number; end: number }

/**
 * Gives the counts and sums of the days `first` to `last` of a chunk, numbered in it from 0, one after another.
 * Throws a DamageError when the chunk is not what was written under `id`.
 */
export function eachDay(
  id: number,
  { source, begin, end }: Piece,
  { first, last }: { first: number; last: number },
  take: (sums: DaySums) => void,
): void {
  const { bytes } = source
  openChunk(id, bytes, begin, end)
  for (let at = begin + 1; at < end - checksumBytes; at += bytes[at + 1]! | (bytes[at + 2]! << 8)) {
    if (bytes[at]! < first) continue
    if (bytes[at]! > last) return
    take(openDay(source, at))
  }
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
    spread(packed, i * count, column, hours, kind === doubles ? 1 : 10 ** kind)
}

function spread(from: Float64Array, begin: number, column: Float64Array, marks: number, power: number): void {
  for (let hour = 0, at = begin; hour < hoursPerDay; hour++)
    if ((marks >> hour) & 1) column[hour] = power === 1 ? from[at++]! : from[at++]! / power
}

function openChunk(id: number, bytes: Uint8Array, begin = 0, end = bytes.length): void {
  checkBytes(id, bytes, begin, end)
  const told = bytes[begin]
  if (told !== version) throw new DamageError(`rollups of version ${told}, which this program does not know`)
}

type Segments = Map<number, { at: number; end: number }>

/** The place of each segment in a chunk, by its day. Throws a DamageError when the chunk is not what was written under `id`. */
function findSegments(id: number, bytes: Uint8Array | null): Segments {
  const segments: Segments = new Map()
  if (bytes === null) return segments
  openChunk(id, bytes)
  for (let at = 1; at < bytes.length - checksumBytes; ) {
    const end = at + (bytes[at + 1]! | (bytes[at + 2]! << 8))
    segments.set(bytes[at]!, { at, end })
    at = end
  }
  return segments
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
  for (const sink of [writing.sums, writing.ends]) {
    sink.at = 0
    sink.bytes[sink.at++] = version
  }
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
  const end = (sink: Sink) => (sink.at === 1 ? null : seal(sink, id))
  return { sums: end(writing.sums), ends: end(writing.ends) }
}

function copySegment(sink: Sink, bytes: Uint8Array, { at, end }: { at: number; end: number }): void {
  reserve(sink, end - at)
  sink.bytes.set(bytes.subarray(at, end), sink.at)
  sink.at += end - at
}

/**
 * The chunks of one of version 1, in which ends followed the sums of each day.
 * Throws a DamageError when it is not what was written under `id`.
 */
export function splitChunk(id: number, bytes: Uint8Array): Chunks {
  checkBytes(id, bytes)
  for (const sink of [writing.sums, writing.ends]) {
    sink.at = 0
    sink.bytes[sink.at++] = version
  }
  for (let at = 1; at < bytes.length - checksumBytes; ) {
    const end = at + (bytes[at + 1]! | (bytes[at + 2]! << 8))
    const source = openSource(bytes, at + headerBytes)
    const isSingle = (bytes[at + 6]! & single) !== 0
    for (let columns = isSingle ? 1 : 2; columns > 0; columns--) skipColumn(source)
    const begin = writing.sums.at
    copySegment(writing.sums, bytes, { at, end: source.at })
    writing.sums.view.setUint16(begin + 1, writing.sums.at - begin, true)
    if (!isSingle) {
      const endsBegin = writing.ends.at
      copySegment(writing.ends, bytes, { at, end: at + headerBytes })
      copySegment(writing.ends, bytes, { at: source.at, end })
      writing.ends.view.setUint16(endsBegin + 1, writing.ends.at - endsBegin, true)
    }
    at = end
  }
  const sums = seal(writing.sums, id)
  return { sums, ends: writing.ends.at === 1 ? null : seal(writing.ends, id) }
}
