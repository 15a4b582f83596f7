import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DatabaseSync } from 'node:sqlite'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Quantity } from '../../domain/quantity.ts'
import { parseWindow } from '../../domain/window.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { readingStatements } from '../../store/embedded-fresh.ts'
import { maxSeriesPerDevice } from '../../store/embedded-series.ts'
import { checkSealed } from '../../store/embedded-verify.ts'
import type { ReadingStore } from '../../store/reading-store.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { compareReadings, openReadingList, someRange, someReading } from './reading-list.ts'
import { collect, describeReadingStore, makeReading } from './reading-store-contract.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2026-03-01T00:00Z')
const everything = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }

describeReadingStore('embedded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-store-'))
  const path = join(folder, 'readings.sqlite')
  let database = openSqlite(path)
  return {
    store: openEmbeddedStore(database),
    async reopen() {
      database.close()
      database = openSqlite(path)
      return openEmbeddedStore(database)
    },
    async close() {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
})

describeReadingStore('embedded, sealed between writes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-store-'))
  const path = join(folder, 'readings.sqlite')
  let database = openSqlite(path)
  // Every look at the clock is a quarter of a day later, so that each write may be followed by a pass that seals.
  let time = Date.parse('2100-01-01T00:00Z')
  let writes = 0
  function open(): ReadingStore {
    const store = openEmbeddedStore(database, {
      now: () => {
        time += 6 * hourMs
        return time
      },
    })
    return {
      ...store,
      async write(readings) {
        const answer = await store.write(readings)
        // Some rows stay rows, so that reads find both.
        if (++writes % 3 !== 0) while (store.seal!(1));
        return answer
      },
      async remove(range) {
        expect(checkSealed(database).found).toEqual([])
        await store.remove(range)
        expect(checkSealed(database).found).toEqual([])
      },
    }
  }
  return {
    store: open(),
    async reopen() {
      database.close()
      database = openSqlite(path)
      return open()
    },
    async close() {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
})

