import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DecodedReading } from '../../domain/fault.ts'
import { defineQuantity, type Quantity, quantityNames } from '../../domain/quantity.ts'
import { formatTime } from '../../domain/time.ts'
import { judge } from '../../domain/validate.ts'

const receivedAt = Date.parse('2026-03-02T06:00:00Z')
const horizonDays = 730
const dayMs = 86_400_000

const judgeValue = (quantity: Quantity, value: number) =>
  judge({ channel: '', quantity, value }, receivedAt, horizonDays)?.code ?? null
const judgeTime = (observedAt: number) =>
  judge({ channel: '', quantity: 'co2', value: 600, observedAt }, receivedAt, horizonDays)

describe('the value', () => {
  for (const quantity of quantityNames)
    test(`${quantity}: the ends of its range are good, what is past them is not`, () => {
      const { min, max } = defineQuantity(quantity)
      expect([min, max].map((value) => judgeValue(quantity, value))).toEqual([null, null])
      const step = Math.max(1e-9, Math.abs(max) * 1e-9)
      expect([min - step, max + step].map((value) => judgeValue(quantity, value))).toEqual([
        'out_of_range',
        'out_of_range',
      ])
    })

  test('a state is one of its numbers', () => {
    expect([0, 1, 2].map((value) => judgeValue('lamp_state', value))).toEqual([null, null, null])
    expect(judgeValue('lamp_state', 0.5)).toBe('unknown_state')
    expect(judgeValue('lamp_state', 3)).toBe('out_of_range')
  })

  test('what is no number', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(judgeValue('temperature', value)).toBe('not_a_number')
  })

  test('the fault tells what a technician needs', () => {
    expect(judge({ channel: '', quantity: 'co2', value: -1 }, receivedAt, horizonDays)).toEqual({
      code: 'out_of_range',
      params: { quantity: 'co2', value: -1, unit: '[ppm]', min: 0, max: 50_000 },
    })
  })
})

describe('the time', () => {
  test('five minutes ahead are good, a millisecond more is not', () => {
    expect(judgeTime(receivedAt + 300_000)).toBeNull()
    expect(judgeTime(receivedAt + 300_001)).toEqual({
      code: 'clock_future',
      params: { quantity: 'co2', observedAt: formatTime(receivedAt + 300_001) },
    })
  })

  test('the horizon is good, a millisecond before it is not', () => {
    expect(judgeTime(receivedAt - horizonDays * dayMs)).toBeNull()
    expect(judgeTime(receivedAt - horizonDays * dayMs - 1)?.code).toBe('too_old')
  })

  test('without observedAt there is nothing to judge', () => {
    expect(judgeValue('co2', 600)).toBeNull()
  })

  test('what is no time', () => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, 1e300]) expect(judgeTime(time)?.code).toBe('bad_time')
  })
})

test('never throws, and passes nothing that is not in range', () => {
  const reading: fc.Arbitrary<DecodedReading> = fc.record({
    channel: fc.constant(''),
    quantity: fc.constantFrom(...quantityNames),
    value: fc.double(),
    observedAt: fc.oneof(fc.double(), fc.integer({ min: 0, max: receivedAt * 2 })),
  })
  fc.assert(
    fc.property(reading, (each) => {
      const { min, max } = defineQuantity(each.quantity)
      if (judge(each, receivedAt, horizonDays) === null) expect(each.value >= min && each.value <= max).toBe(true)
    }),
  )
})
