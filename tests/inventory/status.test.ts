import { beforeEach, expect, test } from 'vitest'
import type { AssetState } from '../../domain/asset.ts'
import { parseBox } from '../../domain/place.ts'
import { addAsset, removeAsset, updateAsset } from '../../inventory/assets.ts'
import { addDevice, updateDevice } from '../../inventory/devices.ts'
import { correctInstallation, install, swapDevice, uninstall } from '../../inventory/installations.ts'
import { countStatus, listStatus, listStatusGeojson } from '../../inventory/status.ts'
import { openStatusBoard, type StatusBoard } from '../../inventory/status-board.ts'
import { foldStatus } from '../../inventory/status-fold.ts'
import type { Access } from '../../store/access.ts'
import type { IngestReader } from '../../store/ingest-reader.ts'
import { makeIngestFile } from '../support/readings.ts'
import { makeAccess, makeFolder, refusal } from '../support/registry.ts'

const minute = 60_000
// Far from now, so that nothing here depends on the wall clock but what was created when.
const start = Date.UTC(2030, 0, 1)

let access: Access
let board: StatusBoard
let reader: IngestReader
let hear: ReturnType<typeof makeIngestFile>['hear']

beforeEach(async () => {
  const dataDir = makeFolder()
  access = await makeAccess(dataDir)
  board = openStatusBoard()
  ;({ reader, hear } = makeIngestFile(dataDir))
  // Silent after three times ten minutes.
  for (const id of ['d', 'e']) await addDevice(access, { id, model: 'generic-json', expectedIntervalS: 600 })
  for (const id of ['a', 'b']) await addAsset(access, { id, kind: 'waste_container', label: `Bac ${id}` })
})

async function statusAt(now: number, assetId = 'a') {
  await foldStatus(access.registry, reader, { now, listener: board })
  return (await listStatus(access, board, { limit: 10 }, now)).items.find((each) => each.assetId === assetId)!
}

test('an asset is never seen, then working, then silent without a write, then working again', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  expect(await statusAt(start)).toMatchObject({
    state: 'never_seen',
    since: start,
    lastSeenAt: null,
    silentAt: null,
    deviceId: 'd',
  })

  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + minute })
  const working = { state: 'working', since: start + minute, lastSeenAt: start + minute, silentAt: start + 31 * minute }
  expect(await statusAt(start + 2 * minute)).toMatchObject(working)
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + 5 * minute })
  expect(await statusAt(start + 6 * minute)).toMatchObject({ state: 'working', since: start + minute })

  // Read at a later time, without a fold in between.
  const later = start + 35 * minute
  expect((await listStatus(access, board, { limit: 10 }, later)).items[0]).toMatchObject({
    state: 'silent',
    since: later,
  })
  expect((await listStatus(access, board, { limit: 10 }, later - 1)).items[0]!.state).toBe('working')
  expect((await foldStatus(access.registry, reader, { now: later, listener: board })).assets).toBe(0)

  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + 60 * minute })
  expect(await statusAt(start + 61 * minute)).toMatchObject({ state: 'working', since: start + 60 * minute })
})

test('a fold takes up only what changed', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await install(access, { deviceId: 'e', assetId: 'b', installedAt: start })
  const fold = async () => (await foldStatus(access.registry, reader, { now: start + minute, listener: board })).assets
  expect(await fold()).toBe(2)
  expect(await fold()).toBe(0)
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start })
  expect(await fold()).toBe(1)
  expect(await fold()).toBe(0)
  await updateDevice(access, 'e', { expectedIntervalS: 60 })
  expect(await fold()).toBe(1)
  await updateAsset(access, 'b', { label: 'Autre' })
  expect(await fold()).toBe(1)
  expect((await statusAt(start + minute, 'b')).label).toBe('Autre')
  await hear({ deviceId: 'unknown', quantity: 'fill_level', value: 10, observedAt: start })
  expect(await fold()).toBe(0)
})

