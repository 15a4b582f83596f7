import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Calibration, calibrate } from '../../domain/calibration.ts'
import type { Installation } from '../../domain/installation.ts'
import { Problem } from '../../domain/problem.ts'
import type { Quantity } from '../../domain/quantity.ts'
import { readAssetLatest, readAssetSeries } from '../../inventory/asset-readings.ts'
import { addAsset, removeAsset } from '../../inventory/assets.ts'
import { addDevice, removeDevice } from '../../inventory/devices.ts'
import {
  correctInstallation,
  install,
  listInstallations,
  removeInstallation,
  swapDevice,
  uninstall,
} from '../../inventory/installations.ts'
import { listStatus } from '../../inventory/status.ts'
import { openStatusBoard } from '../../inventory/status-board.ts'
import { foldStatus } from '../../inventory/status-fold.ts'
import type { Access } from '../../store/access.ts'
import type { IngestReader } from '../../store/ingest-reader.ts'
import { makeIngestFile } from '../support/readings.ts'
import { makeAccess, makeFolder, refusal } from '../support/registry.ts'

const hour = 3_600_000
const day = 24 * hour
const start = Date.UTC(2026, 1, 1)
const fill: Calibration = { fill: { emptyM: 2, fullM: 0.5 } }

let access: Access
let reader: IngestReader
let hear: ReturnType<typeof makeIngestFile>['hear']
let clear: ReturnType<typeof makeIngestFile>['clear']
let now: number

beforeEach(async () => {
  const dataDir = makeFolder()
  access = await makeAccess(dataDir)
  ;({ reader, hear, clear } = makeIngestFile(dataDir))
  now = start + 30 * day
  vi.spyOn(Date, 'now').mockImplementation(() => now)
})
afterEach(() => vi.restoreAllMocks())

async function makeCity(devices: readonly string[], assets: readonly string[]) {
  for (const id of devices) await addDevice(access, { id, model: 'generic-json' })
  for (const id of assets) await addAsset(access, { id, kind: 'waste_container', label: id })
}

async function known(asKnownAt?: number): Promise<Installation[]> {
  return (await listInstallations(access, { limit: 10_000, asKnownAt })).items
}

const values = async (assetId: string, quantity: Quantity, asKnownAt?: number) =>
  (await readAssetSeries(access, reader, assetId, { quantity, from: 0, to: now, asKnownAt })).flatMap((each) =>
    each.points.map(([, value]) => value),
  )

test('a swap recorded three days late moves readings, latest and status; what was known before can be asked', async () => {
  await makeCity(['old', 'new'], ['bin', 'depot'])
  await install(access, { deviceId: 'old', assetId: 'bin', installedAt: start })
  await install(access, { deviceId: 'new', assetId: 'depot', installedAt: start, removedAt: start + 26 * day })
  const monday = start + 27 * day
  await hear(
    { deviceId: 'old', quantity: 'fill_level', value: 10, observedAt: monday - hour },
    { deviceId: 'old', quantity: 'fill_level', value: 11, observedAt: monday + hour },
    { deviceId: 'new', quantity: 'fill_level', value: 77, observedAt: monday + 2 * hour },
  )
  const before = now
  now += 1000
  await swapDevice(access, { oldDeviceId: 'old', newDeviceId: 'new', at: monday })
  expect(await values('bin', 'fill_level')).toEqual([77, 10])
  expect(await readAssetLatest(access, reader, 'bin')).toMatchObject([{ deviceId: 'new', value: 77 }])
  expect(await values('bin', 'fill_level', before)).toEqual([10, 11])
  expect(await readAssetLatest(access, reader, 'bin', { asKnownAt: before })).toMatchObject([{ value: 11 }])
  const board = openStatusBoard()
  await foldStatus(access.registry, reader, { listener: board })
  expect((await listStatus(access, board, { limit: 1 })).items).toMatchObject([{ assetId: 'bin', deviceId: 'new' }])
})

test('a correction keeps what was known, and so does taking back', async () => {
  await makeCity(['d'], ['a', 'b'])
  const first = await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  const firstKnownAt = now
  now += day
  const second = await correctInstallation(access, first.id, { assetId: 'b', calibration: fill })
  expect(second).toEqual({ ...first, assetId: 'b', calibration: fill, recordedAt: now })
  now += day
  await removeInstallation(access, first.id)
  expect(await known()).toEqual([])
  expect(await known(now - 1)).toEqual([second])
  expect(await known(firstKnownAt)).toEqual([first])
  expect(await known(firstKnownAt - 1)).toEqual([])
  expect((await listInstallations(access, { assetId: 'a', limit: 9, asKnownAt: firstKnownAt })).items).toEqual([first])
  // Its history hangs on them, although nothing is on them now.
  expect(await refusal(removeAsset(access, 'a'))).toBe('in_use')
  expect(await refusal(removeDevice(access, 'd'))).toBe('in_use')
  expect(await refusal(removeInstallation(access, first.id))).toBe('not_found')
})

