import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Problem } from '../../domain/problem.ts'
import { addAsset } from '../../inventory/assets.ts'
import { addDevice } from '../../inventory/devices.ts'
import {
  correctInstallation,
  getInstallation,
  install,
  listInstallations,
  swapDevice,
  uninstall,
} from '../../inventory/installations.ts'
import type { Access } from '../../store/access.ts'
import { makeAccess, refusal } from '../support/registry.ts'

async function makeCity(devices: readonly string[], assets: readonly string[]): Promise<Access> {
  const access = await makeAccess()
  for (const id of devices) await addDevice(access, { id, model: 'generic-json' })
  for (const id of assets) await addAsset(access, { id, kind: 'bench', label: id })
  return access
}

async function readAll(access: Access) {
  return (await listInstallations(access, { limit: 10_000 })).items
}

test('a device is installed in the past, moved, and its history read', async () => {
  const access = await makeCity(['d'], ['a', 'b'])
  const first = await install(access, { deviceId: 'd', assetId: 'a', installedAt: 1000 })
  expect(first).toMatchObject({ deviceId: 'd', assetId: 'a', channel: null, installedAt: 1000, removedAt: null })
  const [ended] = await uninstall(access, { deviceId: 'd', removedAt: 2000 })
  expect(ended).toEqual({ ...first, removedAt: 2000, recordedAt: ended!.recordedAt })
  // A moment is in one interval alone: it may begin where the other ends.
  const second = await install(access, { deviceId: 'd', assetId: 'b', installedAt: 2000 })
  expect(await getInstallation(access, second.id)).toEqual(second)
  const { items } = await listInstallations(access, { deviceId: 'd', limit: 10 })
  expect(items.map((each) => [each.assetId, each.installedAt, each.removedAt])).toEqual([
    ['a', 1000, 2000],
    ['b', 2000, null],
  ])
  expect((await listInstallations(access, { assetId: 'a', limit: 10 })).items).toHaveLength(1)
})

test('an overlap is refused, and the refusal says with what', async () => {
  const access = await makeCity(['d'], ['a', 'b'])
  const { id } = await install(access, { deviceId: 'd', assetId: 'a', installedAt: 1000, removedAt: 5000 })
  const refused = install(access, { deviceId: 'd', assetId: 'b', installedAt: 0 })
  await expect(refused).rejects.toMatchObject({ code: 'overlapping_installation' })
  const { detail } = (await refused.catch((error: unknown) => error)) as Problem
  expect(detail).toEqual({
    fr: `d était sur l’équipement a depuis 1970-01-01T00:00:01.000Z, jusqu’à 1970-01-01T00:00:05.000Z (pose ${id})`,
    en: `d was on asset a from 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:05.000Z (installation ${id})`,
  })
  await install(access, { deviceId: 'd', assetId: 'b', installedAt: 0, removedAt: 1000 })
  await install(access, { deviceId: 'd', assetId: 'b', installedAt: 5000 })
  expect(await refusal(install(access, { deviceId: 'd', assetId: 'b', installedAt: 9000 }))).toBe(
    'overlapping_installation',
  )
})

test('the whole device overlaps each of its channels; channels do not overlap each other', async () => {
  const access = await makeCity(['d', 'e'], ['a', 'b'])
  await install(access, { deviceId: 'd', assetId: 'a', channel: '1', installedAt: 1000 })
  await install(access, { deviceId: 'd', assetId: 'b', channel: '2', installedAt: 1000 })
  expect(await refusal(install(access, { deviceId: 'd', assetId: 'b', installedAt: 2000 }))).toBe(
    'overlapping_installation',
  )
  expect(await refusal(install(access, { deviceId: 'd', assetId: 'b', channel: '1', installedAt: 2000 }))).toBe(
    'overlapping_installation',
  )
  // Several devices may be on one asset.
  await install(access, { deviceId: 'e', assetId: 'a', installedAt: 1000 })
  expect(await refusal(install(access, { deviceId: 'e', assetId: 'a', channel: '1' }))).toBe('overlapping_installation')
  expect(await refusal(uninstall(access, { deviceId: 'd', channel: '3' }))).toBe('not_installed')
  expect(await uninstall(access, { deviceId: 'd', channel: '1', removedAt: 3000 })).toHaveLength(1)
  expect(await uninstall(access, { deviceId: 'd', removedAt: 4000 })).toHaveLength(1)
  expect(await refusal(uninstall(access, { deviceId: 'd' }))).toBe('not_installed')
})

