/*
 * Columns of whole numbers, as the blocks of the embedded store hold them (docs/embedded-store.md): each number, or its
 * step from the one before, less what is usual in the column, in as few bits as most of them need; the few that need
 * more follow as exceptions. A column that cannot be told so, or not shorter, is doubles as they are.
 */

/** Bytes that are written one after another; they grow by themselves, and are used again after `take`. */
export type Sink = { bytes: Uint8Array; view: DataView; at: number }

export function createSink(): Sink {
  const bytes = new Uint8Array(1 << 16)
  return { bytes, view: new DataView(bytes.buffer), at: 0 }
}

/** Makes room for `count` more bytes. */
export function reserve(sink: Sink, count: number): void {
  if (sink.at + count <= sink.bytes.length) return
  const bytes = new Uint8Array(Math.max(sink.bytes.length * 2, sink.at + count))
  bytes.set(sink.bytes)
  sink.bytes = bytes
  sink.view = new DataView(bytes.buffer)
}

/** What was written since the sink was empty, as bytes of their own. */
export function take(sink: Sink): Uint8Array {
  const taken = sink.bytes.slice(0, sink.at)
  sink.at = 0
  return taken
}

/** Bytes that are read one after another. */
export type Source = { bytes: Uint8Array; view: DataView; at: number }

/** Begins to read bytes at a place. */
export function openSource(bytes: Uint8Array, at = 0): Source {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at }
}

/** Writes a whole number from 0 to 2 ** 53, seven bits a byte, the lowest first; the caller has reserved 8 bytes. */
export function writeVarint(sink: Sink, value: number): void {
  const { bytes } = sink
  let large = value
  for (; large > 0x7fff_ffff; large = Math.floor(large / 0x80)) bytes[sink.at++] = (large % 0x80) | 0x80
  let left = large | 0
  for (; left >= 0x80; left >>>= 7) bytes[sink.at++] = (left & 0x7f) | 0x80
  bytes[sink.at++] = left
}

function countVarint(value: number): number {
  let bytes = 1
  for (let left = value; left >= 0x80; left >>>= 7) bytes++
  return bytes
}

export function readVarint(source: Source): number {
  const { bytes } = source
  let byte = bytes[source.at++]!
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
    if (source.at >= bytes.length) throw new RangeError('a number goes on behind the end')
    byte = bytes[source.at++]!
    value += (byte & 0x7f) * factor
  }
  return value
}

/** Signed numbers as unsigned ones, small ones small: 0, -1, 1, -2... become 0, 1, 2, 3... */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

export function unzigzag(value: number): number {
  if (value <= 0x7fff_ffff) return (value >>> 1) ^ -(value & 1)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

const rawHead = 0x80
const stepHead = 0x20
const rawBytes = 8
// With up to 7 bits before it, a number of this many bits lies in 32.
const maxWidth = 25
// Up to here differences, and twice a difference, are exact in a double.
const limit = 2 ** 50

// A column of fewer packed bytes is mostly shorter than 128 in all.
const likelyShort = 100

// Residuals within this fit in 32 bits after zigzag.
const smallRange = 2 ** 30

let steps = new Float64Array(256)
const bitCounts = new Int32Array(64)

/** `range` is from the least to the greatest residual; `exceptions` are those that need more bits than `width`. */
type Plan = { isStep: boolean; usual: number; width: number; bytes: number; exceptions: number; range: number }

/** Whether numbers are told each for itself, by their steps, by whichever is shorter, or as the doubles that they are. */
export type Order = 'value' | 'step' | 'shorter' | 'double'

/**
 * Writes the first `count` (one or more) numbers of a column: its length in bytes as a varint, and then the column.
 * Unless they are told as doubles they are whole.
 */
export function writeColumn(sink: Sink, values: Float64Array, count: number, order: Order = 'shorter'): void {
  reserve(sink, count * (rawBytes + 6) + 64)
  const plan = order === 'double' ? null : planColumn(values, count, order)
  const lengthAt = sink.at
  // The length comes before what it tells of: where it takes another number of bytes than was guessed, that is moved.
  const guessed = plan === null || plan.bytes > likelyShort ? 2 : 1
  sink.at += guessed
  const begin = sink.at
  if (plan === null) {
    sink.bytes[sink.at++] = rawHead
    for (let i = 0; i < count; i++, sink.at += rawBytes) sink.view.setFloat64(sink.at, values[i]!, true)
  } else writePacked(sink, values, count, plan)
  const length = sink.at - begin
  const needed = countVarint(length)
  if (needed !== guessed) sink.bytes.copyWithin(lengthAt + needed, begin, begin + length)
  sink.at = lengthAt
  writeVarint(sink, length)
  sink.at += length
}

function planColumn(values: Float64Array, count: number, order: Order): Plan | null {
  if (steps.length < count) steps = new Float64Array(count * 2)
  let last = values[0]!
  let min = last
  let max = last
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 1; i < count; i++) {
    const value = values[i]!
    if (value < min) min = value
    if (value > max) max = value
    if (order === 'value') continue
    const step = value - last
    steps[i - 1] = step
    if (step < least) least = step
    if (step > most) most = step
    last = value
  }
  if (!(min > -limit && max < limit)) return null
  const raw: Plan = { isStep: false, usual: 0, width: 0, bytes: count * rawBytes, exceptions: 0, range: 0 }
  let best = raw
  if (order !== 'step') best = planResiduals(values, count, min, max, false, best)
  if (order !== 'value') best = planResiduals(steps, count - 1, least, most, true, best)
  return best === raw ? null : best
}

