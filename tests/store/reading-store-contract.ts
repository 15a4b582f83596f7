import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Quantity } from '../../domain/quantity.ts'
import { aggregates, compareSeries, type Reading } from '../../domain/reading.ts'
import { parseWindow } from '../../domain/window.ts'
import { gatherHistory, layHistory } from '../../store/history.ts'
import type { ReadingColumns, ReadingStore, Series, SeriesQuery, SeriesRange } from '../../store/reading-store.ts'
import {
  awkwardChannels,
  awkwardDevices,
  awkwardValues,
  compareReadings,
  openReadingList,
  someQuery,
  someRange,
  someReading,
  someSeries,
  someTime,
} from './reading-list.ts'

/** An empty store to try; `reopen` ends what is open and opens the same data again. */
export type OpenedStore = { store: ReadingStore; reopen(): Promise<ReadingStore>; close(): Promise<void> }

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2026-03-01T00:00Z')
const everything = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }
const series = { deviceId: 'meter-1', channel: '', quantity: 'active_power' as Quantity }

export function makeReading(observedAt: number, value: number, more: Partial<Reading> = {}): Reading {
  return { ...series, observedAt, value, receivedAt: observedAt + 50, seq: 1, ...more }
}

export async function collect(store: ReadingStore, range: SeriesRange): Promise<Reading[]> {
  const found: Reading[] = []
  for await (const each of store.scan(range)) found.push({ ...each, value: each.value + 0 })
  return found
}

/** Readings in columns of their series. */
export function toHistory(readings: readonly Reading[]): ReadingColumns[] {
  const history = gatherHistory()
  for (const each of readings) history.add(each)
  expect(history.count()).toBe(readings.length)
  return history.take()
}

/**
 * What every reading store does, run over one backend. `runs` is how many histories the property tests try. A store that
 * does not keep `receivedAt` and `seq` tells `observedAt` and 0 for them, and of two writes of a key keeps the later;
 * one that does not remove refuses with a Problem. `values` are those that it can hold.
 */
