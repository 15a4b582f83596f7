import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import type { Aggregate } from '../../domain/reading.ts'
import type { Window } from '../../domain/window.ts'
import { readAssetLatest, readAssetSeries } from '../../inventory/asset-readings.ts'
import { addAsset } from '../../inventory/assets.ts'
import { addDevice } from '../../inventory/devices.ts'
import { correctInstallation, install, swapDevice } from '../../inventory/installations.ts'
import type { PartsQuery } from '../../inventory/series-parts.ts'
import type { Access } from '../../store/access.ts'
import type { IngestReader } from '../../store/ingest-reader.ts'
import { makeIngestFile } from '../support/readings.ts'
import { makeAccess, makeFolder, refusal } from '../support/registry.ts'

const hour = 3_600_000
const start = Date.UTC(2026, 0, 5)
const hourly: Window = { kind: 'fixed', ms: hour }

let access: Access
let reader: IngestReader
let hear: ReturnType<typeof makeIngestFile>['hear']

beforeEach(async () => {
  const dataDir = makeFolder()
  access = await makeAccess(dataDir)
  ;({ reader, hear } = makeIngestFile(dataDir))
  for (const id of ['d', 'e']) await addDevice(access, { id, model: 'generic-json' })
  for (const id of ['a', 'b']) await addAsset(access, { id, kind: 'building', label: id })
})

async function latest(assetId: string) {
  const found = await readAssetLatest(access, reader, assetId)
  return found.map((each) => [each.deviceId, each.channel, each.quantity, each.value])
}

function series(assetId: string, query: Partial<PartsQuery> = {}) {
  return readAssetSeries(access, reader, assetId, { from: 0, to: start + 1000 * hour, ...query })
}

const temperature = (deviceId: string, hours: number, value: number, channel = '') => ({
  deviceId,
  channel,
  quantity: 'temperature' as const,
  value,
  observedAt: start + hours * hour,
})

test('the latest of an asset comes from inside its installations, closed ones included', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await hear(temperature('d', -1, 1), temperature('d', 1, 2), temperature('d', 5, 3))
  expect(await latest('a')).toEqual([['d', '', 'temperature', 3]])
  // Recorded late: what the device said after it had left belongs elsewhere.
  await swapDevice(access, { oldDeviceId: 'd', newDeviceId: 'e', at: start + 3 * hour })
  await install(access, { deviceId: 'd', assetId: 'b', installedAt: start + 3 * hour })
  expect(await latest('a')).toEqual([['d', '', 'temperature', 2]])
  expect(await latest('b')).toEqual([['d', '', 'temperature', 3]])
  await hear(temperature('e', 2, 9))
  expect(await latest('a')).toEqual([['d', '', 'temperature', 2]])
  await hear(temperature('e', 4, 4), { ...temperature('e', 4, 40), quantity: 'relative_humidity' })
  expect(await latest('a')).toEqual([
    ['e', '', 'relative_humidity', 40],
    ['e', '', 'temperature', 4],
  ])
})

test('a channel goes to its own asset; before the first installation there is nothing', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', channel: '1', installedAt: start })
  await install(access, { deviceId: 'd', assetId: 'b', channel: '2', installedAt: start })
  await hear(temperature('d', -5, 0, '1'), temperature('d', 1, 11, '1'), temperature('d', 1, 22, '2'))
  expect(await latest('a')).toEqual([['d', '1', 'temperature', 11]])
  expect(await latest('b')).toEqual([['d', '2', 'temperature', 22]])
  expect((await series('a')).map((each) => [each.channel, each.points])).toEqual([['1', [[start + hour, 11]]]])
  expect(await series('a', { channel: '2' })).toEqual([])
  await addAsset(access, { id: 'bare', kind: 'bench', label: 'bare' })
  expect(await latest('bare')).toEqual([])
  expect(await series('bare')).toEqual([])
  expect(await refusal(readAssetLatest(access, reader, 'none'))).toBe('not_found')
  expect(await refusal(series('none'))).toBe('not_found')
})

