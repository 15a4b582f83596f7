import { beforeEach, describe, expect, test } from 'vitest'
import type { Decode } from '../../devices/model.ts'
import type { Quantity } from '../../domain/quantity.ts'
import type { Reading } from '../../domain/reading.ts'
import { addDevice, revokeDevice } from '../../inventory/devices.ts'
import { addIntegration } from '../../inventory/integrations.ts'
import type { Access } from '../../store/access.ts'
import type { Journal } from '../../store/journal.ts'
import { appendAll, catchUp, openTestIngest, openTestJournal, readOutcome } from '../support/ingest.ts'
import { makeAccess, makeFolder } from '../support/registry.ts'
import { until } from '../support/until.ts'

let dataDir: string
let access: Access
let registry: Access['registry']
let journal: Journal

beforeEach(async () => {
  dataDir = makeFolder()
  access = await makeAccess(dataDir)
  registry = access.registry
  for (const id of ['a', 'b']) await addDevice(access, { id, model: 'generic-json' })
  await registry.updateTable('devices').set({ model: 'test' }).execute()
  journal = await openTestJournal(dataDir)
})

// "fill_level 12" or "fill_level 12 <observedAt>"; anything else makes the codec throw.
const decodeText: Decode = (payload) => {
  const [quantity, value, observedAt] = new TextDecoder().decode(payload).split(' ')
  if (value === undefined) throw new Error('two words were expected')
  return {
    readings: [
      {
        channel: '',
        quantity: quantity as Quantity,
        value: Number(value),
        ...(observedAt === undefined ? {} : { observedAt: Number(observedAt) }),
      },
    ],
    faults: [],
  }
}

const open = (options: Partial<Parameters<typeof openTestIngest>[0]> = {}) =>
  openTestIngest({ dataDir, registry, decode: decodeText, ...options })

describe('the cursor', () => {
  test('moves with what is stored, and goes on where it was', async () => {
    await appendAll(journal, [{ deviceId: 'a', payload: 'fill_level 1 1000' }])
    const first = open({ horizonDays: 100_000 })
    await catchUp(first, journal.lastSeq)
    expect(first.counters).toMatchObject({ uplinks: 1, readings: 1 })
    await first.dispose()

    await appendAll(journal, [{ deviceId: 'b', payload: 'fill_level 2 2000' }])
    const committed: Reading[] = []
    const second = open({ horizonDays: 100_000, onCommitted: (readings) => committed.push(...readings) })
    await catchUp(second, journal.lastSeq)
    expect(committed.map(({ deviceId, value }) => [deviceId, value])).toEqual([['b', 2]])
    expect((await readOutcome(dataDir, ['a', 'b'])).readings.map(({ value }) => value)).toEqual([1, 2])
  })

  test('takes bounded batches, and says that there is more', async () => {
    const messages = Array.from({ length: 17_000 }, (_, i) => ({ deviceId: 'a', payload: `fill_level 1 ${1000 + i}` }))
    await appendAll(journal, messages)
    const batches: number[] = []
    const ingest = open({ horizonDays: 100_000, onCommitted: (readings) => batches.push(readings.length) })
    while (await ingest.step());
    expect(Math.max(...batches)).toBeLessThanOrEqual(8000)
    expect(batches.reduce((sum, each) => sum + each)).toBe(17_000)
  })

  test('is confirmed only once it is on disk, and what is confirmed never exceeds it', async () => {
    await appendAll(journal, [{ deviceId: 'a', payload: 'fill_level 1' }])
    const ingest = open()
    expect(ingest.confirmedSeq).toBe(0)
    await until(async () => {
      await ingest.step()
      expect(ingest.confirmedSeq).toBeLessThanOrEqual(ingest.cursor)
      return ingest.confirmedSeq === journal.lastSeq
    })
  })
})