test('what does not exist, and time that goes backwards, are refused', async () => {
  const access = await makeCity(['d'], ['a'])
  expect(await refusal(install(access, { deviceId: 'x', assetId: 'a' }))).toBe('not_found')
  expect(await refusal(install(access, { deviceId: 'd', assetId: 'x' }))).toBe('not_found')
  expect(await refusal(install(access, { deviceId: 'd', assetId: 'a', installedAt: 5, removedAt: 5 }))).toBe(
    'bad_request',
  )
  await install(access, { deviceId: 'd', assetId: 'a', installedAt: 5000 })
  expect(await refusal(uninstall(access, { deviceId: 'd', removedAt: 4000 }))).toBe('bad_request')
  expect(await refusal(correctInstallation(access, 'none', { removedAt: 1 }))).toBe('not_found')
  expect(await refusal(uninstall(access, { deviceId: 'x' }))).toBe('not_found')
  expect((await readAll(access))[0]!.removedAt).toBeNull()
})

test('a swap recorded late takes over assets and channels', async () => {
  const access = await makeCity(['old', 'new', 'other'], ['a', 'b'])
  await install(access, { deviceId: 'old', assetId: 'a', channel: '1', installedAt: 1000 })
  await install(access, { deviceId: 'old', assetId: 'b', channel: '2', installedAt: 1000 })
  const { removed, installed } = await swapDevice(access, { oldDeviceId: 'old', newDeviceId: 'new', at: 4000 })
  expect(removed.map((each) => [each.deviceId, each.assetId, each.channel, each.removedAt])).toEqual([
    ['old', 'a', '1', 4000],
    ['old', 'b', '2', 4000],
  ])
  expect(installed.map((each) => [each.deviceId, each.assetId, each.channel, each.installedAt])).toEqual([
    ['new', 'a', '1', 4000],
    ['new', 'b', '2', 4000],
  ])
  // By the asset alone, as long as one device is on it.
  await swapDevice(access, { assetId: 'a', newDeviceId: 'other', at: 5000 })
  await install(access, { deviceId: 'old', assetId: 'a', installedAt: 6000 })
  expect(await refusal(swapDevice(access, { assetId: 'a', newDeviceId: 'new', at: 7000 }))).toBe('bad_request')
})

test('a swap that is refused changes nothing', async () => {
  const access = await makeCity(['old', 'new'], ['a', 'b'])
  await install(access, { deviceId: 'old', assetId: 'a', installedAt: 1000 })
  await install(access, { deviceId: 'new', assetId: 'b', installedAt: 9000 })
  const before = await readAll(access)
  const swap = (at: number) => refusal(swapDevice(access, { oldDeviceId: 'old', newDeviceId: 'new', at }))
  expect(await swap(2000)).toBe('overlapping_installation')
  expect(await swap(500)).toBe('bad_request')
  expect(await refusal(swapDevice(access, { oldDeviceId: 'old', newDeviceId: 'old' }))).toBe('bad_request')
  expect(await refusal(swapDevice(access, { newDeviceId: 'old' }))).toBe('bad_request')
  expect(await refusal(swapDevice(access, { oldDeviceId: 'old', newDeviceId: 'nothing' }))).toBe('not_found')
  expect(await readAll(access)).toEqual(before)
})

