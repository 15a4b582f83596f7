import { isChannel, maxChannelLength } from '../domain/channel.ts'
import type { DecodedReading } from '../domain/fault.ts'
import { isDeviceId } from '../domain/id.ts'
import { defineQuantity, stateValue } from '../domain/quantity.ts'
import { addFault, closeFaults, type FaultList, newFaultList } from './fault-list.ts'
import { isObject, parseJsonPayload } from './json-payload.ts'
import { compileFields } from './json-table.ts'
import type { Envelope, JsonField, Open, OpenContext } from './model.ts'
import { readNetworkNumber } from './network-value.ts'
import type { Draft } from './parvis-json.ts'
import { compilePath } from './path.ts'
import { compileScale } from './scale.ts'
import { compileTopic, type TopicParts } from './topic-pattern.ts'

/**
 * The messages of a gateway or device that has decoded its values itself, as data: what the topic ends with, and either
 * the fields of the JSON object or the one value that is all of the payload. A field's channel may be `{channel}` of the
 * topic. The first row whose topic fits reads the message; a topic that fits none is of no interest.
 */
export type MessageTable = {
  topic: string
  fields?: readonly JsonField[]
  /** Other fields by a word of the message: what a number counts may depend on the medium. */
  fieldsBy?: { path: string; fields: Readonly<Record<string, readonly JsonField[]>> }
  value?: Omit<JsonField, 'path'>
  /** The device's id in the message; `{device}` of the topic where it is not there. */
  device?: string
  /** When it was observed. What `readTime` answers null for is a fault, undefined for is no time at all. */
  time?: { path: string; readTime(told: unknown, context: OpenContext): number | null | undefined }
  /** A message without any known field is of no interest: others of its topic carry what changed only. */
  isPartial?: boolean
}

/** Compiles the rows of a message table. */
export function openMessages(tables: readonly MessageTable[]): Open {
  const readers = tables.map((table) => ({ read: compileTopic(table.topic), open: compileMessage(table) }))
  return (topic, payload, context) => {
    for (const { read, open } of readers) {
      const parts = read(topic)
      if (parts === null) continue
      if (parts.channel === undefined || isChannel(parts.channel)) return open(parts, payload, context)
      const faults = newFaultList()
      addFault(faults, 'bad_channel', { limit: maxChannelLength })
      return toEnvelope(parts.device, [], faults)
    }
    return null
  }
}

function compileMessage(table: MessageTable) {
  if (table.value !== undefined) return compileValue(table.value)
  const readFields = compileFields(table.fields ?? [])
  const readWord = compilePath(table.fieldsBy?.path ?? '')
  const readFieldsBy = new Map(
    Object.entries(table.fieldsBy?.fields ?? {}).map(([word, fields]) => [word, compileFields(fields)]),
  )
  const readDevice = compilePath(table.device ?? '')
  const readTimePath = compilePath(table.time?.path ?? '')

  return (parts: TopicParts, payload: Uint8Array, context: OpenContext): Envelope | null => {
    const faults = newFaultList()
    const message = parseJsonPayload(payload, faults)
    if (message !== undefined && !isObject(message)) addFault(faults, 'not_object')
    if (!isObject(message)) return toEnvelope(parts.device, [], faults)
    const told = readDevice(message)
    const device = typeof told === 'string' ? told : parts.device
    const observedAt = readTimeOf(table, readTimePath(message), context, faults)
    if (observedAt === null) return toEnvelope(device, [], faults)
    const draft: Draft = { readings: [], faults, seen: 0 }
    const read = readFieldsBy.get(String(readWord(message))) ?? readFields
    if (read(message, observedAt, '', draft) === 0) {
      if (table.isPartial === true) return null
      addFault(faults, 'no_known_field')
    }
    return toEnvelope(
      device,
      draft.readings.map((reading) => placeReading(reading, parts)),
      faults,
    )
  }
}

/** The channel of a field that the topic names. */
const topicChannel = '{channel}'

function placeReading(reading: DecodedReading, { channel = '' }: TopicParts): DecodedReading {
  return reading.channel === topicChannel ? { ...reading, channel } : reading
}

function readTimeOf({ time }: MessageTable, told: unknown, context: OpenContext, faults: FaultList) {
  if (time === undefined || told === undefined || told === null) return undefined
  const observedAt = time.readTime(told, context)
  if (observedAt === null) addFault(faults, 'bad_time')
  return observedAt
}

// The payload is one value: a number, or a word.
function compileValue({ quantity, channel, scale, offset, values }: Omit<JsonField, 'path'>) {
  const { toValue } = compileScale(scale, offset)
  return (parts: TopicParts, payload: Uint8Array): Envelope => {
    const faults = newFaultList()
    const text = new TextDecoder().decode(payload.subarray(0, maxValueBytes)).trim()
    const number = readNetworkNumber(text)
    const value =
      number === undefined
        ? ((values !== undefined && Object.hasOwn(values, text) ? values[text] : undefined) ??
          stateValue(quantity, text))
        : toValue(number)
    if (value === undefined) {
      const { states } = defineQuantity(quantity)
      if (states === undefined) addFault(faults, 'not_a_number', { quantity, value: `"${text}"` })
      else
        addFault(faults, 'unknown_state', { quantity, value: text, states: states.map(({ name }) => name).join(', ') })
      return toEnvelope(parts.device, [], faults)
    }
    return toEnvelope(parts.device, [placeReading({ channel: channel ?? '', quantity, value }, parts)], faults)
  }
}

const maxValueBytes = 64

/** An envelope of readings alone. A device that is missing, or that can be none, is a fault. */
export function toEnvelope(device: string | undefined, readings: DecodedReading[], faults: FaultList): Envelope {
  const deviceId = device !== undefined && isDeviceId(device) ? device : null
  if (deviceId === null) addFault(faults, 'no_device', { path: '{device}' })
  return { deviceId, payload: null, readings: deviceId === null ? [] : readings, faults: closeFaults(faults) }
}
