import type { DecodedReading } from '../domain/fault.ts'
import { isDeviceId } from '../domain/id.ts'
import { addFault, closeFaults, type FaultList, newFaultList } from './fault-list.ts'
import { isObject, parseJsonPayload } from './json-payload.ts'
import type { CommandAnswer, DecodedByNetwork, FrameIdentity, Open } from './model.ts'
import { readNetworkNumber, readNetworkTime } from './network-value.ts'
import { readNormalizedPayload } from './normalized-payload.ts'
import { compilePath, compilePaths } from './path.ts'
import { compileTopic } from './topic-pattern.ts'
import { convertTo, recognizeQuantity } from './units.ts'

/**
 * How a radio network's server wraps a frame, as data. Paths lead through the message's JSON (`end_device_ids.dev_eui`);
 * of several the first that the message has counts. Numbers and times may be numbers or texts of them.
 */
export type EnvelopeTable = {
  /** An object that may stand around the whole, or be left out. */
  root?: string
  /** What a topic ends with, `{event}` where it names the event. A topic that ends otherwise decides nothing. */
  topic?: string
  /** The events that are opened, as a frame or for their battery alone; the others are of no interest. */
  events?: Readonly<Record<string, 'frame' | 'battery'>>
  /** Without an event in the topic (HTTP): only what has one of these is opened. */
  needs?: readonly string[]
  /** What has one of these is of no interest. */
  others?: readonly string[]
  /** What the network says of commands; the first row that fits reads the message. */
  answers?: readonly AnswerRow[]
  /** The device's id, which is told in lower case; `{device}` of `deviceTopic` where no path has it. */
  device: readonly string[]
  deviceTopic?: string
  /** What may stand before the id, `{device}` being the id: `urn:lo:nsid:{kind}:{device}`. */
  devicePrefix?: string
  /** Ids and addresses may be written as protobuf's JSON mapping writes bytes: in base64. */
  base64Ids?: boolean
  /** When the network heard the frame: RFC 3339, or seconds or milliseconds since 1970. */
  time?: readonly string[]
  /** The device's own bytes. `encodings` names what the message itself may say at `encodingPath`. */
  frame: { paths: readonly string[]; encoding: Encoding; encodingPath?: string; encodings?: Record<string, Encoding> }
  port?: string
  counter?: string
  address?: string
  /** Who heard it: a list at `list`, or the message itself without one. The loudest is told. */
  receptions?: readonly { list?: string; rssi: string; snr: string; gateway?: readonly string[] }[]
  /**
   * The battery, and when that was told, if not with this frame: in percent, or as a device answers DevStatusReq. It
   * says nothing where one of `unless` is true.
   */
  battery?: { path: string; time?: string; unit?: 'DevStatusAns'; unless?: readonly string[] }
  /** What the network's own codec made of the payload; the same as a text of JSON. */
  object?: readonly string[]
  objectText?: string
  /** The same in The Things Stack's normalised form, or as ThingPark's points: `{name: {unitId, record}}`. */
  normalized?: string
  points?: string
  /** An option leaves the codec's object only: a message without id and frame is that object. */
  mayBeBare?: boolean
  /** The encoding leaves out what is 0 (protobuf's JSON mapping): a missing counter or snr is 0. */
  omitsZero?: boolean
}

type Encoding = 'base64' | 'hex'

/**
 * A message that tells what became of a command: known by its event in the topic, or by what it has at `at`. `command`
 * leads to the command's id, to a list in which it stands behind `commandMark`, or to its first 16 digits. What does not
 * have one of some values at a path was refused.
 */
export type AnswerRow = {
  event?: string
  at?: string
  command: readonly string[]
  outcome: CommandAnswer['outcome']
  needs?: { path: string; values: readonly unknown[] }
  detail?: readonly string[]
}

/** What stands before the id of a command in the list of correlation ids of The Things Stack. */
export const commandMark = 'parvis:command:'

