import type { DecodedReading } from '../domain/fault.ts'
import { defineQuantity, type Quantity } from '../domain/quantity.ts'
import { batteryLevel } from './behaviour/surroundings.ts'
import { dayMs, hourMs } from './calendar.ts'
import { type BehaviourName, type FaultName, faultSince, type PlannedDevice } from './plan.ts'
import { hashOf, shuffle, uniform } from './random.ts'

/**
 * Which share of which devices has which fault. A device has one at most; all are there for good from some time
 * between five days before the city's start and twenty-five days after, so that a month's history shows them begin.
 */
const faultShares: readonly { fault: FaultName; share: number; of?: readonly BehaviourName[] }[] = [
  { fault: 'leak', share: 0.1, of: ['water-meter'] },
  { fault: 'burns_by_day', share: 0.012, of: ['street-light'] },
  { fault: 'drift', share: 0.03, of: ['classroom', 'sound-level', 'waste-container'] },
  { fault: 'stuck', share: 0.02, of: ['waste-container', 'classroom', 'sound-level', 'bench'] },
  {
    fault: 'dying_battery',
    share: 0.02,
    of: ['waste-container', 'parking-bay', 'classroom', 'bench', 'water-meter', 'sound-level'],
  },
  { fault: 'silence', share: 0.015 },
  { fault: 'wrong_clock', share: 0.005 },
  { fault: 'duplicates', share: 0.01 },
  { fault: 'late', share: 0.01 },
]

const firstFaultMs = -5 * dayMs
const lastFaultMs = 25 * dayMs

/** Gives the devices their faults, by the seed: always round(share * candidates) of them, whatever the seed. */
export function planFaults(devices: readonly PlannedDevice[], seed: number, startMs: number): PlannedDevice[] {
  const planned = new Map<string, PlannedDevice>()
  faultShares.forEach(({ fault, share, of }, i) => {
    const candidates = devices.filter((device) => of === undefined || of.includes(device.behaviour))
    const free = candidates.filter((device) => !planned.has(device.id))
    for (const device of shuffle(hashOf(seed, 200 + i), free).slice(0, Math.round(share * candidates.length))) {
      const spread = uniform(device.seed, 201) * (lastFaultMs - firstFaultMs)
      const from = Math.round(startMs + firstFaultMs + spread)
      planned.set(device.id, { ...device, faults: [{ fault, from }] })
    }
  })
  return devices.map((device) => planned.get(device.id) ?? device)
}

/** How far ahead of the true time the device's clock is, in milliseconds. */
export function clockAhead(device: PlannedDevice, time: number): number {
  return faultSince(device, 'wrong_clock', time) === undefined ? 0 : 2 * hourMs
}

/** Whether the device says nothing: it has failed, or its battery is empty. */
export function isSilent(device: PlannedDevice, time: number): boolean {
  if (faultSince(device, 'silence', time) !== undefined) return true
  return faultSince(device, 'dying_battery', time) !== undefined && batteryLevel(device, time) < 2
}

/** How often what is observed then is sent: twice one time in four with the fault `duplicates`. */
export function copiesSent(device: PlannedDevice, time: number): 1 | 2 {
  if (faultSince(device, 'duplicates', time) === undefined) return 1
  return uniform(device.seed, 202, Math.floor(time / 1000)) < 0.25 ? 2 : 1
}

/**
 * When what is observed then is sent. With the fault `late` the device has no network for five hours of each day, and
 * sends what it kept at their end.
 */
export function sentAt(device: PlannedDevice, time: number): number {
  if (faultSince(device, 'late', time) === undefined) return time
  const day = Math.floor(time / dayMs)
  const cutOffAt = day * dayMs + uniform(device.seed, 203, day) * 18 * hourMs
  const backAt = cutOffAt + 5 * hourMs
  return time >= cutOffAt && time < backAt ? backAt : time
}

/** The time whose values the device tells: the present, or for ever the moment that it got stuck at. */
export function observedInstead(device: PlannedDevice, time: number): number {
  return faultSince(device, 'stuck', time) ?? time
}

/** A sensor drifts that long, then stays where it is. */
const longestDriftMs = 60 * dayMs

// What drifts, and by how much a day: a sensor that ages or gets dirty.
const driftPerDay: Partial<Record<Quantity, number>> = { co2: 22, sound_level: 0.5, fill_level: 1.2, distance: -0.018 }

/** The readings with what drift adds, kept inside the quantity's range. */
export function addDrift(device: PlannedDevice, time: number, readings: DecodedReading[]): DecodedReading[] {
  const since = faultSince(device, 'drift', time)
  if (since === undefined) return readings
  return readings.map((reading) => {
    const perDay = driftPerDay[reading.quantity]
    if (perDay === undefined) return reading
    const { min, max } = defineQuantity(reading.quantity)
    const drifted = reading.value + (perDay * Math.min(time - since, longestDriftMs)) / dayMs
    return { ...reading, value: Math.min(max, Math.max(min, drifted)) }
  })
}
