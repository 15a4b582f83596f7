import { cpSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Decode } from '../../devices/model.ts'
import { type DecodedReading, fault } from '../../domain/fault.ts'
import type { Quantity } from '../../domain/quantity.ts'
import { compareSeries, type Reading, type SeriesKey } from '../../domain/reading.ts'
import type { Ingest } from '../../ingest/ingest.ts'
import { addDevice } from '../../inventory/devices.ts'
import { requestReplay } from '../../inventory/requests.ts'
import type { Access } from '../../store/access.ts'
import type { ReplayState } from '../../store/ingest-file.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { type Journal, journalFolder } from '../../store/journal.ts'
import { listSegments } from '../../store/journal-segment.ts'
import type { ReadingStore } from '../../store/reading-store.ts'
import { openRoleState } from '../../store/role-state.ts'
import { appendAll, catchUp, type Outcome, openTestIngest, openTestJournal, readOutcome } from '../support/ingest.ts'
import { makeAccess, makeFolder } from '../support/registry.ts'
import { until } from '../support/until.ts'

const devices = ['a', 'b', 'c']
const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000
// Whole hours, well in the past.
const begin = Math.floor(Date.now() / hourMs) * hourMs - 10 * dayMs

type Span = { from?: number | null; to?: number | null; deviceId?: string | null; replace?: boolean }
type Message = { deviceId: string; receivedAt: number; items: Item[] }
/** One item of a payload. The wrong codec refuses `new` ones, and gives an `extra` reading that the mended one does not. */
type Item = { sort: 'plain' | 'new' | 'extra' | 'bad'; value: number; observedAt: number }

let dataDir: string
let access: Access
let registry: Access['registry']
let journal: Journal

async function openAll() {
  dataDir = makeFolder()
  access = await makeAccess(dataDir)
  registry = access.registry
  for (const id of devices) await addDevice(access, { id, model: 'generic-json' })
  await registry.updateTable('devices').set({ model: 'test' }).execute()
  journal = await openTestJournal(dataDir)
}
beforeEach(openAll)

function decodeItems(decodeItem: (item: Item) => DecodedReading[] | null): Decode {
  return (payload) => {
    const readings: DecodedReading[] = []
    const faults = []
    for (const item of JSON.parse(new TextDecoder().decode(payload)) as Item[]) {
      const given = item.sort === 'bad' ? null : decodeItem(item)
      if (given === null) faults.push(fault('not_json'))
      else readings.push(...given)
    }
    return { readings, faults }
  }
}

const reading = (quantity: Quantity, { value, observedAt }: Item): DecodedReading => ({
  channel: '',
  quantity,
  value,
  observedAt,
})
const mended = decodeItems((item) => [reading('fill_level', item)])
const wrong = decodeItems((item) => {
  if (item.sort === 'new') return null
  const readings = [reading('fill_level', { ...item, value: item.value * 2 })]
  if (item.sort === 'extra') readings.push(reading('temperature', item))
  return readings
})

type Options = { retentionDays?: number; horizonDays?: number; wrapStore?(store: ReadingStore): ReadingStore }
const open = (decode: Decode, folder = dataDir, options: Options = {}) =>
  openTestIngest({ dataDir: folder, registry, decode, ...options })

function append(messages: readonly Message[]) {
  return appendAll(
    journal,
    messages.map(({ items, ...rest }) => ({ ...rest, payload: JSON.stringify(items) })),
  )
}

/** Asks for a replay, and does rounds of work until it has ended; `onStep` is told of each. */
async function replay(ingest: Ingest, folder: string, span: Span, onStep = () => {}): Promise<ReplayState> {
  const { id } = await requestReplay(access, span)
  return finish(ingest, folder, id, onStep)
}

async function finish(ingest: Ingest, folder: string, id: string, onStep = () => {}): Promise<ReplayState> {
  const reader = openIngestReader(folder)
  try {
    let state: ReplayState | null = null
    await until(async () => {
      await ingest.step()
      onStep()
      state = reader.replay(id)
      return state !== null && state.state !== 'running'
    })
    // The housekeeping that a replay leaves to do.
    await ingest.step()
    return state!
  } finally {
    reader.close()
  }
}

