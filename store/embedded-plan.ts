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

/**
 * What is packed, `from`, which holds until the next plan; `range` is from the least to the greatest residual, `exceptions`
 * are those that need more bits than `width`.
 */
export type Plan = {
  isStep: boolean
  from: Float64Array
  usual: number
  width: number
  bytes: number
  exceptions: number
  range: number
}

/** Whether numbers are told each for itself, by their steps, by whichever is shorter, or as the doubles that they are. */
export type Order = 'value' | 'step' | 'shorter' | 'double'

/** How to tell the first `count` numbers of a column; null where doubles as they are take no more. */
export function planColumn(values: Float64Array, count: number, order: Order): Plan | null {
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
  const bytes = count * rawBytes
  const raw: Plan = { isStep: false, from: values, usual: 0, width: 0, bytes, exceptions: 0, range: 0 }
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
  if (count === 0) return { isStep, from: values, usual: 0, width: 0, bytes: 0, exceptions: 0, range: 0 }
  const range = max - min
  const middle = Math.ceil((min + max) / 2)
  const width = countBits(Math.max(zigzag(max - middle), zigzag(min - middle)))
  const bytes = (count * width) / 8
  const found =
    width <= maxWidth && bytes < best.bytes
      ? { isStep, from: values, usual: middle, width, bytes, exceptions: 0, range }
      : best
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
  return at < 0 ? best : { isStep, from: values, usual, width: at, bytes, exceptions: kept, range }
}

function countBits(value: number): number {
  return value < 0x1_0000_0000 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 0x1_0000_0000)
}
