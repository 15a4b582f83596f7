import { crc32 } from 'node:zlib'
import {
  createSink,
  openSource,
  readVarint,
  reserve,
  type Sink,
  type Source,
  take,
  writeVarint,
} from './embedded-bytes.ts'
import { readColumn, skipColumn, writeColumn } from './embedded-column.ts'

/*
 * A block holds one day of one device's channel: the readings of all its quantities, which mostly come together and then
 * share their times (docs/embedded-store.md).
 */

/** The readings of one series on one day: `times` in ms since the day began, ascending; `delays` to their reception. */
export type Part = {
  series: number
  times: Float64Array
  values: Float64Array
  delays: Float64Array
  seqs: Float64Array
}

const version = 1
/** Bytes of the checksum that ends blocks and chunks. */
export const checksumBytes = 4
const doubles = 255
const floats = 254
const maxDecimals = 9
const powers = Array.from({ length: maxDecimals + 1 }, (_, i) => 10 ** i)
const scaledLimit = 2 ** 50

const sink = createSink()

/** The block of one or more parts, none of them empty; `id` is what it is stored under, and enters the checksum. */
export function encodeBlock(id: number, first: number, parts: readonly Part[]): Uint8Array {
  sink.at = 0
  writeBlock(sink, id, first, parts)
  return take(sink)
}

/** Writes a block behind what a sink holds, and answers it as bytes that stay there. */
export function writeBlock(sink: Sink, id: number, first: number, parts: readonly Part[]): Uint8Array {
  const begin = sink.at
  reserve(sink, 16)
  sink.bytes[sink.at++] = version
  const groups = groupParts(parts)
  writeVarint(sink, groups.length)
  for (const group of groups) {
    const { times, delays, seqs } = group[0]!
    reserve(sink, 16)
    writeVarint(sink, times.length)
    writeVarint(sink, group.length)
    writeColumn(sink, times, times.length, 'step')
    writeColumn(sink, delays, times.length, 'value')
    writeColumn(sink, seqs, times.length, 'step')
    for (const { series, values } of group) {
      reserve(sink, 16)
      writeVarint(sink, series - first)
      writeValues(sink, values, values.length)
    }
  }
  writeChecksum(sink, id, begin)
  return sink.bytes.subarray(begin, sink.at)
}

/** Ends what was written with its checksum, and takes it. */
export function seal(sink: Sink, id: number): Uint8Array {
  writeChecksum(sink, id, 0)
  return take(sink)
}

function writeChecksum(sink: Sink, id: number, begin: number): void {
  reserve(sink, checksumBytes)
  sink.view.setUint32(sink.at, checksumOf(id, sink.bytes, begin, sink.at), true)
  sink.at += checksumBytes
}

// Parts that were observed and received together share those columns.
function groupParts(parts: readonly Part[]): Part[][] {
  const groups: Part[][] = []
  for (const part of parts) {
    const group = groups.find(([other]) => isTogether(other!, part))
    if (group === undefined) groups.push([part])
    else group.push(part)
  }
  return groups
}

function isTogether(a: Part, b: Part): boolean {
  return areEqual(a.times, b.times) && areEqual(a.seqs, b.seqs) && areEqual(a.delays, b.delays)
}

