import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DatabaseSync } from 'node:sqlite'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Quantity } from '../../domain/quantity.ts'
import { type Aggregate, aggregates, type Reading } from '../../domain/reading.ts'
import { parseWindow, type Window, windowStart } from '../../domain/window.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { encodeBlock, readPart, readParts } from '../../store/embedded-block.ts'
import { createSink, openSource, take } from '../../store/embedded-bytes.ts'
import { readColumn, writeColumn } from '../../store/embedded-column.ts'
import { checkSealed } from '../../store/embedded-verify.ts'
import type { ReadingStore } from '../../store/reading-store.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { readBlock, readFresh, readRollups } from './block-reader.ts'
import { compareReadings, openReadingList, someQuery, someRange, someReading } from './reading-list.ts'
import { collect, makeReading } from './reading-store-contract.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2026-03-01T00:00Z')
const everything = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }
const hour = parseWindow('1h')!

describe('a column', () => {
  const whole = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.integer({ min: -1000, max: 1000 }),
    fc.maxSafeInteger(),
    fc.constantFrom(2 ** 50, 2 ** 50 - 1, -(2 ** 50), 2 ** 32, 2 ** 31, -(2 ** 31), 2 ** 25, 2 ** 24),
  )
  const steady = fc
    .tuple(fc.array(fc.oneof({ weight: 20, arbitrary: fc.nat(9) }, whole), { minLength: 1 }), fc.nat(1e6))
    .map(([list, step]) => list.map((value, i) => (Math.abs(value) > 2 ** 40 ? value : value + i * step)))

  test('gives back the whole numbers that it was given, in every order', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.array(whole, { minLength: 1 }), steady),
        fc.constantFrom('value', 'step', 'shorter', 'double'),
        (list, order) => {
          const values = Float64Array.from(list)
          const sink = createSink()
          writeColumn(sink, values, values.length, order)
          sink.at += 4
          const read = new Float64Array(values.length)
          readColumn(openSource(take(sink)), values.length, read)
          expect(read).toEqual(values.map((value) => value + 0))
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('takes little where numbers are steady', () => {
    const sink = createSink()
    writeColumn(
      sink,
      Float64Array.from({ length: 1440 }, (_, i) => 5000 + i * 60_000),
      1440,
    )
    expect(take(sink).length).toBeLessThan(12)
  })
})

