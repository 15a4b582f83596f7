import { checkBytes, DamageError, findDecimals, type Part, seal } from './embedded-block.ts'
import { createSink, readColumn, reserve, type Sink, type Source, writeColumn } from './embedded-column.ts'
import { hourMs, hoursPerDay } from './embedded-time.ts'

/*
 * Hourly rollups: what the readings of each hour of a series come to. A chunk holds those of one series over 32 days, a
 * segment for each day, in order (docs/embedded-store.md). They follow from the readings alone: an hour is told anew,
 * never added to.
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

const version = 1
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

/** Rolls the readings of a day up; `cells` are overwritten where the part has readings, and left elsewhere. */
export function rollPart({ times, values }: Part, cells: Cells): void {
  const count = times.length
  const decimals = findDecimals(values, count)
  const power = 10 ** (decimals ?? 0)
  for (let i = 0; i < count; ) {
    const hour = Math.floor(times[i]! / hourMs)
    const end = (hour + 1) * hourMs
    const begin = i
    let min = values[i]!
    let max = min
    let sum = 0
    let lost = 0
    for (; i < count && times[i]! < end; i++) {
      const value = values[i]!
      if (value < min) min = value
      if (value > max) max = value
      if (decimals !== null) {
        sum += Math.round(value * power)
        continue
      }
      // What rounding takes from a sum of doubles is kept beside it (Neumaier).
      const next = sum + value
      lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
      sum = next
    }
    cells.hours |= 1 << hour
    cells.counts[hour] = i - begin
    cells.sums[hour] = decimals === null ? (Number.isFinite(sum) ? sum + lost : sum) : sum / power
    cells.mins[hour] = min
    cells.maxs[hour] = max
    cells.firsts[hour] = values[begin]!
    cells.lasts[hour] = values[i - 1]!
  }
}

const sink = createSink()
const packed = new Float64Array(hoursPerDay * 5)

function writeSegment(sink: Sink, day: number, cells: Cells): void {
  reserve(sink, headerBytes)
  const begin = sink.at
  const { bytes } = sink
  bytes[begin] = day
  bytes[begin + 3] = cells.hours
  bytes[begin + 4] = cells.hours >> 8
  bytes[begin + 5] = cells.hours >> 16
  sink.at += headerBytes
  const hours = listSetHours(cells.hours)
  const count = hours.length
  const isSingle = hours.every((hour) => cells.counts[hour] === 1)
  const ends = isSingle ? [] : [cells.mins, cells.maxs, cells.firsts, cells.lasts]
  const decimals = commonDecimals([cells.sums, ...ends], hours)
  sink.bytes[begin + 6] = (decimals ?? doubles) + (isSingle ? single : 0)
  const power = 10 ** (decimals ?? 0)
  if (!isSingle) writeColumn(sink, pack([cells.counts], hours), count, 'value')
  const order = decimals === null ? 'double' : 'shorter'
  writeColumn(sink, scale(pack([cells.sums], hours), count, decimals, power), count, order)
  if (!isSingle) writeColumn(sink, scale(pack(ends, hours), count * 4, decimals, power), count * 4, order)
  sink.view.setUint16(begin + 1, sink.at - begin, true)
}

function listSetHours(marks: number): number[] {
  const hours: number[] = []
  for (let hour = 0; hour < hoursPerDay; hour++) if ((marks >> hour) & 1) hours.push(hour)
  return hours
}

function pack(columns: readonly Float64Array[], hours: readonly number[]): Float64Array {
  let at = 0
  for (const column of columns) for (const hour of hours) packed[at++] = column[hour]!
  return packed
}

function scale(values: Float64Array, count: number, decimals: number | null, power: number): Float64Array {
  if (decimals !== null) for (let i = 0; i < count; i++) values[i] = Math.round(values[i]! * power)
  return values
}

function commonDecimals(columns: readonly Float64Array[], hours: readonly number[]): number | null {
  return findDecimals(pack(columns, hours), columns.length * hours.length)
}

function readScaled(source: Source, count: number, values: Float64Array, decimals: number): void {
  readColumn(source, count, values)
  if (decimals === 0 || decimals === doubles) return
  const power = 10 ** decimals
  for (let i = 0; i < count; i++) values[i]! /= power
}

