import { expect, test } from 'vitest'
import { addDevice, removeDevice, revokeDevice } from '../../inventory/devices.ts'
import { addIntegration, revokeIntegration } from '../../inventory/integrations.ts'
import { readChanges, readCredentials } from '../../store/credentials.ts'
import { readDevices, readIntegrations } from '../../store/device-lookup.ts'
import { readRevision } from '../../store/registry.ts'
import { verifySecret } from '../../store/secrets.ts'
import { makeAccess } from '../support/registry.ts'

test('credentials of devices and integrations, by name, more than one statement takes', async () => {
  const access = await makeAccess()
  const { secret } = await addDevice(access, { id: 'd-1', model: 'generic-json' })
  await addDevice(access, { id: 'd-2', model: 'generic-json', secret: 'a secret of a person' })
  await revokeDevice(access, 'd-2')
  await addIntegration(access, { name: 'net', format: 'chirpstack-v4', topics: ['application/#'] })
  const names = ['d-1', ...Array.from({ length: 1200 }, (_, i) => `nobody-${i}`), 'd-2', 'net', '__proto__']
  const found = await readCredentials(access.registry, names)
  expect([...found.keys()].sort()).toEqual(['d-1', 'd-2', 'net'])
  const { secret: stored, ...first } = found.get('d-1')!
  expect(first).toEqual({ kind: 'device', name: 'd-1', revoked: false, secretRevision: 1, topics: [] })
  expect(verifySecret(secret, stored)).toBe(true)
  expect(found.get('d-2')!.revoked).toBe(true)
  expect(await verifySecret('a secret of a person', found.get('d-2')!.secret)).toBe(true)
  expect(found.get('net')).toMatchObject({ kind: 'integration', revoked: false, topics: ['application/#'] })
  expect(await readCredentials(access.registry, [])).toEqual(new Map())
})

test('changes since a revision: added, changed, revoked and removed', async () => {
  const access = await makeAccess()
  await addDevice(access, { id: 'old', model: 'generic-json' })
  const since = await readRevision(access.registry)
  expect(await readChanges(access.registry, since)).toEqual({
    revision: since,
    devices: [],
    integrations: [],
    models: [],
  })

  await addDevice(access, { id: 'new', model: 'generic-json' })
  await addDevice(access, { id: 'mistake', model: 'generic-json' })
  await removeDevice(access, 'mistake')
  await addIntegration(access, { name: 'net', format: 'generic-json', topics: ['net/#'] })
  const changes = await readChanges(access.registry, since)
  expect(changes.devices.sort()).toEqual(['mistake', 'new'])
  expect(changes.integrations).toEqual(['net'])

  await revokeDevice(access, 'old')
  await revokeIntegration(access, 'net')
  expect(await readChanges(access.registry, changes.revision)).toMatchObject({
    devices: ['old'],
    integrations: ['net'],
  })
})

test('what ingest looks up', async () => {
  const access = await makeAccess()
  await addDevice(access, { id: 'd-1', model: 'generic-json' })
  await revokeDevice(access, 'd-1')
  await addIntegration(access, { name: 'net', format: 'chirpstack-v4', topics: ['application/#', 'b/+'] })
  expect(await readDevices(access.registry, ['d-1', 'x'])).toEqual(
    new Map([['d-1', { id: 'd-1', model: 'generic-json', lifeCycle: 'revoked' }]]),
  )
  expect(await readIntegrations(access.registry)).toEqual(
    new Map([['net', { name: 'net', format: 'chirpstack-v4', topics: ['application/#', 'b/+'] }]]),
  )
})
