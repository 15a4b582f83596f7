import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listCivilHours } from '../../domain/civil-hour.ts'
import { findFlows, foldConsumption, type Mark, sortMarks } from '../../domain/consumption.ts'
import { parseWindow, type Span, windowAt } from '../../domain/window.ts'

const hour = 3_600_000
const day = 24 * hour
const start = Date.UTC(2026, 2, 1)
const rule = { rollover: null, maxPerHour: 100_000 }

const device = (at: number, value: number, source = 'a'): Mark => ({ time: start + at, value, kind: 'device', source })
const declared = (kind: Mark['kind'], at: number, value: number): Mark => ({
  time: start + at,
  value,
  kind,
  source: '',
})

function consume(marks: readonly Mark[], windows: readonly Span[], of = rule as Parameters<typeof findFlows>[1]) {
  return foldConsumption([findFlows(sortMarks(marks), of)], windows)
}

const days = (count: number): Span[] =>
  Array.from({ length: count }, (_, i) => ({ start: start + i * day, end: start + (i + 1) * day }))

test('what rises inside a window is measured, what crosses its limit is spread and estimated', () => {
  const [first, second] = consume([device(0, 100), device(18 * hour, 1300), device(30 * hour, 1400)], days(2))
  expect(first).toMatchObject({ amount: 1250, estimatedAmount: 50, measured: 0.75, estimated: 0.25, missing: 0 })
  expect(second).toMatchObject({ amount: 50, estimatedAmount: 50, measured: 0, estimated: 0.25, missing: 0.75 })
})

test('of a window without any index nothing is known, which is not zero', () => {
  const [first, second] = consume([device(0, 5), device(day, 5)], days(2))
  expect(first).toMatchObject({ amount: 0, missing: 0, measured: 1 })
  expect(second).toMatchObject({ amount: null, missing: 1 })
})

test('a rollover, a reset, a replacement and an error of reading are told apart', () => {
  const kinds = (marks: Mark[], of = rule as Parameters<typeof findFlows>[1]) => {
    const { flows, notices } = findFlows(sortMarks(marks), of)
    return [notices.map((each) => each.kind), flows.map((each) => [each.amount, each.isEstimated])]
  }
  const rollover = { rollover: 1_000_000, maxPerHour: 1000 }
  expect(kinds([device(0, 999_900), device(hour, 150)], rollover)).toEqual([['rollover'], [[250, false]]])
  // The same fall is too much for a rollover in an hour.
  expect(kinds([device(0, 500_000), device(hour, 150)], rollover)).toEqual([['reset'], [[150, true]]])
  expect(kinds([device(0, 999_900), device(hour, 150)])).toEqual([['reset'], [[150, true]]])
  expect(kinds([device(0, 500), device(hour, 40, 'b')])).toEqual([['replacement'], []])
  expect(kinds([device(0, 500), device(hour, 540, 'b')])).toEqual([['handover'], [[40, true]]])
  expect(kinds([device(0, 500), device(hour, 0), device(2 * hour, 510)])).toEqual([['implausible'], [[10, false]]])
  expect(kinds([device(0, 500), device(hour, 9e9), device(2 * hour, 510)])).toEqual([['implausible'], [[10, false]]])
  expect(kinds([device(0, 500), device(hour, 9e9)])).toEqual([['implausible'], []])
  expect(kinds([device(0, 500), device(hour, 9e9), device(2 * hour, 9e9 + 5)])).toEqual([['replacement'], [[5, false]]])
})

test('declared indexes close the gap of a replacement, and bound what is expected of a meter', () => {
  const marks = [declared('installation', 6 * hour, 10), device(12 * hour, 110), declared('removal', 18 * hour, 200)]
  expect(consume(marks, days(1))[0]).toMatchObject({ amount: 190, estimatedAmount: 0, measured: 1, missing: 0 })
  const swapped = [
    device(0, 900),
    declared('removal', 6 * hour, 1000),
    declared('installation', 6 * hour, 3),
    device(day, 53),
  ]
  expect(consume(swapped, days(1))[0]).toMatchObject({ amount: 150, estimatedAmount: 0, missing: 0 })
  const reset = [device(0, 900), declared('removal', 6 * hour, 1000), declared('reset', 6 * hour, 0), device(day, 50)]
  expect(consume(reset, days(1))[0]).toMatchObject({ amount: 150, estimatedAmount: 0, missing: 0 })
  // Without the index before the reset, what passed until then is missing, and said to be.
  const halfKnown = [device(0, 900), declared('reset', 6 * hour, 0), device(day, 50)]
  expect(consume(halfKnown, days(1))[0]).toMatchObject({ amount: 50, measured: 0.75, missing: 0.25 })
})

test('a building is the sum of its meters, to the Wh: one replaced, one rolled over, one reset', () => {
  const replaced = [
    device(0, 0),
    declared('removal', 5 * hour, 4001),
    declared('installation', 5 * hour, 17),
    device(day, 3018),
  ]
  const rolled = [device(0, 999_000), device(12 * hour, 1234), device(day, 2000)]
  const reset = [device(0, 70_000), device(8 * hour, 70_500), device(16 * hour, 250), device(day, 251)]
  const meters = [
    findFlows(sortMarks(replaced), rule),
    findFlows(sortMarks(rolled), { rollover: 1_000_000, maxPerHour: 1000 }),
    findFlows(sortMarks(reset), rule),
  ]
  const [total] = foldConsumption(meters, days(1))
  expect(total!.amount).toBe(4001 + 3001 + (1000 + 2000) + (500 + 250 + 1))
  expect(total!.estimatedAmount).toBe(250)
  expect(total!.estimated).toBeCloseTo(8 / 72, 12)
  expect(total!.missing).toBe(0)
})

