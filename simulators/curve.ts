import { dayMs, epochMs, hourMs, type WallTime, wallTime } from './calendar.ts'
import { uniform } from './random.ts'

/**
 * A rate that changes by the clock, and its sum since the epoch. Counters are read from such sums, so that the value at
 * any time is known without replaying what came before: a day's total is computed once and kept.
 */
export type Curve = {
  /** The rate at a time, per hour. */
  rate(time: number): number
  /** The sum of the rate from the epoch to a time: exact, since the rate is constant over each step. Never falls. */
  total(time: number): number
  /** The sum over the whole UTC day number `day` after the epoch. */
  dayTotal(day: number): number
}

const stepMs = hourMs / 4
const stepsPerDay = dayMs / stepMs

/** Days whose steps a curve keeps; asking for others costs computing them again. */
const daysKept = 64

/**
 * The curve of a rate per hour by the wall clock, read at the start of each quarter of an hour. The rate must be pure
 * and not negative.
 */
export function makeCurve(rateAt: (wall: WallTime) => number): Curve {
  const sums = new Map<number, Float64Array>()
  const dayTotal = (day: number): number => (sums.get(day) ?? sumSteps(day))[stepsPerDay]!

  // The sums from the day's start to the start of each step, and to its end.
  function sumSteps(day: number): Float64Array {
    const start = epochMs + day * dayMs
    const sum = new Float64Array(stepsPerDay + 1)
    for (let i = 0; i < stepsPerDay; i++)
      sum[i + 1] = sum[i]! + (rateAt(wallTime(start + i * stepMs)) * stepMs) / hourMs
    return sum
  }

  function stepAt(time: number): { sum: Float64Array; step: number; part: number } {
    const { day, within } = locate(time)
    let sum = sums.get(day)
    if (sum === undefined) {
      if (sums.size >= daysKept) sums.clear()
      sum = sumSteps(day)
      sums.set(day, sum)
    }
    const step = Math.floor(within / stepMs)
    return { sum, step, part: within / stepMs - step }
  }

  const totalBefore = cumulate(dayTotal)
  return {
    dayTotal,
    rate(time) {
      const { sum, step } = stepAt(time)
      return ((sum[step + 1]! - sum[step]!) * hourMs) / stepMs
    },
    total(time) {
      const { sum, step, part } = stepAt(time)
      return totalBefore(locate(time).day) + sum[step]! + (sum[step + 1]! - sum[step]!) * part
    },
  }
}

/** A curve like another, each day of which is a little stronger or weaker: by up to `spread` (0.2 is 20 %), by seed. */
export function varyByDay(curve: Curve, seed: number, spread: number): Curve {
  const factor = (day: number) => 1 + spread * (2 * uniform(seed, day) - 1)
  const dayTotal = (day: number) => curve.dayTotal(day) * factor(day)
  const totalBefore = cumulate(dayTotal)
  return {
    dayTotal,
    rate: (time) => curve.rate(time) * factor(locate(time).day),
    total(time) {
      const { day } = locate(time)
      const today = curve.total(time) - curve.total(epochMs + day * dayMs)
      return totalBefore(day) + today * factor(day)
    },
  }
}

/** UTC day after the epoch, and milliseconds into it; the epoch itself for what lies before. */
function locate(time: number): { day: number; within: number } {
  const since = Math.max(0, time - epochMs)
  const day = Math.floor(since / dayMs)
  return { day, within: since - day * dayMs }
}

/** The sum of all days before a day; each day is asked for once. */
export function cumulate(dayTotal: (day: number) => number): (day: number) => number {
  const before = [0]
  return (day) => {
    for (let known = before.length; known <= day; known++) before.push(before[known - 1]! + dayTotal(known - 1))
    return before[day]!
  }
}