export function describeReadingStore(
  name: string,
  open: () => Promise<OpenedStore>,
  { runs = 100, keepsReception = true, removes = true, values = awkwardValues } = {},
): void {
  const told = (reading: Reading): Reading =>
    keepsReception ? reading : { ...reading, receivedAt: reading.observedAt, seq: 0 }
  const inOrder = (readings: readonly Reading[], firstSeq: number): Reading[] =>
    keepsReception ? [...readings] : readings.map((each, i) => ({ ...each, seq: firstSeq + i }))

  const holdable = (reading: Reading, i: number): Reading =>
    values === awkwardValues ? reading : { ...reading, value: values[i % values.length]! }

  describe(`reading store: ${name}`, () => {
    let opened: OpenedStore
    let store: ReadingStore
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.close())

    const read = (more: Partial<SeriesQuery> = {}) => store.query({ devices: ['meter-1'], ...everything, ...more })
    const points = async (more: Partial<SeriesQuery> = {}) => (await read(more))[0]?.points ?? []

    test('an empty store answers empty', async () => {
      expect(await read()).toEqual([])
      expect(await store.lastBefore(series, start)).toBeNull()
      expect(await collect(store, everything)).toEqual([])
      if (removes) await store.remove(everything)
      else await expect(store.remove(everything)).rejects.toMatchObject({ code: 'store_cannot_remove' })
      expect(await store.write([])).toEqual({ rejected: [] })
    })

    test('`from` is included, `to` is not', async () => {
      await store.write([0, 1, 2, 3].map((i) => makeReading(start + i, i)))
      const range = { from: start + 1, to: start + 3 }
      expect(await points(range)).toEqual([
        [start + 1, 1],
        [start + 2, 2],
      ])
      expect((await collect(store, range)).map((each) => each.value).sort()).toEqual([1, 2])
      expect(await points({ from: start + 3, to: start + 3 })).toEqual([])
      expect(await points({ from: start + 3, to: start })).toEqual([])
    })

    const seconds: [string, number, number, number][] = [
      ['higher', 7, 8, 2],
      ['equal', 7, 7, 2],
      ['lower', 7, 6, 1],
    ]
    test.each(seconds.slice(0, keepsReception ? 3 : 2))(
      'a second write with a %s seq',
      async (_, first, second, standing) => {
        await store.write([makeReading(start, 1, { seq: first })])
        await store.write([makeReading(start, 2, { seq: second, receivedAt: start + 99 })])
        const reading = standing === 1 ? makeReading(start, 1, { seq: first }) : makeReading(start, 2, { seq: second })
        const receivedAt = standing === 1 ? start + 50 : start + 99
        expect(await store.lastBefore(series, start + 1)).toEqual(told({ ...reading, receivedAt }))
        expect(await points()).toEqual([[start, standing]])
      },
    )

    test('within one batch the order does not matter either', async () => {
      await store.write([3, 9, 4].map((seq) => makeReading(start, seq, { seq })))
      expect(await points()).toEqual([[start, 9]])
    })

    test('what cannot be stored is told by its index, the rest is stored', async () => {
      const { rejected } = await store.write([
        makeReading(start, Number.NaN),
        makeReading(start + 1, 1),
        makeReading(start + 2, Number.POSITIVE_INFINITY),
        makeReading(start + 3, 3, { quantity: '__proto__' as Quantity }),
        makeReading(start + 4, 4),
        makeReading(start + 5, Number.NEGATIVE_INFINITY),
        makeReading(start + 6, 6, { quantity: 'humour' as Quantity }),
      ])
      expect(rejected.map((each) => each.index)).toEqual([0, 2, 3, 5, 6])
      for (const { reason } of rejected) expect(reason).not.toBe('')
      expect(await points()).toEqual([
        [start + 1, 1],
        [start + 4, 4],
      ])
    })

    test('history in columns: what cannot be stored is told by its series and place, the rest is stored', async () => {
      const readings = [Number.NaN, 1, Number.POSITIVE_INFINITY, 3].map((value, i) => makeReading(start + i, value))
      const humour = readings.map((each) => ({ ...each, value: 1, quantity: 'humour' as Quantity }))
      const { rejected } = await layHistory(store, toHistory([...readings, ...humour]))
      expect(rejected.map(({ series, index }) => [series, index])).toEqual([
        ...[0, 2].map((index) => [0, index]),
        ...[0, 1, 2, 3].map((index) => [1, index]),
      ])
      for (const { reason } of rejected) expect(reason).not.toBe('')
      expect(await points()).toEqual([
        [start + 1, 1],
        [start + 3, 3],
      ])
      expect(await layHistory(store, [])).toEqual({ rejected: [] })
      expect(await layHistory(store, toHistory([makeReading(start + 2, 2)]))).toEqual({ rejected: [] })
      expect((await points()).map(([, value]) => value)).toEqual([1, 2, 3])
    })

    test('names and values come back as they were', async () => {
      let seq = 0
      const readings = awkwardDevices.flatMap((deviceId) =>
        awkwardChannels.flatMap((channel) =>
          values.map((value, i) => makeReading(start + i, value, { deviceId, channel, seq: ++seq })),
        ),
      )
      expect(await store.write(readings)).toEqual({ rejected: [] })
      const expected = readings.map((each) => told({ ...each, value: each.value + 0 })).sort(compareReadings)
      expect((await collect(store, everything)).sort(compareReadings)).toEqual(expected)
      for (const deviceId of awkwardDevices) {
        const found = await read({ devices: [deviceId], channel: '__proto__' })
        expect(found.map((each) => [each.deviceId, each.channel])).toEqual([[deviceId, '__proto__']])
        expect(found[0]!.points.map(([, value]) => value + 0)).toEqual(values.map((value) => value + 0))
      }
    })

    test.each(aggregates)('%s of a window that is cut by `from` and `to`', async (aggregate) => {
      const values = [5, 1, 4, 2, 8]
      await store.write(values.map((value, i) => makeReading(start + i * 600_000, value)))
      const told = { mean: 7 / 3, min: 1, max: 4, sum: 7, count: 3, first: 1, last: 2 }[aggregate]
      const window = parseWindow('1h')!
      const range = { from: start + 600_000, to: start + 4 * 600_000 }
      const [[time, value] = []] = await points({ ...range, window, aggregate })
      expect(time).toBe(start)
      expect(value).toBeCloseTo(told, 12)
    })

    test('windows without readings are left out, civil days are those of their zone', async () => {
      const day = Date.parse('2026-03-28T23:00Z')
      await store.write([-1, 0, 23 * hourMs - 1, 23 * hourMs, 49 * hourMs].map((i) => makeReading(day + i, 1)))
      const window = parseWindow('1d', 'Europe/Paris')!
      expect(await points({ window, aggregate: 'count' })).toEqual([
        [day - dayMs, 1],
        [day, 2],
        [day + 23 * hourMs, 1],
        [day + 47 * hourMs, 1],
      ])
    })

    test('the newest reading before a time, over months without any', async () => {
      const times = [start, start + 1, start + 100 * dayMs]
      await store.write(times.map((time, i) => makeReading(time, i)))
      await store.write([makeReading(start + 50 * dayMs, 9, { deviceId: 'meter-2' })])
      expect(await store.lastBefore(series, start)).toBeNull()
      expect(await store.lastBefore(series, start + 1)).toEqual(told(makeReading(start, 0)))
      expect(await store.lastBefore(series, start + 100 * dayMs)).toEqual(told(makeReading(start + 1, 1)))
      expect(await store.lastBefore(series, Number.MAX_SAFE_INTEGER)).toEqual(told(makeReading(start + 100 * dayMs, 2)))
      expect(await store.lastBefore({ ...series, channel: '1' }, Number.MAX_SAFE_INTEGER)).toBeNull()
      expect(await store.lastBefore({ ...series, deviceId: 'nobody' }, Number.MAX_SAFE_INTEGER)).toBeNull()
    })

    if (removes)
      test('removes by device and range, and takes later readings there', async () => {
        const devices = ['meter-1', 'meter-2']
        const all = devices.flatMap((deviceId) =>
          Array.from({ length: 72 }, (_, i) => makeReading(start + i * hourMs, i, { deviceId })),
        )
        await store.write(all)
        await store.remove({ devices: ['meter-2', 'nobody'], from: start + 5 * hourMs, to: start + 60 * hourMs })
        const counts = async () => (await store.query({ devices, ...everything })).map((each) => each.points.length)
        expect(await counts()).toEqual([72, 17])
        await store.remove({ from: start, to: start + 2 * dayMs + 1 })
        expect(await counts()).toEqual([23, 12])
        await store.write([makeReading(start + hourMs, 1, { seq: 0 })])
        expect(await counts()).toEqual([24, 12])
      })

    test('any history gives the answers of a plain list', async () => {
      const history = fc.array(
        fc.oneof(
          { weight: 6, arbitrary: fc.record({ write: fc.array(someReading, { maxLength: 30 }) }) },
          {
            weight: 3,
            arbitrary: fc.record({ lay: fc.array(someReading, { maxLength: 30 }), isInOrder: fc.boolean() }),
          },
          ...(removes ? [{ weight: 2, arbitrary: fc.record({ remove: someRange }) }] : []),
          { weight: 1, arbitrary: fc.constant({ reopen: true }) },
          { weight: 2, arbitrary: fc.constant({ seal: true }) },
        ),
        { minLength: 1, maxLength: 12 },
      )
      const questions = fc.record({
        queries: fc.array(fc.tuple(someQuery, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 4 }),
        lasts: fc.array(fc.tuple(someSeries, someTime), { maxLength: 20 }),
        ranges: fc.array(someRange, { maxLength: 2 }),
      })
      await fc.assert(
        fc.asyncProperty(history, questions, async (steps, { queries, lasts, ranges }) => {
          if (removes) await store.remove(everything)
          else {
            await opened.close()
            opened = await open()
            store = opened.store
          }
          const list = openReadingList()
          let written = 0
          for (const step of steps)
            if ('write' in step) {
              const readings = inOrder(step.write, written).map(holdable)
              written += readings.length
              expect(await store.write(readings)).toEqual({ rejected: [] })
              list.write(readings)
            } else if ('lay' in step) {
              const readings = inOrder(step.lay, written).map(holdable)
              written += readings.length
              if (step.isInOrder) readings.sort((a, b) => a.observedAt - b.observedAt)
              expect(await layHistory(store, toHistory(readings))).toEqual({ rejected: [] })
              list.write(readings)
            } else if ('remove' in step) {
              await store.remove(step.remove)
              list.remove(step.remove)
            } else if ('seal' in step) await sealAll(store)
            else store = await opened.reopen()

          for (const range of [everything, ...ranges]) {
            const found = await collect(store, range)
            expect(await collect(store, range)).toEqual(found)
            expect(found.sort(compareReadings)).toEqual(withoutMinusZero(list.scan(range)).map(told))
          }
          for (const [key, time] of lasts) {
            const found = await store.lastBefore(key, time)
            const last = list.lastBefore(key, time)
            const [expected = null] = last === null ? [] : withoutMinusZero([last]).map(told)
            expect(found && { ...found, value: found.value + 0 }).toEqual(expected)
          }
          for (const [query, limit] of queries) {
            expectSeries(await store.query(query), list.query(query), query)
            expectSeries(await readInPages(query, limit), list.query(query), query)
            if (query.window === undefined) continue
            // Of two series with a reading at one time, nobody tells which one was first.
            const aggregate = query.aggregate === 'first' || query.aggregate === 'last' ? 'max' : query.aggregate
            const from = Math.max(query.from, Date.parse('2025-12-01T00:00Z'))
            const asked = { ...query, aggregate, together: true, from, to: Math.min(query.to, from + 200 * dayMs) }
            expectSeries(await store.query(asked), list.queryTogether(asked), asked)
          }
        }),
        { numRuns: runs },
      )
    }, 120_000)

    /** Asks for `limit` points at a time, until no more come. */
    async function readInPages(query: SeriesQuery, limit: number): Promise<Series[]> {
      const all: Series[] = []
      for (let after: SeriesQuery['after']; ; ) {
        const page = await store.query({ ...query, limit, after })
        const count = page.reduce((sum, each) => sum + each.points.length, 0)
        expect(count).toBeLessThanOrEqual(limit)
        if (count === 0) return all
        for (const each of page) {
          const last = all.at(-1)
          if (last !== undefined && compareSeries(last, each) === 0) last.points.push(...each.points)
          else all.push(each)
        }
        const last = page.at(-1)!
        after = { series: last, time: last.points.at(-1)![0] }
      }
    }
  })
}

