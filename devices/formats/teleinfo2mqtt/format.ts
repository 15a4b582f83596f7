import { addFault, newFaultList } from '../../fault-list.ts'
import { isObject, parseJsonPayload } from '../../json-payload.ts'
import { toEnvelope } from '../../message-table.ts'
import type { Open, UplinkFormat } from '../../model.ts'
import { readTicValues } from '../../models/linky-tic/decode.ts'
import { compileTopic } from '../../topic-pattern.ts'

const readTopic = compileTopic('{device}')

const open: Open = (topic, payload) => {
  const device = readTopic(topic)?.device
  const faults = newFaultList()
  const message = parseJsonPayload(payload, faults)
  if (message !== undefined && !isObject(message)) addFault(faults, 'not_object')
  if (!isObject(message)) return toEnvelope(device, [], faults)
  const decoding = readTicValues(
    Object.fromEntries(Object.entries(message).map(([label, told]) => [label, readValue(told)])),
  )
  if (decoding.readings.length === 0 && decoding.faults.length === 0) addFault(faults, 'no_known_field')
  const envelope = toEnvelope(device, decoding.readings, faults)
  return { ...envelope, faults: [...envelope.faults, ...decoding.faults] }
}

// `raw` is what the meter said, `value` what the gateway made of it: a period's name is the same in both.
function readValue(told: unknown): unknown {
  return isObject(told) ? (told.raw ?? told.value) : told
}

/** teleinfo2mqtt: a Linky meter's groups as JSON, at `teleinfo/{ADCO or ADSC}`. */
export default {
  id: 'teleinfo2mqtt',
  label: { fr: 'teleinfo2mqtt (compteur Linky)', en: 'teleinfo2mqtt (Linky meter)' },
  open,
} satisfies UplinkFormat
