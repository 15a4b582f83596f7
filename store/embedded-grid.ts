import type { Aggregate } from '../domain/reading.ts'
import { type Window, windowAt } from '../domain/window.ts'
import type { Target } from './embedded-days.ts'
import { hourMs } from './embedded-time.ts'

// Windows of one piece: their sums take about 60 bytes each, and each series is read once for every piece.
const windowsPerPiece = 8192

/** Folds many series together: a piece of [from, to), its windows side by side, to be filled and then listed. */
export type Grid = Target & { from: number; to: number; list(): [time: number, value: number][] }

/** The windows of [from, to), some thousands at a time. Each grid is filled before the next is asked for. */
export function* startGrids(window: Window, aggregate: Aggregate = 'mean', from: number, to: number): Generator<Grid> {
  for (let begin = from; begin < to; ) {
    const starts: number[] = []
    let end = begin
    while (end < to && starts.length < windowsPerPiece) {
      const span = windowAt(window, end)
      starts.push(span.start)
      end = span.end
    }
    const pieceEnd = Math.min(end, to)
    yield startGrid(Float64Array.from([...starts, end]), aggregate, begin, pieceEnd)
    begin = pieceEnd
  }
}

function startGrid(starts: Float64Array, aggregate: Aggregate, from: number, to: number): Grid {
  const size = starts.length - 1
  const column = (value = 0) => new Float64Array(size).fill(value)
  const counts = column()
  const sums = column()
  const lost = column()
  const mins = column(Number.POSITIVE_INFINITY)
  const maxs = column(Number.NEGATIVE_INFINITY)
  const firsts = column()
  const firstAt = column(Number.POSITIVE_INFINITY)
  const lasts = column()
  const lastAt = column(Number.NEGATIVE_INFINITY)
  let at = 0

  // Times come in order, but for the beginning of the next series.
  function find(time: number): number {
    if (time < starts[at]!) at = 0
    while (time >= starts[at + 1]!) at++
    return at
  }

  function addSum(i: number, value: number) {
    const sum = sums[i]! + value
    lost[i]! += Math.abs(sums[i]!) >= Math.abs(value) ? sums[i]! - sum + value : value - sum + sums[i]!
    sums[i] = sum
  }

  const total = (i: number) => (Number.isFinite(sums[i]!) ? sums[i]! + lost[i]! : sums[i]!)
  const tell: Record<Aggregate, (i: number) => number> = {
    mean: (i) => Math.min(Math.max(total(i) / counts[i]!, mins[i]!), maxs[i]!),
    min: (i) => mins[i]!,
    max: (i) => maxs[i]!,
    sum: total,
    count: (i) => counts[i]!,
    first: (i) => firsts[i]!,
    last: (i) => lasts[i]!,
  }
  const needsEnds = aggregate !== 'sum' && aggregate !== 'count'

  return {
    from,
    to,
    // Of two series, which one was first in an hour only their readings tell.
    reads: aggregate === 'first' || aggregate === 'last' ? 'points' : needsEnds ? 'hours' : 'sums',
    limit: Number.POSITIVE_INFINITY,
    isFull: () => false,
    add(time, value) {
      const i = find(time)
      counts[i]!++
      addSum(i, value)
      if (!needsEnds) return
      if (value < mins[i]!) mins[i] = value
      if (value > maxs[i]!) maxs[i] = value
      if (time < firstAt[i]!) {
        firstAt[i] = time
        firsts[i] = value
      }
      if (time >= lastAt[i]!) {
        lastAt[i] = time
        lasts[i] = value
      }
    },
    addHours(dayStart, cells, hours) {
      for (let left = hours; left !== 0; left &= left - 1) {
        const hour = 31 - Math.clz32(left & -left)
        const i = find(dayStart + hour * hourMs)
        counts[i]! += cells.counts[hour]!
        addSum(i, cells.sums[hour]!)
        if (!needsEnds) continue
        if (cells.mins[hour]! < mins[i]!) mins[i] = cells.mins[hour]!
        if (cells.maxs[hour]! > maxs[i]!) maxs[i] = cells.maxs[hour]!
      }
    },
    list() {
      const points: [number, number][] = []
      for (let i = 0; i < size; i++) if (counts[i] !== 0) points.push([starts[i]!, tell[aggregate](i)])
      return points
    },
  }
}
