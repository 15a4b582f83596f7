import { addFault, closeFaults, newFaultList } from '../../fault-list.ts'
import { parseJsonPayload } from '../../json-payload.ts'
import { toEnvelope } from '../../message-table.ts'
import type { Open, UplinkFormat } from '../../model.ts'
import { compileTopic } from '../../topic-pattern.ts'
import { parseCborPack } from './cbor.ts'
import { readPack } from './pack.ts'

const topics = ['{device}/up', '{device}'].map(compileTopic)

const open: Open = (topic, payload, { receivedAt }) => {
  const faults = newFaultList()
  // A pack is an array: in CBOR (RFC 8949) its first byte has 4 in the upper three bits, which begins no JSON.
  const isCbor = payload.length > 0 && payload[0]! >> 5 === 4
  const pack = isCbor ? parseCborPack(payload, faults) : parseJsonPayload(payload, faults)
  const fallback = topics.map((read) => read(topic)?.device).find((device) => device !== undefined)
  if (pack === undefined) return { deviceId: null, payload: null, readings: [], faults: closeFaults(faults) }
  if (Array.isArray(pack)) {
    const { device, readings } = readPack(pack, { receivedAt, device: fallback }, faults)
    if (device !== undefined) return toEnvelope(device, readings, faults)
  } else addFault(faults, 'senml_no_pack')
  return { deviceId: null, payload: null, readings: [], faults: closeFaults(faults) }
}

/** SenML (RFC 8428), JSON or CBOR. */
export default {
  id: 'senml',
  label: { fr: 'SenML (RFC 8428), JSON ou CBOR', en: 'SenML (RFC 8428), JSON or CBOR' },
  open,
} satisfies UplinkFormat
