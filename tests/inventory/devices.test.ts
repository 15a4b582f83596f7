import { expect, test } from 'vitest'
import { addAsset } from '../../inventory/assets.ts'
import { checkAudit } from '../../inventory/audit-check.ts'
import {
  addDevice,
  getDevice,
  listDevices,
  removeDevice,
  renewSecret,
  revokeDevice,
  updateDevice,
} from '../../inventory/devices.ts'
import { install, uninstall } from '../../inventory/installations.ts'
import { addIntegration, getIntegration, listIntegrations, revokeIntegration } from '../../inventory/integrations.ts'
import { addToken, listTokens, revokeToken, verifyToken } from '../../inventory/tokens.ts'
import { readCredentials } from '../../store/credentials.ts'
import { verifySecret } from '../../store/secrets.ts'
import { makeAccess, refusal } from '../support/registry.ts'

test('a device is added, read, changed, revoked and removed', async () => {
  const access = await makeAccess()
  const { device, secret } = await addDevice(access, { id: 'd-1', model: 'generic-json', label: 'Sonde du marché' })
  const expected = {
    id: 'd-1',
    model: 'generic-json',
    label: 'Sonde du marché',
    expectedIntervalS: null,
    lifeCycle: 'active',
    service: null,
    secretSetAt: expect.any(Number),
  }
  expect(device).toEqual(expected)
  expect(secret).toHaveLength(43)
  expect(await getDevice(access, 'd-1')).toEqual(expected)
  expect(await updateDevice(access, 'd-1', { expectedIntervalS: 900, label: null })).toEqual({
    ...expected,
    expectedIntervalS: 900,
    label: null,
  })
  expect(await updateDevice(access, 'd-1', { expectedIntervalS: null })).toMatchObject({ expectedIntervalS: null })
  expect(await revokeDevice(access, 'd-1')).toMatchObject({ lifeCycle: 'revoked' })
  await removeDevice(access, 'd-1')
  expect(await refusal(getDevice(access, 'd-1'))).toBe('not_found')
  expect(await refusal(removeDevice(access, 'd-1'))).toBe('not_found')
  expect(await refusal(updateDevice(access, 'd-1', { label: 'x' }))).toBe('not_found')
})

test('what no device can be is refused', async () => {
  const access = await makeAccess()
  for (const id of ['', 'a/b', 'a+b', 'a#', 'a\u0000b', 'x'.repeat(129)])
    expect(await refusal(addDevice(access, { id, model: 'generic-json' }))).toBe('bad_request')
  expect(await refusal(addDevice(access, { id: 'd', model: 'toString' }))).toBe('unknown_model')
  expect(await refusal(addDevice(access, { id: 'd', model: 'generic-json', secret: 'short' }))).toBe('weak_secret')
  expect(await refusal(addDevice(access, { id: 'd', model: 'generic-json', expectedIntervalS: 0 }))).toBe('bad_request')
  await addDevice(access, { id: 'd', model: 'generic-json' })
  expect(await refusal(addDevice(access, { id: 'd', model: 'generic-json' }))).toBe('already_exists')
  expect(await refusal(updateDevice(access, 'd', { model: 'nothing' }))).toBe('unknown_model')
})

test('a device goes from the shelf to its asset, and to the scrap only from nowhere', async () => {
  const access = await makeAccess()
  await addDevice(access, { id: 'd', model: 'generic-json', lifeCycle: 'stored' })
  await addAsset(access, { id: 'a', kind: 'bench', label: 'Banc' })
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: 1000, removedAt: 2000 })
  expect(await getDevice(access, 'd')).toMatchObject({ lifeCycle: 'stored' })
  await install(access, { deviceId: 'd', assetId: 'a' })
  expect(await getDevice(access, 'd')).toMatchObject({ lifeCycle: 'active' })
  expect(await refusal(updateDevice(access, 'd', { lifeCycle: 'disposed' }))).toBe('in_use')
  await uninstall(access, { deviceId: 'd', removedAt: Date.now() + 1 })
  await updateDevice(access, 'd', { lifeCycle: 'disposed' })
  expect(await refusal(updateDevice(access, 'd', { lifeCycle: 'active' }))).toBe('move_not_allowed')
  expect(await refusal(install(access, { deviceId: 'd', assetId: 'a', installedAt: Date.now() + 2 }))).toBe(
    'move_not_allowed',
  )
  expect((await readCredentials(access.registry, ['d'])).get('d')).toMatchObject({ revoked: true })
  await updateDevice(access, 'd', { lifeCycle: 'stored' })
  expect((await readCredentials(access.registry, ['d'])).get('d')).toMatchObject({ revoked: false })
})

