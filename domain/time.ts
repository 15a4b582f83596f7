import { z } from 'zod'
import { say } from './issue.ts'

/** What is told of a time: UTC, with milliseconds and `Z`. */
export function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}

// RFC 3339 section 5.6: a full date, a full time with any fraction, and an offset, which is never left out.
const rfc3339Pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/**
 * UTC epoch milliseconds of an RFC 3339 date-time with any offset; fractions past the millisecond are cut. Null for
 * anything else: no offset, a day that the month does not have, hour 24. A leap second counts as the second after.
 */
export function parseTime(text: string): number | null {
  const m = rfc3339Pattern.exec(text)
  if (m === null) return null
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((i) => Number(m[i])) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const offsetHour = Number(m[9] ?? 0)
  const offsetMinute = Number(m[10] ?? 0)
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59)
    return null
  const millisecond = m[7] === undefined ? 0 : Number(m[7].slice(0, 3).padEnd(3, '0'))
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  date.setUTCHours(hour, minute, second, millisecond)
  const offset = (offsetHour * 60 + offsetMinute) * 60_000
  return date.getTime() - (m[8] === '-' ? -offset : offset)
}

/** A time in a request: RFC 3339 with any offset, read as UTC epoch milliseconds. */
export const timeSchema = z.string().transform((text, context) => {
  const time = parseTime(text)
  if (time !== null) return time
  context.addIssue({
    code: 'custom',
    message: say({
      fr: 'une date et une heure avec son décalage (RFC 3339), comme 2026-03-01T08:00:00Z',
      en: 'expected an RFC 3339 time with its offset, such as 2026-03-01T08:00:00Z',
    }),
  })
  return z.NEVER
})

// A date and a time of day without an offset, as some devices tell their wall clock.
const civilPattern = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)$/

/**
 * UTC epoch milliseconds of a wall-clock time without offset in an IANA `zone`, or null for anything else. Where clocks
 * are set back an hour stands twice: the one nearer to `near` (epoch ms) is meant. Where they skip one, the time is
 * taken as the clock that was not set forward shows it.
 */
export function parseCivilTime(text: string, zone: string, near: number): number | null {
  const m = civilPattern.exec(text)
  if (m === null) return null
  try {
    const civil = Temporal.PlainDateTime.from(`${m[1]}T${m[2]}`, { overflow: 'reject' })
    const earlier = civil.toZonedDateTime(zone, { disambiguation: 'earlier' }).epochMilliseconds
    const later = civil.toZonedDateTime(zone, { disambiguation: 'later' }).epochMilliseconds
    const isTwice = Temporal.Instant.fromEpochMilliseconds(earlier)
      .toZonedDateTimeISO(zone)
      .toPlainDateTime()
      .equals(civil)
    if (!isTwice) return later
    return Math.abs(later - near) < Math.abs(earlier - near) ? later : earlier
  } catch {
    return null
  }
}
