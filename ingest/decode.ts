import { addFault, closeFaults, type FaultList, newFaultList } from '../devices/fault-list.ts'
import { looksLikeJson } from '../devices/json-payload.ts'
import type { CommandAnswer, Envelope } from '../devices/model.ts'
import { decodeParvisJson } from '../devices/parvis-json.ts'
import type { CompiledScriptModel } from '../devices/script-model.ts'
import { type Decoding, type Fault, fault } from '../domain/fault.ts'
import type { Reading } from '../domain/reading.ts'
import { isInternal, parseDeviceTopic, parsePushTopic, type Uplink } from '../domain/uplink.ts'
import { judge } from '../domain/validate.ts'
import type { KnownIntegration } from '../store/device-lookup.ts'
import type { DeviceRoute } from '../store/ingest-file.ts'
import type { Codec, DeviceBook } from './devices.ts'
import type { FrameMemory } from './frames.ts'

/**
 * What became of one uplink. `deviceId` is null when nobody can say which device sent it; `isKnown` tells that the
 * device is registered.
 */
export type Decoded = {
  uplink: Uplink
  deviceId: string | null
  isKnown: boolean
  readings: Reading[]
  faults: Fault[]
  /** A replay leaves out readings of other spans: its dead letter stays as it is. */
  isPart?: boolean
  /** The way back to the device, where a network spoke for it. */
  route?: Omit<DeviceRoute, 'deviceId'>
  /** What the network says of a command. */
  answer?: CommandAnswer & { integration: string }
}

/**
 * What uplinks are judged and read by: `zone` is the IANA zone of times without one, `states` what the codecs of some
 * devices keep from one uplink to the next. `patient` decodes wait for their codec's turn as long as it takes.
 */
export type DecodeRules = {
  horizonDays: number
  zone: string
  frames: FrameMemory
  states: Map<string, unknown>
  patient?: boolean
}

/** Most devices whose codec's state is kept; the oldest go first. */
const maxStates = 20_000

/** What a batch became: what is decoded, in its order, and uplinks whose codec runs elsewhere and answers in its time. */
export type DecodedBatch = { decoded: Decoded[]; pending: { uplink: Uplink; decoding: Promise<Decoded> }[] }

// An uplink, addressed: which device sent it, and what its network's envelope says.
type Addressed = {
  uplink: Uplink
  envelope: Envelope
  isStatus: boolean
  integration?: KnownIntegration
}

/**
 * Decodes and judges a batch of uplinks. It throws only when the registry does not answer; whatever an uplink holds,
 * what is wrong with it becomes faults, and its good readings are kept. Models that are data are decoded at once; what a
 * codec in a thread of its own reads is pending, and never rejects.
 */
export async function decodeUplinks(
  uplinks: readonly Uplink[],
  book: DeviceBook,
  rules: DecodeRules,
): Promise<DecodedBatch> {
  const addressed = uplinks.map((uplink) => address(uplink, book, rules.zone))
  const ids = new Set<string>()
  for (const { envelope } of addressed) if (envelope.deviceId !== null) ids.add(envelope.deviceId)
  await book.learn(ids)
  const batch: DecodedBatch = { decoded: [], pending: [] }
  for (const each of addressed) {
    const decoded = decode(each, book, rules)
    if (decoded instanceof Promise) batch.pending.push({ uplink: each.uplink, decoding: decoded })
    else batch.decoded.push(decoded)
  }
  return batch
}

/** Takes note of the frames of uplinks that were decoded before, so that a copy that comes now is known as one. */
export function noteFrames(uplinks: readonly Uplink[], book: DeviceBook, { zone, frames }: DecodeRules): void {
  for (const uplink of uplinks)
    if (parseDeviceTopic(uplink.topic) === null) frames.isRepeat(uplink, address(uplink, book, zone).envelope)
}

function address(uplink: Uplink, book: DeviceBook, zone: string): Addressed {
  const own = parseDeviceTopic(uplink.topic)
  if (own !== null && own.deviceId === uplink.clientId)
    return {
      uplink,
      envelope: { deviceId: own.deviceId, payload: uplink.payload, readings: [], faults: [] },
      isStatus: own.branch === 'status',
    }
  const integration = book.integration(senderOf(uplink))
  const envelope = openEnvelope(uplink, integration, book, zone)
  return { uplink, envelope, isStatus: false, ...(integration === null ? {} : { integration }) }
}

// What came over HTTP was published by Parvis itself, which writes its integration in the topic.
function senderOf({ clientId, topic }: Uplink): string {
  return isInternal(clientId) ? (parsePushTopic(topic) ?? '') : clientId
}

function openEnvelope(uplink: Uplink, integration: KnownIntegration | null, book: DeviceBook, zone: string): Envelope {
  const nothing = { deviceId: null, payload: null, readings: [], faults: [] }
  if (integration === null) return { ...nothing, faults: [fault('unknown_topic', { topic: uplink.topic })] }
  const format = book.format(integration.format)
  if (format === null) return { ...nothing, faults: [fault('unknown_format', { format: integration.format })] }
  try {
    return format.open(uplink.topic, uplink.payload, { receivedAt: uplink.receivedAt, zone }) ?? nothing
  } catch (error) {
    return { ...nothing, faults: [fault('codec_error', { error: (error as Error).message })] }
  }
}

