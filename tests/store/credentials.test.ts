import { expect, test } from 'vitest'
import { addDevice, removeDevice, revokeDevice } from '../../inventory/devices.ts'
import { addIntegration, revokeIntegration } from '../../inventory/integrations.ts'
import { readChanges, readCredentials } from '../../store/credentials.ts'
import { readDevices, readIntegrations } from '../../store/device-lookup.ts'
import { readRevision } from '../../store/registry.ts'
import { verifySecret } from '../../store/secrets.ts'
import { makeRegistry } from '../support/registry.ts'

test('credentials of devices and integrations, by name, more than one statement takes', async () => {
  const registry = await makeRegistry()
  const { secret } = await addDevice(registry, { id: 'd-1', model: 'generic-json' })
  await addDevice(registry, { id: 'd-2', model: 'generic-json', secret: 'a secret of a person' })
  await revokeDevice(registry, 'd-2')
  await addIntegration(registry, { name: 'net', format: 'chirpstack-v4', topics: ['application/#'] })
  const names = ['d-1', ...Array.from({ length: 1200 }, (_, i) => `nobody-${i}`), 'd-2', 'net', '__proto__']
  const found = await readCredentials(registry, names)
  expect([...found.keys()].sort()).toEqual(['d-1', 'd-2', 'net'])
  const { secret: stored, ...first } = found.get('d-1')!
  expect(first).toEqual({ kind: 'device', name: 'd-1', revoked: false, topics: [] })
  expect(verifySecret(secret, stored)).toBe(true)
  expect(found.get('d-2')!.revoked).toBe(true)
  expect(await verifySecret('a secret of a person', found.get('d-2')!.secret)).toBe(true)
  expect(found.get('net')).toMatchObject({ kind: 'integration', revoked: false, topics: ['application/#'] })
  expect(await readCredentials(registry, [])).toEqual(new Map())
})

test('changes since a revision: added, changed, revoked and removed', async () => {
  const registry = await makeRegistry()
  await addDevice(registry, { id: 'old', model: 'generic-json' })
  const since = await readRevision(registry)
  expect(await readChanges(registry, since)).toEqual({ revision: since, devices: [], integrations: [] })

  await addDevice(registry, { id: 'new', model: 'generic-json' })
  await addDevice(registry, { id: 'mistake', model: 'generic-json' })
  await removeDevice(registry, 'mistake')
  await addIntegration(registry, { name: 'net', format: 'generic-json', topics: ['net/#'] })
  const changes = await readChanges(registry, since)
  expect(changes.devices.sort()).toEqual(['mistake', 'new'])
  expect(changes.integrations).toEqual(['net'])

  await revokeDevice(registry, 'old')
  await revokeIntegration(registry, 'net')
  expect(await readChanges(registry, changes.revision)).toMatchObject({ devices: ['old'], integrations: ['net'] })
})

test('what ingest looks up', async () => {
  const registry = await makeRegistry()
  await addDevice(registry, { id: 'd-1', model: 'generic-json' })
  await revokeDevice(registry, 'd-1')
  await addIntegration(registry, { name: 'net', format: 'chirpstack-v4', topics: ['application/#', 'b/+'] })
  expect(await readDevices(registry, ['d-1', 'x'])).toEqual(
    new Map([['d-1', { id: 'd-1', model: 'generic-json', lifeCycle: 'revoked' }]]),
  )
  expect(await readIntegrations(registry)).toEqual(
    new Map([['net', { name: 'net', format: 'chirpstack-v4', topics: ['application/#', 'b/+'] }]]),
  )
})
