import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { models } from '../../devices/catalogue.ts'
import { compileDecoder } from '../../devices/codec.ts'
import { decodeParvisJson, encodeParvisJson } from '../../devices/parvis-json.ts'
import { defineQuantity, type Quantity } from '../../domain/quantity.ts'
import { planCity } from '../../simulators/city.ts'
import type { BehaviourName, PlannedDevice } from '../../simulators/plan.ts'
import { datedReadings, emissionsBetween, payloadAt, readingsAt } from '../../simulators/readings.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000
const startMs = Date.UTC(2026, 2, 1)
const city = planCity({ seed: 42, startMs })

/** The first device of a behaviour that has nothing. */
function healthy(behaviour: BehaviourName): PlannedDevice {
  return city.devices.find((device) => device.behaviour === behaviour && device.faults.length === 0)!
}

function of(device: PlannedDevice, quantity: Quantity, time: number, channel = ''): number {
  const found = readingsAt(device, time).find((each) => each.quantity === quantity && each.channel === channel)
  return found!.value
}

/** One healthy device of each behaviour. */
const oneOfEach = [...new Set(city.devices.map(({ behaviour }) => behaviour))].map(healthy)

const anyTime = fc.integer({ min: startMs - 200 * dayMs, max: startMs + 300 * dayMs })