test('attention: a low battery, a lamp in fault, a full bin', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  const now = start + 10 * minute
  await hear({ deviceId: 'd', quantity: 'battery_level', value: 20, observedAt: start + minute })
  expect(await statusAt(now)).toMatchObject({ state: 'working', battery: 20, attentions: [] })
  await hear(
    { deviceId: 'd', quantity: 'battery_level', value: 19.9, observedAt: start + 2 * minute },
    { deviceId: 'd', quantity: 'fill_level', value: 95, observedAt: start + 2 * minute },
    { deviceId: 'd', quantity: 'lamp_state', value: 2, observedAt: start + 2 * minute },
  )
  expect(await statusAt(now)).toMatchObject({
    state: 'attention',
    since: start + 2 * minute,
    battery: 19.9,
    attentions: ['low_battery', 'lamp_fault', 'nearly_full'],
  })
  // What a device said before it came here says nothing of this asset.
  await swapDevice(access, { oldDeviceId: 'd', newDeviceId: 'e', at: start + 5 * minute })
  await install(access, { deviceId: 'd', assetId: 'b', installedAt: start + 5 * minute })
  expect(await statusAt(now, 'b')).toMatchObject({ state: 'never_seen', battery: null, attentions: [] })
})

test('what an asset is not in service for is told as such', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start })
  expect((await statusAt(start)).state).toBe('working')
  await updateAsset(access, 'a', { lifeCycle: 'out_of_service' })
  expect(await statusAt(start + minute)).toMatchObject({
    state: 'out_of_service',
    since: start + minute,
    silentAt: null,
  })
  expect((await listStatus(access, board, { limit: 10 }, start + 100 * minute)).items[0]!.state).toBe('out_of_service')
  await updateAsset(access, 'a', { lifeCycle: 'in_service' })
  expect((await statusAt(start + 2 * minute)).state).toBe('working')
})

test('after a swap the asset goes on as it was heard; the old device speaks for its new place only', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + minute })
  await swapDevice(access, { oldDeviceId: 'd', newDeviceId: 'e', at: start + 2 * minute })
  expect(await statusAt(start + 3 * minute)).toMatchObject({
    state: 'working',
    lastSeenAt: start + minute,
    deviceId: 'e',
    silentAt: start + 32 * minute,
  })
  await install(access, { deviceId: 'd', assetId: 'b', installedAt: start + 2 * minute })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + 4 * minute })
  await updateAsset(access, 'a', { label: 'Autre' })
  expect(await statusAt(start + 5 * minute)).toMatchObject({ label: 'Autre', lastSeenAt: start + minute })
  expect(await statusAt(start + 5 * minute, 'b')).toMatchObject({ state: 'working', lastSeenAt: start + 4 * minute })
})

test('with two devices, one that falls silent calls for attention, and both make the asset silent', async () => {
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await install(access, { deviceId: 'e', assetId: 'a', installedAt: start })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start })
  await hear({ deviceId: 'e', quantity: 'fill_level', value: 10, observedAt: start + 20 * minute })
  expect(await statusAt(start + 29 * minute)).toMatchObject({ state: 'working', lastSeenAt: start + 20 * minute })
  const half = { state: 'attention', since: start + 30 * minute, attentions: ['device_silent'] }
  expect(await statusAt(start + 30 * minute)).toMatchObject(half)
  expect(
    await countStatus(access, board, { kind: 'waste_container', state: ['attention'] }, start + 49 * minute),
  ).toEqual([{ kind: 'waste_container', state: 'attention', count: 1 }])
  expect(await statusAt(start + 50 * minute)).toMatchObject({
    state: 'silent',
    since: start + 50 * minute,
    attentions: [],
  })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + 60 * minute })
  expect(await statusAt(start + 61 * minute)).toMatchObject({ state: 'attention', since: start + 50 * minute })
  await hear({ deviceId: 'e', quantity: 'fill_level', value: 10, observedAt: start + 62 * minute })
  expect(await statusAt(start + 63 * minute)).toMatchObject({ state: 'working', since: start + 62 * minute })
})

test('a device that never spoke calls for attention, and does not silence the other', async () => {
  await install(access, { deviceId: 'e', assetId: 'a', installedAt: start - 100 * minute })
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start })
  expect(await statusAt(start + minute)).toMatchObject({ state: 'attention', attentions: ['device_silent'] })
  expect(await statusAt(start + 30 * minute)).toMatchObject({ state: 'silent', since: start + 30 * minute })
})

