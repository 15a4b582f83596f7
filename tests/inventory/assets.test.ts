import { expect, test } from 'vitest'
import { addAsset, getAsset, listAssets, removeAsset, updateAsset } from '../../inventory/assets.ts'
import { addDevice, removeDevice } from '../../inventory/devices.ts'
import { install } from '../../inventory/installations.ts'
import { makeAccess, refusal } from '../support/registry.ts'

const bin = { id: 'bin-1', kind: 'waste_container', label: 'Conteneur du marché' }

test('an asset is added with what is known of it, and read back', async () => {
  const access = await makeAccess()
  expect(await addAsset(access, bin)).toEqual({
    ...bin,
    inventoryNumber: null,
    latitude: null,
    longitude: null,
    address: null,
    district: null,
    commune: null,
    service: null,
    parentId: null,
    lifeCycle: 'in_service',
    attributes: {},
  })
  const full = {
    id: 'lamp-1',
    kind: 'street_light',
    label: 'Luminaire 1',
    inventoryNumber: 'EP-0001',
    latitude: 47.75,
    longitude: 7.34,
    address: '3 rue de la Paix',
    district: 'Centre',
    commune: 'Mulhouse',
    service: 'Éclairage public',
    parentId: 'bin-1',
    lifeCycle: 'planned' as const,
    attributes: { powerW: 60, led: true, note: 'à vérifier' },
  }
  await addAsset(access, full)
  expect(await getAsset(access, 'lamp-1')).toEqual(full)
})

test('what no asset can be is refused', async () => {
  const access = await makeAccess()
  await addAsset(access, bin)
  expect(await refusal(addAsset(access, bin))).toBe('already_exists')
  expect(await refusal(addAsset(access, { ...bin, id: 'b', kind: 'constructor' }))).toBe('unknown_asset_kind')
  expect(await refusal(addAsset(access, { ...bin, id: 'b', label: ' ' }))).toBe('bad_request')
  expect(await refusal(addAsset(access, { ...bin, id: 'b', latitude: 47 }))).toBe('bad_request')
  expect(await refusal(addAsset(access, { ...bin, id: 'b', latitude: 91, longitude: 0 }))).toBe('bad_request')
  expect(await refusal(addAsset(access, { ...bin, id: 'b', parentId: 'nothing' }))).toBe('not_found')
  expect(await refusal(addAsset(access, { ...bin, id: 'b', colour: 'red' } as never))).toBe('bad_request')
})

test('a change keeps what it does not name; a parent may not hang on its child', async () => {
  const access = await makeAccess()
  await addAsset(access, { ...bin, latitude: 47, longitude: 7, district: 'Centre' })
  await addAsset(access, { ...bin, id: 'bin-2', parentId: 'bin-1' })
  expect(await updateAsset(access, 'bin-1', { label: 'Autre', district: null })).toMatchObject({
    label: 'Autre',
    district: null,
    latitude: 47,
    kind: 'waste_container',
  })
  expect(await refusal(updateAsset(access, 'bin-1', { longitude: null }))).toBe('bad_request')
  expect(await refusal(updateAsset(access, 'bin-1', { parentId: 'bin-2' }))).toBe('bad_request')
  expect(await refusal(updateAsset(access, 'bin-1', { parentId: 'bin-1' }))).toBe('bad_request')
  expect(await refusal(updateAsset(access, 'none', { label: 'x' }))).toBe('not_found')
})

test('assets are found by kind, service and folded words', async () => {
  const access = await makeAccess()
  await addAsset(access, { ...bin, service: 'Propreté', address: 'Quai de l’Œuvre' })
  await addAsset(access, { id: 'lamp', kind: 'street_light', label: 'Luminaire', district: 'Dornach' })
  const find = async (filter: object) =>
    (await listAssets(access, { limit: 10, ...filter })).items.map((each) => each.id)
  expect(await find({ kind: 'street_light' })).toEqual(['lamp'])
  expect(await find({ service: 'Propreté' })).toEqual(['bin-1'])
  expect(await find({ q: "marche l'oeuvre" })).toEqual(['bin-1'])
  expect(await find({ q: 'DORNACH' })).toEqual(['lamp'])
  expect(await find({ q: '%' })).toEqual([])
})

test('what has a history cannot be removed', async () => {
  const access = await makeAccess()
  await addAsset(access, bin)
  await addAsset(access, { ...bin, id: 'child', parentId: 'bin-1' })
  expect(await refusal(removeAsset(access, 'bin-1'))).toBe('in_use')
  await removeAsset(access, 'child')
  await addDevice(access, { id: 'd', model: 'generic-json' })
  await install(access, { deviceId: 'd', assetId: 'bin-1' })
  expect(await refusal(removeAsset(access, 'bin-1'))).toBe('in_use')
  expect(await refusal(removeDevice(access, 'd'))).toBe('in_use')
  expect(await refusal(removeAsset(access, 'child'))).toBe('not_found')
})
