import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearest, type Point, splitAtGaps, toPath, valueTicks } from '../../dashboards/web/src/chart.ts'

const minuteMs = 60_000

describe('value ticks', () => {
  test('are round and cover what is shown', () => {
    expect(valueTicks(0, 87)).toEqual([0, 50, 100])
    expect(valueTicks(228.7, 233.4)).toEqual([228, 230, 232, 234])
    expect(valueTicks(-12, 7)).toEqual([-15, -10, -5, 0, 5, 10])
    expect(valueTicks(0.3, 0.31)).toEqual([0.3, 0.305, 0.31])
  })

  test('of any span are few, in order, and cover it', () => {
    const value = fc.integer({ min: -1e9, max: 1e9 }).map((thousandths) => thousandths / 1000)
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [low, high] = a <= b ? [a, b] : [b, a]
        const ticks = valueTicks(low, high)
        expect(ticks.length).toBeGreaterThanOrEqual(2)
        expect(ticks.length).toBeLessThanOrEqual(8)
        for (const [i, tick] of ticks.slice(1).entries()) expect(tick).toBeGreaterThan(ticks[i]!)
        const slack = (ticks.at(-1)! - ticks[0]!) * 1e-6
        expect(ticks[0]).toBeLessThanOrEqual(low + slack)
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(high - slack)
      }),
    )
  })
})

describe('a line', () => {
  const at = (...minutes: number[]): Point[] => minutes.map((minute, i) => [minute * minuteMs, i])

  test('is cut where readings are missing, and nothing is lost', () => {
    expect(splitAtGaps(at(0, 15, 30, 120, 135)).map((part) => part.length)).toEqual([3, 2])
    // An hour between readings is no gap for a device that speaks once an hour.
    expect(splitAtGaps(at(0, 60, 120, 180)).map((part) => part.length)).toEqual([4])
    expect(splitAtGaps([])).toEqual([])
    expect(splitAtGaps(at(5))).toEqual([at(5)])
  })

  test('of a measure goes straight from point to point, that of a state keeps its value until the next', () => {
    const points: Point[] = [
      [0, 1],
      [10, 2],
    ]
    expect(toPath(points, Number, Number, false)).toBe('M0.0 1.0L10.0 2.0')
    expect(toPath(points, Number, Number, true)).toBe('M0.0 1.0H10.0V2.0')
  })

  test('is pointed at where it is nearest', () => {
    expect(nearest(at(0, 15, 30), 21 * minuteMs)).toEqual([15 * minuteMs, 1])
    expect(nearest([], 0)).toBeNull()
  })
})
