import type { Span } from './window.ts'

const hourMs = 3_600_000

/**
 * The hours of a wall clock that touch [from, to), UTC epoch ms, in an IANA zone. An hour begins when the clock shows a
 * full one, and where the clock is set: the hour that autumn tells twice is two, and where the shift is half an hour
 * (Lord Howe) or the offset is (India), hours begin and end with the people who live by them.
 */
export function* listCivilHours(zone: string, from: number, to: number): Generator<Span> {
  let time = from
  while (time < to) {
    const moment = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(zone)
    const offsetMs = Math.round(moment.offsetNanoseconds / 1e6)
    const set = findSet(moment, 'previous', time)
    const next = findSet(moment, 'next', time) ?? Number.POSITIVE_INFINITY
    const full = Math.floor((time + offsetMs) / hourMs) * hourMs - offsetMs
    let start = set !== null && set > full ? set : full
    while (start < to && start < next) {
      const end = Math.min(Math.floor((start + offsetMs) / hourMs + 1) * hourMs - offsetMs, next)
      yield { start, end }
      start = end
    }
    time = start
  }
}

// When the clock was last set at or before a time, or will next be set after it; null where it never was or will be.
function findSet(moment: Temporal.ZonedDateTime, direction: 'previous' | 'next', time: number): number | null {
  const asked = direction === 'previous' ? moment.add({ milliseconds: 1 }) : moment
  const found = asked.getTimeZoneTransition(direction)?.epochMilliseconds ?? null
  return found === null || (direction === 'previous' ? found > time : found <= time) ? null : found
}
