import type { Part } from './embedded-block.ts'

export function createPart(series: number, count: number): Part {
  const column = () => new Float64Array(count)
  return { series, times: column(), values: column(), delays: column(), seqs: column() }
}

/**
 * Two parts of one series and day as one. At equal times the higher seq stands, and of equal seqs the newer part.
 */
export function mergeParts(older: Part | null, newer: Part): Part {
  if (older === null || older.times.length === 0) return newer
  if (newer.times.length === 0) return older
  const merged = createPart(newer.series, older.times.length + newer.times.length)
  let count = 0
  let i = 0
  let j = 0
  const put = (from: Part, at: number) => {
    merged.times[count] = from.times[at]!
    merged.values[count] = from.values[at]!
    merged.delays[count] = from.delays[at]!
    merged.seqs[count] = from.seqs[at]!
    count++
  }
  while (i < older.times.length || j < newer.times.length) {
    const a = i < older.times.length ? older.times[i]! : Number.POSITIVE_INFINITY
    const b = j < newer.times.length ? newer.times[j]! : Number.POSITIVE_INFINITY
    if (a < b) put(older, i++)
    else if (b < a) put(newer, j++)
    else {
      if (newer.seqs[j]! >= older.seqs[i]!) put(newer, j)
      else put(older, i)
      i++
      j++
    }
  }
  return slicePart(merged, 0, count)
}

/** Some of a part, by their places. */
export function slicePart({ series, times, values, delays, seqs }: Part, begin: number, end: number): Part {
  return {
    series,
    times: times.subarray(begin, end),
    values: values.subarray(begin, end),
    delays: delays.subarray(begin, end),
    seqs: seqs.subarray(begin, end),
  }
}

/** A part without its readings from `from` to before `to`, in ms since the day began. */
export function cutPart(part: Part, from: number, to: number): Part {
  const begin = countBefore(part.times, from)
  const end = countBefore(part.times, to)
  if (begin >= end) return part
  return mergeParts(slicePart(part, 0, begin), slicePart(part, end, part.times.length))
}

/** How many of the ascending times, the first `count` of a column, lie before a time. */
export function countBefore(times: Float64Array, time: number, count = times.length): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}
