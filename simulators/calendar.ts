/** The wall clock and the calendar that people of the simulated city live by: Europe/Paris, school zone B, Alsace. */

export const zone = 'Europe/Paris'
export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** Where the counters of the city begin: no simulated time lies before. */
export const epochMs = Date.UTC(2022, 0, 1)

const offsets = new Map<number, number>()

/** Milliseconds to add to a UTC time for the city's wall clock. The zone changes on the full hour, hence the cache by hour. */
function zoneOffset(time: number): number {
  const hour = Math.floor(time / hourMs)
  let offset = offsets.get(hour)
  if (offset === undefined) {
    const instant = Temporal.Instant.fromEpochMilliseconds(hour * hourMs)
    offset = instant.toZonedDateTimeISO(zone).offsetNanoseconds / 1e6
    offsets.set(hour, offset)
  }
  return offset
}

/** What the wall clock shows: days since 1970-01-01 there, and the hour of the day with its fraction. */
export type WallTime = { day: number; hour: number }

/** The city's wall clock at a UTC time. */
export function wallTime(time: number): WallTime {
  const local = time + zoneOffset(time)
  const day = Math.floor(local / dayMs)
  return { day, hour: (local - day * dayMs) / hourMs }
}

/** UTC milliseconds of an hour of a wall day. An hour that March skips counts as the one after. */
export function utcOf(day: number, hour: number): number {
  const local = day * dayMs + hour * hourMs
  const guess = local - zoneOffset(local - hourMs)
  return local - zoneOffset(guess)
}

/** What matters of a day: 0 Monday to 6 Sunday, and who is at home. */
export type DayKind = { weekday: number; publicHoliday: boolean; schoolHoliday: boolean; dayOfYear: number }

const dayKinds = new Map<number, DayKind>()

/** The kind of a wall day (days since 1970-01-01). */
export function dayKind(day: number): DayKind {
  let kind = dayKinds.get(day)
  if (kind === undefined) {
    kind = judgeDay(day)
    dayKinds.set(day, kind)
  }
  return kind
}

function judgeDay(day: number): DayKind {
  const date = new Date(day * dayMs)
  const year = date.getUTCFullYear()
  const monthDay = (date.getUTCMonth() + 1) * 100 + date.getUTCDate()
  const sinceEaster = day - easter(year)
  // 1970-01-01 was a Thursday.
  const weekday = (day + 3) % 7
  return {
    weekday,
    publicHoliday: fixedHolidays.has(monthDay) || movableHolidays.has(sinceEaster),
    schoolHoliday: schoolHolidays.some(([from, to]) =>
      from <= to ? monthDay >= from && monthDay <= to : monthDay >= from || monthDay <= to,
    ),
    dayOfYear: day - Date.UTC(year, 0, 1) / dayMs,
  }
}

// Month and day. Saint Stephen's day is a holiday in Alsace and Moselle.
const fixedHolidays = new Set([101, 501, 508, 714, 815, 1101, 1111, 1225, 1226])
// Days after Easter Sunday: Good Friday (in Alsace and Moselle), Easter Monday, Ascension, Whit Monday.
const movableHolidays = new Set([-2, 1, 39, 50])
// Inclusive months and days, near those of zone B in an average year: the true dates move by a few days each year.
const schoolHolidays: readonly (readonly [from: number, to: number])[] = [
  [1018, 1102],
  [1220, 104],
  [214, 301],
  [411, 426],
  [705, 831],
]

/** Easter Sunday of a Gregorian year, in days since 1970-01-01 (the anonymous computus of Meeus, Jones and Butcher). */
function easter(year: number): number {
  const a = year % 19
  const b = Math.floor(year / 100)
  const c = year % 100
  const d = b - Math.floor(b / 4) - Math.floor((8 * b + 13) / 25)
  const h = (19 * a + d + 15) % 30
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7
  const m = Math.floor((a + 11 * h + 22 * l) / 451)
  const marchDay = h + l - 7 * m + 22
  return Date.UTC(year, 2, marchDay) / dayMs
}

/** Whether pupils are at school that day: Monday to Friday but Wednesday, outside holidays. */
export function isSchoolDay(day: number): boolean {
  const { weekday, publicHoliday, schoolHoliday } = dayKind(day)
  return weekday < 5 && weekday !== 2 && !publicHoliday && !schoolHoliday
}

/** Whether offices are open that day. */
export function isWorkDay(day: number): boolean {
  const { weekday, publicHoliday } = dayKind(day)
  return weekday < 5 && !publicHoliday
}

/** How cold the season is: 1 in mid-January, 0 in mid-July. */
export function coldness(day: number): number {
  return 0.5 + 0.5 * Math.cos((2 * Math.PI * (dayKind(day).dayOfYear - 15)) / 365.25)
}
