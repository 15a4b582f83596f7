import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseWindow, type Line, type Point, splitAtGaps, toColumns, toRows } from '../../dashboards/web/src/chart.ts'

const minuteMs = 60_000

describe('a line', () => {
  const at = (...minutes: number[]): Point[] => minutes.map((minute, i) => [minute * minuteMs, i])

  test('is cut where readings are missing, and nothing is lost', () => {
    expect(splitAtGaps(at(0, 15, 30, 120, 135)).map((part) => part.length)).toEqual([3, 2])
    // An hour between readings is no gap for a device that speaks once an hour.
    expect(splitAtGaps(at(0, 60, 120, 180)).map((part) => part.length)).toEqual([4])
    expect(splitAtGaps([])).toEqual([])
    expect(splitAtGaps(at(5))).toEqual([at(5)])
  })

  test('keeps its points, breaks where readings are missing, and is drawn across times of others', () => {
    const line: Line = { name: 'a', points: at(0, 15, 30, 120, 135), earlier: false }
    const other: Line = { name: 'b', points: at(20), earlier: true }
    const { times, values } = toColumns([line, other])
    expect(times).toEqual([0, 15, 20, 30, 30 + 1 / minuteMs, 120, 135].map((minute) => Math.round(minute * minuteMs)))
    expect(values[0]).toEqual([0, 1, undefined, 2, null, 3, 4])
    expect(values[1]).toEqual([undefined, undefined, 0, undefined, undefined, undefined, undefined])
  })

  test('loses nothing on the way to the picture and to the table', () => {
    const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 5000 }), { maxLength: 40 })
    fc.assert(
      fc.property(minutes, minutes, (a, b) => {
        const lines = [a, b].map(
          (each, i): Line => ({ name: `${i}`, points: at(...each.sort((x, y) => x - y)), earlier: false }),
        )
        const { times, values } = toColumns(lines)
        const rows = toRows(lines)
        for (const [i, { points }] of lines.entries()) {
          expect(times.flatMap((time, j) => (values[i]![j] == null ? [] : [[time, values[i]![j]]]))).toEqual(points)
          expect(rows.flatMap(([time, row]) => (row[i] === undefined ? [] : [[time, row[i]]])).reverse()).toEqual(
            points,
          )
        }
        expect(times).toEqual(times.toSorted((x, y) => x - y))
      }),
    )
  })
})

describe('windows', () => {
  test('of any span are some hundreds of points at most', () => {
    const dayMs = 86_400_000
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3650 * dayMs }), (spanMs) => {
        const { window, windowMs } = chooseWindow(spanMs)
        if (window === null) expect(spanMs).toBeLessThanOrEqual(3 * 3_600_000)
        else expect(spanMs / windowMs).toBeLessThanOrEqual(1100)
      }),
    )
    expect([1, 7, 30, 365].map((days) => chooseWindow(days * dayMs).window)).toEqual(['15m', '1h', '3h', '1d'])
  })
})
