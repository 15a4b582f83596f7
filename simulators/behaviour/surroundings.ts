import type { DecodedReading } from '../../domain/fault.ts'
import type { Quantity } from '../../domain/quantity.ts'
import { coldness, dayMs, epochMs, wallTime } from '../calendar.ts'
import { faultSince, type PlannedDevice } from '../plan.ts'
import { between, smoothNoise, uniform } from '../random.ts'

/** What a device observes at a time: pure, so that history and live agree whatever the order of asking. */
export type Behaviour = (device: PlannedDevice, time: number) => DecodedReading[]

/** One value of a behaviour. */
export function value(quantity: Quantity, number: number, channel = ''): DecodedReading {
  return { channel, quantity, value: number }
}

/** `number` cut to [min, max]. */
export function clamp(number: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, number))
}

// The weather is the whole city's: its noise has a seed of its own.
const weather = 0x77ea

/** Outdoor air, degrees Celsius: season, time of day, and spells of some days. */
export function outdoorTemperature(time: number): number {
  const { day, hour } = wallTime(time)
  const daily = Math.cos((2 * Math.PI * (hour - 15)) / 24)
  const spell = smoothNoise(weather, 1, time / (3.5 * dayMs))
  return 11 - 9 * (2 * coldness(day) - 1) + 4.5 * daily + 5 * spell
}

/** Outdoor relative humidity, percent. */
export function outdoorHumidity(time: number): number {
  const daily = Math.cos((2 * Math.PI * (wallTime(time).hour - 5)) / 24)
  return clamp(72 + 13 * daily + 12 * smoothNoise(weather, 2, time / (2 * dayMs)), 20, 100)
}

/** Air pressure at the city's 240 m above the sea, hPa. */
export function pressureAt(time: number): number {
  return 988 + 13 * smoothNoise(weather, 3, time / (4 * dayMs))
}

/**
 * What is left in a battery, percent. It falls evenly over some years and is then changed; with the fault `dying_battery`
 * it falls from where it is to nothing within twelve days.
 */
export function batteryLevel(device: PlannedDevice, time: number): number {
  const dyingSince = faultSince(device, 'dying_battery', time)
  if (dyingSince === undefined) return healthyBattery(device, time)
  return Math.max(0, healthyBattery(device, dyingSince) * (1 - (time - dyingSince) / (12 * dayMs)))
}

function healthyBattery(device: PlannedDevice, time: number): number {
  const lifeMs = between(device.seed, 901, 5, 9) * 365 * dayMs
  const age = ((time - epochMs) / lifeMs + uniform(device.seed, 902)) % 1
  return 100 - 70 * age
}

/** What a device tells of its battery; a model sends one of the two. */
export function batteryValues(device: PlannedDevice, time: number): DecodedReading[] {
  const level = batteryLevel(device, time)
  return [value('battery_level', level), value('battery_voltage', 2.9 + 0.7 * Math.sqrt(level / 100))]
}
