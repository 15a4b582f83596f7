import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beginsOnHours, parseWindow, type Window, windowAt, windowEnd, windowStart } from '../../domain/window.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const at = (text: string) => Date.parse(text)

function hoursOf(window: Window, time: string): number {
  const { start, end } = windowAt(window, at(time))
  return (end - start) / hourMs
}

describe('parseWindow', () => {
  test.each([
    ['15m', undefined, { kind: 'fixed', ms: 900_000 }],
    ['1h', undefined, { kind: 'fixed', ms: hourMs }],
    ['6h', 'Europe/Paris', { kind: 'fixed', ms: 6 * hourMs }],
    ['1d', undefined, { kind: 'fixed', ms: dayMs }],
    ['1mo', undefined, { kind: 'civil', unit: 'month', count: 1, zone: 'UTC' }],
    ['1d', 'Europe/Paris', { kind: 'civil', unit: 'day', count: 1, zone: 'Europe/Paris' }],
    ['7d', 'europe/paris', { kind: 'civil', unit: 'day', count: 7, zone: 'Europe/Paris' }],
    ['12mo', 'Europe/Paris', { kind: 'civil', unit: 'month', count: 12, zone: 'Europe/Paris' }],
  ])('reads %s in %s', (text, zone, window) => {
    expect(parseWindow(text, zone)).toEqual(window)
  })

  test.each(['', '0m', '-1h', '1.5h', '1', 'h', '1w', '1M', ' 1h', '1h ', '01h', '1441m', '169h', '367d', '121mo'])(
    'refuses "%s"',
    (text) => {
      expect(parseWindow(text)).toBeNull()
    },
  )

  test.each(['', 'Europe/Atlantis', '+02:00', 'constructor'])('refuses the zone "%s"', (zone) => {
    expect(parseWindow('1d', zone)).toBeNull()
    expect(parseWindow('1h', zone)).toBeNull()
  })
})

test('fixed windows start at multiples of their length, before 1970 too', () => {
  const quarter = parseWindow('15m')!
  expect(windowStart(quarter, at('2026-03-01T08:14:59.999Z'))).toBe(at('2026-03-01T08:00Z'))
  expect(windowEnd(quarter, at('2026-03-01T08:00Z'))).toBe(at('2026-03-01T08:15Z'))
  expect(windowStart(quarter, -1)).toBe(-900_000)
})

test('a civil day of Paris has 23 hours in March and 25 in October', () => {
  const day = parseWindow('1d', 'Europe/Paris')!
  expect(hoursOf(day, '2026-03-29T12:00Z')).toBe(23)
  expect(hoursOf(day, '2026-10-25T12:00Z')).toBe(25)
  expect(windowStart(day, at('2026-03-28T22:59:59.999Z'))).toBe(at('2026-03-27T23:00Z'))
  expect(windowAt(day, at('2026-03-28T23:00Z'))).toEqual({
    start: at('2026-03-28T23:00Z'),
    end: at('2026-03-29T22:00Z'),
  })
})

test('months, quarters and years are those of the zone', () => {
  expect(windowAt(parseWindow('1mo')!, at('2024-02-10T00:00Z'))).toEqual({
    start: at('2024-02-01T00:00Z'),
    end: at('2024-03-01T00:00Z'),
  })
  expect(windowStart(parseWindow('1mo', 'Europe/Paris')!, at('2026-05-31T22:00Z'))).toBe(at('2026-05-31T22:00Z'))
  expect(windowStart(parseWindow('3mo', 'Europe/Paris')!, at('2026-05-15T00:00Z'))).toBe(at('2026-03-31T22:00Z'))
  expect(windowAt(parseWindow('12mo', 'Asia/Kolkata')!, at('2025-12-31T18:30Z'))).toEqual({
    start: at('2025-12-31T18:30Z'),
    end: at('2026-12-31T18:30Z'),
  })
})

test.each([
  ['half-hour zones', 'Asia/Kolkata', '2026-01-10T00:00Z', '2026-01-09T18:30Z', 24],
  ['clocks that move by half an hour', 'Australia/Lord_Howe', '2026-04-05T00:00Z', '2026-04-04T13:00Z', 24.5],
  ['no midnight: Santiago', 'America/Santiago', '2026-09-06T12:00Z', '2026-09-06T04:00Z', 23],
  ['no midnight: Cairo', 'Africa/Cairo', '2026-04-24T12:00Z', '2026-04-23T22:00Z', 23],
  ['the day before a missing midnight', 'Africa/Cairo', '2026-04-23T12:00Z', '2026-04-22T22:00Z', 24],
  ['a date that Apia never had', 'Pacific/Apia', '2011-12-30T09:00Z', '2011-12-29T10:00Z', 24],
  ['the date after it', 'Pacific/Apia', '2011-12-30T10:00Z', '2011-12-30T10:00Z', 24],
])('%s', (_, zone, time, start, hours) => {
  const day = parseWindow('1d', zone)!
  expect(new Date(windowStart(day, at(time))).toISOString()).toBe(new Date(start).toISOString())
  expect(hoursOf(day, time)).toBe(hours)
})