/** What comes of decoding the whole journal in a folder that is new. */
async function decodeAfresh(options: { retentionDays?: number; horizonDays?: number } = {}) {
  const folder = makeFolder()
  cpSync(journalFolder(dataDir), journalFolder(folder), { recursive: true })
  // Nobody asks it for the replays that were done in the first one.
  await registry.deleteFrom('requests').execute()
  const ingest = open(mended, folder, options)
  await catchUp(ingest, journal.lastSeq)
  await ingest.step()
  return { outcome: await readOutcome(folder, devices), means: await readMeans(folder) }
}

async function readMeans(folder: string) {
  const reader = openIngestReader(folder)
  try {
    const query = { devices, from: begin - 400 * dayMs, to: begin + 400 * dayMs, aggregate: 'mean' as const }
    return await reader.readings.query({ ...query, window: { kind: 'fixed', ms: hourMs } })
  } finally {
    reader.close()
  }
}

const at = (hours: number) => begin + hours * hourMs
const plain = (value: number, observedAt: number): Item => ({ sort: 'plain', value, observedAt })

describe('a codec that was mended', () => {
  test('makes readings of dead letters; what still fails stays one', async () => {
    await append([
      { deviceId: 'a', receivedAt: at(1), items: [{ sort: 'new', value: 5, observedAt: at(1) }] },
      { deviceId: 'a', receivedAt: at(2), items: [{ sort: 'bad', value: 6, observedAt: at(2) }, plain(7, at(2))] },
    ])
    const before = open(wrong)
    await catchUp(before, journal.lastSeq)
    expect((await readOutcome(dataDir, devices)).deadLetters.length).toBe(2)
    await before.dispose()
    const state = await replay(open(mended), dataDir, {})
    expect(state).toMatchObject({ state: 'done', uplinks: 2, readings: 2, deadLetters: 1 })
    const { readings, latest, deadLetters } = await readOutcome(dataDir, devices)
    expect(readings.map(({ value }) => value)).toEqual([5, 7])
    expect(latest).toMatchObject([{ value: 7 }])
    expect(deadLetters).toMatchObject([{ seq: journal.lastSeq, faults: 1 }])
  })

  test('without --replace, what it no longer gives stays; with it, nothing old is left', async () => {
    await append([{ deviceId: 'a', receivedAt: at(1), items: [{ sort: 'extra', value: 20, observedAt: at(1) }] }])
    const before = open(wrong)
    await catchUp(before, journal.lastSeq)
    await before.dispose()
    const after = open(mended)
    await replay(after, dataDir, {})
    const told = ({ readings, latest }: Outcome) =>
      [readings, latest].map((list) => list.map(({ quantity, value }) => `${quantity} ${value}`))
    const both = ['fill_level 20', 'temperature 20']
    expect(told(await readOutcome(dataDir, devices))).toEqual([both, both])
    await replay(after, dataDir, { replace: true })
    expect(told(await readOutcome(dataDir, devices))).toEqual([['fill_level 20'], ['fill_level 20']])
  })

  test('replaced in one span, it leaves the dead letters of readings outside it', async () => {
    // It arrives after the span, and holds readings of the span and of later.
    const items: Item[] = [
      { sort: 'new', value: 1, observedAt: at(1) },
      { sort: 'new', value: 2, observedAt: at(30) },
    ]
    await append([{ deviceId: 'a', receivedAt: at(30), items }])
    const before = open(wrong)
    await catchUp(before, journal.lastSeq)
    await before.dispose()
    const after = open(mended)
    await replay(after, dataDir, { from: at(0), to: at(24), replace: true })
    const { readings, deadLetters } = await readOutcome(dataDir, devices)
    expect([readings.map(({ value }) => value), deadLetters.length]).toEqual([[1], 1])
    await replay(after, dataDir, { from: at(24) })
    const end = await readOutcome(dataDir, devices)
    expect([end.readings.map(({ value }) => value), end.deadLetters.length]).toEqual([[1, 2], 0])
  })
})