function areEqual(a: Float64Array, b: Float64Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

let scaled = new Float64Array(256)

/** Writes values: by how many decimals they were scaled to whole numbers, which are a column then; or as they are. */
function writeValues(sink: Sink, values: Float64Array, count: number): void {
  if (scaled.length < count) scaled = new Float64Array(count * 2)
  const decimals = scaleValues(values, count, scaled)
  reserve(sink, 16 + 8 * count)
  if (decimals !== null) {
    sink.bytes[sink.at++] = decimals
    writeColumn(sink, scaled, count)
    return
  }
  const areFloats = values.every((value) => Math.fround(value) === value)
  sink.bytes[sink.at++] = areFloats ? floats : doubles
  writeVarint(sink, count * (areFloats ? 4 : 8))
  for (let i = 0; i < count; i++) {
    // SQLite keeps no negative zero, and so neither do blocks.
    if (areFloats) sink.view.setFloat32(sink.at, values[i]! + 0, true)
    else sink.view.setFloat64(sink.at, values[i]! + 0, true)
    sink.at += areFloats ? 4 : 8
  }
}

/**
 * With how few decimals all values are exact, or null. They are laid into `whole` times ten to that power; with null that
 * column holds nothing of use.
 */
export function scaleValues(values: Float64Array, count: number, whole: Float64Array): number | null {
  let decimals = 0
  let power = 1
  let greatest = 0
  for (let i = 0; i < count; ) {
    const value = values[i]!
    const scaled = Math.round(value * power)
    if (scaled / power === value) {
      whole[i++] = scaled
      const size = Math.abs(scaled)
      if (size > greatest) greatest = size
      continue
    }
    if (decimals === maxDecimals) return null
    power = powers[++decimals]!
    i = 0
  }
  return greatest < scaledLimit ? decimals : null
}

/** Reads values as they are stored, and answers by how many decimals they were scaled to whole numbers. */
function readValues(source: Source, count: number, values: Float64Array): number {
  const scale = source.bytes[source.at++]!
  if (scale <= maxDecimals) {
    readColumn(source, count, values)
    return scale
  }
  if (scale < floats) throw new RangeError(`values of a kind that is not known: ${scale}`)
  const length = readVarint(source)
  const { view } = source
  for (let i = 0; i < count; i++)
    values[i] = scale === floats ? view.getFloat32(source.at + 4 * i, true) : view.getFloat64(source.at + 8 * i, true)
  source.at += length
  return 0
}

function skipValues(source: Source): void {
  source.at++
  skipColumn(source)
}

/** A block or a part of one is not what was written. */
export class DamageError extends Error {}

/** Throws a DamageError when bytes are not what was written under `id`. */
export function checkBytes(id: number, bytes: Uint8Array, begin = 0, end = bytes.length): void {
  const at = end - checksumBytes
  const told =
    at > begin && (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  if (told !== checksumOf(id, bytes, begin, at)) throw new DamageError('the checksum is not that of the content')
}

const idBytes = new DataView(new ArrayBuffer(8))
const idArray = new Uint8Array(idBytes.buffer)

function checksumOf(id: number, bytes: Uint8Array, begin: number, end: number): number {
  idBytes.setUint32(0, id % 2 ** 32, true)
  idBytes.setInt32(4, Math.floor(id / 2 ** 32), true)
  return crc32(bytes.subarray(begin, end), crc32(idArray))
}

function openBlock(id: number, bytes: Uint8Array): Source {
  checkBytes(id, bytes)
  if (bytes[0] !== version) throw new DamageError(`a block of version ${bytes[0]}, which this program does not know`)
  return openSource(bytes, 1)
}

const empty = new Float64Array(0)

/** Goes to the values of one series in a block; null when it holds none. */
function findSeries(source: Source, first: number, series: number): { count: number; timesAt: number } | null {
  for (let groups = readVarint(source); groups > 0; groups--) {
    const count = readVarint(source)
    const columns = readVarint(source)
    const timesAt = source.at
    for (let i = 0; i < 3; i++) skipColumn(source)
    for (let i = 0; i < columns; i++) {
      if (first + readVarint(source) === series) return { count, timesAt }
      skipValues(source)
    }
  }
  return null
}

/**
 * The part of one series in a block, or null; without `isWhole` its delays and seqs are left empty.
 * Throws a DamageError when the block is not what was written.
 */
export function readPart(id: number, first: number, bytes: Uint8Array, series: number, isWhole: boolean): Part | null {
  const source = openBlock(id, bytes)
  const found = findSeries(source, first, series)
  if (found === null) return null
  const { count, timesAt } = found
  const values = new Float64Array(count)
  const power = powers[readValues(source, count, values)]!
  if (power > 1) for (let i = 0; i < count; i++) values[i]! /= power
  source.at = timesAt
  return { series, values, ...readShared(source, count, isWhole) }
}

/** Times and values of one series and day, the first `count` of its columns; values times ten to the power of `decimals`. */
export type Points = { count: number; times: Float64Array; values: Float64Array; decimals: number }

/**
 * Reads times and values of one series in a block into columns that are used again; tells whether there are any.
 * Throws a DamageError when the block is not what was written.
 */
export function readPoints(id: number, first: number, bytes: Uint8Array, series: number, into: Points): boolean {
  const source = openBlock(id, bytes)
  const found = findSeries(source, first, series)
  if (found === null) return false
  const { count, timesAt } = found
  if (into.times.length < count) {
    into.times = new Float64Array(count)
    into.values = new Float64Array(count)
  }
  into.count = count
  into.decimals = readValues(source, count, into.values)
  source.at = timesAt
  readColumn(source, count, into.times)
  return true
}

/** All parts of a block. Throws a DamageError when it is not what was written. */
export function readParts(id: number, first: number, bytes: Uint8Array): Part[] {
  const source = openBlock(id, bytes)
  const parts: Part[] = []
  for (let groups = readVarint(source); groups > 0; groups--) {
    const count = readVarint(source)
    const columns = readVarint(source)
    const shared = readShared(source, count, true)
    for (let i = 0; i < columns; i++) {
      const series = first + readVarint(source)
      const values = new Float64Array(count)
      const power = powers[readValues(source, count, values)]!
      if (power > 1) for (let j = 0; j < count; j++) values[j]! /= power
      parts.push({ series, values, ...shared })
    }
  }
  return parts
}

function readShared(source: Source, count: number, isWhole: boolean): Pick<Part, 'times' | 'delays' | 'seqs'> {
  const times = new Float64Array(count)
  readColumn(source, count, times)
  if (!isWhole) return { times, delays: empty, seqs: empty }
  const delays = new Float64Array(count)
  const seqs = new Float64Array(count)
  readColumn(source, count, delays)
  readColumn(source, count, seqs)
  return { times, delays, seqs }
}
