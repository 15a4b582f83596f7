import { expect, test } from 'vitest'
import type { Latest } from '../../domain/reading.ts'
import { addAsset } from '../../inventory/assets.ts'
import { addDevice, revokeDevice } from '../../inventory/devices.ts'
import { openFleet } from '../../inventory/fleet.ts'
import { install } from '../../inventory/installations.ts'
import { openAccess } from '../../store/access.ts'
import { makeAccess, refusal } from '../support/registry.ts'

const minuteMs = 60_000

function reading(deviceId: string, quantity: Latest['quantity'], value: number, observedAt: number): Latest {
  return { deviceId, channel: '', quantity, value, observedAt, receivedAt: observedAt, seq: 1 }
}

async function makeFleet() {
  const access = await makeAccess()
  const now = Date.now()
  for (const id of ['fine', 'late', 'low', 'new', 'gone'])
    await addDevice(access, {
      id,
      model: 'generic-json',
      expectedIntervalS: 600,
      service: id === 'fine' ? 'Voirie' : 'Eau',
    })
  await revokeDevice(access, 'gone')
  await addAsset(access, { id: 'bin-1', kind: 'waste_container', label: 'Bac', service: 'Voirie' })
  await install(access, { deviceId: 'fine', assetId: 'bin-1', installedAt: now - 60 * minuteMs })
  const heard: Record<string, number> = { fine: now - minuteMs, late: now - 31 * minuteMs, low: now - minuteMs }
  const latest = [
    reading('fine', 'battery_level', 80, now - minuteMs),
    reading('low', 'battery_level', 60, now - 9 * minuteMs),
    reading('low', 'battery_level', 12, now - minuteMs),
    reading('low', 'rssi', -110, now - minuteMs),
  ]
  const fleet = openFleet({
    activityOf: (ids) =>
      ids.filter((id) => id in heard).map((deviceId) => ({ deviceId, lastSeenAt: heard[deviceId]!, seq: 1 })),
    latestOf: (ids) => latest.filter(({ deviceId }) => ids.includes(deviceId)),
  })
  return { access, fleet, now }
}

test('what calls for work comes first: silent after three intervals, then low batteries', async () => {
  const { access, fleet, now } = await makeFleet()
  const { items } = await fleet.list(access, { limit: 10 })
  expect(items.map(({ deviceId, state }) => [deviceId, state])).toEqual([
    ['late', 'silent'],
    ['low', 'attention'],
    ['new', 'never_seen'],
    ['fine', 'working'],
    ['gone', 'out_of_service'],
  ])
  expect(items[0]).toMatchObject({ silentAt: now - minuteMs, intervalS: 600 })
  expect(items[1]).toMatchObject({ battery: 12, rssi: -110, snr: null })
  expect(items[3]).toMatchObject({ assetId: 'bin-1', battery: 80 })
  expect(await fleet.count(access, {})).toEqual(items.map(({ state }) => ({ state, count: 1 })))
})

test.each(['urgency', 'id', 'lastSeenAt', 'battery', 'rssi'] as const)(
  'pages by %s hold each device once',
  async (sort) => {
    const { access, fleet } = await makeFleet()
    const whole = await fleet.list(access, { limit: 10, sort })
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await fleet.list(access, { limit: 2, sort, cursor })
      seen.push(...page.items.map((row) => row.deviceId))
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual(whole.items.map((row) => row.deviceId))
    expect(new Set(seen).size).toBe(5)
    expect(await refusal(fleet.list(access, { limit: 2, cursor: 'e30' }))).toBe('bad_request')
  },
)

test('a filter narrows list and counts, and who is limited to a service sees its devices alone', async () => {
  const { access, fleet } = await makeFleet()
  expect((await fleet.list(access, { limit: 10, state: 'silent' })).items.map((row) => row.deviceId)).toEqual(['late'])
  expect((await fleet.list(access, { limit: 10, q: 'BIN-1' })).items.map((row) => row.deviceId)).toEqual(['fine'])
  const limited = openAccess(access.registry, access.actor, { services: ['Voirie'] })
  expect((await fleet.list(limited, { limit: 10 })).items.map((row) => [row.deviceId, row.battery])).toEqual([
    ['fine', 80],
  ])
  expect(await fleet.count(limited, {})).toEqual([{ state: 'working', count: 1 }])
})