describe('readings of a city', () => {
  test('follow from seed and start alone, in whatever order they are asked', async () => {
    const hashOf = async (order: 'forth' | 'back', seed: number) => {
      // Fresh modules, so that nothing is remembered from another order.
      vi.resetModules()
      const { planCity } = await import('../../simulators/city.ts')
      const { datedReadings, emissionsBetween } = await import('../../simulators/readings.ts')
      const { devices } = planCity({ seed, assets: 60, startMs })
      const days = Array.from({ length: 5 }, (_, day) => startMs + 7 * day * dayMs)
      const jobs = devices.flatMap((device) => days.map((from) => ({ device, from })))
      const texts = new Map<string, string>()
      for (const { device, from } of order === 'forth' ? jobs : jobs.reverse()) {
        const emissions = emissionsBetween(device, from, from + dayMs)
        texts.set(`${device.id} ${from}`, JSON.stringify(datedReadings(device, emissions)))
      }
      const hash = createHash('sha256')
      for (const key of [...texts.keys()].sort()) hash.update(`${key} ${texts.get(key)}\n`)
      return hash.digest('hex')
    }
    const forth = await hashOf('forth', 5)
    expect(await hashOf('back', 5)).toBe(forth)
    expect(await hashOf('forth', 6)).not.toBe(forth)
  })

  test('are what the models’ codecs read without a fault, inside the ranges', () => {
    for (const device of city.devices) {
      const decode = compileDecoder(models.get(device.model)!)
      for (const { time } of emissionsBetween(device, startMs, startMs + 5 * dayMs).slice(0, 8)) {
        const { readings, faults } = decode(payloadAt(device, time), { receivedAt: time })
        expect(faults, `${device.id} at ${time}`).toEqual([])
        expect(readings.length).toBeGreaterThan(0)
        for (const { quantity, value } of readings) {
          const { min, max } = defineQuantity(quantity)
          expect(value, `${device.id} ${quantity}`).toBeGreaterThanOrEqual(min)
          expect(value, `${device.id} ${quantity}`).toBeLessThanOrEqual(max)
        }
      }
    }
  })

  test('are the same as history and live', () => {
    for (const device of oneOfEach) {
      const emissions = emissionsBetween(device, startMs, startMs + dayMs * 4).slice(0, 5)
      const kept = decodeParvisJson(encodeParvisJson(datedReadings(device, emissions)), { receivedAt: 0 })
      const decode = compileDecoder(models.get(device.model)!)
      const live = emissions.flatMap(({ time }) =>
        decode(payloadAt(device, time), { receivedAt: time }).readings.map((each) => ({ ...each, observedAt: time })),
      )
      const key = (each: { quantity: string; channel: string; observedAt?: number }) =>
        `${each.observedAt} ${each.channel} ${each.quantity}`
      const sorted = (list: typeof live) => list.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
      expect(kept.faults).toEqual([])
      expect(sorted(kept.readings as typeof live)).toEqual(sorted(live))
    }
  })

  test('come at times that do not depend on the span asked for, nor on the speed', () => {
    fc.assert(
      fc.property(
        anyTime,
        fc.integer({ min: 1, max: 3 * dayMs }),
        fc.integer({ min: 1, max: 3 * dayMs }),
        (from, a, b) => {
          for (const device of [healthy('street-light'), healthy('refuse-lorry'), healthy('parking-bay')]) {
            const whole = emissionsBetween(device, from, from + a + b)
            const parts = [
              ...emissionsBetween(device, from, from + a),
              ...emissionsBetween(device, from + a, from + a + b),
            ]
            expect(parts).toEqual(whole)
            const often = new Set(emissionsBetween(device, from, from + a, 20).map(({ time }) => time))
            for (const { time } of emissionsBetween(device, from, from + a)) expect(often).toContain(time)
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  test('counters never fall', () => {
    const counters = [...oneOfEach, ...city.devices.filter(({ faults }) => faults.length > 0)]
    fc.assert(
      fc.property(
        fc.constantFrom(...counters),
        anyTime,
        fc.integer({ min: 0, max: 40 * dayMs }),
        (device, time, later) => {
          const before = new Map(
            readingsAt(device, time).map((each) => [`${each.quantity} ${each.channel}`, each.value]),
          )
          for (const { quantity, channel, value } of readingsAt(device, time + later)) {
            const earlier = before.get(`${quantity} ${channel}`)
            if (defineQuantity(quantity).kind !== 'counter' || earlier === undefined) continue
            expect(value, `${device.id} ${quantity} ${channel}`).toBeGreaterThanOrEqual(earlier)
          }
        },
      ),
      { numRuns: 1500 },
    )
  })
})

describe('behaviours', () => {
  const noon = Date.UTC(2026, 5, 21, 12)
  const midnight = Date.UTC(2026, 5, 21, 23)

  test('street lights follow the sun, and dim by their profile', () => {
    const lamps = city.devices.filter(({ behaviour, faults }) => behaviour === 'street-light' && faults.length === 0)
    for (const lamp of lamps) {
      expect(of(lamp, 'lamp_state', noon)).toBe(0)
      expect(of(lamp, 'active_power', noon)).toBe(0)
      // Parks go dark in the small hours.
      expect(of(lamp, 'lamp_state', midnight)).toBe(lamp.site === 'park' ? 0 : 1)
    }
    const lamp = lamps.find(({ site }) => site === 'street')!
    // 19:00 in December is night, and before the profile dims.
    expect(of(lamp, 'dimming_level', Date.UTC(2026, 11, 1, 18))).toBe(100)
    expect(of(lamp, 'dimming_level', midnight)).toBe(50)
  })

  test('a street light counts what its power adds up to, and its burning hours', () => {
    const lamp = healthy('street-light')
    const from = Date.UTC(2026, 9, 20)
    const to = from + 14 * dayMs
    let wattHours = 0
    let hours = 0
    for (let time = from; time < to; time += 60_000) {
      wattHours += of(lamp, 'active_power', time) / 60
      hours += of(lamp, 'lamp_state', time) / 60
    }
    const counted = of(lamp, 'energy_active_import', to) - of(lamp, 'energy_active_import', from)
    expect(counted / wattHours).toBeGreaterThan(0.98)
    expect(counted / wattHours).toBeLessThan(1.02)
    expect(of(lamp, 'burning_hours', to) - of(lamp, 'burning_hours', from)).toBeCloseTo(hours, 0)
  })

  test('a meter counts what its power adds up to', () => {
    const meter = healthy('energy-meter')
    let wattHours = 0
    for (let time = startMs; time < startMs + 7 * dayMs; time += 300_000)
      wattHours += of(meter, 'active_power', time) / 12
    const counted = of(meter, 'energy_active_import', startMs + 7 * dayMs) - of(meter, 'energy_active_import', startMs)
    expect(counted / wattHours).toBeGreaterThan(0.98)
    expect(counted / wattHours).toBeLessThan(1.02)
  })

  test('a school takes more on a school day than on a Sunday or in August', () => {
    const school = healthy('linky-meter')
    const power = (time: number) => of(school, 'apparent_power', time)
    // Monday 9 March, Sunday 8 March, Monday 10 August 2026, at noon.
    expect(power(Date.UTC(2026, 2, 9, 11))).toBeGreaterThan(3 * power(Date.UTC(2026, 2, 8, 11)))
    expect(power(Date.UTC(2026, 2, 9, 11))).toBeGreaterThan(3 * power(Date.UTC(2026, 7, 10, 10)))
  })

  test('a container fills until the lorry lifts it, which both of them say', () => {
    const lorry = healthy('refuse-lorry')
    const [tag, container] = [...lorry.serves!][0]!
    const lifts = emissionsBetween(lorry, startMs, startMs + 21 * dayMs).filter(({ time }) =>
      readingsAt(lorry, time).some(({ channel }) => channel === tag),
    )
    expect(lifts.length).toBeGreaterThan(3)
    for (const { time } of lifts) {
      expect(of(container, 'fill_level', time + 1000)).toBeLessThan(12)
      expect(of(lorry, 'weight', time, tag)).toBeGreaterThan(0)
    }
    for (let i = 1; i < lifts.length; i++) {
      const count = (n: number) => of(lorry, 'lift_count', lifts[n]!.time, tag)
      expect(count(i)).toBe(count(i - 1) + 1)
      const [from, to] = [lifts[i - 1]!.time, lifts[i]!.time]
      expect(of(container, 'fill_level', to - 1000)).toBeGreaterThan(of(container, 'fill_level', from + 1000))
    }
  })

  test('the air of a classroom gets worse with pupils in, and recovers by night', () => {
    const room = healthy('classroom')
    // Monday 9 March 2026, before lessons, before a break, and the next night.
    expect(of(room, 'co2', Date.UTC(2026, 2, 9, 6, 30))).toBeLessThan(480)
    expect(of(room, 'co2', Date.UTC(2026, 2, 9, 8, 55))).toBeGreaterThan(750)
    expect(of(room, 'co2', Date.UTC(2026, 2, 10, 4))).toBeLessThan(480)
  })

  test('water does not flow in an empty school at night', () => {
    const meter = city.devices.find((device) => device.behaviour === 'water-meter' && device.site === 'school')!
    const well = { ...meter, faults: [] }
    const volume = (hour: number) => of(well, 'water_volume', Date.UTC(2026, 2, 9, hour))
    expect(volume(4) - volume(0)).toBe(0)
    expect(volume(14) - volume(8)).toBeGreaterThan(0)
  })
})

describe('faults', () => {
  const from = startMs + 3 * dayMs
  const end = startMs + 40 * dayMs
  const given = (behaviour: BehaviourName, fault: PlannedDevice['faults'][number]['fault']): PlannedDevice => ({
    ...healthy(behaviour),
    faults: [{ fault, from }],
  })

  test('silence: nothing is sent any more', () => {
    const device = given('parking-bay', 'silence')
    expect(emissionsBetween(device, startMs, from).length).toBeGreaterThan(0)
    expect(emissionsBetween(device, from, end)).toEqual([])
  })

  test('drift: the value goes away from the true one', () => {
    const drifting = given('classroom', 'drift')
    const off = (time: number) => of(drifting, 'co2', time) - of(healthy('classroom'), 'co2', time)
    expect(off(from - hourMs)).toBe(0)
    expect(off(from + 10 * dayMs)).toBeGreaterThan(200)
    expect(off(from + 20 * dayMs)).toBeGreaterThan(off(from + 10 * dayMs))
  })

  test('stuck: the value is the one of that moment for ever', () => {
    const device = given('waste-container', 'stuck')
    expect(readingsAt(device, from + 9 * dayMs)).toEqual(readingsAt(device, from))
    expect(readingsAt(device, from - 2 * dayMs)).not.toEqual(readingsAt(device, from))
  })

  test('dying battery: it empties within two weeks, then the device is silent', () => {
    const device = given('waste-container', 'dying_battery')
    expect(of(device, 'battery_level', from + 6 * dayMs)).toBeLessThan(of(device, 'battery_level', from) * 0.6)
    expect(emissionsBetween(device, from + 5 * dayMs, from + 6 * dayMs).length).toBeGreaterThan(0)
    expect(emissionsBetween(device, from + 12 * dayMs, end)).toEqual([])
  })

  test('wrong clock: what it tells lies two hours ahead', () => {
    const device = given('street-light', 'wrong_clock')
    for (const { time, observedAt, plain } of emissionsBetween(device, from, end)) {
      expect(observedAt).toBe(time + 2 * hourMs)
      expect(plain).toBe(false)
    }
  })

  test('duplicates: some messages are sent twice', () => {
    const emissions = emissionsBetween(given('street-light', 'duplicates'), from, end)
    const twice = emissions.filter(({ copies }) => copies === 2).length
    expect(twice).toBeGreaterThan(emissions.length / 8)
    expect(twice).toBeLessThan(emissions.length / 2)
  })

  test('late: messages wait for hours, at most five, and are sent with their time', () => {
    const emissions = emissionsBetween(given('classroom', 'late'), from, end)
    const late = emissions.filter(({ time, sentAt }) => sentAt > time)
    expect(late.length).toBeGreaterThan(emissions.length / 10)
    for (const { time, sentAt, observedAt, plain } of late) {
      expect(sentAt - time).toBeLessThanOrEqual(5 * hourMs)
      expect(observedAt).toBe(time)
      expect(plain).toBe(false)
    }
  })

  test('leak: water flows at night too', () => {
    const meter = city.devices.find((device) => device.behaviour === 'water-meter' && device.site === 'school')!
    const leaking: PlannedDevice = { ...meter, faults: [{ fault: 'leak', from }] }
    const nightFlow = (day: number) =>
      of(leaking, 'water_volume', startMs + day * dayMs + 3 * hourMs) -
      of(leaking, 'water_volume', startMs + day * dayMs)
    expect(nightFlow(2)).toBe(0)
    expect(nightFlow(10)).toBeGreaterThan(0.5)
  })

  test('burns by day: the lamp is on at noon, and counts it', () => {
    const lamp = given('street-light', 'burns_by_day')
    const noon = (day: number) => startMs + day * dayMs + 12 * hourMs
    expect(of(lamp, 'lamp_state', noon(1))).toBe(0)
    expect(of(lamp, 'lamp_state', noon(8))).toBe(1)
    expect(of(lamp, 'burning_hours', noon(9)) - of(lamp, 'burning_hours', noon(8))).toBeCloseTo(24, 3)
  })
})