test('a date told twice, with another between, lies in one window', () => {
  // At 00:01 of 4 November 2007 the clocks of St. John's were set back to 23:01 of the 3rd.
  const day = parseWindow('1d', 'America/St_Johns')!
  const midnight = at('2007-11-04T00:00:00-02:30')
  expect(windowAt(day, midnight + 30 * 60_000)).toEqual({ start: midnight, end: at('2007-11-05T00:00:00-03:30') })
  expect(windowEnd(day, midnight - 1)).toBe(midnight)
})

const zones = [
  'UTC',
  'Europe/Paris',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'America/Santiago',
  'America/St_Johns',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Pacific/Apia',
  'Pacific/Kwajalein',
  'America/Sao_Paulo',
  'Asia/Gaza',
]
const windows = fc
  .tuple(fc.constantFrom('1m', '7m', '15m', '1h', '5h', '1d', '2d', '1mo', '3mo', '5mo'), fc.constantFrom(...zones))
  .map(([text, zone]) => parseWindow(text, zone)!)
const times = fc.integer({ min: at('1900-01-01T00:00Z'), max: at('2100-01-01T00:00Z') })
// Where clocks change, where dates are missing or told twice.
const busyTimes = fc
  .tuple(
    fc.constantFrom(
      ...['1993-08-20', '2007-11-04', '2011-12-30', '2018-11-04', '2026-03-29', '2026-04-05', '2026-04-24'],
      ...['2026-09-06', '2026-10-25', '2026-10-29'],
    ),
    fc.integer({ min: -dayMs, max: 2 * dayMs }),
  )
  .map(([day, offset]) => at(day) + offset)

test('windows part time: each time lies in one, each ends where the next begins', () => {
  fc.assert(
    fc.property(windows, fc.oneof(times, busyTimes), (window, time) => {
      const span = windowAt(window, time)
      expect(span.start).toBeLessThanOrEqual(time)
      expect(span.end).toBeGreaterThan(time)
      expect(windowAt(window, span.start)).toEqual(span)
      expect(windowAt(window, span.end - 1)).toEqual(span)
      expect(windowStart(window, span.end)).toBe(span.end)
      expect(windowEnd(window, span.start - 1)).toBe(span.start)
    }),
    { numRuns: 2000 },
  )
})

test('windows begin on whole hours where the wall clock is off by whole hours', () => {
  const span = (from: string, to: string) => [Date.parse(from), Date.parse(to)] as const
  const year = span('2026-01-01T00:00Z', '2027-01-01T00:00Z')
  const told = (text: string, zone: string | undefined, [from, to]: readonly [number, number]) =>
    beginsOnHours(parseWindow(text, zone)!, from, to)
  expect(told('15m', undefined, year)).toBe(false)
  expect(told('90m', undefined, year)).toBe(false)
  expect(told('2h', undefined, year)).toBe(true)
  expect(told('1d', 'Europe/Paris', year)).toBe(true)
  expect(told('1mo', 'Asia/Kolkata', year)).toBe(false)
  // Off by half an hour in the southern winter only.
  expect(told('1d', 'Australia/Lord_Howe', year)).toBe(false)
  expect(told('1d', 'Australia/Lord_Howe', span('2026-12-01T00:00Z', '2026-12-05T00:00Z'))).toBe(true)
  // Paris kept its own time, 9 minutes and 21 seconds ahead, until 1911.
  expect(told('1d', 'Europe/Paris', span('1900-01-01T00:00Z', '2026-01-01T00:00Z'))).toBe(false)
  fc.assert(
    fc.property(windows, times, fc.integer({ min: 1, max: 400 * dayMs }), (window, from, length) => {
      if (!beginsOnHours(window, from, from + length)) return
      for (let time = from, i = 0; time < from + length && i < 50; i++) {
        const { start, end } = windowAt(window, time)
        expect(Math.abs(start % hourMs)).toBe(0)
        time = end
      }
    }),
  )
})

test('what was asked before does not change the answer', () => {
  fc.assert(
    fc.property(windows, fc.array(fc.oneof(times, busyTimes), { maxLength: 20 }), (window, before) => {
      // The same days and months under a name of their own are computed afresh.
      const alias = window.kind === 'civil' && window.zone === 'UTC' ? { ...window, zone: 'Etc/UTC' } : window
      for (const time of before) windowAt(window, time)
      for (const time of before) expect(windowAt(alias, time)).toEqual(windowAt(window, time))
    }),
  )
})
