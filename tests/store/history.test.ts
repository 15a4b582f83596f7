import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Quantity } from '../../domain/quantity.ts'
import { aggregates, type Reading } from '../../domain/reading.ts'
import { parseWindow } from '../../domain/window.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { checkSealed } from '../../store/embedded-verify.ts'
import { listReadings } from '../../store/history.ts'
import type { ReadingColumns, ReadingStore } from '../../store/reading-store.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { compareReadings, openReadingList } from './reading-list.ts'
import { collect, makeReading, toHistory } from './reading-store-contract.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2026-03-01T00:00Z')
const everything = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }
const hour = parseWindow('1h')!
const quantities: Quantity[] = ['fill_level', 'temperature']

describe('history in columns, in the embedded store', () => {
  let folder: string
  let database: DatabaseSync
  let store: ReadingStore
  let now: number
  beforeEach(() => {
    now = start + 30 * dayMs
    folder = mkdtempSync(join(tmpdir(), 'parvis-history-'))
    database = openSqlite(join(folder, 'readings.sqlite'))
    store = openEmbeddedStore(database, { now: () => now })
  })
  afterEach(() => {
    database.close()
    rmSync(folder, { recursive: true })
  })
  const count = (table: string) => Object.values(database.prepare(`SELECT count(*) FROM ${table}`).get()!)[0]

  const someStretch = fc
    .record({
      deviceId: fc.constantFrom('meter-0', 'meter-1'),
      quantities: fc.subarray(quantities, { minLength: 1 }),
      from: fc.integer({ min: 0, max: 200 }).map((halfHours) => start + (halfHours * hourMs) / 2),
      paceMs: fc.constantFrom(60_000, 600_000, hourMs / 2),
      count: fc.integer({ min: 0, max: 200 }),
      seq: fc.integer({ min: 1, max: 3 }),
      flaw: fc.constantFrom(...Array<null>(16).fill(null), 'order', 'value', 'time', 'quantity'),
    })
    .map(({ deviceId, quantities, from, paceMs, count, seq, flaw }): ReadingColumns[] => {
      const observedAt = Float64Array.from({ length: count }, (_, i) => from + i * paceMs)
      if (flaw === 'order' && count > 2) observedAt.subarray(0, 2).reverse()
      if (flaw === 'time' && count > 1) observedAt[1]! += 0.5
      const columns = {
        observedAt,
        receivedAt: observedAt.map((time) => Math.floor(time) + 7 * seq),
        seqs: observedAt.map(() => seq),
      }
      return quantities.map((quantity, q) => {
        const values = observedAt.map((_, i) => (((i * 7 + from + q) % 41) - 20) / 2)
        if (flaw === 'value' && q === 0 && count > 0) values[count >> 1] = Number.NaN
        const isUnknown = flaw === 'quantity' && q === 0
        return { deviceId, channel: '', quantity: isUnknown ? ('humour' as Quantity) : quantity, ...columns, values }
      })
    })

  test('history in columns gives what its readings give one by one', async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.record({ lay: fc.array(someStretch, { maxLength: 3 }) }) },
        { weight: 1, arbitrary: fc.record({ write: someStretch }) },
        { weight: 1, arbitrary: fc.record({ remove: fc.nat({ max: 5 }) }) },
        { weight: 1, arbitrary: fc.constant('seal' as const) },
      ),
      { minLength: 1, maxLength: 6 },
    )
    let blocks = 0
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        await store.remove(everything)
        // Some days are not over.
        now = start + 3 * dayMs
        const list = openReadingList()
        for (const step of steps)
          if (step === 'seal') while (store.seal!(1));
          else if ('remove' in step) {
            const range = { from: start + step.remove * dayMs, to: start + (step.remove + 1) * dayMs - hourMs }
            await store.remove(range)
            list.remove(range)
          } else {
            const history = 'lay' in step ? step.lay.flat() : step.write
            const readings = listReadings(history)
            const isGood = ({ value, observedAt, quantity }: Reading) =>
              !Number.isNaN(value) && Number.isInteger(observedAt) && quantities.includes(quantity)
            list.write(readings.filter(isGood))
            if ('lay' in step) {
              const places = history.flatMap(({ values }, series) => Array.from(values, (_, index) => [series, index]))
              const { rejected } = await store.lay!(history)
              expect(rejected.map(({ series, index }) => [series, index])).toEqual(
                places.filter((_, i) => !isGood(readings[i]!)),
              )
            } else await store.write(readings)
          }
        blocks += Number(count('blocks'))
        const expected = list.scan(everything).map((each) => ({ ...each, value: each.value + 0 }))
        expect((await collect(store, everything)).sort(compareReadings)).toEqual(expected)
        for (const aggregate of aggregates.filter((each) => each !== 'mean')) {
          const query = { devices: ['meter-0', 'meter-1'], ...everything, window: hour, aggregate }
          expect(await store.query(query)).toEqual(list.query(query))
        }
        expect(checkSealed(database).found).toEqual([])
        const unknown = "SELECT count(*) FROM series WHERE quantity NOT IN ('fill_level', 'temperature')"
        expect(Object.values(database.prepare(unknown).get()!)).toEqual([0])
      }),
      { numRuns: 60 },
    )
    expect(blocks).toBeGreaterThan(0)
  }, 60_000)

  test('series that came together share their columns; columns that do not fit each other are refused whole', async () => {
    const some = Array.from({ length: 96 }, (_, i) =>
      quantities.map((quantity, q) => makeReading(start + (i * hourMs) / 2, i * q, { quantity })),
    ).flat()
    const history = toHistory(some)
    expect(history.map(({ quantity, values }) => [quantity, values.length])).toEqual(
      quantities.map((each) => [each, 96]),
    )
    expect(history[1]!.observedAt).toBe(history[0]!.observedAt)
    expect(toHistory([...some, makeReading(start, 1)])[2]!.observedAt).toHaveLength(1)
    const torn = { ...history[1]!, values: new Float64Array(95) }
    await expect(store.lay!([history[0]!, torn])).rejects.toThrow('differ in length')
    expect(await collect(store, everything)).toEqual([])
    // Of columns that are not all shared, each series keeps its own.
    const later = { ...history[1]!, receivedAt: history[1]!.receivedAt.map((time) => time + 1) }
    await store.lay!([history[0]!, later])
    const delays = (await collect(store, everything)).map((each) => [each.quantity, each.receivedAt - each.observedAt])
    expect(new Set(delays.map(String))).toEqual(new Set(['fill_level,50', 'temperature,51']))
    await store.remove(everything)
    // A day that is not over stays rows, of which one holds what came together.
    now = start + dayMs + 3 * hourMs
    await store.lay!(history)
    expect([count('blocks'), count('fresh')]).toEqual([1, 48])
    await store.remove(everything)
    now += 2 * dayMs
    expect(await store.lay!(history)).toEqual({ rejected: [] })
    expect(count('blocks')).toBe(2)
    expect(count('fresh')).toBe(0)
    expect((await collect(store, everything)).sort(compareReadings)).toEqual(some.sort(compareReadings))
  })
})