// Two guesses at what is usual: the middle of the range, without exceptions, and a median, with some.
function planResiduals(
  values: Float64Array,
  count: number,
  min: number,
  max: number,
  isStep: boolean,
  best: Plan,
): Plan {
  if (count === 0) return { isStep, usual: 0, width: 0, bytes: 0, exceptions: 0, range: 0 }
  const range = max - min
  const middle = Math.ceil((min + max) / 2)
  const width = countBits(Math.max(zigzag(max - middle), zigzag(min - middle)))
  const bytes = (count * width) / 8
  const found =
    width <= maxWidth && bytes < best.bytes ? { isStep, usual: middle, width, bytes, exceptions: 0, range } : best
  if (range <= 1) return found
  const usual = sampleMedian(values, count)
  return sampleSpread(usual) + 1 < width ? planAround(values, count, isStep, usual, range, found) : found
}

const sampleSize = 15
const sample = new Float64Array(sampleSize)
let sampled = 0

function sampleMedian(values: Float64Array, count: number): number {
  sampled = Math.min(sampleSize, count)
  for (let i = 0; i < sampled; i++) {
    const value = values[Math.floor((i * count) / sampled)]!
    let at = i
    for (; at > 0 && sample[at - 1]! > value; at--) sample[at] = sample[at - 1]!
    sample[at] = value
  }
  return sample[sampled >> 1]!
}

/** How many bits the middle of the sample needs: where that is nearly all that the range needs, exceptions save nothing. */
function sampleSpread(usual: number): number {
  const few = sampled >> 2
  return countBits(Math.max(zigzag(sample[few]! - usual), zigzag(sample[sampled - 1 - few]! - usual)))
}

function planAround(
  values: Float64Array,
  count: number,
  isStep: boolean,
  usual: number,
  range: number,
  best: Plan,
): Plan {
  for (let bits = 0; bits < bitCounts.length; bits++) bitCounts[bits] = 0
  let most = 0
  if (range < smallRange) {
    let all = 0
    for (let i = 0; i < count; i++) {
      const residual = (values[i]! - usual) | 0
      const folded = (residual << 1) ^ (residual >> 31)
      all |= folded
      bitCounts[32 - Math.clz32(folded)]!++
    }
    most = 32 - Math.clz32(all)
  } else
    for (let i = 0; i < count; i++) {
      const bits = countBits(zigzag(values[i]! - usual))
      bitCounts[bits]!++
      if (bits > most) most = bits
    }
  // From one width to the next narrower one, numbers of one more bit become exceptions: each takes its place, mostly a
  // byte, and its higher bits, a byte for seven of them.
  let at = -1
  let bytes = best.bytes
  let kept = 0
  for (let width = most, exceptions = 0, extra = 0; width >= 0; width--) {
    if (width < most) {
      exceptions += bitCounts[width + 1]!
      extra += bitCounts[width + 1]!
      for (let bits = width + 1; bits <= most; bits += 7) extra += bitCounts[bits]!
    }
    if (width > maxWidth) continue
    const needed = (count * width) / 8 + extra
    if (needed < bytes) {
      at = width
      bytes = needed
      kept = exceptions
    } else if (width < most && needed > bytes * 2) break
  }
  return at < 0 ? best : { isStep, usual, width: at, bytes, exceptions: kept, range }
}

function countBits(value: number): number {
  return value < 0x1_0000_0000 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 0x1_0000_0000)
}

function writePacked(sink: Sink, values: Float64Array, count: number, plan: Plan): void {
  const { isStep, usual, width, exceptions, range } = plan
  sink.bytes[sink.at++] = width + (isStep ? stepHead : 0)
  if (isStep) writeVarint(sink, zigzag(values[0]!))
  writeVarint(sink, zigzag(usual))
  const from = isStep ? steps : values
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
