import type { Aggregate } from './reading.ts'
import { type Window, windowAt } from './window.ts'

/**
 * What the readings of one window come to. `sum` and `lost` belong together: `lost` is what rounding took from `sum`
 * (Neumaier), so that a million small values beside a large one still count.
 */
export type Summary = {
  count: number
  sum: number
  lost: number
  min: number
  max: number
  first: number
  last: number
}

/** The summary of a single value. */
function summarize(value: number): Summary {
  return { count: 1, sum: value, lost: 0, min: value, max: value, first: value, last: value }
}

/** Takes one more value into a summary; values come in the order of time, and are finite. */
function addValue(summary: Summary, value: number): void {
  addToSum(summary, value)
  summary.count++
  if (value < summary.min) summary.min = value
  if (value > summary.max) summary.max = value
  summary.last = value
}

/** Takes what later values come to into a summary. */
function addSummary(summary: Summary, later: Summary): void {
  addToSum(summary, later.sum)
  summary.lost += later.lost
  summary.count += later.count
  if (later.min < summary.min) summary.min = later.min
  if (later.max > summary.max) summary.max = later.max
  summary.last = later.last
}

function addToSum(summary: Summary, value: number): void {
  const sum = summary.sum + value
  if (Math.abs(summary.sum) >= Math.abs(value)) summary.lost += summary.sum - sum + value
  else summary.lost += value - sum + summary.sum
  summary.sum = sum
}

/** What an aggregate tells of a summary. A sum beyond the range of doubles is infinite; a mean never is. */
const values: Record<Aggregate, (summary: Summary) => number> = {
  // A mean lies between its values, which rounding alone may forget.
  mean: (summary) => Math.min(Math.max(totalOf(summary) / summary.count, summary.min), summary.max),
  min: ({ min }) => min,
  max: ({ max }) => max,
  sum: totalOf,
  count: ({ count }) => count,
  first: ({ first }) => first,
  last: ({ last }) => last,
}

function totalOf({ sum, lost }: Summary): number {
  return Number.isFinite(sum) ? sum + lost : sum
}

/** Folds points as they come into windows: `points` holds those that are over, [start of the window, value]. */
export type WindowFold = {
  points: [time: number, value: number][]
  add(time: number, value: number): void
  /** Takes what the values from `time` on come to, all of them in the window that holds it. */
  addAll(time: number, later: Summary): void
  /** Ends the last window; call it once, after the last point. */
  finish(): void
}

/**
 * Starts folding points, added in the order of their times (UTC epoch ms), into the windows that hold at least one.
 * It holds one window at a time: a caller may take the points that are over whenever it wants to.
 */
export function startFold(window: Window, aggregate: Aggregate): WindowFold {
  const points: WindowFold['points'] = []
  const tell = values[aggregate]
  let start = 0
  let end = 0
  let summary: Summary | null = null

  function finish() {
    if (summary !== null) points.push([start, tell(summary)])
    summary = null
  }

  return {
    points,
    add(time, value) {
      if (summary !== null && time < end) {
        addValue(summary, value)
        return
      }
      finish()
      ;({ start, end } = windowAt(window, time))
      summary = summarize(value)
    },
    addAll(time, later) {
      if (summary !== null && time < end) {
        addSummary(summary, later)
        return
      }
      finish()
      ;({ start, end } = windowAt(window, time))
      summary = { ...later }
    },
    finish,
  }
}

/** Folds points of many series into common windows: each may come at any time. */
export type SharedFold = {
  add(time: number, value: number): void
  /** Takes what the values of a series from `time` on come to, all in one window; not for `first` and `last`. */
  addAll(time: number, summary: Summary): void
  /** The windows that hold any, in order. */
  list(): [time: number, value: number][]
}

/** Starts folding points of many series into windows; all of those that hold any are kept until they are listed. */
export function startSharedFold(window: Window, aggregate: Aggregate): SharedFold {
  const windows = new Map<number, Summary & { firstAt: number; lastAt: number }>()
  const tell = values[aggregate]
  let span = { start: 0, end: 0 }

  function find(time: number): number {
    if (time < span.start || time >= span.end) span = windowAt(window, time)
    return span.start
  }

  return {
    add(time, value) {
      const start = find(time)
      const summary = windows.get(start)
      if (summary === undefined) {
        windows.set(start, { ...summarize(value), firstAt: time, lastAt: time })
        return
      }
      const { last } = summary
      addValue(summary, value)
      if (time < summary.firstAt) {
        summary.first = value
        summary.firstAt = time
      }
      if (time < summary.lastAt) summary.last = last
      else summary.lastAt = time
    },
    addAll(time, later) {
      const start = find(time)
      const summary = windows.get(start)
      if (summary === undefined) windows.set(start, { ...later, firstAt: time, lastAt: time })
      else addSummary(summary, later)
    },
    list: () =>
      [...windows].sort(([a], [b]) => a - b).map(([start, summary]): [number, number] => [start, tell(summary)]),
  }
}
