import { addFault, closeFaults, type FaultList, newFaultList } from '../devices/fault-list.ts'
import type { Envelope } from '../devices/model.ts'
import { type DecodedReading, type Decoding, type Fault, fault } from '../domain/fault.ts'
import type { Reading } from '../domain/reading.ts'
import { parseDeviceTopic, type Uplink } from '../domain/uplink.ts'
import { judge } from '../domain/validate.ts'
import type { Codec, DeviceBook } from './devices.ts'

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
}

// An uplink, addressed: which device sent it, and what its network's envelope says.
type Addressed = { uplink: Uplink; envelope: Envelope; isStatus: boolean }

/**
 * Decodes and judges a batch of uplinks, in their order. It throws only when the registry does not answer; whatever an
 * uplink holds, what is wrong with it becomes faults, and its good readings are kept.
 */
export async function decodeUplinks(
  uplinks: readonly Uplink[],
  book: DeviceBook,
  horizonDays: number,
): Promise<Decoded[]> {
  const addressed = uplinks.map((uplink) => address(uplink, book))
  await book.learn(addressed.flatMap(({ envelope }) => envelope.deviceId ?? []))
  return addressed.map((each) => decode(each, book, horizonDays))
}

function address(uplink: Uplink, book: DeviceBook): Addressed {
  const own = parseDeviceTopic(uplink.topic)
  if (own !== null && own.deviceId === uplink.clientId)
    return {
      uplink,
      envelope: { deviceId: own.deviceId, payload: uplink.payload, readings: [], faults: [] },
      isStatus: own.branch === 'status',
    }
  return { uplink, envelope: openEnvelope(uplink, book), isStatus: false }
}

function openEnvelope(uplink: Uplink, book: DeviceBook): Envelope {
  const nothing = { deviceId: null, payload: null, readings: [], faults: [] }
  const integration = book.integration(uplink.clientId)
  if (integration === null) return { ...nothing, faults: [fault('unknown_topic', { topic: uplink.topic })] }
  const format = book.format(integration.format)
  if (format === null) return { ...nothing, faults: [fault('unknown_format', { format: integration.format })] }
  try {
    return format.open(uplink.topic, uplink.payload) ?? nothing
  } catch (error) {
    return { ...nothing, faults: [fault('codec_error', { error: (error as Error).message })] }
  }
}

function decode({ uplink, envelope, isStatus }: Addressed, book: DeviceBook, horizonDays: number): Decoded {
  const { deviceId } = envelope
  if (deviceId === null) return { uplink, deviceId, isKnown: false, readings: [], faults: envelope.faults }
  const codec = book.codec(deviceId)
  if (codec === null)
    return { uplink, deviceId, isKnown: false, readings: [], faults: [fault('unknown_device', { deviceId })] }
  // A last will holds no readings, and its device did not send it: the broker did.
  if (isStatus) return { uplink, deviceId, isKnown: false, readings: [], faults: [] }
  const list = newFaultList()
  addFaults(list, envelope.faults)
  const decoded: DecodedReading[] = [...envelope.readings]
  if (envelope.payload !== null) {
    const given = runCodec(codec, envelope, uplink)
    for (const each of given.readings) decoded.push(each)
    addFaults(list, given.faults)
  }
  const readings: Reading[] = []
  for (const each of decoded) {
    const observedAt = each.observedAt ?? envelope.observedAt
    const wrong = judge(observedAt === each.observedAt ? each : { ...each, observedAt }, uplink.receivedAt, horizonDays)
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

// A codec's own list may be full already: what it left out is counted on.
function addFaults(list: FaultList, faults: readonly Fault[]) {
  for (const { code, params } of faults)
    if (code === 'more_faults') list.left += Number(params?.count)
    else addFault(list, code, params)
}

function runCodec(codec: Codec, envelope: Envelope, uplink: Uplink): Decoding {
  if (codec.decode === null) return { readings: [], faults: [fault('unknown_model', { model: codec.model })] }
  try {
    return codec.decode(envelope.payload!, { receivedAt: uplink.receivedAt, port: envelope.port })
  } catch (error) {
    return { readings: [], faults: [fault('codec_error', { error: (error as Error).message })] }
  }
}
