import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { models } from '../../devices/catalogue.ts'
import { newAssetSchema, newDeviceSchema } from '../../domain/asset.ts'
import { planCity } from '../../simulators/city.ts'

const startMs = Date.UTC(2026, 2, 1)

function metresBetween(a: { latitude: number; longitude: number }, b: { latitude: number; longitude: number }) {
  return Math.hypot((a.latitude - b.latitude) * 111_320, (a.longitude - b.longitude) * 74_850)
}

describe('planCity', () => {
  test('the same seed and start give the same city, another seed another', () => {
    expect(planCity({ seed: 7, startMs })).toEqual(planCity({ seed: 7, startMs }))
    const one = planCity({ seed: 7, startMs })
    const other = planCity({ seed: 8, startMs })
    expect(other.assets.map(({ id }) => id)).not.toEqual(one.assets.map(({ id }) => id))
    expect(other.assets.map(({ latitude }) => latitude)).not.toEqual(one.assets.map(({ latitude }) => latitude))
  })

  test('what stands where does not depend on the start', () => {
    const later = planCity({ seed: 7, startMs: startMs + 86_400_000 })
    expect(later.assets).toEqual(planCity({ seed: 7, startMs }).assets)
  })

  test('any number of assets gives as many, each with its devices, as the API takes them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1500 }), fc.integer(), (assets, seed) => {
        const city = planCity({ seed, assets, startMs })
        const ids = new Set(city.assets.map(({ id }) => id))
        expect(ids.size).toBe(assets)
        const deviceIds = new Set(city.devices.map(({ id }) => id))
        expect(deviceIds.size).toBe(city.devices.length)
        const kinds = new Map(city.assets.map(({ id, kind }) => [id, kind]))
        const modelOf = new Map(city.devices.map(({ id, model }) => [id, model]))
        for (const { deviceId, assetId, installedAt } of city.installations) {
          expect(models.get(modelOf.get(deviceId)!)!.id).toBe(modelOf.get(deviceId))
          const { assetKinds, id } = models.get(modelOf.get(deviceId)!)!
          if (id !== 'generic-json') expect(assetKinds).toContain(kinds.get(assetId))
          expect(installedAt).toBeLessThan(startMs)
        }
        expect(new Set(city.installations.map(({ assetId }) => assetId))).toEqual(ids)
        expect(new Set(city.installations.map(({ deviceId }) => deviceId))).toEqual(deviceIds)
      }),
      { numRuns: 20 },
    )
    const city = planCity({ seed: 1, startMs })
    for (const asset of city.assets) {
      expect(newAssetSchema.safeParse(asset).error).toBeUndefined()
      expect(metresBetween(asset, { latitude: 47.7508, longitude: 7.3359 })).toBeLessThan(6000)
    }
    for (const { id, model, label } of city.devices)
      expect(newDeviceSchema.safeParse({ id, model, label }).error).toBeUndefined()
  })

  test('street lights stand in rows along their streets', () => {
    const lamps = planCity({ seed: 3, startMs }).assets.filter(({ kind }) => kind === 'street_light')
    const streetOf = (address: string) => address.replace(/^\d+ /, '')
    let pairs = 0
    for (let i = 2; i < lamps.length; i++) {
      const [a, b] = [lamps[i - 2]!, lamps[i]!]
      if (streetOf(a.address) !== streetOf(b.address)) continue
      // Every second one stands on the same side.
      expect(metresBetween(a, b)).toBeGreaterThan(50)
      expect(metresBetween(a, b)).toBeLessThan(60)
      pairs++
    }
    expect(pairs).toBeGreaterThan(200)
  })

  test('faults have fixed shares, whatever the seed, and one device has one at most', () => {
    const count = (seed: number) => {
      const counts: Record<string, number> = {}
      for (const { faults } of planCity({ seed, startMs }).devices) {
        expect(faults.length).toBeLessThanOrEqual(1)
        for (const { fault, from } of faults) {
          counts[fault] = (counts[fault] ?? 0) + 1
          expect(from).toBeGreaterThanOrEqual(startMs - 5 * 86_400_000)
          expect(from).toBeLessThanOrEqual(startMs + 25 * 86_400_000)
        }
      }
      return counts
    }
    expect(Object.keys(count(1)).sort()).toEqual([
      'burns_by_day',
      'drift',
      'duplicates',
      'dying_battery',
      'late',
      'leak',
      'silence',
      'stuck',
      'wrong_clock',
    ])
    expect(count(2)).toEqual(count(1))
  })

  test('refuses a city that is too large or too early', () => {
    expect(() => planCity({ seed: 1, assets: 10_001, startMs })).toThrow(RangeError)
    expect(() => planCity({ seed: 1, assets: 0, startMs })).toThrow(RangeError)
    expect(() => planCity({ seed: 1, startMs: Date.UTC(2022, 5, 1) })).toThrow(RangeError)
    expect(() => planCity({ seed: 1, startMs: Number.NaN })).toThrow(RangeError)
  })
})