/** Compiles the table of a network's envelope. */
export function openEnvelope(table: EnvelopeTable): Open {
  const readEvent = table.topic === undefined ? () => null : compileTopic(table.topic)
  const readTopicDevice = table.deviceTopic === undefined ? () => null : compileTopic(table.deviceTopic)
  const readPrefixed = compilePrefix(table.devicePrefix)
  const isNeeded = compilePaths(table.needs ?? [])
  const isOther = compilePaths(table.others ?? [])
  const readDevice = compilePaths(table.device)
  const readTime = compilePaths(table.time ?? [])
  const readFrame = compileFrame(table)
  const readPort = compilePaths(table.port === undefined ? [] : [table.port])
  const readIdentity = compileIdentity(table)
  const readRadio = compileRadio(table)
  const readBattery = compileBattery(table)
  const readDecoded = compileDecoded(table)
  const readAnswer = compileAnswers(table.answers ?? [])

  return (topic, payload) => {
    const event = readEvent(topic)?.event
    const kind = event === undefined ? 'frame' : ownValue(table.events, event)
    if (kind === undefined && table.answers === undefined) return null
    const faults = newFaultList()
    const message = unwrap(parseJsonPayload(payload, faults), table.root)
    const answer = isObject(message) ? readAnswer(message, event) : undefined
    if (answer !== undefined) return { deviceId: null, payload: null, readings: [], faults: [], answer }
    if (kind === undefined) return null
    if (message === null) addFault(faults, 'not_object')
    if (!isObject(message)) return { deviceId: null, payload: null, readings: [], faults: closeFaults(faults) }
    if (isOther(message) !== undefined) return null
    if (event === undefined && table.needs !== undefined && isNeeded(message) === undefined) return null

    const toldId = readPrefixed(toHexId(readDevice(message), table)) ?? readTopicDevice(topic)?.device
    const deviceId = toDeviceId(toldId, table, faults)
    const told = readTime(message)
    const observedAt = told === undefined ? undefined : readNetworkTime(told)
    if (observedAt === null) addFault(faults, 'bad_time')
    const opened = { deviceId, ...(typeof observedAt === 'number' ? { observedAt } : {}) }
    if (kind === 'battery')
      return { ...opened, payload: null, readings: readBattery(message), faults: closeFaults(faults) }
    const port = readNetworkNumber(readPort(message))
    const frame = readFrame(message, port, faults)
    const identity = readIdentity(message)
    const decoded = readDecoded(message)
    return {
      ...opened,
      payload: frame,
      ...(port === undefined ? {} : { port }),
      ...(identity === undefined ? {} : { frame: identity }),
      ...(decoded === undefined ? {} : { decoded }),
      readings: [
        ...readRadio(message),
        ...(identity === undefined ? [] : [tellCounter(identity)]),
        ...readBattery(message),
      ],
      faults: closeFaults(faults),
    }
  }
}

function compileAnswers(rows: readonly AnswerRow[]) {
  const readers = rows.map(({ event, at, command, outcome, needs, detail }) => ({
    event,
    isThere: compilePath(at ?? ''),
    readCommand: compilePaths(command),
    outcome,
    readNeeded: compilePath(needs?.path ?? ''),
    needed: needs?.values,
    readDetail: compilePaths(detail ?? []),
  }))
  return (message: unknown, event: string | undefined): CommandAnswer | undefined => {
    for (const reader of readers) {
      if (reader.event !== undefined ? reader.event !== event : reader.isThere(message) === undefined) continue
      const commandId = toCommandId(reader.readCommand(message))
      if (commandId === null) continue
      const told = reader.readDetail(message)
      return {
        commandId,
        outcome: reader.needed?.includes(reader.readNeeded(message)) === false ? 'refused' : reader.outcome,
        detail: typeof told === 'string' && told !== '' ? told.slice(0, maxDetailChars) : null,
      }
    }
    return undefined
  }
}

const maxDetailChars = 500

// A command of someone else's has another id, or none that is one of ours.
function toCommandId(told: unknown): string | null {
  const text: unknown = Array.isArray(told)
    ? told.find((each) => typeof each === 'string' && each.startsWith(commandMark))?.slice(commandMark.length)
    : told
  if (typeof text !== 'string') return null
  const short = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})$/i.exec(text)
  const id = (short === null ? text : short.slice(1).join('-')).toLowerCase()
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}(-[0-9a-f]{4}-[0-9a-f]{12})?$/.test(id) ? id : null
}