/** A course of whole steps, and what a meter with rollovers, declared swaps and resets would show of it. */
const course = fc
  .array(
    fc.record({
      minutes: fc.integer({ min: 1, max: 3000 }),
      amount: fc.integer({ min: 0, max: 900 }),
      event: fc.constantFrom('none', 'none', 'none', 'swap', 'reset'),
    }),
    { minLength: 2, maxLength: 60 },
  )
  .map((steps) => {
    const modulus = 5000
    const marks: Mark[] = []
    let time = start
    let shown = 0
    let total = 0
    for (const { minutes, amount, event } of steps) {
      marks.push({ time, value: shown, kind: 'device', source: 'a' })
      time += minutes * 60_000
      shown = (shown + amount) % modulus
      total += amount
      if (event === 'none') continue
      marks.push({ time, value: shown, kind: 'removal', source: '' })
      shown = 7
      marks.push({ time, value: shown, kind: event === 'swap' ? 'installation' : 'reset', source: '' })
      time += 60_000
    }
    marks.push({ time, value: shown, kind: 'device', source: 'a' })
    return { marks, total, end: time, rule: { rollover: modulus, maxPerHour: 60_000 } }
  })
  // A minute lets at most 1,000 steps pass: less than a rollover needs of a fall of 900.
  .filter(({ marks }) => marks.every((mark, i) => i === 0 || mark.time > marks[i - 1]!.time || mark.kind !== 'device'))

const zones = ['Europe/Paris', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/St_Johns', 'Asia/Kathmandu', 'UTC']

test('nothing is lost or made up: windows sum to what went through, whatever zone and window', () => {
  fc.assert(
    fc.property(course, fc.constantFrom(...zones), ({ marks, total, end, rule: of }, zone) => {
      const flows = [findFlows(sortMarks(marks), of)]
      const hours = [...listCivilHours(zone, start, end)]
      const byHour = foldConsumption(flows, hours)
      expect(byHour.reduce((sum, each) => sum + (each.amount ?? 0), 0)).toBe(total)
      for (const unit of ['1d', '1mo']) {
        const window = parseWindow(unit, zone)!
        const spans: Span[] = []
        for (let time = start; time < end; time = spans.at(-1)!.end) spans.push(windowAt(window, time))
        const byDay = foldConsumption(flows, spans)
        for (const each of byDay) {
          const inside = byHour.filter((hour) => hour.start >= each.start && hour.end <= each.end)
          // The hours of a day sum to the day, but for the last one, which may end after the last index.
          if (each.end <= end) expect(inside.reduce((sum, hour) => sum + (hour.amount ?? 0), 0)).toBe(each.amount ?? 0)
          const shares = each.measured + each.estimated + each.missing
          expect(shares).toBeCloseTo(1, 9)
          expect(Math.min(each.measured, each.estimated, each.missing)).toBeGreaterThanOrEqual(0)
        }
        expect(byDay.reduce((sum, each) => sum + (each.amount ?? 0), 0)).toBe(total)
      }
    }),
    { numRuns: 60 },
  )
})

test('civil hours follow each other without a gap, and begin when the clock shows a full hour or is set', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 730 }), (zone, offsetDays) => {
      const from = Date.UTC(2025, 0, 1, 7, 20) + offsetDays * day
      const hours = [...listCivilHours(zone, from, from + 3 * day)]
      expect(hours[0]!.start).toBeLessThanOrEqual(from)
      expect(hours.at(-1)!.end).toBeGreaterThanOrEqual(from + 3 * day)
      for (const [i, each] of hours.entries()) {
        if (i > 0) expect(each.start).toBe(hours[i - 1]!.end)
        const moment = Temporal.Instant.fromEpochMilliseconds(each.start).toZonedDateTimeISO(zone)
        const wasSet = moment.subtract({ milliseconds: 1 }).offsetNanoseconds !== moment.offsetNanoseconds
        expect(moment.minute === 0 || wasSet).toBe(true)
        expect(each.end - each.start).toBeLessThanOrEqual(hour)
      }
    }),
  )
})

test('the hours of both clock changes, in Paris and on Lord Howe', () => {
  const hoursOf = (zone: string, from: string, to: string) => {
    const [a, b] = [from, to].map((text) => Temporal.PlainDate.from(text).toZonedDateTime(zone).epochMilliseconds)
    return [...listCivilHours(zone, a!, b!)].map((each) => (each.end - each.start) / 60_000)
  }
  expect(hoursOf('Europe/Paris', '2026-03-29', '2026-03-30')).toEqual(Array(23).fill(60))
  expect(hoursOf('Europe/Paris', '2026-10-25', '2026-10-26')).toEqual(Array(25).fill(60))
  // Forward from 2:00 to 2:30, and back from 2:00 to 1:30.
  expect(hoursOf('Australia/Lord_Howe', '2026-10-04', '2026-10-05')).toEqual([60, 60, 30, ...Array(21).fill(60)])
  expect(hoursOf('Australia/Lord_Howe', '2026-04-05', '2026-04-06')).toEqual([60, 60, 30, ...Array(22).fill(60)])
})