test('a swap recorded late moves readings to the right asset', async () => {
  const { id } = await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await hear(...[0, 1, 2, 3, 4].map((i) => temperature('d', i, i)), temperature('e', 3, 30), temperature('e', 4, 40))
  await swapDevice(access, { oldDeviceId: 'd', newDeviceId: 'e', at: start + 3 * hour })
  const points = async () =>
    (await series('a')).map((each) => [
      each.deviceId,
      each.points.map(([time, value]) => [(time - start) / hour, value]),
    ])
  expect(await points()).toEqual([
    [
      'd',
      [
        [0, 0],
        [1, 1],
        [2, 2],
      ],
    ],
    [
      'e',
      [
        [3, 30],
        [4, 40],
      ],
    ],
  ])
  await correctInstallation(access, id, { installedAt: start + hour })
  expect((await points())[0]).toEqual([
    'd',
    [
      [1, 1],
      [2, 2],
    ],
  ])
})

test('a window in which a device was taken off and put back holds both parts', async () => {
  // Off from minute 20 to 40: what is read meanwhile is not this asset's.
  const minute = 60_000
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start, removedAt: start + 20 * minute })
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start + 40 * minute })
  const values = new Map([
    [5, 1],
    [10, 2],
    [15, 6],
    [30, 1000],
    [45, 10],
    [70, 7],
  ])
  for (const [at, value] of values) await hear(temperature('d', at / 60, value))
  const expected: Record<Aggregate, number> = { mean: 4.75, min: 1, max: 10, sum: 19, count: 4, first: 1, last: 10 }
  for (const [aggregate, value] of Object.entries(expected) as [Aggregate, number][])
    expect([aggregate, (await series('a', { window: hourly, aggregate }))[0]!.points]).toEqual([
      aggregate,
      [
        [start, value],
        [start + hour, aggregate === 'count' ? 1 : 7],
      ],
    ])
})

test('pages of an asset hold each point once, in one order', async () => {
  await layReadings()
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 7 }), fc.constantFrom(undefined, hourly), async (limit, window) => {
      const query = window === undefined ? {} : { window, aggregate: 'sum' as const }
      const whole = flatten(await series('a', query))
      const paged: ReturnType<typeof flatten> = []
      for (let after: PartsQuery['after']; ; ) {
        const page = await series('a', { ...query, limit, ...(after === undefined ? {} : { after }) })
        const points = flatten(page)
        expect(points.length).toBeLessThanOrEqual(limit)
        paged.push(...points)
        const last = page.at(-1)
        if (last === undefined || points.length < limit) break
        const { deviceId, channel, quantity } = last
        after = { series: { deviceId, channel, quantity }, time: last.points.at(-1)![0] }
      }
      expect(paged).toEqual(whole)
      expect(whole.length).toBeGreaterThan(10)
    }),
    { numRuns: 15 },
  )
})

async function layReadings() {
  const half = hour / 2
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start, removedAt: start + 2.75 * hour })
  await install(access, {
    deviceId: 'd',
    assetId: 'a',
    channel: '1',
    installedAt: start + 2.75 * hour,
    removedAt: start + 6 * hour,
  })
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start + 7.5 * hour })
  await install(access, { deviceId: 'e', assetId: 'a', installedAt: start + hour })
  for (let i = 0; i < 20; i++)
    for (const channel of ['', '1', '2'])
      await hear({
        deviceId: i % 2 === 0 ? 'd' : 'e',
        channel,
        quantity: 'temperature',
        value: i,
        observedAt: start + i * half,
      })
}

function flatten(found: Awaited<ReturnType<typeof series>>) {
  return found.flatMap(({ deviceId, channel, quantity, points }) =>
    points.map(([time, value]) => [deviceId, channel, quantity, time, value] as const),
  )
}
