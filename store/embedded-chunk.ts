import { checkBytes, checksumBytes, DamageError, seal } from './embedded-block.ts'
import { reserve, type Sink, type Source } from './embedded-bytes.ts'
import { addColumn, readColumn, skipColumn } from './embedded-column.ts'
import { allHours, hoursPerDay } from './embedded-time.ts'

/*
 * The bytes of hourly rollups: those of one series over 32 days are two chunks, one of counts and sums, which most questions
 * read alone, and one of the ends: least, greatest, first and last values. A chunk holds a segment for each day, in order
 * (docs/embedded-store.md).
 */

const version = 2
/** Of a segment: its day in the chunk, its length, which hours it holds, the decimals of its values and what it leaves out. */
export const headerBytes = 1 + 2 + 3 + 1
/** In place of decimals: values are doubles as they are. */
export const doublesKind = 0x3f
/** Every hour holds one reading, which is its sum, least, greatest, first and last. */
export const singleFlag = 0x40

/** The two chunks of a series and 32 days; null where there are no rollups, or no ends that the sums do not tell. */
export type Chunks = { sums: Uint8Array | null; ends: Uint8Array | null }

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

/** A segment of a chunk of counts and sums. */
export function openDay(source: Source, at: number): DaySums {
  const kind = source.bytes[at + 6]!
  const decimals = kind & doublesKind
  return {
    day: source.bytes[at]!,
    hours: readMarks(source.bytes, at),
    decimals: decimals === doublesKind ? 0 : decimals,
    isSingle: (kind & singleFlag) !== 0,
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

/** How many hours are marked. */
export function countHours(marks: number): number {
  if (marks === allHours) return hoursPerDay
  let count = 0
  for (let left = marks; left !== 0; left &= left - 1) count++
  return count
}

/** Which hours a segment holds. */
export function readMarks(bytes: Uint8Array, at: number): number {
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

function openChunk(id: number, bytes: Uint8Array, begin = 0, end = bytes.length): void {
  checkBytes(id, bytes, begin, end)
  const told = bytes[begin]
  if (told !== version) throw new DamageError(`rollups of version ${told}, which this program does not know`)
}

type Segments = Map<number, { at: number; end: number }>

/** The place of each segment in a chunk, by its day. Throws a DamageError when the chunk is not what was written under `id`. */
export function findSegments(id: number, bytes: Uint8Array | null): Segments {
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

/** Begins a chunk. */
export function startChunk(sink: Sink): void {
  sink.at = 0
  sink.bytes[sink.at++] = version
}

/** Ends a chunk, and takes it; null where it holds no segment. */
export function takeChunk(sink: Sink, id: number): Uint8Array | null {
  return sink.at === 1 ? null : seal(sink, id)
}

/** Writes a segment, or a piece of one, as it is. */
export function copySegment(sink: Sink, bytes: Uint8Array, { at, end }: { at: number; end: number }): void {
  reserve(sink, end - at)
  sink.bytes.set(bytes.subarray(at, end), sink.at)
  sink.at += end - at
}