// Undefined when it was no JSON at all, which is a fault already; null when it is JSON and no object.
function unwrap(message: unknown, root: string | undefined): Record<string, unknown> | null | undefined {
  if (message === undefined) return undefined
  if (!isObject(message)) return null
  const inner = root === undefined || !Object.hasOwn(message, root) ? message : message[root]
  return isObject(inner) ? inner : null
}

function ownValue<Value>(record: Readonly<Record<string, Value>> | undefined, key: string): Value | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}

function tellCounter({ counter }: FrameIdentity): DecodedReading {
  return { channel: '', quantity: 'frame_counter', value: counter }
}

function toDeviceId(told: unknown, table: EnvelopeTable, faults: FaultList): string | null {
  if (typeof told === 'string' && isDeviceId(told)) return told.toLowerCase()
  addFault(faults, 'no_device', { path: table.device[0]! })
  return null
}

const base64IdPattern = /^(?:[A-Za-z0-9+/]{11}=|[A-Za-z0-9+/]{6}==)$/

/** An EUI of 8 bytes or an address of 4 in hexadecimal, where the network may write it in base64. */
function toHexId(told: unknown, { base64Ids = false }: EnvelopeTable): unknown {
  return base64Ids && typeof told === 'string' && base64IdPattern.test(told)
    ? Buffer.from(told, 'base64').toString('hex')
    : told
}

function compilePrefix(prefix: string | undefined): (told: unknown) => unknown {
  if (prefix === undefined) return (told) => told
  const read = compileTopic(prefix)
  return (told) => (typeof told === 'string' ? (read(told)?.device ?? told) : told)
}

// Without data on a port of its own, the uplink is one of the network's (port 0, left out) and has no frame for us.
function compileFrame({ frame }: EnvelopeTable) {
  const { paths, encoding, encodings = {} } = frame
  const read = compilePaths(paths)
  const readEncoding = compilePath(frame.encodingPath ?? '')
  return (message: unknown, port: number | undefined, faults: FaultList): Uint8Array | null => {
    const text = read(message)
    if (typeof text !== 'string' || text === '') {
      if (port !== undefined && port > 0) addFault(faults, 'no_frame', { path: paths[0]! })
      return null
    }
    const named = readEncoding(message)
    const known = (typeof named === 'string' ? ownValue(encodings, named) : undefined) ?? encoding
    try {
      return known === 'hex' ? Uint8Array.fromHex(text) : Uint8Array.fromBase64(text)
    } catch {
      addFault(faults, known === 'hex' ? 'not_hex' : 'not_base64', { path: paths[0]! })
      return null
    }
  }
}

function compileIdentity(table: EnvelopeTable): (message: unknown) => FrameIdentity | undefined {
  if (table.counter === undefined) return () => undefined
  const readCounter = compilePath(table.counter)
  const readAddress = compilePath(table.address ?? '')
  return (message) => {
    const told = readCounter(message)
    const counter = told === undefined && table.omitsZero === true ? 0 : readNetworkNumber(told)
    if (counter === undefined) return undefined
    const address = toHexId(readAddress(message), table)
    return typeof address === 'string' ? { counter, address: address.toLowerCase() } : { counter }
  }
}

/**
 * The loudest reception. A reading is a number, and a gateway is a name: so its signal is told twice, once as the
 * device's and once under a channel that bears the gateway's name.
 */
function compileRadio(table: EnvelopeTable): (message: unknown) => DecodedReading[] {
  const { receptions = [], omitsZero } = table
  const sources = receptions.map(({ list, rssi, snr, gateway }) => ({
    list: list === undefined ? (message: unknown) => [message] : compilePath(list),
    rssi: compilePath(rssi),
    snr: compilePath(snr),
    gateway: compilePaths(gateway ?? []),
  }))
  return (message) => {
    for (const source of sources) {
      const receivers = source.list(message)
      let best: { rssi: number; snr: number | undefined; gateway: unknown } | null = null
      for (const each of Array.isArray(receivers) ? receivers : []) {
        const rssi = readNetworkNumber(source.rssi(each))
        if (rssi === undefined) continue
        const told = source.snr(each)
        const snr = told === undefined && omitsZero === true ? 0 : readNetworkNumber(told)
        if (best === null || rssi > best.rssi || (rssi === best.rssi && (snr ?? -1e3) > (best.snr ?? -1e3)))
          best = { rssi, snr, gateway: toHexId(source.gateway(each), table) }
      }
      if (best !== null) return tellReception(best)
    }
    return []
  }
}