/** Brings all that can be brought into its lasting form there. */
export async function sealAll(store: ReadingStore) {
  while ((await store.seal?.(1000)) === true);
  // What was just told is relied on from the next time on.
  await store.seal?.(1000)
}

function withoutMinusZero(readings: readonly Reading[]): Reading[] {
  return readings.map((each) => ({ ...each, value: each.value + 0 }))
}

/** Means and sums may differ by what rounding takes; all else is equal. */
function expectSeries(found: readonly Series[], expected: readonly Series[], query: SeriesQuery): void {
  const isRounded = query.window !== undefined && (query.aggregate === 'mean' || query.aggregate === 'sum')
  const told = found.map((each) => ({
    ...each,
    points: each.points.map(([time, value]) => [time, isRounded ? 0 : value + 0]),
  }))
  const wanted = expected.map((each) => ({
    ...each,
    points: each.points.map(([time, value]) => [time, isRounded ? 0 : value + 0]),
  }))
  expect(told).toEqual(wanted)
  if (!isRounded) return
  for (const [i, { points }] of expected.entries())
    for (const [j, [, value]] of points.entries()) {
      // Values are up to 2 ** 53, of which a double's sum may lose a few units.
      const difference = Math.abs(found[i]!.points[j]![1] - value)
      expect(difference).toBeLessThanOrEqual(Math.max(64, Math.abs(value) * 1e-12))
    }
}
