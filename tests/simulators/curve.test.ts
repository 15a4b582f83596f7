import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dayKind, dayMs, epochMs, hourMs, utcOf, wallTime } from '../../simulators/calendar.ts'
import { makeCurve, varyByDay } from '../../simulators/curve.ts'

const anyTime = fc.integer({ min: epochMs, max: epochMs + 900 * dayMs })

describe('curves', () => {
  const curve = makeCurve(({ hour }) => 1 + hour)

  test('the sum over a span is that of the rate, and never falls', () => {
    const varied = varyByDay(curve, 9, 0.3)
    for (const each of [curve, varied])
      fc.assert(
        fc.property(anyTime, fc.integer({ min: 0, max: 3 * dayMs }), (from, length) => {
          // Quarters of an hour, whole ones, so that the sum is exact.
          const start = Math.floor(from / 900_000) * 900_000
          let sum = 0
          for (let time = start; time + 900_000 <= start + length; time += 900_000) sum += each.rate(time) / 4
          const quarters = Math.floor(length / 900_000) * 900_000
          expect(each.total(start + quarters) - each.total(start)).toBeCloseTo(sum, 6)
          expect(each.total(from + length)).toBeGreaterThanOrEqual(each.total(from))
        }),
        { numRuns: 200 },
      )
  })

  test('a step counts in proportion', () => {
    const start = epochMs + 10 * dayMs
    expect(curve.total(start + 300_000) - curve.total(start)).toBeCloseTo(curve.rate(start) / 12, 9)
  })
})

describe('the calendar', () => {
  test('the wall clock is that of Paris, across both changes', () => {
    expect(wallTime(Date.UTC(2026, 0, 15, 11, 30)).hour).toBe(12.5)
    expect(wallTime(Date.UTC(2026, 6, 15, 11, 30)).hour).toBe(13.5)
    expect(wallTime(Date.UTC(2026, 2, 29, 0, 59)).hour).toBeCloseTo(1.983, 3)
    expect(wallTime(Date.UTC(2026, 2, 29, 1)).hour).toBe(3)
    expect(wallTime(Date.UTC(2026, 9, 25, 1)).hour).toBe(2)
  })

  test('an hour of a wall day is found in UTC again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 19_000, max: 22_000 }), fc.integer({ min: 4, max: 23 }), (day, hour) => {
        expect(wallTime(utcOf(day, hour))).toEqual({ day, hour })
      }),
    )
  })

  test('knows Sundays, feasts that move, and those of Alsace', () => {
    const kindOf = (text: string) => dayKind(Date.parse(text) / dayMs)
    expect(kindOf('2026-03-01').weekday).toBe(6)
    expect(kindOf('2026-04-06').publicHoliday).toBe(true)
    expect(kindOf('2026-04-03').publicHoliday).toBe(true)
    expect(kindOf('2027-03-29').publicHoliday).toBe(true)
    expect(kindOf('2026-12-26').publicHoliday).toBe(true)
    expect(kindOf('2026-03-10').publicHoliday).toBe(false)
    expect(kindOf('2026-08-10').schoolHoliday).toBe(true)
    expect(kindOf('2027-01-03').schoolHoliday).toBe(true)
  })

  test('the epoch starts a UTC day', () => {
    expect(epochMs % dayMs).toBe(0)
    expect(hourMs * 24).toBe(dayMs)
  })
})