test('an installation that begins or ends in the future counts when its time has come', async () => {
  await install(access, {
    deviceId: 'd',
    assetId: 'a',
    installedAt: start + 10 * minute,
    removedAt: start + 20 * minute,
  })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + 11 * minute })
  expect(await statusAt(start)).toMatchObject({ state: 'never_seen', deviceId: null })
  expect(await statusAt(start + 12 * minute)).toMatchObject({ state: 'working', deviceId: 'd' })
  expect((await foldStatus(access.registry, reader, { now: start + 20 * minute, listener: board })).assets).toBe(1)
})

test('a correction mends both assets', async () => {
  const { id } = await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start })
  expect((await statusAt(start)).state).toBe('working')
  await correctInstallation(access, id, { assetId: 'b' })
  expect((await statusAt(start)).state).toBe('never_seen')
  expect((await statusAt(start, 'b')).state).toBe('working')
})

test('counts, filters, pages and the map tell the same', async () => {
  await updateAsset(access, 'a', { latitude: 47.75, longitude: 7.34, service: 'Propreté', district: 'Centre' })
  await updateAsset(access, 'b', { latitude: 48.5, longitude: -179, district: 'Dornach' })
  await addAsset(access, { id: 'c', kind: 'bench', label: 'Banc', latitude: -17, longitude: 179 })
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: start })
  await install(access, { deviceId: 'e', assetId: 'b', installedAt: start })
  await hear({ deviceId: 'd', quantity: 'fill_level', value: 10, observedAt: start + 20 * minute })
  await hear({ deviceId: 'e', quantity: 'fill_level', value: 10, observedAt: start })
  const now = start + 40 * minute
  await foldStatus(access.registry, reader, { now, listener: board })
  const ids = async (filter: Parameters<typeof countStatus>[2]) =>
    (await listStatus(access, board, { limit: 50, ...filter }, now)).items.map((each) => each.assetId)

  expect(await countStatus(access, board, {}, now)).toEqual([
    { kind: 'bench', state: 'never_seen', count: 1 },
    { kind: 'waste_container', state: 'silent', count: 1 },
    { kind: 'waste_container', state: 'working', count: 1 },
  ])
  for (const state of ['working', 'silent', 'never_seen', 'attention', 'out_of_service'] satisfies AssetState[]) {
    const counted = (await countStatus(access, board, { state: [state] }, now)).reduce(
      (sum, each) => sum + each.count,
      0,
    )
    expect([state, (await ids({ state: [state] })).length]).toEqual([state, counted])
  }
  expect(await ids({ state: ['silent'] })).toEqual(['b'])
  expect(await ids({ kind: 'bench' })).toEqual(['c'])
  expect(await ids({ service: 'Propreté' })).toEqual(['a'])
  expect(await ids({ district: 'Dornach' })).toEqual(['b'])
  expect(await ids({ q: 'bac centre' })).toEqual(['a'])
  expect(await ids({ areas: [parseBox('7,47,8,48')!] })).toEqual(['a'])
  expect(await ids({ areas: [parseBox('170,-90,-170,90')!] })).toEqual(['b', 'c'])

  const first = await listStatus(access, board, { limit: 2 }, now)
  const second = await listStatus(access, board, { limit: 2, cursor: first.next! }, now)
  expect([...first.items, ...second.items].map((each) => each.assetId)).toEqual(['a', 'b', 'c'])
  expect(second.next).toBeNull()

  const map = await listStatusGeojson(access, board, { kind: 'waste_container' }, now)
  expect(map.truncated).toBe(false)
  expect(map.features[0]).toMatchObject({
    type: 'Feature',
    id: 'a',
    geometry: { type: 'Point', coordinates: [7.34, 47.75] },
    properties: { state: 'working', lastSeenAt: '2030-01-01T00:20:00.000Z' },
  })
  expect(await listStatusGeojson(access, board, { limit: 1 }, now)).toMatchObject({ truncated: true })
})

test('an asset that is removed leaves the list', async () => {
  await statusAt(start)
  await removeAsset(access, 'b')
  expect(await statusAt(start, 'b')).toBeUndefined()
  expect(await refusal(uninstall(access, { deviceId: 'd' }))).toBe('not_installed')
})
