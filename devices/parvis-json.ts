import { isChannel, maxChannelLength } from '../domain/channel.ts'
import type { DecodedReading } from '../domain/fault.ts'
import { isQuantity } from '../domain/quantity.ts'
import { formatTime } from '../domain/time.ts'
import { maxReadingsPerUplink } from '../domain/uplink.ts'
import { addFault, closeFaults, type FaultList, newFaultList } from './fault-list.ts'
import { isObject, parseJsonPayload, readTime, readValue, tellItem } from './json-payload.ts'
import type { Decode } from './model.ts'

/** What one JSON payload has given so far. `seen` counts the readings looked at, good or bad. */
export type Draft = { readings: DecodedReading[]; faults: FaultList; seen: number }

/**
 * Decodes the project's own JSON: an object or an array of `{observedAt?, channel?, readings}`. Good readings are kept
 * beside the faults of the others; an item whose time or channel cannot be read gives none, since nobody could say
 * where they belong.
 */
export const decodeParvisJson: Decode = (payload) => decodeItems(payload, readParvisItem)

/**
 * Decodes a JSON payload of one object or an array of them, each read by `readItem`. Past `maxReadingsPerUplink`
 * readings, good or bad, the rest is not read.
 */
export function decodeItems(
  payload: Uint8Array,
  readItem: (item: Record<string, unknown>, where: string, draft: Draft) => void,
): ReturnType<Decode> {
  const draft: Draft = { readings: [], faults: newFaultList(), seen: 0 }
  const value = parseJsonPayload(payload, draft.faults)
  if (value !== undefined) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value]
    if (items.length === 0) addFault(draft.faults, 'no_readings')
    for (let index = 0; index < items.length; index++) {
      const item = items[index]
      const where = tellItem(index, Array.isArray(value))
      if (draft.seen < maxReadingsPerUplink) {
        if (isObject(item)) readItem(item, where, draft)
        else {
          addFault(draft.faults, 'not_object', { where })
          draft.seen++
        }
        if (draft.seen <= maxReadingsPerUplink) continue
      }
      addFault(draft.faults, 'too_many_readings', { limit: maxReadingsPerUplink })
      break
    }
  }
  return { readings: draft.readings, faults: closeFaults(draft.faults) }
}

/** Reads one `{observedAt?, channel?, readings}`. An `observedAt` or `channel` of null counts as not given. */
export function readParvisItem(item: Record<string, unknown>, where: string, draft: Draft): void {
  const { faults } = draft
  let observedAt: number | undefined
  let channel = ''
  let readings: unknown
  let isPlaced = true
  for (const key of Object.keys(item)) {
    const value = item[key]
    if (key === 'readings') readings = value
    else if (key === 'observedAt') {
      const time = value === null ? undefined : readTime(value)
      if (time === null) {
        addFault(faults, 'bad_time', { where })
        isPlaced = false
      } else observedAt = time
    } else if (key === 'channel') {
      if (value !== null && !(typeof value === 'string' && isChannel(value))) {
        addFault(faults, 'bad_channel', { where, limit: maxChannelLength })
        isPlaced = false
      } else channel = value ?? ''
    } else addFault(faults, 'unknown_key', { key, where })
  }
  const names = isObject(readings) ? Object.keys(readings) : []
  if (names.length === 0) {
    addFault(faults, 'no_readings', { where })
    draft.seen++
    return
  }
  if (!isPlaced) {
    draft.seen = Math.min(draft.seen + names.length, maxReadingsPerUplink)
    return
  }
  for (const name of names) {
    if (draft.seen++ >= maxReadingsPerUplink) return
    if (!isQuantity(name)) {
      addFault(faults, 'unknown_quantity', { quantity: name, where })
      continue
    }
    const value = readValue(name, (readings as Record<string, unknown>)[name], where, faults)
    if (value === undefined) continue
    draft.readings.push(
      observedAt === undefined ? { channel, quantity: name, value } : { channel, quantity: name, value, observedAt },
    )
  }
}

/** The project's own JSON of some readings: one object when they share time and channel, else an array. */
export function encodeParvisJson(readings: readonly DecodedReading[]): Uint8Array {
  type Item = { observedAt?: string; channel?: string; readings: Record<string, number> }
  const items = new Map<string, Item>()
  for (const { channel, quantity, value, observedAt } of readings) {
    const key = `${observedAt ?? ''} ${channel}`
    let item = items.get(key)
    if (item === undefined) {
      item = {
        ...(observedAt === undefined ? {} : { observedAt: formatTime(observedAt) }),
        ...(channel === '' ? {} : { channel }),
        readings: {},
      }
      items.set(key, item)
    }
    item.readings[quantity] = value
  }
  const list = [...items.values()]
  return new TextEncoder().encode(JSON.stringify(list.length === 1 ? list[0] : list))
}