/** Reads one segment; without `isWhole` only counts and sums. */
function readSegment(bytes: Uint8Array, at: number, cells: Cells, isWhole: boolean): void {
  const source = { bytes, at: at + headerBytes }
  cells.hours = bytes[at + 3]! | (bytes[at + 4]! << 8) | (bytes[at + 5]! << 16)
  const kind = bytes[at + 6]!
  const decimals = kind & doubles
  const isSingle = (kind & single) !== 0
  let count = 0
  for (let marks = cells.hours; marks !== 0; marks &= marks - 1) count++
  const isFull = count === hoursPerDay
  const into = (column: Float64Array) => (isFull ? column : packed)
  if (isSingle) cells.counts.fill(1)
  else {
    readColumn(source, count, into(cells.counts))
    if (!isFull) spread(packed, 0, cells.counts, cells.hours)
  }
  readScaled(source, count, into(cells.sums), decimals)
  if (!isFull) spread(packed, 0, cells.sums, cells.hours)
  if (!isWhole) return
  const ends = [cells.mins, cells.maxs, cells.firsts, cells.lasts]
  if (isSingle) {
    for (const column of ends) column.set(cells.sums)
    return
  }
  readScaled(source, count * 4, packed, decimals)
  for (const [i, column] of ends.entries()) spread(packed, i * count, column, cells.hours)
}

function spread(from: Float64Array, begin: number, column: Float64Array, marks: number): void {
  for (let hour = 0, at = begin; hour < hoursPerDay; hour++) if ((marks >> hour) & 1) column[hour] = from[at++]!
}

function openChunk(id: number, bytes: Uint8Array): void {
  checkBytes(id, bytes)
  if (bytes[0] !== version) throw new DamageError(`rollups of version ${bytes[0]}, which this program does not know`)
}

/** The place of each segment in a chunk. Throws a DamageError when the chunk is not what was written under `id`. */
function listSegments(id: number, bytes: Uint8Array): { day: number; at: number; end: number }[] {
  openChunk(id, bytes)
  const segments = []
  for (let at = 1; at < bytes.length - checksumBytes; ) {
    const end = at + (bytes[at + 1]! | (bytes[at + 2]! << 8))
    segments.push({ day: bytes[at]!, at, end })
    at = end
  }
  return segments
}

/**
 * Reads the rollups of the days `first` to `last` of a chunk, numbered in it from 0, into a pool of 32, and answers of how
 * many there are any. Without `isWhole` only counts and sums are read.
 */
export function readChunk(
  id: number,
  bytes: Uint8Array,
  { first, last, isWhole }: { first: number; last: number; isWhole: boolean },
  pool: { day: number; cells: Cells }[],
): number {
  openChunk(id, bytes)
  let count = 0
  const end = bytes.length - checksumBytes
  for (let at = 1; at < end; at += bytes[at + 1]! | (bytes[at + 2]! << 8)) {
    const day = bytes[at]!
    if (day < first) continue
    if (day > last) break
    const into = pool[count++]!
    into.day = day
    readSegment(bytes, at, into.cells, isWhole)
  }
  return count
}

/**
 * A chunk with other rollups of some days, each given by what becomes of those that it had (`hours` is 0 when there were
 * none); null when no rollups are left. Throws a DamageError when the chunk is not what was written.
 */
export function editChunk(
  id: number,
  bytes: Uint8Array | null,
  edits: ReadonlyMap<number, (cells: Cells) => void>,
): Uint8Array | null {
  const old = bytes === null ? [] : listSegments(id, bytes)
  const byDay = new Map(old.map((each) => [each.day, each]))
  const days = [...new Set([...byDay.keys(), ...edits.keys()])].sort((a, b) => a - b)
  sink.at = 0
  reserve(sink, 1)
  sink.bytes[sink.at++] = version
  for (const day of days) {
    const edit = edits.get(day)
    const segment = byDay.get(day)
    if (edit === undefined) {
      const kept = bytes!.subarray(segment!.at, segment!.end)
      reserve(sink, kept.length)
      sink.bytes.set(kept, sink.at)
      sink.at += kept.length
      continue
    }
    const cells = scratch
    cells.hours = 0
    if (segment !== undefined) readSegment(bytes!, segment.at, cells, true)
    edit(cells)
    if (cells.hours !== 0) writeSegment(sink, day, cells)
  }
  return sink.at === 1 ? null : seal(sink, id)
}

const scratch = createCells()
