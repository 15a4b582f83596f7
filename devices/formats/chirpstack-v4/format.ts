import type { DecodedReading } from '../../../domain/fault.ts'
import { isDeviceId } from '../../../domain/id.ts'
import { addFault, closeFaults, type FaultList, newFaultList } from '../../fault-list.ts'
import { isObject, parseJsonPayload, readTime } from '../../json-payload.ts'
import type { Envelope, UplinkFormat } from '../../model.ts'

const eventPattern = /(?:^|\/)event\/([^/]+)$/

/** ChirpStack v4, JSON encoding: `application/{application}/device/{devEui}/event/{event}`. Only `up` is opened. */
export default {
  id: 'chirpstack-v4',
  label: { fr: 'ChirpStack v4 (LoRaWAN)', en: 'ChirpStack v4 (LoRaWAN)' },
  open(topic, payload) {
    const event = eventPattern.exec(topic)?.[1]
    if (event !== undefined && event !== 'up') return null
    const faults = newFaultList()
    const message = parseJsonPayload(payload, faults)
    if (message !== undefined && !isObject(message)) addFault(faults, 'not_object')
    if (!isObject(message)) return { deviceId: null, payload: null, readings: [], faults: closeFaults(faults) }
    // Pushed over HTTP the topic names no event; of the events only an uplink has been heard by gateways.
    if (event === undefined && !Array.isArray(message.rxInfo)) return null
    return openUplink(message, faults)
  },
} satisfies UplinkFormat

function openUplink(message: Record<string, unknown>, faults: FaultList): Envelope {
  const deviceId = readDevEui(message, faults)
  const observedAt = message.time === undefined ? undefined : readTime(message.time)
  if (observedAt === null) addFault(faults, 'bad_time')
  const payload = readFrame(message, faults)
  return {
    deviceId,
    ...(typeof observedAt === 'number' ? { observedAt } : {}),
    payload,
    ...(typeof message.fPort === 'number' ? { port: message.fPort } : {}),
    readings: readNetwork(message),
    faults: closeFaults(faults),
  }
}

function readDevEui({ deviceInfo }: Record<string, unknown>, faults: FaultList): string | null {
  const devEui = isObject(deviceInfo) ? deviceInfo.devEui : undefined
  if (typeof devEui === 'string' && isDeviceId(devEui)) return devEui.toLowerCase()
  addFault(faults, 'no_device', { path: 'deviceInfo.devEui' })
  return null
}

// Without data on a port of its own, the uplink is one of the network's (port 0, left out) and has no frame for us.
function readFrame({ data, fPort }: Record<string, unknown>, faults: FaultList): Uint8Array | null {
  if (typeof data !== 'string' || data === '') {
    if (typeof fPort === 'number' && fPort > 0) addFault(faults, 'no_frame', { path: 'data' })
    return null
  }
  try {
    return Uint8Array.fromBase64(data)
  } catch {
    addFault(faults, 'not_base64', { path: 'data' })
    return null
  }
}

// The encoding leaves out what is 0 (protobuf's JSON mapping): a missing fCnt is the first frame, a missing snr is 0 dB.
function readNetwork({ fCnt = 0, rxInfo }: Record<string, unknown>): DecodedReading[] {
  const readings: DecodedReading[] = []
  const best = bestReception(rxInfo)
  if (best !== null)
    readings.push(
      { channel: '', quantity: 'rssi', value: best.rssi },
      { channel: '', quantity: 'snr', value: best.snr },
    )
  if (typeof fCnt === 'number') readings.push({ channel: '', quantity: 'frame_counter', value: fCnt })
  return readings
}

/** The reception of the gateway that heard the device loudest. */
function bestReception(rxInfo: unknown): { rssi: number; snr: number } | null {
  let best: { rssi: number; snr: number } | null = null
  if (!Array.isArray(rxInfo)) return best
  for (const each of rxInfo) {
    if (!isObject(each)) continue
    const { rssi, snr = 0 } = each
    if (typeof rssi !== 'number' || typeof snr !== 'number') continue
    if (best === null || rssi > best.rssi || (rssi === best.rssi && snr > best.snr)) best = { rssi, snr }
  }
  return best
}
