/**
 * The windows that readings are folded into. A `fixed` window has a length in milliseconds and starts at a multiple of
 * it since the Unix epoch, in UTC. A `civil` one is a day or month of a wall clock: a day of March may have 23 hours.
 */
export type Window = { kind: 'fixed'; ms: number } | { kind: 'civil'; unit: 'day' | 'month'; zone: string }

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const windowPattern = /^([1-9]\d{0,4})(m|h|d|mo)$/
const longestMs = 366 * 86_400_000

/**
 * The window of a text such as `15m`, `1h`, `1d` or `1mo`; null for any other, and for an unknown zone. Without a zone
 * windows are in UTC; with one (an IANA name) `1d` and `1mo` are those of its wall clock. Minutes and hours are the same
 * everywhere.
 */
export function parseWindow(text: string, zone?: string): Window | null {
  const match = windowPattern.exec(text)
  if (match === null || (zone !== undefined && !isZone(zone))) return null
  const count = Number(match[1])
  const unit = match[2] as 'm' | 'h' | 'd' | 'mo'
  if (unit === 'mo') return count === 1 ? { kind: 'civil', unit: 'month', zone: zone ?? 'UTC' } : null
  if (unit === 'd' && zone !== undefined) return count === 1 ? { kind: 'civil', unit: 'day', zone } : null
  const ms = count * unitMs[unit]
  return ms <= longestMs ? { kind: 'fixed', ms } : null
}

/**
 * Finds the window of times, [start, end) in UTC epoch ms. It remembers the last one, so that times in order cost one
 * computation a window, not one a time.
 */
export function openWindows(window: Window): (time: number) => { start: number; end: number } {
  let last = { start: 0, end: 0 }
  return (time) => {
    if (time < last.start || time >= last.end) last = findWindow(window, time)
    return last
  }
}

function findWindow(window: Window, time: number): { start: number; end: number } {
  if (window.kind === 'fixed') {
    const start = Math.floor(time / window.ms) * window.ms
    return { start, end: start + window.ms }
  }
  // A day begins with its first instant: midnight, or what comes after it where a clock change skips midnight.
  const day = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(window.zone).toPlainDate()
  const first = window.unit === 'day' ? day : day.with({ day: 1 })
  const next = first.add(window.unit === 'day' ? { days: 1 } : { months: 1 })
  return { start: beginning(first, window.zone), end: beginning(next, window.zone) }
}

function beginning(day: Temporal.PlainDate, zone: string): number {
  return day.toZonedDateTime(zone).epochMilliseconds
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
