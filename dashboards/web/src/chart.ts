/** A point of a line: UTC epoch milliseconds and a value. */
export type Point = readonly [time: number, value: number]

const hourMs = 3_600_000
const leastGapMs = 35 * 60_000
const gapInSpacings = 2.5

/** About `count` round values that cover [low, high], ends included. */
export function valueTicks(low: number, high: number, count = 4): number[] {
  const span = high - low || Math.abs(high) || 1
  const rough = span / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power
  const first = Math.floor(low / step)
  const last = Math.ceil((high === low ? high + step : high) / step)
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** The full hours of the reader's clock in [from, to] that are multiples of `everyHours`. */
export function hourTicks(from: number, to: number, everyHours: number): number[] {
  const ticks: number[] = []
  for (let time = Math.ceil(from / hourMs) * hourMs; time <= to; time += hourMs) {
    const date = new Date(time)
    // Where clocks differ from UTC by half an hour, full hours are elsewhere.
    date.setMinutes(0, 0, 0)
    if (date.getHours() % everyHours === 0 && date.getTime() >= from) ticks.push(date.getTime())
  }
  return ticks
}

/** Cuts a line where readings are missing: where a step is far longer than the usual one. */
export function splitAtGaps(points: readonly Point[]): Point[][] {
  const steps = points
    .slice(1)
    .map(([time], i) => time - points[i]![0])
    .sort((a, b) => a - b)
  const usual = steps[Math.floor(steps.length / 2)] ?? 0
  const longest = Math.max(leastGapMs, usual * gapInSpacings)
  const parts: Point[][] = []
  for (const [i, point] of points.entries()) {
    const previous = points[i - 1]
    if (previous === undefined || point[0] - previous[0] > longest) parts.push([])
    parts.at(-1)!.push(point)
  }
  return parts
}

/** The path of one unbroken part; a state holds until the next one, a measure goes there straight. */
export function toPath(
  points: readonly Point[],
  x: (time: number) => number,
  y: (value: number) => number,
  isState: boolean,
) {
  let path = ''
  for (const [i, [time, value]] of points.entries()) {
    const at = `${x(time).toFixed(1)} ${y(value).toFixed(1)}`
    if (i === 0) path += `M${at}`
    else path += isState ? `H${x(time).toFixed(1)}V${y(value).toFixed(1)}` : `L${at}`
  }
  return path
}

/** The point nearest in time, or null of none. */
export function nearest(points: readonly Point[], time: number): Point | null {
  let best: Point | null = null
  for (const point of points) if (best === null || Math.abs(point[0] - time) < Math.abs(best[0] - time)) best = point
  return best
}
