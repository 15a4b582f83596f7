import { isChannel, maxChannelLength } from '../domain/channel.ts'
import type { DecodedReading } from '../domain/fault.ts'
import { formatTime } from '../domain/time.ts'
import { addFault } from './fault-list.ts'
import { readTime, readValue } from './json-payload.ts'
import type { Decode, Encode, JsonField } from './model.ts'
import { type Draft, decodeItems, readParvisItem } from './parvis-json.ts'
import { readPath } from './path.ts'
import { compileScale } from './scale.ts'

/** Compiles a table of JSON paths. An object that has `readings` is the project's own JSON instead. */
export function compileJsonDecoder(fields: readonly JsonField[], time?: string): Decode {
  const readFields = compileFields(fields)
  const timePath = time?.split('.')
  const readItem = (item: Record<string, unknown>, where: string, draft: Draft) => {
    if (Object.hasOwn(item, 'readings')) return readParvisItem(item, where, draft)
    const told = timePath === undefined ? undefined : readPath(item, timePath)
    const observedAt = told === undefined || told === null ? undefined : readTime(told)
    draft.seen += fields.length
    if (observedAt === null) return addFault(draft.faults, 'bad_time', { where })
    if (readFields(item, observedAt, where, draft) === 0) addFault(draft.faults, 'no_known_field', { where })
  }
  return (payload) => decodeItems(payload, readItem)
}

/** Compiles a field table to what reads an object into a draft, and answers how many of the fields it has. */
export function compileFields(
  fields: readonly JsonField[],
): (item: Record<string, unknown>, observedAt: number | undefined, where: string, draft: Draft) => number {
  const readers = fields.map(compileReader)
  return (item, observedAt, where, draft) => {
    let found = 0
    for (const read of readers) if (read(item, observedAt, where, draft)) found++
    return found
  }
}

// Answers whether the field is in the message, be its value good or not.
function compileReader(field: JsonField) {
  const { quantity, values } = field
  const path = field.path.split('.')
  const channelPath = field.channelPath?.split('.')
  const { toValue } = compileScale(field.scale, field.offset)
  const isScaled = field.scale !== undefined || field.offset !== undefined

  function readOne(told: unknown, channel: string, observedAt: number | undefined, where: string, draft: Draft) {
    const known = typeof told === 'string' && values !== undefined && Object.hasOwn(values, told)
    const value = known
      ? values[told]
      : readValue(quantity, typeof told === 'boolean' ? Number(told) : told, where, draft.faults)
    if (value === undefined) return
    const reading: DecodedReading = { channel, quantity, value: isScaled && !known ? toValue(value) : value }
    draft.readings.push(observedAt === undefined ? reading : { ...reading, observedAt })
  }

  return (item: Record<string, unknown>, observedAt: number | undefined, where: string, draft: Draft): boolean => {
    const told = readPath(item, path)
    if (told === undefined) return false
    if (told === null) return true
    let channel = field.channel ?? ''
    if (channelPath !== undefined) {
      const text = readPath(item, channelPath)
      if (typeof text === 'string' && isChannel(text)) channel = text
      else if (text !== undefined && text !== null) {
        addFault(draft.faults, 'bad_channel', { where, limit: maxChannelLength })
        return true
      }
    }
    if (field.channels === undefined || !Array.isArray(told)) readOne(told, channel, observedAt, where, draft)
    else
      for (const [index, name] of field.channels.entries())
        if (told[index] !== undefined && told[index] !== null) readOne(told[index], name, observedAt, where, draft)
    return true
  }
}

/**
 * The inverse: one object with each value at its path, or an array of them when the readings have several times or
 * channels from the message. Fields without a reading are null.
 */
export function compileJsonEncoder(fields: readonly JsonField[], time?: string): Encode {
  return (readings) => {
    const items = splitItems(fields, readings).map((item) => encodeItem(fields, time, item))
    return new TextEncoder().encode(JSON.stringify(items.length === 1 ? items[0] : items))
  }
}

type Item = { observedAt: number | undefined; channel: string | null; readings: DecodedReading[] }

// Readings of one message share their time and the channel that the message names.
function splitItems(fields: readonly JsonField[], readings: readonly DecodedReading[]): Item[] {
  const named = new Set(fields.filter((field) => field.channelPath !== undefined).map((field) => field.quantity))
  const items: Item[] = []
  for (const reading of readings) {
    const isNamed = named.has(reading.quantity) && !isFixed(fields, reading)
    const item = items.find(
      (each) =>
        each.observedAt === reading.observedAt &&
        (!isNamed || each.channel === null || each.channel === reading.channel),
    )
    if (item === undefined)
      items.push({ observedAt: reading.observedAt, channel: isNamed ? reading.channel : null, readings: [reading] })
    else {
      item.readings.push(reading)
      if (isNamed) item.channel = reading.channel
    }
  }
  return items.length === 0 ? [{ observedAt: undefined, channel: null, readings: [] }] : items
}

// Whether a field without a channel of the message's own sends this reading.
function isFixed(fields: readonly JsonField[], { quantity, channel }: DecodedReading): boolean {
  return fields.some(
    (field) => field.channelPath === undefined && field.quantity === quantity && (field.channel ?? '') === channel,
  )
}

function encodeItem(fields: readonly JsonField[], time: string | undefined, item: Item): unknown {
  const root: Record<string, unknown> = {}
  if (time !== undefined && item.observedAt !== undefined) writePath(root, time.split('.'), formatTime(item.observedAt))
  for (const field of fields) {
    const isNamed = field.channelPath !== undefined
    const channel = isNamed ? (item.channel ?? '') : (field.channel ?? '')
    const reading = item.readings.find((each) => each.quantity === field.quantity && each.channel === channel)
    if (isNamed) writePath(root, field.channelPath!.split('.'), item.channel)
    writePath(root, field.path.split('.'), reading === undefined ? null : encodeValue(field, reading.value))
  }
  return root
}

function encodeValue({ values, scale, offset }: JsonField, value: number): number | string {
  const text = values === undefined ? undefined : Object.keys(values).find((each) => values[each] === value)
  if (text !== undefined) return text
  // Twelve digits: what the arithmetic of the scale adds beyond them is noise.
  return Number(compileScale(scale, offset).toRaw(value).toPrecision(12))
}

// A key that is a number is an index, so that `sockets.0.power` builds an array.
function writePath(root: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = root
  for (const [index, key] of path.entries()) {
    if (index === path.length - 1) at[key] = value
    else {
      at[key] ??= /^\d+$/.test(path[index + 1]!) ? [] : {}
      at = at[key] as Record<string, unknown>
    }
  }
}