describe('the embedded store', () => {
  let folder: string
  let path: string
  let database: DatabaseSync
  let store: ReadingStore
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'parvis-store-'))
    path = join(folder, 'readings.sqlite')
    database = openSqlite(path)
    // No day of these tests is over yet.
    store = openEmbeddedStore(database, { now: () => start })
  })
  afterEach(() => {
    database.close()
    rmSync(folder, { recursive: true })
  })

  // Every reading that lies in the table can be found by a query, and by a scan.
  async function expectConsistent() {
    // Rows that a later uplink overruled stay until their day is sealed.
    const { count: rows } = database
      .prepare('SELECT count(*) AS count FROM (SELECT DISTINCT hour, first, at FROM fresh)')
      .get() as { count: number }
    const found = await collect(store, everything)
    const count = found.length
    expect(count).toBeGreaterThanOrEqual(rows)
    const devices = [...new Set(found.map((each) => each.deviceId))]
    const series = await store.query({ devices, ...everything })
    expect(series.reduce((sum, each) => sum + each.points.length, 0)).toBe(count)
  }

  test('it writes in the transaction of the caller, or in its own', async () => {
    database.exec('BEGIN')
    await store.write([makeReading(start, 1)])
    expect(database.isTransaction).toBe(true)
    database.exec('ROLLBACK')
    expect(await collect(store, everything)).toEqual([])
    await store.write([makeReading(start, 2)])
    expect(database.isTransaction).toBe(false)
    expect(await collect(store, everything)).toEqual([makeReading(start, 2)])
  })

  test('any history with transactions rolled back gives the answers of a plain list', async () => {
    const writes = fc.record({ write: fc.array(someReading, { maxLength: 20 }) })
    const removals = fc.record({ remove: someRange })
    const history = fc.array(
      fc.record({
        steps: fc.array(fc.oneof({ weight: 4, arbitrary: writes }, { weight: 1, arbitrary: removals }), {
          minLength: 1,
          maxLength: 4,
        }),
        ending: fc.constantFrom('COMMIT', 'ROLLBACK', null),
      }),
      { maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(history, async (transactions) => {
        // Ids of series begin anew, so that one that was rolled back is soon given to another series.
        await store.remove(everything)
        database.exec('DELETE FROM series; UPDATE series_revision SET token = token + 1')
        let list = openReadingList()
        for (const { steps, ending } of transactions) {
          const before = list.copy()
          if (ending !== null) database.exec('BEGIN')
          for (const step of steps)
            if ('write' in step) {
              await store.write(step.write)
              list.write(step.write)
            } else {
              await store.remove(step.remove)
              list.remove(step.remove)
            }
          if (ending !== null) database.exec(ending)
          if (ending === 'ROLLBACK') list = before
        }
        const expected = list.scan(everything).map((each) => ({ ...each, value: each.value + 0 }))
        expect((await collect(store, everything)).sort(compareReadings)).toEqual(expected)
        await expectConsistent()
      }),
      { numRuns: 200 },
    )
  }, 60_000)

  test('a batch that fails leaves nothing, and the same batch can be tried again', async () => {
    const batch = Array.from({ length: 100 }, (_, i) => makeReading(start + i, i, { deviceId: `meter-${i}` }))
    database.exec(`CREATE TRIGGER fail BEFORE INSERT ON fresh WHEN NEW.at = 50 BEGIN SELECT RAISE(ABORT, 'no'); END`)
    await expect(store.write(batch)).rejects.toThrow('no')
    expect(database.isTransaction).toBe(false)
    expect(await collect(store, everything)).toEqual([])
    database.exec('DROP TRIGGER fail')
    await store.write(batch)
    expect(await collect(store, everything)).toEqual(batch)
    await expectConsistent()
  })

  test('of many uplinks some come again and tell more: nothing is lost, and the later value stands', async () => {
    const make = (quantity: Quantity, value: number, every: number) =>
      Array.from({ length: 40 }, (_, i) => makeReading(start, value + i, { deviceId: `meter-${i}`, quantity })).filter(
        (_, i) => i % every === 0,
      )
    await store.write(make('temperature', 0, 3))
    await store.write([...make('relative_humidity', 100, 1), ...make('temperature', 200, 2)])
    const expected = [...make('relative_humidity', 100, 1), ...make('temperature', 200, 2)]
    const again = new Set(expected.map(({ deviceId, quantity }) => `${deviceId} ${quantity}`))
    for (const each of make('temperature', 0, 3))
      if (!again.has(`${each.deviceId} ${each.quantity}`)) expected.push(each)
    expect((await collect(store, everything)).sort(compareReadings)).toEqual(expected.sort(compareReadings))
    await expectConsistent()
  })

  test('what no SQLite row can hold is rejected', async () => {
    const { rejected } = await store.write([
      makeReading(start + 0.5, 1),
      makeReading(Number.NaN, 1),
      makeReading(8.64e15, 1),
      makeReading(start, 1, { receivedAt: Number.NEGATIVE_INFINITY }),
      makeReading(start, 1, { seq: 2 ** 60 }),
      makeReading(start, 1, { deviceId: 'half \ud800' }),
      makeReading(start, 1, { channel: '\udfff' }),
      makeReading(Date.parse('0000-01-01T00:00Z'), 1),
      makeReading(Date.parse('9999-12-31T23:59:59Z'), 2),
    ])
    expect(rejected.map((each) => each.index)).toEqual([0, 1, 2, 3, 4, 5, 6])
    const window = parseWindow('1mo', 'Europe/Paris')!
    const [series] = await store.query({ devices: ['meter-1'], ...everything, window })
    expect(series!.points.map(([, value]) => value)).toEqual([1, 2])
    await expectConsistent()
  })

  test('a device that names channel after channel is stopped', async () => {
    const batch = Array.from({ length: maxSeriesPerDevice + 2 }, (_, i) => makeReading(start, i, { channel: `${i}` }))
    const { rejected } = await store.write(batch)
    expect(rejected.map((each) => each.index)).toEqual([maxSeriesPerDevice, maxSeriesPerDevice + 1])
    const again = openEmbeddedStore(database)
    expect((await again.write([batch[0]!, batch.at(-1)!])).rejected.map((each) => each.index)).toEqual([1])
    expect((await again.write([makeReading(start, 1, { deviceId: 'meter-2' })])).rejected).toEqual([])
  })

  test('a place in a series that is gone, or none, is gone on from', async () => {
    await store.write([0, 1, 2].map((i) => makeReading(start + i * hourMs, i)))
    const series = { deviceId: 'meter-1', channel: '', quantity: 'active_power' as Quantity }
    const day = parseWindow('1d', 'Europe/Paris')!
    const ask = async (time: number, window = false) =>
      (
        await store.query({
          devices: ['meter-1'],
          ...everything,
          after: { series, time },
          ...(window && { window: day }),
        })
      )
        .flatMap((each) => each.points)
        .map(([, value]) => value)
    expect(await ask(start + hourMs - 1)).toEqual([1, 2])
    expect(await ask(start + 9 * hourMs)).toEqual([])
    expect(await ask(Number.MIN_SAFE_INTEGER, true)).toEqual([1])
    expect(await ask(Number.MAX_SAFE_INTEGER, true)).toEqual([])
  })

  test.each(Object.entries(readingStatements))('%s seeks, and sorts nothing', (name, sql) => {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]
    const details = plan.map((each) => each.detail)
    const tables = details.filter((each) => /fresh|series|stored/.test(each))
    expect(tables.length).toBeGreaterThan(0)
    for (const each of tables) expect(each).toMatch(/^SEARCH (fresh|series|stored|other|fresh_days) USING/)
    // The members are sorted by quantity, of which there are few.
    if (name !== 'membersOfDevices') expect(details.join()).not.toContain('TEMP B-TREE')
    if (name === 'rows') expect(tables[0]).toContain('(hour=? AND first=?)')
  })

  test('a reader beside the writer, from before its tables on', async () => {
    const otherPath = join(folder, 'other.sqlite')
    const writing = openSqlite(otherPath)
    const reading = openSqlite(otherPath, { readOnly: true })
    const reader = openEmbeddedStore(reading, { readOnly: true })
    const series = { deviceId: 'meter-1', channel: '', quantity: 'active_power' as Quantity }
    expect(await reader.query({ devices: ['meter-1'], ...everything })).toEqual([])
    expect(await reader.lastBefore(series, start)).toBeNull()
    expect(await collect(reader, everything)).toEqual([])
    await openEmbeddedStore(writing).write([makeReading(start, 1)])
    expect(await reader.query({ devices: ['meter-1'], ...everything })).toEqual([{ ...series, points: [[start, 1]] }])
    expect(await reader.lastBefore(series, start + 1)).toEqual(makeReading(start, 1))
    expect(await collect(reader, everything)).toEqual([makeReading(start, 1)])
    await expect(reader.write([makeReading(start, 2)])).rejects.toThrow('reading only')
    await expect(reader.remove(everything)).rejects.toThrow('reading only')
    reading.close()
    writing.close()
  })

  test('another process reads while this one writes, and sees whole batches', async () => {
    const batchSize = 50
    const program = `
      import { openEmbeddedStore } from ${JSON.stringify(new URL('../../store/embedded.ts', import.meta.url).href)}
      import { openSqlite } from ${JSON.stringify(new URL('../../store/sqlite.ts', import.meta.url).href)}
      const store = openEmbeddedStore(openSqlite(${JSON.stringify(path)}, { readOnly: true }), { readOnly: true })
      let told = -1
      for (let count = 0; count < ${40 * batchSize}; ) {
        const [series] = await store.query({ devices: ['meter-1'], from: ${start}, to: ${start + dayMs} })
        count = series?.points.length ?? 0
        let scanned = 0
        for await (const each of store.scan({ from: ${start}, to: ${start + dayMs} })) scanned++
        if (scanned < count || count % ${batchSize} !== 0) throw new Error(count + ' of ' + scanned)
        if (count > told) console.log((told = count))
      }
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const counts: number[] = []
    let written = 0
    async function writeBatch() {
      const batch = Array.from({ length: batchSize }, (_, i) => makeReading(start + (written + i) * 1000, i))
      await store.write(batch)
      written += batchSize
    }
    // Half of the batches wait until the child has seen the one before.
    for await (const line of createInterface({ input: child.stdout })) {
      counts.push(Number(line))
      for (let i = 0; i < 2 && written < 40 * batchSize; i++) await writeBatch()
    }
    expect(await ended).toBe(0)
    expect(counts.length).toBeGreaterThan(10)
    expect(counts.at(-1)).toBe(40 * batchSize)
  }, 60_000)

  test('a scan goes on while another connection writes and removes', async () => {
    const devices = Array.from({ length: 20 }, (_, i) => `meter-${i}`)
    const stays = devices.flatMap((deviceId) =>
      Array.from({ length: 60 }, (_, i) => makeReading(start + i * hourMs, i, { deviceId })),
    )
    await store.write(stays)
    const reading = openSqlite(path, { readOnly: true })
    const reader = openEmbeddedStore(reading, { readOnly: true })
    const seen = new Set<string>()
    let count = 0
    for await (const { deviceId, observedAt } of reader.scan(everything)) {
      expect(seen.has(`${deviceId} ${observedAt}`)).toBe(false)
      seen.add(`${deviceId} ${observedAt}`)
      if (++count % 100 !== 0) continue
      await store.write([makeReading(start + count, 1, { deviceId: `late-${count}` })])
      await store.remove({ devices: ['late-100'], ...everything })
    }
    for (const { deviceId, observedAt } of stays) expect(seen.has(`${deviceId} ${observedAt}`)).toBe(true)
    reading.close()
  })

  test.each([
    ['of all devices', undefined],
    ['of some devices', Array.from({ length: 400 }, (_, i) => `meter-${i}`)],
  ])(
    'a removal %s leaves turns to others; what they write meanwhile is found or gone, never hidden',
    async (_, devices) => {
      // Only the even hours are marked when it begins.
      const batch = Array.from({ length: 200_000 }, (_, i) =>
        makeReading(start + (i % 40) * 2 * hourMs + i, i, { deviceId: `meter-${i % 499}`, seq: i }),
      )
      await store.write(batch)
      const range = { devices, from: start, to: start + 72 * hourMs }
      let isDone = false
      let written = 0
      const removal = store.remove(range).then(() => {
        isDone = true
      })
      for (; !isDone; written++) {
        const deviceId = `meter-${(written * 7) % 499}`
        await store.write([
          makeReading(start + written, 1, { deviceId: `new-${written}` }),
          makeReading(start + 25 * hourMs + written, 1, { deviceId }),
          makeReading(start + 49 * hourMs + written, 1, { deviceId }),
        ])
        await new Promise((resolve) => setImmediate(resolve))
      }
      await removal
      expect(written).toBeGreaterThan(2)
      await expectConsistent()
      await store.remove(range)
      const left = await collect(store, everything)
      expect(left.length).toBeGreaterThan(0)
      expect(
        left.filter((each) => each.observedAt < range.to && (devices ?? [each.deviceId]).includes(each.deviceId)),
      ).toEqual([])
      await expectConsistent()
      await store.remove(everything)
      expect(database.prepare('SELECT count(*) AS n FROM fresh_days').get()).toEqual({ n: 0 })
      expect(database.prepare('SELECT count(*) AS n FROM fresh').get()).toEqual({ n: 0 })
    },
  )

  test('an hour that is written while its day waits to be removed goes with the day', async () => {
    const days = 4000
    await store.write(Array.from({ length: days }, (_, i) => makeReading(start + i * dayMs, i)))
    let turns = 0
    const removal = store.remove({ devices: ['meter-1'], from: start, to: start + days * dayMs })
    for (let isDone = false; !isDone; turns++) {
      await store.write([makeReading(start + (days - 1) * dayMs + 5 * hourMs, turns, { seq: turns })])
      isDone = await Promise.race([
        removal.then(() => true),
        new Promise<false>((resolve) => setImmediate(resolve, false)),
      ])
    }
    expect(turns).toBeGreaterThan(1)
    await expectConsistent()
  })

  test('a day marks the hours that hold readings', async () => {
    await store.write([0, 1, 23].map((i) => makeReading(start + i * hourMs, i)))
    await store.write([makeReading(start - 1, 1)])
    const rows = database.prepare('SELECT day, hours FROM fresh_days ORDER BY day').all()
    expect(rows).toEqual([
      { day: start / dayMs - 1, hours: 2 ** 23 },
      { day: start / dayMs, hours: 2 ** 23 + 3 },
    ])
  })
})
