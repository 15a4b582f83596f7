import type { Aggregate } from '../domain/reading.ts'
import { type Window, windowAt } from '../domain/window.ts'
import type { Points } from './embedded-block.ts'
import { addSums, type DaySums, readSums } from './embedded-chunk.ts'
import type { Cells } from './embedded-rollup.ts'
import { allHours, hourMs, hoursPerDay } from './embedded-time.ts'

// Windows and hours of one piece: a window takes about 60 bytes, and each series is read once for every piece.
const windowsPerPiece = 8192
const hoursPerPiece = 2 ** 18

/** Folds many series together: a piece of [from, to), its windows side by side, to be filled and then listed. */
export type Grid = {
  from: number
  to: number
  /** What it takes of whole hours: their sums (and counts), all that they come to, or nothing but their readings. */
  takes: 'sums' | 'counts' | 'cells' | 'points'
  /** Takes readings of one series, those at the places `begin` to `end`; times are counted from `dayStart`. */
  addPoints(dayStart: number, points: Points, begin: number, end: number): void
  /** Takes what the readings of some hours of a day that begins at `dayStart` come to, by their marks. */
  addSums(dayStart: number, sums: DaySums, hours: number): void
  addCells(dayStart: number, cells: Cells, hours: number): void
  list(): [time: number, value: number][]
}

/** The windows of [from, to), some thousands at a time. Each grid is filled before the next is asked for. */
export function* startGrids(window: Window, aggregate: Aggregate = 'mean', from: number, to: number): Generator<Grid> {
  for (let begin = from; begin < to; ) {
    const starts: number[] = []
    let end = begin
    while (end < to && starts.length < windowsPerPiece && end - begin < hoursPerPiece * hourMs) {
      const span = windowAt(window, end)
      starts.push(span.start)
      end = span.end
    }
    const pieceEnd = Math.min(end, to)
    yield startGrid(Float64Array.from([...starts, end]), aggregate, begin, pieceEnd)
    begin = pieceEnd
  }
}

function choose(aggregate: Aggregate): Grid['takes'] {
  if (aggregate === 'sum') return 'sums'
  if (aggregate === 'mean' || aggregate === 'count') return 'counts'
  // Of two series, which one was first in an hour only their readings tell.
  return aggregate === 'min' || aggregate === 'max' ? 'cells' : 'points'
}

function startGrid(starts: Float64Array, aggregate: Aggregate, from: number, to: number): Grid {
  const size = starts.length - 1
  const column = (value = 0) => new Float64Array(size).fill(value)
  const counts = column()
  // Where sums alone are wanted, a count tells no more than that there are any: said once for all hours of a day.
  const wholeDays = new Uint8Array(size)
  // Sums of numbers by how many decimals they were scaled to whole ones: no rounding, as long as they stay below 2 ** 53.
  const sums: Float64Array[] = []
  // What rounding takes from sums of numbers that may not be whole is kept beside them (Neumaier).
  const plain = column()
  const lost = column()
  const takes = choose(aggregate)
  const needsEnds = takes === 'cells' || takes === 'points'
  const mins = column(Number.POSITIVE_INFINITY)
  const maxs = column(Number.NEGATIVE_INFINITY)
  const firsts = column()
  const firstAt = column(Number.POSITIVE_INFINITY)
  const lasts = column()
  const lastAt = column(Number.NEGATIVE_INFINITY)
  // The window of each hour that lies in one.
  const firstHour = Math.floor(from / hourMs)
  const windowOf = new Int32Array(Math.ceil(to / hourMs) - firstHour)
  for (let hour = 0, i = 0; hour < windowOf.length; hour++) {
    while (i + 1 < size && (firstHour + hour) * hourMs >= starts[i + 1]!) i++
    windowOf[hour] = i
  }
  let at = 0

  function find(time: number): number {
    if (time >= starts[at]! && time < starts[at + 1]!) return at
    let low = 0
    let high = size - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= time) low = middle
      else high = middle - 1
    }
    at = low
    return low
  }

  function addPlain(i: number, value: number) {
    const sum = plain[i]! + value
    lost[i]! += Math.abs(plain[i]!) >= Math.abs(value) ? plain[i]! - sum + value : value - sum + plain[i]!
    plain[i] = sum
  }

  function sumsOf(decimals: number): Float64Array | null {
    if (decimals === 0) return null
    sums[decimals] ??= column()
    return sums[decimals]
  }

  function addEnds(i: number, time: number, value: number) {
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
  }

  function total(i: number): number {
    let sum = Number.isFinite(plain[i]!) ? plain[i]! + lost[i]! : plain[i]!
    for (const [decimals, column] of sums.entries()) if (column !== undefined) sum += column[i]! / 10 ** decimals
    return sum
  }

  const tell: Record<Aggregate, (i: number) => number> = {
    mean: (i) => total(i) / counts[i]!,
    min: (i) => mins[i]!,
    max: (i) => maxs[i]!,
    sum: total,
    count: (i) => counts[i]!,
    first: (i) => firsts[i]!,
    last: (i) => lasts[i]!,
  }

  return {
    from,
    to,
    takes,
    addPoints(dayStart, { times, values, decimals }, begin, end) {
      const column = sumsOf(decimals)
      const power = 10 ** decimals
      let i = find(dayStart + times[begin]!)
      let next = starts[i + 1]! - dayStart
      for (let k = begin; k < end; k++) {
        const time = times[k]!
        while (time >= next) next = starts[++i + 1]! - dayStart
        counts[i]!++
        if (column === null) addPlain(i, values[k]!)
        else column[i]! += values[k]!
        if (needsEnds) addEnds(i, dayStart + time, values[k]! / power)
      }
    },
    addSums(dayStart, day, hours) {
      const column = sumsOf(day.decimals)
      const base = dayStart / hourMs - firstHour
      const first = windowOf[base]!
      if (hours === allHours && column !== null && windowOf[base + hoursPerDay - 1] === first + hoursPerDay - 1) {
        // A whole day of windows of an hour, which is what most charts ask for.
        if (takes === 'sums' && wholeDays[first] === 0) {
          wholeDays[first] = 1
          counts.fill(1, first, first + hoursPerDay)
        }
        addSums(day, takes === 'sums' ? null : counts, column, first)
        return
      }
      const read = readSums(day)
      for (let hour = 0, k = 0; hour < hoursPerDay; hour++) {
        if (((day.hours >> hour) & 1) === 0) continue
        if ((hours >> hour) & 1) {
          const i = windowOf[base + hour]!
          counts[i]! += read.counts[k]!
          if (column === null) addPlain(i, read.sums[k]!)
          else column[i]! += read.sums[k]!
        }
        k++
      }
    },
    addCells(dayStart, cells, hours) {
      for (let hour = 0; hour < hoursPerDay; hour++) {
        if (((hours >> hour) & 1) === 0) continue
        const i = windowOf[dayStart / hourMs - firstHour + hour]!
        counts[i]! += cells.counts[hour]!
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
