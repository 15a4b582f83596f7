import {
  countVarint,
  readVarint,
  reserve,
  type Sink,
  type Source,
  unzigzag,
  writeVarint,
  zigzag,
} from './embedded-bytes.ts'
import { maxWidth, type Order, plan, planColumn, rawBytes, smallRange } from './embedded-plan.ts'

/*
 * Columns of whole numbers, as the blocks of the embedded store hold them (docs/embedded-store.md): each number, or its
 * step from the one before, less what is usual in the column, in as few bits as most of them need; the few that need
 * more follow as exceptions. A column that cannot be told so, or not shorter, is doubles as they are.
 */

const rawHead = 0x80
const stepHead = 0x20

// A column of fewer packed bytes is mostly shorter than 128 in all.
const likelyShort = 100

/**
 * Writes the first `count` (one or more) numbers of a column: its length in bytes as a varint, and then the column.
 * Unless they are told as doubles they are whole.
 */
export function writeColumn(sink: Sink, values: Float64Array, count: number, order: Order = 'shorter'): void {
  reserve(sink, count * (rawBytes + 6) + 64)
  const isPacked = order !== 'double' && planColumn(values, count, order)
  const lengthAt = sink.at
  // The length comes before what it tells of: where it takes another number of bytes than was guessed, that is moved.
  const guessed = !isPacked || plan.bytes > likelyShort ? 2 : 1
  sink.at += guessed
  const begin = sink.at
  if (isPacked) writePacked(sink, values, count)
  else {
    sink.bytes[sink.at++] = rawHead
    for (let i = 0; i < count; i++, sink.at += rawBytes) sink.view.setFloat64(sink.at, values[i]! + 0, true)
  }
  const length = sink.at - begin
  const needed = countVarint(length)
  if (needed !== guessed) sink.bytes.copyWithin(lengthAt + needed, begin, begin + length)
  sink.at = lengthAt
  writeVarint(sink, length)
  sink.at += length
}

function writePacked(sink: Sink, values: Float64Array, count: number): void {
  const { isStep, from, usual, width, exceptions, range } = plan
  sink.bytes[sink.at++] = width + (isStep ? stepHead : 0)
  if (isStep) writeVarint(sink, zigzag(values[0]!))
  writeVarint(sink, zigzag(usual))
  const packed = isStep ? count - 1 : count
  const end = 2 ** width
  writeVarint(sink, exceptions)
  if (range < smallRange) packSmall(sink, from, packed, usual, width)
  else packBits(sink, from, packed, usual, width)
  for (let i = 0, last = 0, left = exceptions; left > 0; i++) {
    const residual = zigzag(from[i]! - usual)
    if (residual < end) continue
    writeVarint(sink, i - last)
    writeVarint(sink, Math.floor(residual / end))
    last = i
    left--
  }
}

// The common case, in 32-bit integers: with up to 7 bits before it, a residual lies in 32, which are written at once.
function packSmall(sink: Sink, values: Float64Array, count: number, usual: number, width: number): void {
  if (width === 0) return
  const { view } = sink
  const mask = 2 ** width - 1
  let { at } = sink
  let held = 0
  let bits = 0
  for (let i = 0; i < count; i++) {
    const residual = (values[i]! - usual) | 0
    held |= (((residual << 1) ^ (residual >> 31)) & mask) << bits
    view.setInt32(at, held, true)
    bits += width
    at += bits >>> 3
    // Down by whole bytes, in two halves: of 32 bits at once JavaScript shifts none.
    const half = (bits >>> 3) << 2
    held = (held >>> half) >>> half
    bits &= 7
  }
  sink.at = bits > 0 ? at + 1 : at
}

function packBits(sink: Sink, values: Float64Array, count: number, usual: number, width: number): void {
  if (width === 0) return
  const { bytes } = sink
  const end = 2 ** width
  let { at } = sink
  let held = 0
  let bits = 0
  for (let i = 0; i < count; i++) {
    held |= (zigzag(values[i]! - usual) % end) << bits
    for (bits += width; bits >= 8; bits -= 8) {
      bytes[at++] = held
      held >>>= 8
    }
  }
  if (bits > 0) bytes[at++] = held
  sink.at = at
}

/** Goes behind a column without reading it. */
export function skipColumn(source: Source): void {
  const length = readVarint(source)
  source.at += length
}