describe('a store that fails', () => {
  test('holds the cursor, drops nothing, and is tried again', async () => {
    await appendAll(journal, [
      { deviceId: 'a', payload: 'fill_level 1' },
      { deviceId: 'a', payload: 'nonsense' },
    ])
    let isDown = true
    const ingest = open({
      wrapStore: (store) => ({
        ...store,
        write: async (readings) => {
          if (isDown) throw new Error('the database does not answer')
          return store.write(readings)
        },
      }),
    })
    for (let i = 0; i < 3; i++) await expect(ingest.step()).rejects.toThrow('does not answer')
    expect(ingest.cursor).toBe(0)
    expect(await readOutcome(dataDir, ['a'])).toEqual({ readings: [], latest: [], deadLetters: [] })
    isDown = false
    await catchUp(ingest, journal.lastSeq)
    const { readings, deadLetters } = await readOutcome(dataDir, ['a'])
    expect([readings.length, deadLetters.length]).toEqual([1, 1])
  })

  test('shows as trouble while `run` goes on, and is over by itself', async () => {
    let isDown = true
    const ingest = open({
      wrapStore: (store) => ({
        ...store,
        write: async (readings) => {
          if (isDown) throw new Error('the database does not answer')
          return store.write(readings)
        },
      }),
    })
    const running = ingest.run()
    await appendAll(journal, [{ deviceId: 'a', payload: 'fill_level 1' }])
    await until(() => ingest.trouble !== null)
    expect(ingest.trouble).toBe('the database does not answer')
    isDown = false
    await until(() => ingest.cursor === journal.lastSeq && ingest.trouble === null)
    await ingest.close()
    await running
  })

  test('one uplink that can never be written does not hold the others: it becomes a dead letter', async () => {
    const messages = Array.from({ length: 9 }, (_, i) => ({ deviceId: 'a', payload: `fill_level ${i} ${1000 + i}` }))
    await appendAll(journal, messages)
    const ingest = open({
      horizonDays: 100_000,
      wrapStore: (store) => ({
        ...store,
        write: async (readings) => {
          if (readings.some(({ value }) => value === 4)) throw new TypeError('it cannot be bound')
          return store.write(readings)
        },
      }),
    })
    await catchUp(ingest, journal.lastSeq)
    const { readings, deadLetters } = await readOutcome(dataDir, ['a'])
    expect(readings.map(({ value }) => value)).toEqual([0, 1, 2, 3, 5, 6, 7, 8])
    expect(deadLetters).toEqual([{ seq: readings[3]!.seq + 1, reason: 'codec_error', faults: 1 }])
  })

  test('a reading that it refuses is told, the others of its uplink are stored', async () => {
    await appendAll(journal, [{ deviceId: 'a', payload: 'fill_level 1' }])
    const ingest = open({
      decode: () => ({
        readings: [
          { channel: 'bad', quantity: 'fill_level', value: 1 },
          { channel: 'good', quantity: 'fill_level', value: 2 },
        ],
        faults: [],
      }),
      wrapStore: (store) => ({
        ...store,
        write: async (readings) => {
          const index = readings.findIndex(({ channel }) => channel === 'bad')
          await store.write(readings.filter((_, i) => i !== index))
          return { rejected: [{ index, reason: 'no' }] }
        },
      }),
    })
    await catchUp(ingest, journal.lastSeq)
    const { readings, latest, deadLetters } = await readOutcome(dataDir, ['a'])
    expect([readings, latest].map((list) => list.map(({ channel }) => channel))).toEqual([['good'], ['good']])
    expect(deadLetters).toMatchObject([{ reason: 'store_refused' }])
  })
})

describe('judging', () => {
  const minuteMs = 60_000
  const dayMs = 86_400_000
  const now = Date.now()

  test.each([
    ['five minutes ahead', now + 5 * minuteMs, null],
    ['a millisecond more', now + 5 * minuteMs + 1, 'clock_future'],
    ['at the horizon', now - 10 * dayMs, null],
    ['a millisecond before', now - 10 * dayMs - 1, 'too_old'],
  ])('a clock is held against reception: %s', async (_, observedAt, reason) => {
    await appendAll(journal, [{ deviceId: 'a', payload: `fill_level 1 ${observedAt}`, receivedAt: now }])
    await catchUp(open({ horizonDays: 10 }), journal.lastSeq)
    const { readings, deadLetters } = await readOutcome(dataDir, ['a'])
    expect(readings.map((each) => each.observedAt)).toEqual(reason === null ? [observedAt] : [])
    expect(deadLetters.map((each) => each.reason)).toEqual(reason === null ? [] : [reason])
  })

  test('without a time of its own a reading has that of its reception', async () => {
    await appendAll(journal, [{ deviceId: 'a', payload: 'temperature 3', receivedAt: 1_700_000_000_000 }])
    await catchUp(open(), journal.lastSeq)
    expect((await readOutcome(dataDir, ['a'])).latest).toMatchObject([{ value: 3, observedAt: 1_700_000_000_000 }])
  })

  test.each([
    ['a codec that throws', 'a', 'nonsense', undefined, 'codec_error'],
    ['a value out of range', 'a', 'fill_level 101', undefined, 'out_of_range'],
    ['a value that is no number', 'a', 'fill_level x', undefined, 'bad_value'],
    ['a device that nobody registered', 'c', 'fill_level 1', undefined, 'unknown_device'],
    ['a topic that is nobody’s', 'a', 'fill_level 1', 'elsewhere', 'unknown_device'],
    ['the topic of another device', 'a', 'fill_level 1', 'devices/b/up', 'unknown_device'],
  ])('%s is a dead letter', async (_, deviceId, payload, topic, reason) => {
    await appendAll(journal, [{ deviceId, payload, ...(topic === undefined ? {} : { topic }) }])
    await catchUp(open(), journal.lastSeq)
    const { readings, deadLetters } = await readOutcome(dataDir, ['a', 'b', 'c'])
    expect([readings.length, deadLetters.map((each) => each.reason)]).toEqual([0, [reason]])
  })

  test('a last will is no reading and no dead letter', async () => {
    await appendAll(journal, [{ deviceId: 'a', payload: 'gone', topic: 'devices/a/status' }])
    await catchUp(open(), journal.lastSeq)
    expect(await readOutcome(dataDir, ['a'])).toEqual({ readings: [], latest: [], deadLetters: [] })
  })
})

