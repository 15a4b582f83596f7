/** A point of a line: UTC epoch milliseconds and a value. */
export type Point = readonly [time: number, value: number]

/** One line of a chart. An `earlier` one is of a time before, moved forward to be compared. */
export type Line = { name: string; points: readonly Point[]; earlier: boolean }

/** A moment that is drawn across the lines, and what happened then. */
export type Mark = { time: number; name: string }

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const leastGapMs = 35 * minuteMs
const gapInSpacings = 2.5

/** The lengths of time that a chart offers, in milliseconds. */
export const spans = { day: dayMs, week: 7 * dayMs, month: 30 * dayMs, year: 365 * dayMs } as const
export type SpanName = keyof typeof spans

/** What a chart is compared with: so long before. A year is 52 weeks, so that days of the week stand together. */
export const comparisons = { none: 0, week: 7 * dayMs, year: 364 * dayMs } as const
export type ComparisonName = keyof typeof comparisons

/** Lengths of time up to which a window is fine enough, some hundreds of points in all; the first holds every reading. */
const windows: readonly [upToMs: number, window: string | null, ms: number][] = [
  [3 * hourMs, null, 0],
  [dayMs + 2 * hourMs, '15m', 15 * minuteMs],
  [16 * dayMs, '1h', hourMs],
  [46 * dayMs, '3h', 3 * hourMs],
  [1100 * dayMs, '1d', dayMs],
  [Number.POSITIVE_INFINITY, '1mo', 30 * dayMs],
]

/** The window that a span of so many milliseconds is told by, as the API writes it; null for every reading. */
export function chooseWindow(spanMs: number): { window: string | null; windowMs: number } {
  const [, window, windowMs] = windows.find(([upToMs]) => spanMs <= upToMs)!
  return { window, windowMs }
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

/**
 * Lines over one common axis of times, as uPlot takes them: a line that has nothing at a time of another has undefined
 * there, which it is drawn across; null, behind the last point before a gap, breaks it.
 */
export function toColumns(lines: readonly Line[]): { times: number[]; values: (number | null | undefined)[][] } {
  const cut = lines.map((line) => {
    const values = new Map<number, number | null>()
    const parts = splitAtGaps(line.points)
    for (const [i, part] of parts.entries()) {
      for (const [time, value] of part) values.set(time, value)
      if (i < parts.length - 1) values.set(part.at(-1)![0] + 1, null)
    }
    return values
  })
  const times = [...new Set(cut.flatMap((values) => [...values.keys()]))].sort((a, b) => a - b)
  return { times, values: cut.map((values) => times.map((time) => values.get(time))) }
}

/** The rows of a chart's table, the newest first: a time, and what each line has there. */
export function toRows(lines: readonly Line[]): [time: number, values: (number | undefined)[]][] {
  const byTime = new Map<number, (number | undefined)[]>()
  for (const [i, line] of lines.entries())
    for (const [time, value] of line.points) {
      const row = byTime.get(time) ?? lines.map(() => undefined)
      row[i] = value
      byTime.set(time, row)
    }
  return [...byTime].sort(([a], [b]) => b - a)
}
