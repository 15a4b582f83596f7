import { beforeEach, expect, test } from 'vitest'
import { addAsset } from '../../inventory/assets.ts'
import { addDevice } from '../../inventory/devices.ts'
import { readEnergyToday } from '../../inventory/energy-today.ts'
import { install } from '../../inventory/installations.ts'
import { openStatusBoard, type StatusBoard } from '../../inventory/status-board.ts'
import { foldStatus } from '../../inventory/status-fold.ts'
import { listStatusPoints } from '../../inventory/status-points.ts'
import { listNeeds } from '../../inventory/today.ts'
import { type Access, openAccess } from '../../store/access.ts'
import type { IngestReader } from '../../store/ingest-reader.ts'
import { makeIngestFile } from '../support/readings.ts'
import { makeAccess, makeFolder } from '../support/registry.ts'

const hour = 3_600_000
const day = 24 * hour
// A winter's day at Mulhouse: the sun is up from about half past seven to a quarter to four, UTC.
const noon = Date.UTC(2030, 0, 15, 11, 30)
const night = Date.UTC(2030, 0, 15, 3, 0)
const place = { latitude: 47.7508, longitude: 7.3359 }

let access: Access
let board: StatusBoard
let reader: IngestReader
let hear: ReturnType<typeof makeIngestFile>['hear']

beforeEach(async () => {
  const dataDir = makeFolder()
  access = await makeAccess(dataDir)
  board = openStatusBoard()
  ;({ reader, hear } = makeIngestFile(dataDir))
})

/** An asset with a device of its own, `id` both. */
async function addWatched(id: string, asset: Omit<Parameters<typeof addAsset>[1], 'id' | 'label'>): Promise<void> {
  await addAsset(access, { id, label: id, ...asset })
  await addDevice(access, { id, model: 'generic-json', expectedIntervalS: 3600 })
  await install(access, { deviceId: id, assetId: id, installedAt: night - 30 * day })
}
const fold = (now: number) => foldStatus(access.registry, reader, { now, listener: board })
const needAt = (code: string, now: number, services: string[] | null = null) =>
  listNeeds({ services }, board, now).needs.find((need) => need.code === code)!

test('a lamp that burns in broad daylight calls for attention; by night, without a place, or off it does not', async () => {
  for (const id of ['by-day', 'by-night', 'off']) await addWatched(id, { kind: 'street_light', ...place })
  await addWatched('somewhere', { kind: 'street_light' })
  await hear(
    { deviceId: 'by-day', quantity: 'lamp_state', value: 1, observedAt: noon },
    { deviceId: 'by-night', quantity: 'lamp_state', value: 1, observedAt: night },
    { deviceId: 'off', quantity: 'lamp_state', value: 0, observedAt: noon },
    { deviceId: 'somewhere', quantity: 'lamp_state', value: 1, observedAt: noon },
  )
  await fold(noon)
  // The lamp that was last heard by night is silent by noon: its three hours are over.
  expect(needAt('lamp_by_day', night + hour)).toMatchObject({ count: 1, of: 4 })
  expect(needAt('lamp_by_day', noon).worst.map((each) => each.assetId)).toEqual(['by-day'])
  expect(needAt('lamp_by_day', noon)).toMatchObject({ count: 1, of: 4, heard: 3 })
})

test('each need tells how many there are, how many are new, what it rests on, and the worst of them first', async () => {
  for (const [i, level] of [95, 91, 40, 97].entries()) {
    await addWatched(`bin-${i}`, { kind: 'waste_container', service: i === 3 ? 'Voirie' : 'Propreté' })
    await hear({ deviceId: `bin-${i}`, quantity: 'fill_level', value: level, observedAt: noon - i * 1000 })
  }
  await addAsset(access, { id: 'bin-9', kind: 'waste_container', label: 'without a probe', service: 'Propreté' })
  await hear({ deviceId: 'bin-2', quantity: 'battery_level', value: 7, observedAt: noon })
  await fold(noon)
  const full = needAt('nearly_full', noon)
  expect(full).toMatchObject({ count: 3, recent: 3, of: 5, heard: 4 })
  expect(full.worst.map((each) => each.assetId)).toEqual(['bin-3', 'bin-1', 'bin-0'])
  expect(needAt('nearly_full', noon, ['Voirie'])).toMatchObject({ count: 1, of: 1, heard: 1 })
  expect(needAt('low_battery', noon)).toMatchObject({ count: 1, of: 1, worst: [{ assetId: 'bin-2', battery: 7 }] })

  // Three hours later all that was heard is silent; a day after that, nothing of it is new.
  const silent = noon + 3 * hour + 1
  expect(needAt('silent', silent)).toMatchObject({ count: 4, recent: 4, of: 4, heard: 0 })
  expect(needAt('nearly_full', silent)).toMatchObject({ count: 0, of: 5, heard: 0 })
  expect(needAt('silent', silent + day)).toMatchObject({ count: 4, recent: 0 })
  expect(listNeeds(access, board, silent).states).toMatchObject({ silent: 4, never_seen: 1, working: 0 })
})

