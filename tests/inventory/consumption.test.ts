import { beforeEach, expect, test } from 'vitest'
import { addAsset } from '../../inventory/assets.ts'
import { readConsumption } from '../../inventory/consumption.ts'
import { addDevice } from '../../inventory/devices.ts'
import { install } from '../../inventory/installations.ts'
import { addMeterIndex, listMeterIndexes } from '../../inventory/meter-indexes.ts'
import type { Access } from '../../store/access.ts'
import type { IngestReader } from '../../store/ingest-reader.ts'
import { makeIngestFile } from '../support/readings.ts'
import { makeAccess, makeFolder, refusal } from '../support/registry.ts'

const hour = 3_600_000
// Midnight in Paris, on the day on which its clocks go forward.
const start = Date.UTC(2026, 2, 28, 23)
const end = start + 23 * hour

let access: Access
let reader: IngestReader
let hear: ReturnType<typeof makeIngestFile>['hear']

beforeEach(async () => {
  const dataDir = makeFolder()
  access = await makeAccess(dataDir)
  ;({ reader, hear } = makeIngestFile(dataDir))
  await addAsset(access, { id: 'school', kind: 'building', label: 'École' })
})

async function addMeter(id: string, attributes = {}) {
  await addAsset(access, { id, kind: 'energy_meter', label: id, parentId: 'school', attributes })
  await addDevice(access, { id: `d-${id}`, model: 'generic-json' })
  await install(access, { deviceId: `d-${id}`, assetId: id, installedAt: start - hour })
}

const show = (meter: string, hours: number, value: number) =>
  hear({ deviceId: `d-${meter}`, quantity: 'energy_active_import', value, observedAt: start + hours * hour })

const time = (hours: number) => new Date(start + hours * hour).toISOString()
const query = { quantity: 'energy_active_import', from: start, to: end, window: '1d', zone: 'Europe/Paris' } as const

test('a building sums its meters to the Wh: one replaced, one rolled over, one reset; each tells its share', async () => {
  for (const [id, attributes] of [
    ['old', {}],
    ['new', {}],
    ['rolls', { rolloverWh: 1_000_000, maxPowerW: 1000 }],
    ['resets', {}],
  ] as const)
    await addMeter(id, attributes)
  await show('old', 0, 500)
  await addMeterIndex(access, 'old', { quantity: 'energy_active_import', kind: 'removal', at: time(5), value: 4501 })
  await addMeterIndex(access, 'new', { quantity: 'energy_active_import', kind: 'installation', at: time(5), value: 17 })
  await show('new', 23, 3018)
  for (const [hours, value] of [
    [0, 999_000],
    [12, 1234],
    [23, 2000],
  ] as const)
    await show('rolls', hours, value)
  for (const [hours, value] of [
    [0, 70_000],
    [8, 70_500],
    [16, 250],
    [23, 251],
  ] as const)
    await show('resets', hours, value)
  const { points, meters, notices } = await readConsumption(access, reader, 'school', query)
  expect(meters).toEqual(['new', 'old', 'resets', 'rolls'])
  expect(points).toHaveLength(1)
  expect(points[0]).toMatchObject({ start, end, value: 4001 + 3001 + 3000 + 751, estimatedValue: 250, missing: 0 })
  expect(points[0]!.estimated).toBeCloseTo(8 / 69, 9)
  expect(notices.map((each) => [each.assetId, each.kind])).toEqual([
    ['resets', 'reset'],
    ['rolls', 'rollover'],
  ])
  const own = async (id: string) => (await readConsumption(access, reader, id, query)).points[0]
  expect(await own('resets')).toMatchObject({ value: 751, estimatedValue: 250, estimated: 8 / 23 })
  expect(await own('old')).toMatchObject({ value: 4001, estimatedValue: 0, measured: 1, missing: 0 })

  const hours = (await readConsumption(access, reader, 'school', { ...query, window: '1h' })).points
  expect(hours).toHaveLength(23)
  expect(hours.reduce((sum, each) => sum + each.value!, 0)).toBe(points[0]!.value)
  const inIndia = await readConsumption(access, reader, 'school', { ...query, window: '1h', zone: 'Asia/Kolkata' })
  expect(inIndia.points[0]!.start % hour).toBe(hour / 2)
  expect(inIndia.points.reduce((sum, each) => sum + (each.value ?? 0), 0)).toBe(points[0]!.value)
})

test('what hangs on a meter that counts is not counted twice; what counts nothing is null', async () => {
  await addMeter('main')
  await addAsset(access, { id: 'sub', kind: 'energy_meter', label: 'sub', parentId: 'main' })
  await addDevice(access, { id: 'd-sub', model: 'generic-json' })
  await install(access, { deviceId: 'd-sub', assetId: 'sub', installedAt: start })
  for (const id of ['main', 'sub']) {
    await show(id, 0, 0)
    await show(id, 23, 100)
  }
  expect(await readConsumption(access, reader, 'school', query)).toMatchObject({
    meters: ['main'],
    points: [{ value: 100 }],
  })
  const water = await readConsumption(access, reader, 'school', { ...query, quantity: 'water_volume' })
  expect(water).toMatchObject({ meters: [], points: [{ value: null }] })
  expect(await refusal(readConsumption(access, reader, 'school', { ...query, quantity: 'temperature' }))).toBe(
    'bad_request',
  )
  const months = readConsumption(access, reader, 'school', { ...query, from: 0, window: '1h' })
  await expect(months).rejects.toThrow('windows at once')
})

test('a device that follows another goes on with its register; a correction of an index is an entry of its own', async () => {
  await addMeter('m')
  await show('m', 0, 1000)
  const wrong = await addMeterIndex(access, 'm', {
    quantity: 'energy_active_import',
    kind: 'reading',
    at: time(10),
    value: 1500,
  })
  expect((await readConsumption(access, reader, 'm', query)).points[0]).toMatchObject({ value: 500 })
  const right = await addMeterIndex(access, 'm', {
    quantity: 'energy_active_import',
    kind: 'reading',
    at: time(10),
    value: 1400,
    corrects: wrong.id,
  })
  expect((await readConsumption(access, reader, 'm', query)).points[0]).toMatchObject({ value: 400 })
  expect((await listMeterIndexes(access, ['m'])).map((each) => each.id)).toEqual([right.id])
  const again = {
    quantity: 'energy_active_import',
    kind: 'reading',
    at: time(10),
    value: 1,
    corrects: wrong.id,
  } as const
  expect(await refusal(addMeterIndex(access, 'm', again))).toBe('not_found')
  expect(await refusal(addMeterIndex(access, 'm', { ...again, quantity: 'temperature' }))).toBe('bad_request')
})
