import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isChannel } from '../../domain/channel.ts'
import { isDeviceId } from '../../domain/id.ts'
import type { Reading } from '../../domain/reading.ts'
import { parseWindow } from '../../domain/window.ts'
import { openInfluxStore } from '../../store/influx.ts'
import type { RollupOptions } from '../../store/influx-rollups.ts'
import { openInflux1 } from '../../store/influx1.ts'
import { type ReadingStore, ReadingsLostError } from '../../store/reading-store.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { startInfluxd } from '../support/influxd.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { withRollups } from './influx-rollups.ts'
import { describeReadingStore, sealAll } from './reading-store-contract.ts'

let influxd: ServerProcess
beforeAll(async () => {
  influxd = await startInfluxd()
})
afterAll(() => influxd.remove())

let databases = 0

describeReadingStore(
  'InfluxDB 1.6',
  async () => {
    const database = `parvis "${++databases}"`
    const file = openSqlite(':memory:')
    const open = () =>
      openInfluxStore(openInflux1({ url: influxd.url, database, timeoutMs: 10_000 }), withRollups(file))
    return { store: open(), reopen: async () => open(), close: async () => file.close() }
  },
  { runs: 10, keepsReception: false },
)

describe('InfluxDB 1.6', () => {
  const time = Date.parse('2026-03-01T00:00Z')
  const reading: Reading = {
    deviceId: 'bin-1',
    channel: '',
    quantity: 'fill_level',
    value: 50,
    observedAt: time,
    receivedAt: time,
    seq: 1,
  }

  function openDatabase() {
    const database = `parvis ${++databases}`
    const store = openInfluxStore(openInflux1({ url: influxd.url, database, timeoutMs: 10_000 }))
    async function ask(statement: string) {
      const query = new URLSearchParams({ db: database, q: statement })
      const answer = await fetch(`${influxd.url}/query?${query}`, { method: 'POST' })
      expect(await answer.text()).not.toContain('error')
    }
    const write = (line: string) =>
      fetch(`${influxd.url}/write?${new URLSearchParams({ db: database, precision: 'ms' })}`, {
        method: 'POST',
        body: line,
      })
    return { store, ask, write, database }
  }

  test('any device id and channel comes back as it was', async () => {
    const { store } = openDatabase()
    const character = fc.oneof(
      fc.constantFrom('\\', '.', ',', '=', ' ', '"', "'", '\u2060'),
      fc.string({ unit: 'grapheme' }),
    )
    const text = fc.array(character, { maxLength: 8 }).map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text.filter(isDeviceId), text.filter(isChannel)), { minLength: 1, maxLength: 30 }),
        async (names) => {
          const given = names.map(([deviceId, channel]) => ({ ...reading, deviceId, channel }))
          await store.remove({ from: 0, to: time + 1 })
          expect(await store.write(given)).toEqual({ rejected: [] })
          const found = new Set<string>()
          for await (const { deviceId, channel } of store.scan({ from: time, to: time + 1 }))
            found.add(JSON.stringify([deviceId, channel]))
          expect(found).toEqual(new Set(names.map((each) => JSON.stringify(each))))
        },
      ),
      { numRuns: 20 },
    )
  })

  test('lines that it refuses are found and told with its reason, the others are stored', async () => {
    const { store, ask, write } = openDatabase()
    await store.write([reading])
    await ask('DROP MEASUREMENT co2')
    expect((await write(`co2,device=bin-1 value=1i ${time}`)).status).toBe(204)
    const batch = Array.from({ length: 50 }, (_, i) => ({
      ...reading,
      quantity: i % 17 === 3 ? ('co2' as const) : ('fill_level' as const),
      observedAt: time + i,
    }))
    const { rejected } = await store.write(batch)
    expect(rejected.map(({ index }) => index)).toEqual([3, 20, 37])
    for (const { reason } of rejected) expect(reason).toContain('field type conflict')
    const [series] = await store.query({ devices: ['bin-1'], quantity: 'fill_level', from: time, to: time + 100 })
    expect(series?.points).toHaveLength(47)
  })

  test('a database that is lost is made again: the batch is refused once, and taken when it comes again', async () => {
    const { store, ask, database } = openDatabase()
    await store.write([reading])
    await ask(`DROP DATABASE "${database}"`)
    await expect(store.write([reading])).rejects.toThrow(ReadingsLostError)
    expect(await store.write([reading])).toEqual({ rejected: [] })
    expect(await store.lastBefore(reading, time + 1)).toMatchObject({ value: 50 })
  })

  test('a database gets the retention that was asked for', async () => {
    const database = `kept ${++databases}`
    const server = openInflux1({ url: influxd.url, database, retentionDays: 90, timeoutMs: 10_000 })
    await server.prepare()
    const answer = await fetch(
      `${influxd.url}/query?${new URLSearchParams({ q: `SHOW RETENTION POLICIES ON "${database}"` })}`,
    )
    expect(await answer.text()).toContain('2160h0m0s')
  })

  describe('hourly rollups', () => {
    const hourMs = 3_600_000
    const day = { from: time, to: time + 24 * hourMs, window: parseWindow('1d')!, devices: ['bin-1', 'bin-2'] }
    const hourly = (i: number, value: number, more: Partial<Reading> = {}): Reading => ({
      ...reading,
      observedAt: time + i * hourMs + 600_000,
      value,
      ...more,
    })

    function openWithRollups(options: Partial<RollupOptions> = {}) {
      const file = openSqlite(':memory:')
      const database = `rollups ${++databases}`
      const server = openInflux1({ url: influxd.url, database, timeoutMs: 10_000 })
      let now = Date.parse('2100-01-01T00:00Z')
      const rollups = { settleMs: 0, restMs: 0, now: () => now, ...options }
      const open = (hasWritten = false) => openInfluxStore(server, { database: file, hasWritten, rollups })
      return {
        file,
        server,
        store: open(),
        reopen: () => open(true),
        readOnly: () => openInfluxStore(server, { database: file, readOnly: true }),
        pass(ms: number) {
          now += ms
        },
        stale: () => (file.prepare('SELECT count(*) AS count FROM stale_hours').get() as { count: number }).count,
        /** Makes the rollups of an hour wrong, so that it shows who reads them. */
        spoil: (i: number, sum = 1000) =>
          server.write(
            `hourly,device=bin-1,quantity=fill_level count=1,sum=${sum},min=1,max=1,first=1,last=1 ${time + i * hourMs}`,
          ),
      }
    }
    const sumOf = async (store: ReadingStore) => (await store.query({ ...day, aggregate: 'sum' }))[0]?.points[0]?.[1]
    const day24 = Array.from({ length: 24 }, (_, i) => hourly(i, 1))

    test('answer for whole hours that are not stale, for every reader of the file', async () => {
      const { store, readOnly, spoil, server, file } = openWithRollups()
      await store.write(day24)
      await sealAll(store)
      await spoil(5)
      for (const each of [store, readOnly()]) {
        expect(await sumOf(each)).toBe(23 + 1000)
        const [together] = await each.query({ ...day, aggregate: 'sum', together: true })
        expect(together?.points).toEqual([[time, 1023]])
        // Windows that cut hours are folded from the readings.
        const minutes = await each.query({ ...day, window: parseWindow('30m')!, aggregate: 'sum' })
        expect(minutes[0]!.points).toHaveLength(24)
      }
      expect(await sumOf(openInfluxStore(server, { database: file, readsReadings: true }))).toBe(24)
    })

    test('a late reading makes its hour stale at once, and the hour is told anew, never added to', async () => {
      const { store, spoil, stale } = openWithRollups()
      await store.write(day24)
      await sealAll(store)
      await spoil(5)
      await store.write([hourly(5, 3, { observedAt: time + 5 * hourMs + 1 })])
      expect(stale()).toBe(1)
      expect(await sumOf(store)).toBe(24 + 3)
      await sealAll(store)
      expect(stale()).toBe(0)
      expect(await sumOf(store)).toBe(24 + 3)
    })

    test('what is removed goes from the rollups too, whole hours and cut ones', async () => {
      const { store } = openWithRollups()
      await store.write([...day24, ...day24.map((each) => ({ ...each, deviceId: 'bin-2' }))])
      await sealAll(store)
      await store.remove({ devices: ['bin-1'], from: time + 2 * hourMs + 1, to: time + 9 * hourMs + 700_000 })
      for (let i = 0; i < 2; i++) {
        const counts = await store.query({ ...day, aggregate: 'count' })
        expect(counts.map(({ points }) => points[0]![1])).toEqual([16, 24])
        await sealAll(store)
      }
    })

    test('an hour is told when it has been over for a while, and relied on when InfluxDB had time to keep it', async () => {
      const { store, stale, pass, spoil } = openWithRollups({ settleMs: 60_000, restMs: 300_000 })
      await store.write(day24)
      pass(299_000)
      await sealAll(store)
      await spoil(5)
      pass(1000)
      await store.seal?.(1000)
      pass(59_000)
      await sealAll(store)
      expect(stale()).toBe(24)
      await spoil(5)
      expect(await sumOf(store)).toBe(24)
      pass(1000)
      await sealAll(store)
      expect(stale()).toBe(0)
      expect(await sumOf(store)).toBe(1023)
    })

    test('a reading that comes while its hour is told and not yet relied on is not forgotten', async () => {
      const { store, stale, pass } = openWithRollups({ settleMs: 60_000 })
      await store.write(day24)
      await store.seal?.(1000)
      await store.write([hourly(5, 3, { observedAt: time + 5 * hourMs + 1 })])
      pass(60_000)
      await store.seal?.(1000)
      expect(stale()).toBe(1)
      pass(60_000)
      await sealAll(store)
      expect(stale()).toBe(0)
      expect(await sumOf(store)).toBe(24 + 3)
    })

    test('an error of InfluxDB, and a start, put off what was told a moment ago', async () => {
      const { store, stale, pass, server, reopen } = openWithRollups({ settleMs: 60_000 })
      await store.write(day24)
      await store.seal?.(1000)
      const { write } = server
      server.write = () => Promise.reject(new Error('engine is closed'))
      await expect(store.write([reading])).rejects.toThrow('engine is closed')
      server.write = write
      pass(60_000)
      await store.seal?.(1000)
      expect(stale()).toBe(24)
      const again = reopen()
      pass(60_000)
      await again.seal?.(1000)
      expect(stale()).toBe(24)
      pass(60_000)
      await sealAll(again)
      expect(stale()).toBe(0)
    })

    test('when they cannot be told, that is said once, and readings answer', async () => {
      const troubles: string[] = []
      const { store, stale, server, pass } = openWithRollups({ onTrouble: (text) => troubles.push(text) })
      await store.write(day24)
      const { hours } = server
      server.hours = { ...hours!, sum: () => Promise.reject(new Error('query timed out')) }
      for (let i = 0; i < 3; i++) await store.seal?.(1000)
      expect(troubles).toEqual([expect.stringContaining('query timed out')])
      expect(await sumOf(store)).toBe(24)
      server.hours = hours!
      pass(600_000)
      await sealAll(store)
      expect(stale()).toBe(0)
    })

    test('of a database that was there before only later hours have rollups', async () => {
      const { store, server, stale } = openWithRollups()
      await server.prepare()
      const { quantity, deviceId } = reading
      await server.write(day24.map((each) => `${quantity},device=${deviceId} value=1 ${each.observedAt}`).join('\n'))
      await store.write([hourly(5, 3, { observedAt: time + 5 * hourMs + 1 })])
      expect(stale()).toBe(0)
      await sealAll(store)
      expect(await sumOf(store)).toBe(24 + 3)
    })
  })

  test('one that does not answer is told as such', async () => {
    const store = openInfluxStore(openInflux1({ url: 'http://127.0.0.1:9', database: 'x', timeoutMs: 1000 }))
    await expect(store.write([reading])).rejects.toThrow('does not answer')
    await expect(store.query({ devices: ['bin-1'], from: 0, to: time })).rejects.toThrow('does not answer')
  })
})
