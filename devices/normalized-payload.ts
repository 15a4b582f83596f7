import type { DecodedReading } from '../domain/fault.ts'
import type { Quantity } from '../domain/quantity.ts'
import { isObject, readTime } from './json-payload.ts'
import { compilePath } from './path.ts'
import { compileScale } from './scale.ts'

/** One measurement of the normalised payload: `value = told * scale`, or the number of a word. */
type Measurement = {
  path: string
  quantity: Quantity
  channel?: string
  scale?: number
  words?: Readonly<Record<string, number>>
}

/**
 * The normalised payload of The Things Stack (lorawan-devices, lib/payload.json), which a codec's `normalizeUplink`
 * gives: names and units are fixed. What is not here has no quantity: where a sensor stands, soil chemistry.
 */
const measurements: readonly Measurement[] = [
  { path: 'battery', quantity: 'battery_voltage' },
  { path: 'air.temperature', quantity: 'temperature' },
  { path: 'air.relativeHumidity', quantity: 'relative_humidity' },
  { path: 'air.pressure', quantity: 'pressure' },
  { path: 'air.co2', quantity: 'co2' },
  { path: 'air.lightIntensity', quantity: 'illuminance' },
  { path: 'wind.speed', quantity: 'wind_speed' },
  { path: 'wind.direction', quantity: 'wind_direction' },
  { path: 'rain.intensity', quantity: 'rain_intensity' },
  { path: 'rain.cumulative', quantity: 'rain_total' },
  { path: 'soil.temperature', quantity: 'temperature', channel: 'soil' },
  { path: 'soil.moisture', quantity: 'soil_moisture' },
  { path: 'water.leak', quantity: 'water_leak' },
  { path: 'water.temperature.current', quantity: 'temperature', channel: 'water' },
  // Litres.
  { path: 'metering.water.total', quantity: 'water_volume', scale: 0.001 },
  { path: 'action.motion.detected', quantity: 'occupancy' },
  { path: 'action.motion.count', quantity: 'pulse_count', channel: 'motion' },
  { path: 'action.contactState', quantity: 'door_state', words: { closed: 0, open: 1 } },
  { path: 'position.latitude', quantity: 'latitude' },
  { path: 'position.longitude', quantity: 'longitude' },
]

const readers = measurements.map(({ path, scale, ...rest }) => ({
  ...rest,
  read: compilePath(path),
  toValue: compileScale(scale).toValue,
}))

/** Most measurements of one normalised payload that are read. */
const maxMeasurements = 100

/**
 * The readings of a normalised payload, one object or an array of them, each with its own `time` where it tells one.
 * What has no quantity or no number gives none.
 */
export function readNormalizedPayload(payload: unknown): DecodedReading[] {
  const items: readonly unknown[] = Array.isArray(payload) ? payload.slice(0, maxMeasurements) : [payload]
  return items.flatMap((item) => {
    if (!isObject(item)) return []
    const time = readTime(item.time)
    return readers.flatMap(({ read, quantity, channel = '', words, toValue }): DecodedReading[] => {
      const told = read(item)
      const value = toNumber(told, words)
      if (value === undefined) return []
      return [{ channel, quantity, value: toValue(value), ...(time === null ? {} : { observedAt: time }) }]
    })
  })
}

function toNumber(told: unknown, words: Measurement['words']): number | undefined {
  if (typeof told === 'boolean') return Number(told)
  if (typeof told === 'number' && Number.isFinite(told)) return told
  return typeof told === 'string' && words !== undefined && Object.hasOwn(words, told) ? words[told] : undefined
}
