/**
 * The windows that readings are folded into. A `fixed` window has a length in milliseconds and starts at a multiple of
 * it since the Unix epoch, in UTC. A `civil` one is `count` days or months of a wall clock: a day of March may have 23
 * hours. Days are counted from 1 January 1970, months from a January: three months are a quarter, twelve a year.
 */
export type Window =
  | { kind: 'fixed'; ms: number }
  | { kind: 'civil'; unit: 'day' | 'month'; count: number; zone: string }

/** One window: it holds the times in [start, end), UTC epoch ms. Each ends where the next begins. */
export type Span = { start: number; end: number }

const windowPattern = /^([1-9]\d{0,3})(m|h|d|mo)$/
const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const
// A day of minutes, a week of hours, a year of days, ten years of months.
const longest = { m: 1440, h: 168, d: 366, mo: 120 } as const

/**
 * Reads `15m`, `6h`, `1d` or `1mo`. Minutes and hours are counted in UTC, whatever the zone; days and months are those
 * of the IANA `zone`, or of UTC without one. Null for anything else, an unknown zone included.
 */
export function parseWindow(text: string, zone?: string): Window | null {
  const [, digits, unit] = (windowPattern.exec(text) ?? []) as unknown as [string, string, keyof typeof longest]
  const count = Number(digits)
  if (unit === undefined || count > longest[unit]) return null
  const named = zone === undefined ? undefined : nameZone(zone)
  if (named === null) return null
  if (unit === 'mo') return { kind: 'civil', unit: 'month', count, zone: named ?? 'UTC' }
  if (unit === 'd' && named !== undefined) return { kind: 'civil', unit: 'day', count, zone: named }
  return { kind: 'fixed', ms: count * unitMs[unit] }
}

/** The window that holds a time (UTC epoch ms, years 0 to 9999). */
export function windowAt(window: Window, time: number): Span {
  if (window.kind === 'civil') return civilSpanAt(window, time)
  const start = Math.floor(time / window.ms) * window.ms
  return { start, end: start + window.ms }
}

/** Where the window that holds a time starts; times are UTC epoch ms. */
export function windowStart(window: Window, time: number): number {
  return windowAt(window, time).start
}

/** Where the window that holds a time ends, which is where the next one starts; times are UTC epoch ms. */
export function windowEnd(window: Window, time: number): number {
  return windowAt(window, time).end
}

const hourMs = 3_600_000

/**
 * Whether all windows that hold times of [from, to) begin on whole hours of UTC. A wall clock that is off UTC by a part of
 * an hour at any of these times is told as false.
 */
export function beginsOnHours(window: Window, from: number, to: number): boolean {
  if (window.kind === 'fixed') return window.ms % hourMs === 0
  // A month began at most 31 days before a time that it holds, a window of ten years as much before.
  const longestMs = window.count * (window.unit === 'day' ? 2 : 32) * 24 * hourMs
  let time: Temporal.ZonedDateTime | null = Temporal.Instant.fromEpochMilliseconds(from - longestMs).toZonedDateTimeISO(
    window.zone,
  )
  for (; time !== null && time.epochMilliseconds < to; time = time.getTimeZoneTransition('next'))
    if ((time.offsetNanoseconds / 1e6) % hourMs !== 0) return false
  return true
}

type CivilWindow = Extract<Window, { kind: 'civil' }>

// Temporal takes tens of microseconds for a window, and series after series asks for the same ones: the spans found are
// kept, sorted by start, for a few windows. Eleven years of days are enough for any question.
const knownSpans = new Map<string, Span[]>()
const maxKnownWindows = 32
const maxKnownSpans = 4096

function civilSpanAt(window: CivilWindow, time: number): Span {
  const key = `${window.count} ${window.unit} ${window.zone}`
  let spans = knownSpans.get(key)
  if (spans === undefined) {
    if (knownSpans.size >= maxKnownWindows) knownSpans.delete(knownSpans.keys().next().value!)
    spans = []
    knownSpans.set(key, spans)
  }
  let at = countStarted(spans, time)
  const known = spans[at - 1]
  if (known !== undefined && time < known.end) return known
  const span = computeCivilSpan(window, time)
  if (spans.length >= maxKnownSpans) at = spans.length = 0
  spans.splice(at, 0, span)
  return span
}

/** How many of the sorted spans start at or before a time. */
function countStarted(spans: readonly Span[], time: number): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (spans[middle]!.start <= time) low = middle + 1
    else high = middle
  }
  return low
}

const epochDate = Temporal.PlainDate.from('1970-01-01')

function computeCivilSpan({ unit, count, zone }: CivilWindow, time: number): Span {
  const date = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(zone).toPlainDate()
  let number = Math.floor(numberOf(unit, date) / count)
  // Clocks that were set back over midnight tell the same date twice, with another one between (St. John's until 2011).
  // A window begins with the first midnight of its date, and lasts until the first one of the next window.
  while (startOf(unit, (number + 1) * count, zone) <= time) number++
  while (startOf(unit, number * count, zone) > time) number--
  return { start: startOf(unit, number * count, zone), end: startOf(unit, (number + 1) * count, zone) }
}

/** The days since 1970-01-01, or the months since year 0. */
function numberOf(unit: 'day' | 'month', date: Temporal.PlainDate): number {
  return unit === 'day' ? epochDate.until(date).days : date.year * 12 + date.month - 1
}

/** When the day or month of a number begins: its first midnight, or what comes after it where clocks skip that. */
function startOf(unit: 'day' | 'month', number: number, zone: string): number {
  const date =
    unit === 'day'
      ? epochDate.add({ days: number })
      : Temporal.PlainDate.from({ year: Math.floor(number / 12), month: 1, day: 1 }).add({ months: modulo(number, 12) })
  return date.toZonedDateTime(zone).epochMilliseconds
}

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b
}

/** The name of an IANA zone in its usual case; null for an unknown one. A bare offset is no zone: its days are no town's. */
function nameZone(zone: string): string | null {
  if (/^[+-]/.test(zone)) return null
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone).timeZoneId
  } catch {
    return null
  }
}
