import type { QuantityDefinition } from '../../../../../domain/quantity.ts'
import { get, type Series } from '../../api.ts'
import { chooseWindow, type Line, type Point } from '../../chart.ts'

/** Where readings are asked: the path of a device's, an asset's or many assets' readings, and what goes with it. */
export type Source = { path: string; params?: Record<string, string> }

export type LoadedLines = { lines: Line[]; aggregate: string | null; window: string | null; isCut: boolean }

// Of many assets there is one line, whose points also tell of how many they are.
type Answer = { series?: Series[]; points?: [string, number, number][]; next?: string | null }

const mostPoints = 5000
// Days and months are the reader's.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
// Of many assets, what these are adds up; anything else is told by its mean.
const summed: ReadonlySet<string> = new Set(['W', 'VA', 'var'])

/** Whether a path is that of the readings of many assets, folded into one line. */
export function isOfMany(path: string): boolean {
  return path === '/readings/assets'
}

/**
 * The lines of a quantity in [from, to), UTC epoch milliseconds, one a channel: a device that took over from another goes
 * on with its line. `shiftMs` reads so much earlier, and moves forward what is found.
 */
export async function loadLines(
  { path, params = {} }: Source,
  name: string,
  quantity: QuantityDefinition,
  { from, to, shiftMs = 0 }: { from: number; to: number; shiftMs?: number },
): Promise<LoadedLines> {
  const { window, aggregate, ...rest } = howToFold(path, quantity, to - from)
  const answer = await get<Answer>(path, {
    ...params,
    quantity: name,
    from: new Date(from - shiftMs).toISOString(),
    to: new Date(to - shiftMs).toISOString(),
    ...(window === null ? {} : { window, aggregate, zone }),
    ...rest,
  })
  const lines =
    answer.points === undefined ? joinByChannel(answer.series ?? []) : [{ name: '', points: toPoints(answer.points) }]
  return {
    lines: lines.map(({ name: channel, points }) => ({
      name: channel,
      points: points.map(([time, value]): Point => [time + shiftMs, value]),
      earlier: shiftMs > 0,
    })),
    aggregate: window === null ? null : aggregate,
    window,
    isCut: answer.next != null,
  }
}

// A state that changed and changed back within a window would not be seen: states are asked one by one for a week.
function howToFold(path: string, quantity: QuantityDefinition, spanMs: number) {
  const { window } = chooseWindow(spanMs)
  if (isOfMany(path)) {
    const aggregate = quantity.kind === 'counter' ? 'rise' : 'mean'
    const fold = quantity.kind === 'counter' || summed.has(quantity.unit) ? 'sum' : 'mean'
    return { window: window ?? '15m', aggregate, fold }
  }
  const aggregate = quantity.kind === 'gauge' ? 'mean' : 'last'
  const isTold = quantity.kind === 'state' && spanMs <= 8 * 86_400_000
  return { window: isTold ? null : window, aggregate, limit: mostPoints }
}

function joinByChannel(series: readonly Series[]) {
  return [...Map.groupBy(series, (each) => each.channel)].map(([name, parts]) => ({
    name,
    points: parts.flatMap((part) => toPoints(part.points)).sort(([a], [b]) => a - b),
  }))
}

function toPoints(points: readonly (readonly [string, number, ...unknown[]])[]): Point[] {
  return points.map(([time, value]) => [Date.parse(time), value])
}
