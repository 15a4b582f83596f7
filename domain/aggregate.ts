import type { Aggregate } from './reading.ts'
import { openWindows, type Window } from './window.ts'

type Point = [time: number, value: number]

/** What is kept of a window while its readings go by. */
type Fold = {
  start: number
  end: number
  count: number
  sum: number
  min: number
  max: number
  first: number
  last: number
}

/**
 * Folds the points of one series, in the order of their times, into one point a window that holds any; told by the
 * window's start. Every reading store answers windows through this.
 */
export function* foldPoints(points: Iterable<Point>, window: Window, aggregate: Aggregate): Generator<Point> {
  const windowOf = openWindows(window)
  let fold: Fold | null = null
  for (const [time, value] of points) {
    if (fold !== null && time < fold.end) {
      fold.count++
      fold.sum += value
      if (value < fold.min) fold.min = value
      if (value > fold.max) fold.max = value
      fold.last = value
      continue
    }
    if (fold !== null) yield [fold.start, read(fold, aggregate)]
    fold = { ...windowOf(time), count: 1, sum: value, min: value, max: value, first: value, last: value }
  }
  if (fold !== null) yield [fold.start, read(fold, aggregate)]
}

function read(fold: Fold, aggregate: Aggregate): number {
  return aggregate === 'mean' ? fold.sum / fold.count : fold[aggregate]
}