test('the energy of today compares the meters that were read then and now, and counts no meter twice', async () => {
  await addWatched('main', { kind: 'energy_meter', service: 'Bâtiments' })
  await addWatched('part', { kind: 'energy_meter', parentId: 'main', service: 'Bâtiments' })
  await addWatched('new', { kind: 'energy_meter', service: 'Bâtiments' })
  await addWatched('reset', { kind: 'energy_meter', service: 'Voirie' })
  const start = Date.UTC(2030, 0, 14, 23)
  const index = (deviceId: string, observedAt: number, value: number) =>
    hear({ deviceId, quantity: 'energy_active_import', value, observedAt })
  for (const id of ['main', 'part', 'reset']) {
    await index(id, start - 7 * day - hour / 2, 1000)
    await index(id, noon - 7 * day - hour / 2, 3000)
    await index(id, start - hour / 2, 10_000)
  }
  await index('new', start - hour / 2, 500)
  await index('new', noon - hour / 2, 900)
  await index('main', noon - hour / 2, 13_000)
  await index('part', noon - hour / 2, 13_000)
  await index('reset', noon - hour / 2, 20)
  const read = (who: Access) => readEnergyToday(who, reader.readings, 'Europe/Paris', noon)
  expect(await read(access)).toEqual({ value: 3000, before: 2000, meters: 1, of: 3 })
  const limited = openAccess(access.registry, access.actor, { services: ['Voirie'] })
  expect(await read(limited)).toEqual({ value: null, before: null, meters: 0, of: 1 })
  // Nobody knows last week's: today's are told alone.
  await addDevice(access, { id: 'd', model: 'generic-json' })
  const alone = openAccess(access.registry, access.actor, { services: ['Bâtiments'] })
  expect(await readEnergyToday(alone, reader.readings, 'Europe/Paris', noon + 7 * day)).toMatchObject({ value: null })
})

test('the points of a map are columns of what has a place and may be seen', async () => {
  await addWatched('bin', { kind: 'waste_container', ...place, district: 'Gare', service: 'Propreté' })
  await addWatched('lamp', { kind: 'street_light', ...place, service: 'Voirie' })
  await addAsset(access, { id: 'nowhere', kind: 'bench', label: 'nowhere', service: 'Propreté' })
  await hear({ deviceId: 'bin', quantity: 'fill_level', value: 99, observedAt: noon })
  await hear({ deviceId: 'bin', quantity: 'battery_level', value: 1, observedAt: noon })
  await fold(noon)
  const points = listStatusPoints(access, board, {}, noon)
  expect(points).toMatchObject({ id: ['bin', 'lamp'], unplaced: 1, truncated: false, longitude: [7.3359, 7.3359] })
  const { words } = points
  expect(points.state.map((each) => words.state[each])).toEqual(['attention', 'never_seen'])
  expect(points.kind.map((each) => words.kind[each])).toEqual(['waste_container', 'street_light'])
  expect(points.district.map((each) => words.district[each])).toEqual(['Gare', null])
  expect(words.attention.filter((_, bit) => (points.attention[0]! & (1 << bit)) !== 0)).toEqual([
    'low_battery',
    'nearly_full',
  ])
  expect(listStatusPoints({ services: ['Voirie'] }, board, {}, noon).id).toEqual(['lamp'])
  expect(listStatusPoints(access, board, { state: ['attention', 'silent'] }, noon).id).toEqual(['bin'])
  expect(listStatusPoints(access, board, { attention: 'low_battery' }, noon).id).toEqual(['bin'])
  expect(listStatusPoints(access, board, { limit: 1 }, noon)).toMatchObject({ id: ['bin'], truncated: true })
})