test('an asset is read through the calibration of each installation, and a correction mends its history', async () => {
  await makeCity(['d', 'e'], ['bin', 'meter'])
  const first = await install(access, { deviceId: 'd', assetId: 'bin', installedAt: start, calibration: fill })
  const at = (hours: number) => start + hours * hour
  for (const [hours, value] of [
    [1, 2],
    [2, 1.25],
    [3, 0.2],
  ] as const)
    await hear({ deviceId: 'd', quantity: 'distance', value, observedAt: at(hours) })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 99, observedAt: at(1) })
  expect(await values('bin', 'fill_level')).toEqual([0, 50, 100])
  expect(await values('bin', 'distance')).toEqual([2, 1.25, 0.2])
  // A level that is held within 0 and 100 is folded from single readings: the mean of the distances would say 57.
  const fold = await readAssetSeries(access, reader, 'bin', {
    quantity: 'fill_level',
    from: start,
    to: at(5),
    window: { kind: 'fixed', ms: day },
  })
  expect(fold).toMatchObject([{ points: [[start, 50]], estimated: [] }])
  await correctInstallation(access, first.id, { calibration: { fill: { emptyM: 2, fullM: 0 } } })
  expect(await values('bin', 'fill_level')).toEqual([0, 37.5, 90])
  await foldStatus(access.registry, reader)
  expect(await readAssetLatest(access, reader, 'bin')).toMatchObject([
    { quantity: 'distance', value: 0.2 },
    { quantity: 'fill_level', value: 90 },
  ])
  // The place's calibration goes on with the next device, unless another is given.
  const { installed } = await swapDevice(access, { oldDeviceId: 'd', newDeviceId: 'e', at: at(6) })
  expect(installed[0]!.calibration).toEqual({ fill: { emptyM: 2, fullM: 0 } })
})

test('pulses and transformers scale what the store has folded', async () => {
  await makeCity(['d'], ['meter'])
  await install(access, {
    deviceId: 'd',
    assetId: 'meter',
    installedAt: start,
    calibration: {
      pulse: { quantity: 'water_volume', perPulse: 0.25 },
      transformer: { currentRatio: 40, voltageRatio: 2 },
    },
  })
  for (const value of [4, 8]) {
    const observedAt = start + value
    for (const quantity of ['pulse_count', 'current', 'active_power', 'temperature'] as const)
      await hear({ deviceId: 'd', quantity, value, observedAt })
  }
  const window = { kind: 'fixed', ms: day } as const
  const told = async (aggregate: 'sum' | 'count') =>
    Object.fromEntries(
      (await readAssetSeries(access, reader, 'meter', { from: 0, to: now, window, aggregate })).map((each) => [
        each.quantity,
        each.points[0]![1],
      ]),
    )
  expect(await told('sum')).toEqual({
    pulse_count: 12,
    water_volume: 3,
    current: 480,
    active_power: 960,
    temperature: 12,
  })
  expect(await told('count')).toMatchObject({ water_volume: 2, current: 2 })
})

test('a window that a swap splits is estimated once its single readings are gone', async () => {
  await makeCity(['d', 'e'], ['a'])
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start, removedAt: start + hour / 4 })
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start + hour / 2 })
  for (const minutes of [5, 20, 40, 70])
    await hear({ deviceId: 'd', quantity: 'temperature', value: minutes, observedAt: start + minutes * 60_000 })
  const query = { from: start, to: start + day, window: { kind: 'fixed', ms: hour }, aggregate: 'mean' } as const
  const [exact] = await readAssetSeries(access, reader, 'a', query)
  expect(exact).toMatchObject({
    points: [
      [start, 22.5],
      [start + hour, 70],
    ],
    estimated: [],
  })
  // As a store does that keeps its rollups longer than what they were made from.
  const folded: IngestReader['readings'] = {
    ...reader.readings,
    query: async (asked) => (asked.window === undefined ? [] : reader.readings.query(asked)),
  }
  const [rough] = await readAssetSeries(access, { ...reader, readings: folded }, 'a', query)
  expect(rough).toMatchObject({ estimated: [start] })
  expect(rough!.points[0]![1]).toBeCloseTo((5 * 15 + 40 * 30) / 45)
})

const devices = ['d0', 'd1', 'd2']
const assets = ['a0', 'a1', 'a2']
const deviceId = fc.constantFrom(...devices)
const assetId = fc.constantFrom(...assets)
const channel = fc.constantFrom(null, null, '1', '2')
const time = fc.integer({ min: 0, max: 40 }).map((minutes) => start + minutes * 60_000)
const calibration = fc.constantFrom<Calibration | null>(
  null,
  fill,
  { pulse: { quantity: 'water_volume', perPulse: 2 } },
  { fill: { emptyM: 0, fullM: 8 }, transformer: { currentRatio: 4 } },
)
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('install' as const),
      deviceId,
      assetId,
      channel,
      calibration,
      installedAt: time,
      removedAt: fc.option(time),
    }),
  },
  fc.record({ verb: fc.constant('uninstall' as const), deviceId, channel, removedAt: time }),
  fc.record({ verb: fc.constant('swap' as const), oldDeviceId: deviceId, newDeviceId: deviceId, at: time }),
  fc.record({
    verb: fc.constant('correct' as const),
    which: fc.nat(),
    patch: fc.record(
      { assetId, channel, calibration, installedAt: time, removedAt: fc.option(time) },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ verb: fc.constant('take back' as const), which: fc.nat() }),
)
const quantities = ['temperature', 'distance', 'pulse_count', 'current'] as const
const reading = fc.record({
  deviceId,
  channel: fc.constantFrom('1', '2', ''),
  quantity: fc.constantFrom<Quantity>(...quantities),
  value: fc.integer({ min: 0, max: 9 }),
  observedAt: fc.integer({ min: -5, max: 45 }).map((minutes) => start + minutes * 60_000 + 30_000),
})