test('a correction may not overlap either, and tells the asset that it left', async () => {
  const access = await makeCity(['d'], ['a', 'b'])
  const first = await install(access, { deviceId: 'd', assetId: 'a', installedAt: 1000, removedAt: 2000 })
  const second = await install(access, { deviceId: 'd', assetId: 'b', installedAt: 2000 })
  expect(await refusal(correctInstallation(access, second.id, { installedAt: 1500 }))).toBe('overlapping_installation')
  expect(await refusal(correctInstallation(access, first.id, { removedAt: null }))).toBe('overlapping_installation')
  expect(await correctInstallation(access, first.id, { removedAt: 1800 })).toMatchObject({
    id: first.id,
    removedAt: 1800,
  })
  expect(await correctInstallation(access, second.id, { installedAt: 1900, assetId: 'a', channel: '1' })).toMatchObject(
    {
      id: second.id,
      installedAt: 1900,
      assetId: 'a',
      channel: '1',
    },
  )
  const revisions = await access.registry.selectFrom('assets').select(['id', 'revision']).orderBy('id').execute()
  expect(revisions[1]!.revision).toBeGreaterThan(revisions[0]!.revision)
})

test('pages of a history lack and repeat nothing', async () => {
  const access = await makeCity(['d', 'e', 'f'], ['a'])
  for (const deviceId of ['d', 'e', 'f'])
    for (let i = 0; i < 5; i++)
      await install(access, { deviceId, assetId: 'a', installedAt: i * 10, removedAt: i * 10 + 5 })
  const all = await readAll(access)
  const paged = []
  for (let cursor: string | undefined; ; ) {
    const page = await listInstallations(access, { assetId: 'a', limit: 4, cursor })
    paged.push(...page.items)
    if (page.next === null) break
    cursor = page.next
  }
  expect(paged).toEqual(all)
  expect(all).toHaveLength(15)
})

const devices = ['d0', 'd1', 'd2']
const assets = ['a0', 'a1', 'a2']
const deviceId = fc.constantFrom(...devices)
const assetId = fc.constantFrom(...assets)
const channel = fc.constantFrom(null, null, '1', '2')
const time = fc.integer({ min: 0, max: 40 })
const step = fc.oneof(
  fc.record({
    verb: fc.constant('install' as const),
    deviceId,
    assetId,
    channel,
    installedAt: time,
    removedAt: fc.option(time),
  }),
  fc.record({ verb: fc.constant('uninstall' as const), deviceId, channel, removedAt: time }),
  fc.record({ verb: fc.constant('swap' as const), oldDeviceId: deviceId, newDeviceId: deviceId, at: time }),
  fc.record({
    verb: fc.constant('correct' as const),
    which: fc.nat(),
    patch: fc.record({ assetId, channel, installedAt: time, removedAt: fc.option(time) }, { requiredKeys: [] }),
  }),
)

test('whatever is recorded in whatever order, a channel is on one asset at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const access = await makeCity(devices, assets)
      let accepted = 0
      for (const each of steps)
        try {
          if (each.verb === 'install') await install(access, each)
          else if (each.verb === 'uninstall') await uninstall(access, each)
          else if (each.verb === 'swap') await swapDevice(access, each)
          else {
            const all = await readAll(access)
            if (all.length > 0) await correctInstallation(access, all[each.which % all.length]!.id, each.patch)
          }
          accepted++
        } catch (error) {
          if (!(error instanceof Problem)) throw error
        }
      const all = await readAll(access)
      for (let time = 0; time <= 41; time++)
        for (const device of devices)
          for (const input of ['1', '2', '3']) {
            const there = all.filter(
              (i) =>
                i.deviceId === device &&
                (i.channel === null || i.channel === input) &&
                i.installedAt <= time &&
                (i.removedAt === null || time < i.removedAt),
            )
            expect(there.length).toBeLessThanOrEqual(1)
          }
      for (const i of all) expect(i.removedAt ?? Number.POSITIVE_INFINITY).toBeGreaterThan(i.installedAt)
      await access.registry.destroy()
      return accepted >= 0
    }),
    { numRuns: 25 },
  )
})