/** Reads a column of `count` numbers into `values`. At least four more bytes follow any column. */
export function readColumn(source: Source, count: number, values: Float64Array): void {
  const length = readVarint(source)
  const end = source.at + length
  const { bytes } = source
  if (end + 4 > bytes.length) throw new RangeError('a column goes on behind the end')
  const head = bytes[source.at++]!
  if (head === rawHead) {
    for (let i = 0; i < count; i++) values[i] = source.view.getFloat64(source.at + i * rawBytes, true)
  } else readPacked(source, head, count, values)
  source.at = end
}

let read = new Float64Array(256)

/** Reads a column of `count` numbers, and adds them to those of `sums` from a place on; otherwise as `readColumn`. */
export function addColumn(source: Source, count: number, sums: Float64Array, place: number): void {
  const begin = source.at
  const length = readVarint(source)
  const end = source.at + length
  if (end + 4 > source.bytes.length) throw new RangeError('a column goes on behind the end')
  if (!addPlain(source, count, sums, place)) {
    source.at = begin
    if (read.length < count) read = new Float64Array(count * 2)
    readColumn(source, count, read)
    for (let i = 0; i < count; i++) sums[place + i]! += read[i]!
  }
  source.at = end
}

// Most columns have no exceptions: their numbers are added as they are unpacked. False, and nothing done, for others.
function addPlain(source: Source, count: number, sums: Float64Array, place: number): boolean {
  const head = source.bytes[source.at++]!
  const isStep = head >= stepHead
  const width = isStep ? head - stepHead : head
  if (width > maxWidth) return false
  let value = isStep ? unzigzag(readVarint(source)) : 0
  const usual = unzigzag(readVarint(source))
  if (readVarint(source) > 0) return false
  const { view } = source
  const mask = (1 << width) - 1
  const end = place + count
  let i = place
  let bit = source.at << 3
  if (!isStep) {
    for (; i < end; i++, bit += width) {
      const residual = (view.getInt32(bit >>> 3, true) >>> (bit & 7)) & mask
      sums[i]! += usual + ((residual >>> 1) ^ -(residual & 1))
    }
    return true
  }
  sums[i++]! += value
  for (; i < end; i++, bit += width) {
    const residual = (view.getInt32(bit >>> 3, true) >>> (bit & 7)) & mask
    value += usual + ((residual >>> 1) ^ -(residual & 1))
    sums[i]! += value
  }
  return true
}

function readPacked(source: Source, head: number, count: number, values: Float64Array): void {
  const isStep = head >= stepHead
  const width = isStep ? head - stepHead : head
  if (width > maxWidth) throw new RangeError(`a column of a kind that is not known: ${head}`)
  const begin = isStep ? 1 : 0
  let sum = isStep ? unzigzag(readVarint(source)) : 0
  const usual = unzigzag(readVarint(source))
  const exceptions = readVarint(source)
  const at = source.at
  unpackBits(source, width, usual, values, begin, count)
  if (exceptions > 0) raiseExceptions(source, at, { width, usual, exceptions }, values, begin, count)
  if (isStep) values[0] = sum
  if (!isStep) return
  for (let i = 1; i < count; i++) values[i] = sum += values[i]!
}

// Unpacked, unzigzagged, and back around what is usual, in 32-bit integers.
function unpackBits(
  source: Source,
  width: number,
  usual: number,
  values: Float64Array,
  begin: number,
  end: number,
): void {
  const { view, at } = source
  source.at = at + Math.ceil(((end - begin) * width) / 8)
  if (width === 0) {
    values.fill(usual, begin, end)
    return
  }
  const mask = 2 ** width - 1
  for (let i = begin, bit = 0; i < end; i++, bit += width) {
    // With up to 7 bits before it, a residual lies in 32.
    const residual = (view.getUint32(at + (bit >>> 3), true) >>> (bit & 7)) & mask
    values[i] = usual + ((residual >>> 1) ^ -(residual & 1))
  }
}

/** Adds their higher bits to the values that have any. */
function raiseExceptions(
  source: Source,
  at: number,
  { width, usual, exceptions }: { width: number; usual: number; exceptions: number },
  values: Float64Array,
  begin: number,
  end: number,
): void {
  const factor = 2 ** width
  for (let left = exceptions, place = begin; left > 0; left--) {
    place += readVarint(source)
    if (place >= end) throw new RangeError('an exception lies behind the end')
    const bit = (place - begin) * width
    const low = (source.view.getUint32(at + (bit >>> 3), true) >>> (bit & 7)) & (factor - 1)
    values[place] = usual + unzigzag(low + readVarint(source) * factor)
  }
}
