import { zigzag } from './embedded-bytes.ts'

/*
 * How the numbers of a column are best told (embedded-column.ts): each for itself or by their steps, less what is usual, and
 * in how many bits.
 */

/** Bytes of a number that is told as the double that it is. */
export const rawBytes = 8
/** With up to 7 bits before it, a number of this many bits lies in 32. */
export const maxWidth = 25
/** Residuals within this fit in 32 bits after zigzag. */
export const smallRange = 2 ** 30
// Up to here differences, and twice a difference, are exact in a double.
const limit = 2 ** 50

let steps = new Float64Array(256)
const bitCounts = new Int32Array(64)

/** Whether numbers are told each for itself, by their steps, by whichever is shorter, or as the doubles that they are. */
export type Order = 'value' | 'step' | 'shorter' | 'double'

/**
 * The plan of the last column, in one object for all of them, since history plans a column for every few readings. `from` is
 * what is packed, `range` from the least to the greatest of it, `exceptions` are those that need more bits than `width`.
 */
export const plan = {
  isStep: false,
  from: steps as Float64Array,
  usual: 0,
  width: 0,
  bytes: 0,
  exceptions: 0,
  range: 0,
}

// The least and the greatest of the values of a column, and of their steps. As arguments, each would take an object.
const bounds = new Float64Array(4)

/** Plans how to tell the first `count` numbers of a column; false where doubles as they are take no more. */
export function planColumn(values: Float64Array, count: number, order: Order): boolean {
  plan.bytes = count * rawBytes
  findBounds(values, count)
  if (!(bounds[0]! > -limit && bounds[1]! < limit)) return false
  if (order !== 'step') planResiduals(values, count, 0)
  if (order !== 'value') planResiduals(steps, count - 1, 2)
  return plan.bytes < count * rawBytes
}

function findBounds(values: Float64Array, count: number): void {
  if (steps.length < count) steps = new Float64Array(count * 2)
  let last = values[0]!
  let min = last
  let max = last
  let least = count > 1 ? values[1]! - last : 0
  let greatest = least
  for (let i = 1; i < count; i++) {
    const value = values[i]!
    const step = value - last
    if (value < min) min = value
    else if (value > max) max = value
    if (step < least) least = step
    else if (step > greatest) greatest = step
    steps[i - 1] = step
    last = value
  }
  bounds[0] = min
  bounds[1] = max
  bounds[2] = least
  bounds[3] = greatest
}

// Two guesses at what is usual: the middle of the range, without exceptions, and a median, with some.
function planResiduals(from: Float64Array, count: number, boundsAt: 0 | 2): void {
  const isStep = boundsAt === 2
  const min = bounds[boundsAt]!
  const max = bounds[boundsAt + 1]!
  const range = max - min
  const middle = Math.ceil((min + max) / 2)
  const width = countBits(Math.max(zigzag(max - middle), zigzag(min - middle)))
  const bytes = (count * width) / 8
  if (width <= maxWidth && bytes < plan.bytes) {
    plan.isStep = isStep
    plan.from = from
    plan.usual = middle
    plan.width = width
    plan.bytes = bytes
    plan.exceptions = 0
    plan.range = range
  }
  if (range > 1 && sampleSpread(from, count) + 1 < width) planAround(from, count, isStep, range)
}

const sampleSize = 15
const sample = new Float64Array(sampleSize)
let sampled = 0

/**
 * How many bits the middle of a sample needs, which is sorted then: where that is nearly all that the range needs,
 * exceptions save nothing.
 */
function sampleSpread(from: Float64Array, count: number): number {
  sampled = Math.min(sampleSize, count)
  for (let i = 0; i < sampled; i++) {
    const value = from[((i * count) / sampled) | 0]!
    let at = i
    for (; at > 0 && sample[at - 1]! > value; at--) sample[at] = sample[at - 1]!
    sample[at] = value
  }
  const few = sampled >> 2
  const usual = sample[sampled >> 1]!
  return countBits(Math.max(zigzag(sample[few]! - usual), zigzag(sample[sampled - 1 - few]! - usual)))
}

function planAround(from: Float64Array, count: number, isStep: boolean, range: number): void {
  const usual = sample[sampled >> 1]!
  let most = 0
  bitCounts.fill(0)
  if (range < smallRange) {
    let all = 0
    for (let i = 0; i < count; i++) {
      const residual = (from[i]! - usual) | 0
      const folded = (residual << 1) ^ (residual >> 31)
      all |= folded
      bitCounts[32 - Math.clz32(folded)]!++
    }
    most = 32 - Math.clz32(all)
  } else
    for (let i = 0; i < count; i++) {
      const bits = countBits(zigzag(from[i]! - usual))
      bitCounts[bits]!++
      if (bits > most) most = bits
    }
  // From one width to the next narrower one, numbers of one more bit become exceptions: each takes its place, mostly a
  // byte, and its higher bits, a byte for seven of them.
  for (let width = most, exceptions = 0, extra = 0; width >= 0; width--) {
    if (width < most) {
      exceptions += bitCounts[width + 1]!
      extra += bitCounts[width + 1]!
      for (let bits = width + 1; bits <= most; bits += 7) extra += bitCounts[bits]!
    }
    if (width > maxWidth) continue
    const bytes = (count * width) / 8 + extra
    if (bytes < plan.bytes) {
      plan.isStep = isStep
      plan.from = from
      plan.usual = usual
      plan.width = width
      plan.bytes = bytes
      plan.exceptions = exceptions
      plan.range = range
    } else if (width < most && bytes > plan.bytes * 2) break
  }
}

function countBits(value: number): number {
  return value < 0x1_0000_0000 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 0x1_0000_0000)
}