const item = fc.record({
  sort: fc.constantFrom('plain', 'plain', 'plain', 'new', 'extra', 'bad') as fc.Arbitrary<Item['sort']>,
  value: fc.integer({ min: 0, max: 50 }),
  // Late by days, on time, ahead within the tolerance, or ahead beyond it; few times, so that they meet.
  lateMs: fc.oneof(
    fc.integer({ min: 0, max: 70 }).map((hours) => hours * hourMs),
    fc.integer({ min: -6, max: 0 }).map((minutes) => minutes * minuteMs),
  ),
})
const message = fc.record({
  deviceId: fc.constantFrom(...devices),
  // Off the hour, by a prime number of minutes, so that no bound of a test falls on a reception.
  gapMs: fc.integer({ min: 0, max: 12 }).map((hours) => hours * hourMs),
  items: fc.array(item, { minLength: 1, maxLength: 4 }),
})
const history = fc.array(message, { minLength: 1, maxLength: 25 }).map((messages): Message[] => {
  let receivedAt = begin + 7 * minuteMs
  return messages.map(({ deviceId, gapMs, items }) => {
    receivedAt = Math.min(receivedAt + gapMs, Date.now() - hourMs)
    const now = receivedAt
    return { deviceId, receivedAt, items: items.map(({ lateMs, ...rest }) => ({ ...rest, observedAt: now - lateMs })) }
  })
})

// As InfluxDB does: it keeps no seq, and the last write of a key stands.
const overwriting = (store: ReadingStore): ReadingStore => ({
  ...store,
  overwrites: true,
  write: (readings) => store.write(readings.map((each) => ({ ...each, seq: 0 }))),
})

describe('in a store that keeps the last write of a key', () => {
  const values = async () => (await readOutcome(dataDir, devices)).readings.map(({ value }) => value)

  test.each([
    ['that came after its span', { to: at(2) }, [{ deviceId: 'a', receivedAt: at(3), items: [plain(2, at(1))] }], []],
    ['that comes while it runs', {}, [], [{ deviceId: 'a', receivedAt: at(3), items: [plain(2, at(1))] }]],
    [
      'that comes while it replaces',
      { replace: true },
      [],
      [{ deviceId: 'a', receivedAt: at(3), items: [plain(2, at(1))] }],
    ],
  ])('a replay leaves the reading of an uplink %s', async (_, span, before, meanwhile) => {
    // Many enough that the replay takes some steps.
    const many = Array.from({ length: 1500 }, (_, i) => ({
      deviceId: 'b',
      receivedAt: at(1) + i,
      items: [plain(1, at(1) + i)],
    }))
    await append([...many, { deviceId: 'a', receivedAt: at(1), items: [plain(1, at(1))] }, ...before])
    const ingest = open(mended, dataDir, { wrapStore: overwriting })
    await catchUp(ingest, journal.lastSeq)
    const { id } = await requestReplay(access, span)
    const reader = openIngestReader(dataDir)
    await until(async () => {
      await ingest.step()
      return (reader.replay(id)?.uplinks ?? 0) > 0
    })
    reader.close()
    await append(meanwhile)
    expect(await finish(ingest, dataDir, id)).toMatchObject({ state: 'done' })
    await catchUp(ingest, journal.lastSeq)
    expect((await values())[0]).toBe(2)
  })
})