describe('a block', () => {
  const part = fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: 0, max: dayMs - 1 }), { minLength: 1, maxLength: 60 }),
      fc.func(
        fc.oneof(fc.constantFrom(0.1, -7.25, 1e9, 1 / 3, 5e-324), fc.float({ noNaN: true, noDefaultInfinity: true })),
      ),
      fc.func(fc.integer({ min: -300_000, max: 100_000_000 })),
      fc.func(fc.maxSafeInteger()),
    )
    .map(([times, valueAt, delayAt, seqAt]) => ({
      times: Float64Array.from(times).sort(),
      values: Float64Array.from(times, (time) => valueAt(time) + 0),
      delays: Float64Array.from(times, delayAt),
      seqs: Float64Array.from(times, seqAt),
    }))

  test('gives back its parts, whole and one by one; every other byte is found out', () => {
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (list, at, bit) => {
          const parts = list.map((each, i) => ({ ...each, series: 7 + i * 3 }))
          // The second one comes together with the first.
          if (parts.length > 1) Object.assign(parts[1]!, { ...parts[0]!, series: 10 })
          const id = -5 * 2 ** 31 + 7
          const block = encodeBlock(id, 7, parts)
          const found = readParts(id, 7, block)
          expect(found.sort((a, b) => a.series - b.series)).toEqual(parts)
          for (const each of parts) expect(readPart(id, 7, block, each.series, true)).toEqual(each)
          expect(readPart(id, 7, block, 99, true)).toBeNull()
          expect(() => readParts(id + 1, 7, block)).toThrow('checksum')
          block[at % block.length]! ^= bit
          expect(() => readParts(id, 7, block)).toThrow('checksum')
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('sealed readings', () => {
  let folder: string
  let path: string
  let database: DatabaseSync
  let store: ReadingStore
  let now: number
  const damage: string[] = []
  beforeEach(() => {
    now = start + 30 * dayMs
    folder = mkdtempSync(join(tmpdir(), 'parvis-sealed-'))
    path = join(folder, 'readings.sqlite')
    database = openSqlite(path)
    store = openEmbeddedStore(database, { now: () => now, onDamage: (text) => damage.push(text) })
    damage.length = 0
  })
  afterEach(() => {
    database.close()
    rmSync(folder, { recursive: true })
  })

  function sealAll() {
    now += dayMs
    while (store.seal!(1));
  }
  const count = (table: string) => Object.values(database.prepare(`SELECT count(*) FROM ${table}`).get()!)[0]
  const quantities: Quantity[] = ['fill_level', 'temperature']
  const some = (days: number, devices = 3): Reading[] =>
    Array.from({ length: devices }, (_, device) =>
      Array.from({ length: days * 48 }, (_, i) =>
        quantities.map((quantity, q) =>
          makeReading(start + i * (hourMs / 2) + device, Math.sin(i * (q + 1)) * (q === 0 ? 1 : 100), {
            deviceId: `meter-${device}`,
            quantity,
            seq: 1 + i,
          }),
        ),
      ).flat(),
    ).flat()

  test('the document is enough to read them', async () => {
    const readings = some(3).map((each) => ({ ...each, value: Math.round(each.value * 10) / 10 + 0 }))
    now = start
    await store.write(readings)
    const names = new Map(
      database
        .prepare('SELECT id, device_id AS deviceId, channel, quantity FROM series')
        .all()
        .map(({ id, ...name }) => [id, name]),
    )
    const rows = database.prepare('SELECT * FROM fresh').all() as Parameters<typeof readFresh>[0][]
    const fresh = rows
      .flatMap(readFresh)
      .map(({ series, time, ...rest }) => ({ ...names.get(series), observedAt: time, ...rest }) as Reading)
    expect(fresh.sort(compareReadings)).toEqual([...readings].sort(compareReadings))
    now = start + 30 * dayMs
    sealAll()
    expect(count('fresh')).toBe(0)
    const ids = (table: string) => {
      const statement = database.prepare(`SELECT id, data FROM ${table}`)
      statement.setReadBigInts(true)
      return statement.all() as { id: bigint; data: Uint8Array }[]
    }
    const found = ids('blocks')
      .flatMap(({ id, data }) => readBlock(id, data))
      .map(({ series, time, ...rest }) => ({ ...names.get(series), observedAt: time, ...rest }) as Reading)
    expect(found.sort(compareReadings)).toEqual([...readings].sort(compareReadings))
    const ends = new Map(ids('rollup_ends').map(({ id, data }) => [id, data]))
    const hours = ids('rollups').flatMap(({ id, data }) =>
      readRollups(id, data, ends.get(id)).map((each) => ({ series: names.get(Number(id & 0x7fff_ffffn)), ...each })),
    )
    expect(hours.length).toBe(3 * 2 * 72)
    for (const aggregate of ['count', 'sum', 'min', 'max', 'first', 'last'] as const)
      for (const series of await store.query({
        devices: ['meter-0', 'meter-1'],
        ...everything,
        window: hour,
        aggregate,
      })) {
        const { points, ...key } = series
        const own = hours.filter(
          ({ series: { deviceId, quantity } = {} as never }) => deviceId === key.deviceId && quantity === key.quantity,
        )
        expect(own.map((each) => [each.time, each[aggregate]])).toEqual(points)
      }
  })

  test('rows that come late are merged, the higher seq stands, and the day is sealed again', async () => {
    await store.write([0, 1, 2].map((i) => makeReading(start + i * hourMs, i, { seq: 5 })))
    sealAll()
    await store.write([
      makeReading(start, 10, { seq: 4 }),
      makeReading(start + hourMs, 11, { seq: 5 }),
      makeReading(start + hourMs + 1, 12, { seq: 6 }),
    ])
    const expected = [0, 11, 12, 2]
    const ask = async () =>
      (await store.query({ devices: ['meter-1'], ...everything }))[0]!.points.map(([, value]) => value)
    expect(count('fresh')).toBe(3)
    expect(await ask()).toEqual(expected)
    const sums = await store.query({ devices: ['meter-1'], ...everything, window: hour, aggregate: 'sum' })
    sealAll()
    expect(count('fresh')).toBe(0)
    expect(await ask()).toEqual(expected)
    expect(await store.query({ devices: ['meter-1'], ...everything, window: hour, aggregate: 'sum' })).toEqual(sums)
    expect(checkSealed(database).found).toEqual([])
  })

  test('a day is sealed two hours after its end, and history at once', async () => {
    now = start + dayMs + 2 * hourMs - 1
    await store.write(some(1))
    while (store.seal!(1));
    expect(count('blocks')).toBe(0)
    now++
    sealAll()
    expect(count('blocks')).toBe(3)
    expect(count('fresh')).toBe(0)
    await store.write(some(1).map((each) => ({ ...each, deviceId: 'new' })))
    expect(count('blocks')).toBe(4)
    expect(count('fresh')).toBe(0)
  })

  test('a damaged block is passed over, told once and found by the check, and all else is read', async () => {
    await store.write(some(4))
    sealAll()
    const { id, data } = database.prepare('SELECT id, data FROM blocks ORDER BY id LIMIT 1 OFFSET 4').get() as {
      id: number
      data: Uint8Array
    }
    data[data.length >> 1]! ^= 4
    database.prepare('UPDATE blocks SET data = ? WHERE id = ?').run(data, id)
    const found = await collect(store, everything)
    expect(found.length).toBe(some(4).length - 96)
    await collect(store, everything)
    expect(damage).toHaveLength(1)
    expect(damage[0]).toContain('device meter-1, 2026-03-02')
    expect(checkSealed(database)).toMatchObject({
      damaged: 1,
      found: [expect.stringContaining('device meter-1, 2026-03-02')],
    })
    // What came to be of it by the hour is still told, what comes late stays a row, and the block stands.
    const hours = await store.query({ devices: ['meter-1'], ...everything, window: hour })
    expect(hours.map((each) => each.points.length)).toEqual([96, 96])
    await store.write([makeReading(start + dayMs + 7, 1, { deviceId: 'meter-1', seq: 99 })])
    sealAll()
    expect(count('fresh')).toBe(1)
    expect(
      await store.lastBefore({ deviceId: 'meter-1', channel: '', quantity: 'active_power' }, start + 9 * dayMs),
    ).toMatchObject({ value: 1 })
  })

  test('damaged rollups are read from the blocks, and made again', async () => {
    await store.write(some(4))
    sealAll()
    const devices = ['meter-0', 'meter-1', 'meter-2']
    const before = await store.query({ devices, ...everything, window: hour })
    for (const { id, data } of database.prepare('SELECT id, data FROM rollups').all() as {
      id: number
      data: Uint8Array
    }[]) {
      data[9]! ^= 1
      database.prepare('UPDATE rollups SET data = ? WHERE id = ?').run(data, id)
    }
    expect(await store.query({ devices, ...everything, window: hour })).toEqual(before)
    expect(checkSealed(database).damaged).toBeGreaterThan(0)
    await store.write(some(4).map((each) => ({ ...each, seq: 1000 + each.seq })))
    sealAll()
    expect(checkSealed(database).found).toEqual([])
    expect(await store.query({ devices, ...everything, window: hour })).toEqual(before)
  })

  test('retention takes readings of whole days, and leaves what they came to', async () => {
    await store.write(some(10))
    await store.write([makeReading(start + 5, 3, { deviceId: 'row', seq: 1 })])
    const ask = async () =>
      Promise.all(
        aggregates.map((aggregate) =>
          store.query({
            devices: ['meter-0', 'meter-1', 'row'],
            ...everything,
            window: parseWindow('1d', 'Europe/Paris')!,
            aggregate,
          }),
        ),
      )
    const before = await ask()
    await store.remove({ from: Number.MIN_SAFE_INTEGER, to: start + 5 * dayMs + 7 * hourMs }, { keepRollups: true })
    expect(await ask()).toEqual(before)
    const left = await collect(store, everything)
    expect(left.length).toBe(some(5).length)
    expect(Math.min(...left.map((each) => each.observedAt))).toBe(start + 5 * dayMs)
    expect(checkSealed(database).found).toEqual([])
    // A replay may bring readings of such a day: of their hours they alone are told, the other hours stay.
    await store.write([makeReading(start + hourMs, 7, { deviceId: 'meter-0', quantity: 'fill_level' })])
    const counts = async () =>
      (
        await store.query({
          devices: ['meter-0'],
          quantity: 'fill_level',
          from: start,
          to: start + 3 * hourMs,
          window: hour,
          aggregate: 'count',
        })
      )[0]!.points.map(([, value]) => value)
    expect(await counts()).toEqual([2, 1, 2])
    sealAll()
    expect(await counts()).toEqual([2, 1, 2])
    await store.remove({ devices: ['meter-0'], from: start, to: start + 2 * hourMs })
    expect(await counts()).toEqual([2])
    await store.remove(everything)
    expect(await ask()).toEqual(aggregates.map(() => []))
  })

  test('what readings leave is given back to the disk in steps, and the rest stands', async () => {
    const values = (day: number) =>
      Array.from({ length: 20_000 }, (_, i) =>
        makeReading(start + day * dayMs + i * 4000, Math.sin(i), { deviceId: `meter-${i % 20}`, seq: i * i }),
      )
    for (let day = 0; day < 20; day++) await store.write(values(day))
    const size = () => {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return statSync(path).size
    }
    while (store.seal!(1));
    const full = size()
    await store.remove({ from: Number.MIN_SAFE_INTEGER, to: start + 18 * dayMs }, { keepRollups: true })
    expect(size()).toBe(full)
    let steps = 0
    for (; store.seal!(0); steps++) expect(database.isTransaction).toBe(false)
    expect(steps).toBeGreaterThan(10)
    expect(size()).toBeLessThan(full / 2)
    expect((await collect(store, everything)).length).toBe(2 * 20_000)
    expect(checkSealed(database).found).toEqual([])
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  })

  test('series folded together give what a plain list gives', async () => {
    const history = fc.array(
      fc.oneof({ weight: 5, arbitrary: fc.array(someReading, { maxLength: 40 }) }, { weight: 1, arbitrary: someRange }),
      {
        maxLength: 6,
      },
    )
    await fc.assert(
      fc.asyncProperty(history, someQuery, fc.integer({ min: 1, max: 5 }), async (steps, query, limit) => {
        await store.remove(everything)
        const list = openReadingList()
        for (const step of steps) {
          if (Array.isArray(step)) {
            await store.write(step)
            list.write(step)
          } else {
            await store.remove(step)
            list.remove(step)
          }
          sealAll()
        }
        const { window = hour, aggregate = 'count' } = query
        const asked = {
          ...query,
          window,
          aggregate: aggregate === 'first' || aggregate === 'last' ? 'max' : aggregate,
        } as const
        const found = await store.query({ ...asked, together: true })
        const points = list
          .query({ ...asked, window: undefined })
          .flatMap(({ quantity, points }) => points.map(([time, value]) => ({ quantity, time, value })))
        for (const [quantity, own] of Map.groupBy(points, (each) => each.quantity)) {
          const wanted = foldAll(own, asked.aggregate, window)
          const told = found.find((each) => each.quantity === quantity)!.points
          expect(told.map(([time]) => time)).toEqual(wanted.map(([time]) => time))
          for (const [i, [, value]] of told.entries())
            expect(Math.abs(value - wanted[i]![1])).toBeLessThanOrEqual(Math.max(64, Math.abs(wanted[i]![1]) * 1e-9))
        }
        expect(found.length).toBe(new Set(points.map((each) => each.quantity)).size)
        const page = await store.query({ ...asked, together: true, limit })
        expect(page.flatMap((each) => each.points).length).toBe(
          Math.min(limit, found.flatMap((each) => each.points).length),
        )
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  test('a process that is killed while it writes and seals leaves everything that it had committed', async () => {
    const program = `
      import { openEmbeddedStore } from ${JSON.stringify(new URL('../../store/embedded.ts', import.meta.url).href)}
      import { openSqlite } from ${JSON.stringify(new URL('../../store/sqlite.ts', import.meta.url).href)}
      let now = ${now}
      const store = openEmbeddedStore(openSqlite(${JSON.stringify(path)}), { now: () => (now += 6 * ${hourMs}) })
      for (let i = Number(process.argv[1]); ; i++) {
        await store.write(Array.from({ length: 40 }, (_, j) => ({
          deviceId: 'meter-' + (j % 8), channel: '', quantity: 'fill_level', value: (i + j) % 100,
          observedAt: ${start} + ((i * 7919 + j * 104729) % 1000) * 300000 + j, receivedAt: ${start}, seq: i,
        })))
        console.log(i)
        store.seal(1)
      }
    `
    let next = 1
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, String(next)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const until = next + 60 + round * 17
      for await (const line of createInterface({ input: child.stdout })) {
        next = Number(line) + 1
        if (next >= until) child.kill('SIGKILL')
      }
      const list = openReadingList()
      const batch = (i: number) =>
        Array.from({ length: 40 }, (_, j) =>
          makeReading(start + ((i * 7919 + j * 104729) % 1000) * 300_000 + j, (i + j) % 100, {
            deviceId: `meter-${j % 8}`,
            quantity: 'fill_level',
            receivedAt: start,
            seq: i,
          }),
        )
      for (let i = 1; i < next; i++) list.write(batch(i))
      const reopened = openEmbeddedStore(database)
      const found = (await collect(reopened, everything)).sort(compareReadings)
      // The batch that was committed and not yet told may be there too.
      const before = list.scan(everything)
      list.write(batch(next))
      expect([before, list.scan(everything)]).toContainEqual(found)
      expect(checkSealed(database).found).toEqual([])
    }
    expect(count('blocks')).toBeGreaterThan(0)
  }, 60_000)
})

function foldAll(points: { time: number; value: number }[], aggregate: Aggregate, window: Window): [number, number][] {
  const groups = Map.groupBy(points, ({ time }) => windowStart(window, time))
  const list = [...groups].sort((a, b) => a[0] - b[0])
  return list.map(([time, own]) => {
    const values = own.map((each) => each.value)
    const sum = values.reduce((a, b) => a + b, 0)
    const min = Math.min(...values)
    const max = Math.max(...values)
    const told = { sum, count: values.length, mean: sum / values.length, min, max }
    return [time, told[aggregate as keyof typeof told]]
  })
}