test('a device gets another secret, generated or chosen', async () => {
  const access = await makeAccess()
  const first = await addDevice(access, { id: 'd', model: 'generic-json' })
  const renewed = await renewSecret(access, 'd')
  expect(renewed.secret).not.toBe(first.secret)
  const verify = async (secret: string) =>
    verifySecret(secret, (await readCredentials(access.registry, ['d'])).get('d')!.secret)
  expect([await verify(first.secret), await verify(renewed.secret)]).toEqual([false, true])
  await renewSecret(access, 'd', { secret: 'a secret of a person' })
  expect([await verify(renewed.secret), await verify('a secret of a person')]).toEqual([false, true])
  expect(await refusal(renewSecret(access, 'd', { secret: 'short' }))).toBe('weak_secret')
  expect(await refusal(renewSecret(access, 'x'))).toBe('not_found')
  expect((await checkAudit(access)).found).toEqual([])
})

test('devices and integrations share one name space', async () => {
  const access = await makeAccess()
  await addDevice(access, { id: 'one', model: 'generic-json' })
  const integration = { format: 'generic-json', topics: ['x/#'] }
  expect(await refusal(addIntegration(access, { ...integration, name: 'one' }))).toBe('already_exists')
  await addIntegration(access, { ...integration, name: 'two' })
  expect(await refusal(addDevice(access, { id: 'two', model: 'generic-json' }))).toBe('already_exists')
})

test('devices are listed page by page, and found by words without accents', async () => {
  const access = await makeAccess()
  for (let i = 0; i < 5; i++)
    await addDevice(access, { id: `d-${i}`, model: 'generic-json', label: `Éclairage 100% n°${i}` })
  await addDevice(access, { id: 'e', model: 'linky-tic' })
  const first = await listDevices(access, { limit: 4 })
  expect(first.items.map((each) => each.id)).toEqual(['d-0', 'd-1', 'd-2', 'd-3'])
  const second = await listDevices(access, { limit: 4, cursor: first.next! })
  expect(second.items.map((each) => each.id)).toEqual(['d-4', 'e'])
  expect(second.next).toBeNull()
  const find = async (q: string) => (await listDevices(access, { limit: 50, q })).items.map((each) => each.id)
  expect(await find('eclairage 100%')).toHaveLength(5)
  expect(await find('D-3')).toEqual(['d-3'])
  expect(await find('100_')).toEqual([])
  expect(await find("'; drop table devices; --")).toEqual([])
  expect((await listDevices(access, { limit: 50, model: 'linky-tic' })).items).toHaveLength(1)
  expect(await refusal(listDevices(access, { limit: 5, cursor: '***' }))).toBe('bad_request')
})

test('an integration is added, listed and revoked; bad filters and formats are refused', async () => {
  const access = await makeAccess()
  const { secret } = await addIntegration(access, {
    name: 'net',
    format: 'chirpstack-v4',
    topics: ['application/+/device/#'],
  })
  expect(secret).toHaveLength(43)
  expect(await getIntegration(access, 'net')).toMatchObject({ name: 'net', format: 'chirpstack-v4', revokedAt: null })
  await revokeIntegration(access, 'net')
  expect((await listIntegrations(access, { limit: 10 })).items[0]!.revokedAt).not.toBeNull()
  for (const topic of ['', '#', '+/up', 'devices/#', '$SYS/#', 'a/#/b', 'a/b+', 'a\u0000'])
    expect([
      topic,
      await refusal(addIntegration(access, { name: 'n', format: 'generic-json', topics: [topic] })),
    ]).toEqual([topic, 'bad_request'])
  expect(await refusal(addIntegration(access, { name: 'n', format: 'none', topics: ['a'] }))).toBe('unknown_format')
  expect(await refusal(revokeIntegration(access, 'nobody'))).toBe('not_found')
})

test('a token is known by its whole text, and ends when it is revoked', async () => {
  const access = await makeAccess()
  const { id, token } = await addToken(access, { role: 'manager', name: 'Pages' })
  expect(await verifyToken(access.registry, token)).toEqual({ id, role: 'manager', name: 'Pages', services: null })
  for (const wrong of ['', token.slice(0, -1), `${token}x`, token.toUpperCase(), 'parvis_'.padEnd(50, 'a')])
    expect(await verifyToken(access.registry, wrong)).toBeNull()
  const [row] = await access.registry.selectFrom('tokens').selectAll().execute()
  expect(JSON.stringify(row)).not.toContain(token)
  const other = await addToken(access, { role: 'viewer' })
  await revokeToken(access, id)
  expect(await verifyToken(access.registry, token)).toBeNull()
  expect(await verifyToken(access.registry, other.token)).toMatchObject({ role: 'viewer', name: null })
  const { items } = await listTokens(access, { limit: 10 })
  expect(new Map(items.map((each) => [each.id, each.revokedAt !== null]))).toEqual(
    new Map([
      [id, true],
      [other.id, false],
    ]),
  )
  expect(await refusal(addToken(access, { role: 'owner' as never }))).toBe('bad_request')
  expect(await refusal(revokeToken(access, 'none'))).toBe('not_found')
})
