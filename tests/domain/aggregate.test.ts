import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { startFold, startSharedFold } from '../../domain/aggregate.ts'
import { type Aggregate, aggregates } from '../../domain/reading.ts'
import { parseWindow, type Window, windowStart } from '../../domain/window.ts'

type Point = [time: number, value: number]

function fold(points: readonly Point[], window: Window, aggregate: Aggregate): Point[] {
  const folding = startFold(window, aggregate)
  for (const [time, value] of points) folding.add(time, value)
  folding.finish()
  return folding.points
}

const naive: Record<Aggregate, (values: number[]) => number> = {
  mean: (values) => naive.sum(values) / values.length,
  min: (values) => values.reduce((a, b) => Math.min(a, b)),
  max: (values) => values.reduce((a, b) => Math.max(a, b)),
  sum: (values) => values.reduce((a, b) => a + b, 0),
  count: (values) => values.length,
  first: (values) => values[0]!,
  last: (values) => values.at(-1)!,
}

const points = fc
  .array(fc.tuple(fc.integer({ min: -1e12, max: 3e12 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })), {
    maxLength: 200,
  })
  .map((list) => list.map(([time, value]): Point => [time, value + 0]).sort((a, b) => a[0] - b[0]))
const windows = fc
  .tuple(fc.constantFrom('1h', '1d', '1mo', '120mo'), fc.constantFrom('Europe/Paris', undefined))
  .map(([text, zone]) => parseWindow(text, zone)!)

test.each(aggregates)('%s is that of a plain computation', (aggregate) => {
  fc.assert(
    fc.property(points, windows, (list, window) => {
      const groups = Map.groupBy(list, ([time]) => windowStart(window, time))
      const told = fold(list, window, aggregate)
      expect(told.map(([time]) => time)).toEqual([...groups.keys()])
      for (const [start, value] of told) {
        const values = groups.get(start)!.map((each) => each[1])
        const isRounded = aggregate === 'mean' || aggregate === 'sum'
        if (isRounded) expect(Math.abs(value - naive[aggregate](values))).toBeLessThan(1e-6)
        else expect(value).toBe(naive[aggregate](values))
      }
    }),
  )
})

test('a mean lies between the values, whatever they are', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1 }), (values) => {
      const [[, mean]] = fold(
        values.map((value, i) => [i, value]),
        parseWindow('1h')!,
        'mean',
      ) as [Point]
      expect(mean).toBeGreaterThanOrEqual(Math.min(...values))
      expect(mean).toBeLessThanOrEqual(Math.max(...values))
    }),
  )
})

test('small values beside large ones are not lost', () => {
  const values = [2 ** 53, ...Array.from({ length: 1000 }, () => 1), -(2 ** 53)]
  const list = values.map((value, i): Point => [i, value])
  expect(fold(list, parseWindow('1h')!, 'sum')).toEqual([[0, 1000]])
  expect(fold(list, parseWindow('1h')!, 'mean')).toEqual([[0, 1000 / 1002]])
  const tenths = Array.from({ length: 10 }, (_, i): Point => [i, 0.1])
  expect(fold(tenths, parseWindow('1h')!, 'mean')).toEqual([[0, 0.1]])
})

test('a window that is over is told before the last point', () => {
  const folding = startFold(parseWindow('1m')!, 'count')
  folding.add(0, 1)
  folding.add(59_999, 1)
  expect(folding.points).toEqual([])
  folding.add(60_000, 1)
  expect(folding.points).toEqual([[0, 2]])
})

test('no points give no windows', () => {
  expect(fold([], parseWindow('1d', 'Europe/Paris')!, 'mean')).toEqual([])
})

test('a shared fold takes points in any order, and tells what a fold of them in order tells', () => {
  const distinct = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 40 * 60_000 }), fc.integer({ min: -9, max: 9 })), {
    selector: ([time]) => time,
    maxLength: 40,
  })
  fc.assert(
    fc.property(distinct, fc.constantFrom(...aggregates), (given, aggregate) => {
      const window = parseWindow('10m')!
      const shared = startSharedFold(window, aggregate)
      for (const [time, value] of given) shared.add(time, value)
      expect(shared.list()).toEqual(
        fold(
          given.toSorted(([a], [b]) => a - b),
          window,
          aggregate,
        ),
      )
    }),
  )
})