function decode(
  { uplink, envelope, isStatus, integration }: Addressed,
  book: DeviceBook,
  rules: DecodeRules,
): Decoded | Promise<Decoded> {
  const { deviceId, answer } = envelope
  if (answer !== undefined && integration !== undefined)
    return {
      uplink,
      deviceId,
      isKnown: false,
      readings: [],
      faults: [],
      answer: { ...answer, integration: integration.name },
    }
  if (deviceId === null) return { uplink, deviceId, isKnown: false, readings: [], faults: envelope.faults }
  const codec = book.codec(deviceId)
  if (codec === null)
    return { uplink, deviceId, isKnown: false, readings: [], faults: [fault('unknown_device', { deviceId })] }
  // A last will holds no readings, and its device did not send it: the broker did.
  if (isStatus) return { uplink, deviceId, isKnown: false, readings: [], faults: [] }
  if (rules.frames.isRepeat(uplink, envelope)) return { uplink, deviceId, isKnown: false, readings: [], faults: [] }
  const finish = (given: Decoding): Decoded => {
    const decoded = judgeAll(uplink, deviceId, envelope, given, rules)
    if (integration !== undefined) decoded.route = routeOf(uplink, integration, book)
    return decoded
  }
  if (codec.script === undefined) return finish(readPayload(codec, envelope, uplink))
  const given = runScript(codec.script, deviceId, envelope, uplink, rules)
  return given instanceof Promise ? given.then(finish) : finish(given)
}

function judgeAll(uplink: Uplink, deviceId: string, envelope: Envelope, given: Decoding, rules: DecodeRules): Decoded {
  const list = newFaultList()
  addFaults(list, envelope.faults)
  const decoded = envelope.readings.length === 0 ? given.readings : [...envelope.readings, ...given.readings]
  addFaults(list, given.faults)
  const readings: Reading[] = []
  for (const each of decoded) {
    const observedAt = each.observedAt ?? envelope.observedAt
    const wrong = judge(
      observedAt === each.observedAt ? each : { ...each, observedAt },
      uplink.receivedAt,
      rules.horizonDays,
    )
    if (wrong !== null) addFaults(list, [wrong])
    else
      readings.push({
        deviceId,
        channel: each.channel,
        quantity: each.quantity,
        value: each.value,
        observedAt: observedAt ?? uplink.receivedAt,
        receivedAt: uplink.receivedAt,
        seq: uplink.seq,
      })
  }
  return { uplink, deviceId, isKnown: true, readings, faults: closeFaults(list) }
}

// What Parvis published for a network that pushed it over HTTP has no way back; a bridge's client id names the bridge.
function routeOf({ clientId, topic }: Uplink, { name, format: id }: KnownIntegration, book: DeviceBook) {
  const [, kind, bridge] = clientId.split('/', 3)
  return {
    integration: name,
    bridge: kind === 'bridge' && bridge !== undefined ? bridge : null,
    topic: isInternal(clientId) ? null : (book.format(id)?.downlink?.replyTopic(topic) ?? null),
  }
}

// A codec's own list may be full already: what it left out is counted on.
function addFaults(list: FaultList, faults: readonly Fault[]) {
  for (const { code, params } of faults)
    if (code === 'more_faults') list.left += Number(params?.count)
    else addFault(list, code, params)
}

// The device's own model reads the payload itself. One that reads JSON takes what the network's codec made of it, and one
// that takes any quantity needs no more than names and units that are fixed.
function readPayload(codec: Codec, { payload, port, decoded }: Envelope, uplink: Uplink): Decoding {
  const nothing = { readings: [], faults: [] }
  if (decoded === undefined || codec.takes === 'frame') {
    if (payload !== null) return runCodec(codec, payload, port, uplink)
    return decoded === undefined ? nothing : { readings: [], faults: [fault('no_frame', { path: 'payload' })] }
  }
  if (codec.takes === 'any' && decoded.readings.length > 0) return { readings: decoded.readings, faults: [] }
  if (decoded.object !== undefined)
    return runCodec(codec, Buffer.from(JSON.stringify(decoded.object)), undefined, uplink)
  return payload === null ? nothing : runCodec(codec, payload, port, uplink)
}

function runCodec(codec: Codec, payload: Uint8Array, port: number | undefined, uplink: Uplink): Decoding {
  if (codec.decode === null) return { readings: [], faults: [fault('unknown_model', { model: codec.model })] }
  try {
    return codec.decode(payload, { receivedAt: uplink.receivedAt, port })
  } catch (error) {
    return { readings: [], faults: [fault('codec_error', { error: (error as Error).message })] }
  }
}

// A codec of the registry reads the frame; where the network handed over only what its own codec made of it, the model's
// table reads that. A device may send the project's own JSON whatever its model.
function runScript(
  script: CompiledScriptModel,
  deviceId: string,
  { payload, port, observedAt, decoded }: Envelope,
  { receivedAt }: Uplink,
  { states, patient = false }: DecodeRules,
): Decoding | Promise<Decoding> {
  if (payload === null) {
    if (decoded?.object !== undefined) return script.map(decoded.object)
    return { readings: [], faults: decoded === undefined ? [] : [fault('no_frame', { path: 'payload' })] }
  }
  if (port === undefined && looksLikeJson(payload) && Buffer.from(payload).includes('"readings"'))
    return decodeParvisJson(payload, { receivedAt })
  const state = states.get(deviceId)
  return script.decode(payload, { receivedAt: observedAt ?? receivedAt, port, patient, state }).then((decoding) => {
    if (decoding.state !== undefined) {
      states.delete(deviceId)
      states.set(deviceId, decoding.state)
      if (states.size > maxStates) states.delete(states.keys().next().value!)
    }
    return decoding
  })
}
