import { numberTypes } from '../devices/binary-frame.ts'
import { models } from '../devices/catalogue.ts'
import type { DecodedReading } from '../domain/fault.ts'
import { powerShare } from './behaviour/street-light.ts'

/** What a lamp was told: a dimming level in percent, or nothing (null): its own programme. */
export type LampOrder = { level: number | null }

/** What a device of a model was told by the bytes of a command; null for a device that takes none, or not these. */
export function readLampOrder(modelId: string, payload: Uint8Array): LampOrder | null {
  const { downlink } = models.get(modelId) ?? {}
  if (downlink === undefined || payload.length !== downlink.bytes) return null
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  let order: LampOrder | null = null
  for (const field of downlink.fields) {
    const raw = numberTypes[field.type].read(view, field.at)
    if ('expect' in field) {
      if (raw !== field.expect) return null
    } else if (field.quantity === 'dimming_level')
      order = { level: raw === field.missing ? null : raw * (field.scale ?? 1) }
  }
  return order
}

/** What a lamp observes under an order, out of what it would by its own programme. Its counters go on by that. */
export function obeyOrder(readings: readonly DecodedReading[], { level }: LampOrder): DecodedReading[] {
  if (level === null) return [...readings]
  const before = readings.find(({ quantity }) => quantity === 'dimming_level')?.value ?? 0
  return readings.map((reading) => {
    switch (reading.quantity) {
      case 'lamp_state':
        return { ...reading, value: level > 0 ? 1 : 0 }
      case 'dimming_level':
        return { ...reading, value: level }
      case 'active_power':
        return {
          ...reading,
          value:
            before > 0 ? (reading.value / powerShare(before)) * powerShare(level) : ratedPowerW * powerShare(level),
        }
      case 'power_factor':
        return { ...reading, value: level > 0 ? 0.95 : 0 }
      default:
        return reading
    }
  })
}

// What an unlit lamp is taken for: it shows no power to go by.
const ratedPowerW = 36
