import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isChannel } from '../../domain/channel.ts'
import { isDeviceId } from '../../domain/id.ts'
import type { Reading } from '../../domain/reading.ts'
import { openInfluxStore } from '../../store/influx.ts'
import { openInflux1 } from '../../store/influx1.ts'
import { ReadingsLostError } from '../../store/reading-store.ts'
import { startInfluxd } from '../support/influxd.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { describeReadingStore } from './reading-store-contract.ts'

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
    const open = () => openInfluxStore(openInflux1({ url: influxd.url, database, timeoutMs: 10_000 }))
    return { store: open(), reopen: async () => open(), close: async () => {} }
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

  test('one that does not answer is told as such', async () => {
    const store = openInfluxStore(openInflux1({ url: 'http://127.0.0.1:9', database: 'x', timeoutMs: 1000 }))
    await expect(store.write([reading])).rejects.toThrow('does not answer')
    await expect(store.query({ devices: ['bin-1'], from: 0, to: time })).rejects.toThrow('does not answer')
  })
})