describe('for every history, --replace', () => {
  test('of everything gives what a fresh decode gives: readings, latest, aggregates, dead letters', async () => {
    const retention = fc.constantFrom(undefined, 4)
    await fc.assert(
      fc.asyncProperty(history, retention, async (messages, retentionDays) => {
        await openAll()
        await append(messages)
        const options = retentionDays === undefined ? {} : { retentionDays, horizonDays: 3 }
        const before = open(wrong, dataDir, options)
        await catchUp(before, journal.lastSeq)
        await before.dispose()
        const after = open(mended, dataDir, options)
        expect(await replay(after, dataDir, { replace: true })).toMatchObject({ state: 'done' })
        const fresh = await decodeAfresh(options)
        expect(await readOutcome(dataDir, devices)).toEqual(fresh.outcome)
        expect(await readMeans(dataDir)).toEqual(fresh.means)
        await after.dispose()
      }),
      { numRuns: 25 },
    )
  })

  test('of a span and a device changes that span and device, and nothing else', async () => {
    const hours = fc.integer({ min: -72, max: 240 })
    const span = fc.record({ from: hours, hours: fc.integer({ min: 1, max: 96 }), device: fc.option(fc.constant('a')) })
    await fc.assert(
      fc.asyncProperty(history, span, async (messages, { from, hours, device }) => {
        await openAll()
        await append(messages)
        const before = open(wrong)
        await catchUp(before, journal.lastSeq)
        const old = await readOutcome(dataDir, devices)
        await before.dispose()
        const after = open(mended)
        const bounds = { from: at(from), to: at(from + hours) }
        await replay(after, dataDir, { ...bounds, deviceId: device, replace: true })
        const found = await readOutcome(dataDir, devices)
        const expected = replaceSpan(old.readings, { ...bounds, device }, messages)
        expect(found.readings).toEqual(expected)
        expect(found.latest).toEqual(newest(expected))
        await after.dispose()
      }),
      { numRuns: 25 },
    )
  })

  test('a crash at any step of it, and the end is the same', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 1, max: 8 }), async (messages, crashAt) => {
        await openAll()
        await append(messages)
        const before = open(wrong)
        await catchUp(before, journal.lastSeq)
        await before.dispose()
        const after = open(mended)
        const { id } = await requestReplay(access, { replace: true })
        // What kill -9 leaves is what the files hold: SQLite's log as it is between two steps.
        const crashed = makeFolder()
        let step = 0
        await finish(after, dataDir, id, () => {
          step++
          if (step === crashAt)
            cpSync(dataDir, crashed, { recursive: true, filter: (path) => !path.includes('registry') })
        })
        if (step >= crashAt) {
          const again = open(mended, crashed)
          expect(await finish(again, crashed, id)).toMatchObject({ state: 'done' })
          expect(await readOutcome(crashed, devices)).toEqual(await readOutcome(dataDir, devices))
          await again.dispose()
        }
        expect(await readOutcome(dataDir, devices)).toEqual((await decodeAfresh()).outcome)
        await after.dispose()
      }),
      { numRuns: 8 },
    )
  })
})

// What a replay with replacement should leave, said plainly: the span's readings go, then come those of the new codec
// that arrived in the span, and those observed in it whenever they arrived. The later uplink wins.
function replaceSpan(
  old: readonly Reading[],
  { from, to, device }: { from: number; to: number; device: string | null },
  messages: readonly Message[],
): Reading[] {
  const isMeant = ({ deviceId }: SeriesKey) => device === null || deviceId === device
  const inSpan = (time: number) => time >= from && time < to
  const key = ({ deviceId, quantity, observedAt }: Reading) => `${deviceId} ${quantity} ${observedAt}`
  const left = new Map<string, Reading>()
  for (const each of old) if (!(isMeant(each) && inSpan(each.observedAt))) left.set(key(each), each)
  for (const each of allReadings(messages)) {
    if (!isMeant(each) || !(inSpan(each.receivedAt) || inSpan(each.observedAt))) continue
    const other = left.get(key(each))
    if (other === undefined || each.seq >= other.seq) left.set(key(each), each)
  }
  return [...left.values()].sort((a, b) => compareSeries(a, b) || a.observedAt - b.observedAt)
}

/** Every reading that the mended codec gives, in the order of arrival. */
function allReadings(messages: readonly Message[]): Reading[] {
  const firstSeq = journal.lastSeq - messages.length + 1
  return messages.flatMap(({ deviceId, receivedAt, items }, i) =>
    items
      .filter(({ sort, observedAt }) => sort !== 'bad' && observedAt <= receivedAt + 5 * minuteMs)
      .map(
        ({ value, observedAt }): Reading => ({
          deviceId,
          channel: '',
          quantity: 'fill_level',
          value,
          observedAt,
          receivedAt,
          seq: firstSeq + i,
        }),
      ),
  )
}

function newest(readings: readonly Reading[]): Reading[] {
  const found = new Map(readings.map((each) => [`${each.deviceId} ${each.quantity}`, each]))
  return [...found.values()]
}