function tellReception({ rssi, snr, gateway }: { rssi: number; snr: number | undefined; gateway: unknown }) {
  const readings: DecodedReading[] = [{ channel: '', quantity: 'rssi', value: rssi }]
  if (snr !== undefined) readings.push({ channel: '', quantity: 'snr', value: snr })
  if (typeof gateway === 'string' && gateway !== '' && gateway.length <= 64 && isDeviceId(gateway))
    readings.push({ channel: gateway.toLowerCase(), quantity: 'rssi', value: rssi })
  return readings
}

function compileBattery({ battery }: EnvelopeTable): (message: unknown) => DecodedReading[] {
  if (battery === undefined) return () => []
  const read = compilePath(battery.path)
  const readTime = compilePath(battery.time ?? '')
  const exceptions = (battery.unless ?? []).map(compilePath)
  return (message) => {
    if (exceptions.some((isSo) => isSo(message) === true)) return []
    const told = readNetworkNumber(read(message))
    const value = battery.unit === undefined ? told : toPercent(told)
    if (value === undefined) return []
    const observedAt = readNetworkTime(readTime(message))
    return [{ channel: '', quantity: 'battery_level', value, ...(observedAt === null ? {} : { observedAt }) }]
  }
}

// LoRaWAN 1.0.4, 5.5: 1 to 254 is from the least to the most, 0 an external supply, 255 not measured.
function toPercent(told: number | undefined): number | undefined {
  return told === undefined || told < 1 || told > 254 ? undefined : Math.round(((told - 1) / 253) * 1000) / 10
}

function compileDecoded(table: EnvelopeTable): (message: Record<string, unknown>) => DecodedByNetwork | undefined {
  const readObject = compilePaths(table.object ?? [])
  const readObjectText = compilePath(table.objectText ?? '')
  const readNormalized = compilePath(table.normalized ?? '')
  const readPoints = compilePath(table.points ?? '')
  // What the network has not decoded holds nothing but the frame.
  const frameKeys = new Set(table.frame.paths.map((path) => path.split('.').at(-1)!))
  const isFrameAlone = (object: Record<string, unknown>) => Object.keys(object).every((key) => frameKeys.has(key))
  const isWhole = compilePaths([...table.device, ...table.frame.paths, ...(table.object ?? [])])
  return (message) => {
    const told = readObject(message) ?? parseText(readObjectText(message))
    const object = told === undefined && table.mayBeBare === true && isWhole(message) === undefined ? message : told
    const readings = [
      ...(table.normalized === undefined ? [] : readNormalizedPayload(readNormalized(message))),
      ...(table.points === undefined ? [] : readPointList(readPoints(message))),
    ]
    if (!isObject(object) || isFrameAlone(object)) return readings.length === 0 ? undefined : { readings }
    return { readings, object }
  }
}

// The frame is there all the same: a text that is no JSON is no fault of the uplink.
function parseText(told: unknown): unknown {
  return typeof told === 'string' ? parseJsonPayload(Buffer.from(told), newFaultList()) : undefined
}

const maxPoints = 100

function readPointList(points: unknown): DecodedReading[] {
  if (!isObject(points)) return []
  return Object.entries(points)
    .slice(0, maxPoints)
    .flatMap(([name, point]): DecodedReading[] => {
      if (!isObject(point)) return []
      const unit = typeof point.unitId === 'string' ? point.unitId : undefined
      const record = Array.isArray(point.records) ? point.records.at(-1) : point.record
      if (unit === 'GPS' && Array.isArray(record)) return readPosition(record)
      const told = readNetworkNumber(record)
      const quantity = recognizeQuantity(name, unit)
      const value = told === undefined || quantity === null ? undefined : convertTo(quantity, told, unit)
      return quantity === null || value === undefined ? [] : [{ channel: '', quantity, value }]
    })
}

// Longitude first, as GeoJSON has it.
function readPosition([longitude, latitude]: readonly unknown[]): DecodedReading[] {
  if (typeof longitude !== 'number' || typeof latitude !== 'number') return []
  return [
    { channel: '', quantity: 'latitude', value: latitude },
    { channel: '', quantity: 'longitude', value: longitude },
  ]
}
