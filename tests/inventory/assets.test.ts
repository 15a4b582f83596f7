import { expect, test } from 'vitest'
import { addAsset, getAsset, listAssets, removeAsset, updateAsset } from '../../inventory/assets.ts'
import { addDevice, removeDevice } from '../../inventory/devices.ts'
import { install } from '../../inventory/installations.ts'
import { makeAccess, refusal } from '../support/registry.ts'

const bin = { id: 'bin-1', kind: 'waste_container', label: 'Conteneur du marché' }

const undated = { condition: null, acquiredOn: null, commissionedOn: null, warrantyUntil: null, disposedOn: null }

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
    ...undated,
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
    condition: 'new' as const,
    acquiredOn: '2026-02-01',
    commissionedOn: null,
    warrantyUntil: '2029-02-01',
    disposedOn: null,
    attributes: { lanternPowerW: 60, lamp: 'led', note: 'à vérifier', checked: true },
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

test('the attributes of a kind are held to what it says, those that it does not know are kept', async () => {
  const access = await makeAccess()
  const meter = { id: 'm', kind: 'energy_meter', label: 'Compteur' }
  const wrong: [string, string | number][] = [
    ['prm', '123'],
    ['subscribedPowerKva', -1],
    ['sealedUntil', '31/12/2026'],
    ['PRM', '1'],
  ]
  for (const [name, value] of wrong)
    expect(await refusal(addAsset(access, { ...meter, attributes: { [name]: value } }))).toBe('bad_request')
  await expect(addAsset(access, { ...bin, attributes: { volume_l: 3 } })).rejects.toThrow('is called volumeL')
  await expect(addAsset(access, { ...bin, attributes: { wasteStream: 'gold' } })).rejects.toThrow('one of residual')
  const attributes = { prm: '12345678901234', subscribedPowerKva: 36, colour: 'gris', ligne: '12', gone: null }
  const { gone, ...kept } = attributes
  expect((await addAsset(access, { ...meter, attributes })).attributes).toEqual(kept)
  expect(gone).toBeNull()
})

test('an inventory number is never used again, not even when its asset is gone', async () => {
  const access = await makeAccess()
  await addAsset(access, { ...bin, inventoryNumber: 'N-1' })
  expect(await refusal(addAsset(access, { ...bin, id: 'b', inventoryNumber: 'N-1' }))).toBe('already_exists')
  expect(await refusal(addAsset(access, { ...bin, id: 'b', inventoryNumber: 'x'.repeat(26) }))).toBe('bad_request')
  await updateAsset(access, 'bin-1', { inventoryNumber: 'N-2' })
  await addAsset(access, { ...bin, id: 'b' })
  expect(await refusal(updateAsset(access, 'b', { inventoryNumber: 'N-1' }))).toBe('already_exists')
  await updateAsset(access, 'bin-1', { inventoryNumber: 'N-1' })
  await removeAsset(access, 'bin-1')
  expect(await refusal(updateAsset(access, 'b', { inventoryNumber: 'N-1' }))).toBe('already_exists')
  const { items } = await listAssets(access, { limit: 10, inventoryNumber: 'N-2' })
  expect(items).toEqual([])
})

test('a life cycle goes its way only', async () => {
  const access = await makeAccess()
  await addAsset(access, { ...bin, lifeCycle: 'planned' })
  for (const lifeCycle of ['in_service', 'stored', 'out_of_service', 'in_service', 'disposed'] as const)
    expect((await updateAsset(access, 'bin-1', { lifeCycle })).lifeCycle).toBe(lifeCycle)
  expect(await refusal(updateAsset(access, 'bin-1', { lifeCycle: 'in_service' }))).toBe('move_not_allowed')
  expect(await refusal(updateAsset(access, 'bin-1', { lifeCycle: 'planned' }))).toBe('move_not_allowed')
  expect((await updateAsset(access, 'bin-1', { lifeCycle: 'out_of_service' })).lifeCycle).toBe('out_of_service')
})