describe('--replace is refused, and nothing is touched,', () => {
  // Two segments, and a third that is being written.
  async function appendSegments() {
    for (const hours of [1, 2, 3]) {
      await append([{ deviceId: 'a', receivedAt: at(hours), items: [plain(hours, at(hours))] }])
      await journal.close()
      journal = await openTestJournal(dataDir)
    }
    const ingest = open(wrong)
    await catchUp(ingest, journal.lastSeq)
    await ingest.dispose()
    return readOutcome(dataDir, devices)
  }

  function expectRefusal(state: ReplayState) {
    expect(state).toMatchObject({ state: 'failed', code: 'journal_incomplete' })
  }

  test('where the journal no longer holds all; later spans can be replaced still', async () => {
    const before = await appendSegments()
    unlinkSync(listSegments(journalFolder(dataDir))[0]!.path)
    const ingest = open(mended)
    const refused = await replay(ingest, dataDir, { replace: true })
    expectRefusal(refused)
    expect(refused.detail).toMatchObject({ en: `it begins at ${new Date(at(2)).toISOString()}` })
    expectRefusal(await replay(ingest, dataDir, { from: at(2), replace: true }))
    expect(await readOutcome(dataDir, devices)).toEqual(before)
    expect(await replay(ingest, dataDir, { from: at(2) + 6 * minuteMs, replace: true })).toMatchObject({
      state: 'done',
    })
    expect((await readOutcome(dataDir, devices)).readings.map(({ value }) => value)).toEqual([2, 4, 3])
  })

  test('where a record of it is damaged; without --replace the others are decoded again', async () => {
    const before = await appendSegments()
    const { path } = listSegments(journalFolder(dataDir))[1]!
    const bytes = readFileSync(path)
    bytes[bytes.length - 10]! ^= 1
    writeFileSync(path, bytes)
    const ingest = open(mended)
    expectRefusal(await replay(ingest, dataDir, { replace: true }))
    expect(await readOutcome(dataDir, devices)).toEqual(before)
    expect(await replay(ingest, dataDir, {})).toMatchObject({ state: 'done', readings: 2 })
    expect((await readOutcome(dataDir, devices)).readings.map(({ value }) => value)).toEqual([1, 4, 3])
  })

  test('where its end is gone', async () => {
    const before = await appendSegments()
    const { path } = listSegments(journalFolder(dataDir))[2]!
    writeFileSync(path, Buffer.alloc(statSync(path).size))
    const ingest = open(mended)
    expectRefusal(await replay(ingest, dataDir, { replace: true }))
    expect(await readOutcome(dataDir, devices)).toEqual(before)
  })

  test('where the journal itself is gone', async () => {
    const before = await appendSegments()
    for (const { path } of listSegments(journalFolder(dataDir))) unlinkSync(path)
    const ingest = open(mended)
    expectRefusal(await replay(ingest, dataDir, { replace: true }))
    expect(await readOutcome(dataDir, devices)).toEqual(before)
  })
})

test('a replay waits until the journal’s writer has heard that no segment may go', async () => {
  await append([{ deviceId: 'a', receivedAt: at(1), items: [plain(1, at(1))] }])
  const ingest = open(mended)
  await catchUp(ingest, journal.lastSeq)
  const broker = openRoleState(dataDir, 'broker')
  onTestFinished(() => broker.close())
  const tell = (seq: number) => broker.tell({ ready: true, counters: { journal_confirmed_seq: seq } })
  await tell(1)
  const { id } = await requestReplay(access, { replace: true })
  const reader = openIngestReader(dataDir)
  onTestFinished(() => reader.close())
  await until(async () => {
    await ingest.step()
    return reader.replay(id) !== null
  })
  for (let i = 0; i < 3; i++) await ingest.step()
  expect(ingest.confirmedSeq).toBe(0)
  expect(reader.replay(id)).toMatchObject({ state: 'running', uplinks: 0 })
  await tell(0)
  expect(await finish(ingest, dataDir, id)).toMatchObject({ state: 'done', uplinks: 1 })
})