test('no reading is lost or counted twice, whatever is recorded, corrected and heard late', async () => {
  await makeCity(devices, assets)
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.uniqueArray(reading, {
        minLength: 20,
        maxLength: 60,
        selector: (each) => `${each.deviceId}/${each.channel}/${each.quantity}/${each.observedAt}`,
      }),
      async (steps, heard) => {
        for (const table of ['installations', 'installation_versions'] as const)
          await access.registry.deleteFrom(table).execute()
        await clear()
        const early = Math.floor(heard.length / 2)
        await hear(...heard.slice(0, early))
        const snapshots: [time: number, installations: Installation[]][] = []
        for (const each of steps) {
          now += 1000
          await attempt(each)
          snapshots.push([now, await known()])
        }
        await hear(...heard.slice(early))
        for (const [at, then] of snapshots) expect(await known(at)).toEqual(then)
        await checkSums(heard, await known())
      },
    ),
    { numRuns: 12 },
  )
})

type Heard = typeof reading extends fc.Arbitrary<infer Value> ? Value : never

async function attempt(each: typeof step extends fc.Arbitrary<infer Value> ? Value : never) {
  try {
    if (each.verb === 'install') await install(access, each)
    else if (each.verb === 'uninstall') await uninstall(access, each)
    else if (each.verb === 'swap') await swapDevice(access, each)
    else {
      const all = await known()
      const chosen = all[each.which % all.length]
      if (chosen === undefined) return
      if (each.verb === 'correct') await correctInstallation(access, chosen.id, each.patch)
      else await removeInstallation(access, chosen.id)
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
  }
}

/** Each reading by itself, given to the installation that it falls into, against what the inventory answers. */
async function checkSums(heard: readonly Heard[], installations: readonly Installation[]) {
  const expected = new Map<string, number>()
  const count = (place: string, quantity: string, value: number) =>
    expected.set(`${place} ${quantity}`, (expected.get(`${place} ${quantity}`) ?? 0) + value)
  const nowhere = { temperature: 0, distance: 0, pulse_count: 0 } as Record<string, number>
  for (const each of heard) {
    const there = installations.find(
      (i) =>
        i.deviceId === each.deviceId &&
        (i.channel === null || i.channel === each.channel) &&
        i.installedAt <= each.observedAt &&
        (i.removedAt === null || each.observedAt < i.removedAt),
    )
    if (there === undefined) nowhere[each.quantity] = (nowhere[each.quantity] ?? 0) + each.value
    else for (const made of calibrate(there.calibration, each)) count(there.assetId, made.quantity, made.value)
  }
  const window = { kind: 'fixed', ms: hour / 4 } as const
  const found = new Map<string, number>()
  for (const asset of assets) {
    const query = { from: 0, to: now + day }
    for (const { quantity, points } of await readAssetSeries(access, reader, asset, query))
      for (const [, value] of points)
        found.set(`${asset} ${quantity}`, (found.get(`${asset} ${quantity}`) ?? 0) + value)
    for (const { quantity, points } of await readAssetSeries(access, reader, asset, {
      ...query,
      window,
      aggregate: 'sum',
    }))
      for (const [, value] of points)
        found.set(`${asset} ${quantity} by window`, (found.get(`${asset} ${quantity} by window`) ?? 0) + value)
  }
  for (const [key, sum] of expected) {
    expect([key, found.get(key)]).toEqual([key, expect.closeTo(sum, 9)])
    expect([key, found.get(`${key} by window`)]).toEqual([key, expect.closeTo(sum, 9)])
  }
  expect([...found.keys()].filter((key) => !key.endsWith(' by window')).sort()).toEqual([...expected.keys()].sort())
  // What no calibration touches: the assets and what hangs nowhere make up the devices.
  for (const quantity of ['temperature', 'distance', 'pulse_count'] as const) {
    const sum = (list: readonly number[]) => list.reduce((total, value) => total + value, 0)
    const ofDevices = sum(heard.filter((each) => each.quantity === quantity).map((each) => each.value))
    expect(sum(assets.map((asset) => found.get(`${asset} ${quantity}`) ?? 0)) + nowhere[quantity]!).toBe(ofDevices)
  }
}