describe('latest', () => {
  test('is the newest by observedAt, and of equal times the later uplink, whatever order they come in', async () => {
    await appendAll(journal, [
      { deviceId: 'a', payload: 'fill_level 1 5000' },
      { deviceId: 'a', payload: 'fill_level 2 4000' },
    ])
    const ingest = open({ horizonDays: 100_000 })
    await catchUp(ingest, journal.lastSeq)
    expect((await readOutcome(dataDir, ['a'])).latest).toMatchObject([{ value: 1 }])
    await appendAll(journal, [{ deviceId: 'a', payload: 'fill_level 3 5000' }])
    await catchUp(ingest, journal.lastSeq)
    const { latest, readings } = await readOutcome(dataDir, ['a'])
    expect(latest).toMatchObject([{ value: 3, observedAt: 5000 }])
    expect(readings.map(({ value }) => value)).toEqual([2, 3])
  })

  test('goes with its reading when that is past the retention', async () => {
    const old = Date.now() - 3 * 86_400_000
    await appendAll(journal, [
      { deviceId: 'a', payload: `fill_level 1 ${old}` },
      { deviceId: 'b', payload: 'fill_level 2' },
    ])
    await catchUp(open({ retentionDays: 2 }), journal.lastSeq)
    const { latest, readings } = await readOutcome(dataDir, ['a', 'b'])
    expect([latest.map(({ value }) => value), readings.map(({ value }) => value)]).toEqual([[2], [2]])
  })
})

describe('the registry', () => {
  test('is followed: a device that is added meanwhile becomes known', async () => {
    const ingest = open()
    await appendAll(journal, [{ deviceId: 'late', payload: 'fill_level 1' }])
    await catchUp(ingest, journal.lastSeq)
    expect((await readOutcome(dataDir, ['late'])).deadLetters).toMatchObject([{ reason: 'unknown_device' }])
    await addDevice(access, { id: 'late', model: 'generic-json' })
    await registry.updateTable('devices').set({ model: 'test' }).execute()
    await until(async () => {
      await appendAll(journal, [{ deviceId: 'late', payload: 'fill_level 1' }])
      await catchUp(ingest, journal.lastSeq)
      return (await readOutcome(dataDir, ['late'])).latest.length === 1
    })
  })

  test('a device of an integration that nobody registered is a dead letter that names it', async () => {
    await addIntegration(access, { name: 'lora', format: 'generic-json', topics: ['lora/#'] })
    const payload = 'fill_level 1'
    await appendAll(journal, [{ deviceId: 'lora', payload, topic: 'lora/stranger/up' }])
    await catchUp(open(), journal.lastSeq)
    expect((await readOutcome(dataDir, ['stranger'])).deadLetters).toMatchObject([{ reason: 'unknown_device' }])
  })

  test('what a revoked device sent before is still decoded', async () => {
    await appendAll(journal, [{ deviceId: 'a', payload: 'fill_level 7' }])
    await revokeDevice(access, 'a')
    await catchUp(open(), journal.lastSeq)
    expect((await readOutcome(dataDir, ['a'])).latest).toMatchObject([{ value: 7 }])
  })
})
