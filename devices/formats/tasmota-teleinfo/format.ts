import type { DecodedReading } from '../../../domain/fault.ts'
import { addFault, closeFaults, newFaultList } from '../../fault-list.ts'
import { isObject, parseJsonPayload } from '../../json-payload.ts'
import { compileFields } from '../../json-table.ts'
import { toEnvelope } from '../../message-table.ts'
import type { Open, UplinkFormat } from '../../model.ts'
import { readTicValues } from '../../models/linky-tic/decode.ts'
import type { Draft } from '../../parvis-json.ts'
import { energyFields, readTasmotaTopic } from '../tasmota/format.ts'
import { readTasmotaTime } from '../tasmota/time.ts'

const readEnergy = compileFields(energyFields)

const open: Open = (topic, payload, context) => {
  const about = readTasmotaTopic(topic)
  if (about === null || (about.kind !== 'SENSOR' && about.kind !== 'TIC')) return null
  const faults = newFaultList()
  const message = parseJsonPayload(payload, faults)
  if (message !== undefined && !isObject(message)) addFault(faults, 'not_object')
  if (!isObject(message)) return toEnvelope(about.device, [], faults)
  const observedAt = readTasmotaTime(message.Time, context)
  if (observedAt === null) {
    addFault(faults, 'bad_time')
    return toEnvelope(about.device, [], faults)
  }
  const tic = readTicValues(isObject(message.TIC) ? message.TIC : {})
  const energy: Draft = { readings: [], faults, seen: 0 }
  readEnergy(message, undefined, '', energy)
  const readings = [...tic.readings, ...withoutKnown(energy.readings, tic.readings)].map((reading) =>
    observedAt === undefined ? reading : { ...reading, observedAt },
  )
  const envelope = toEnvelope(about.device, readings, faults)
  return { ...envelope, faults: [...closeFaults(faults), ...tic.faults] }
}

// The driver tells in ENERGY what it made of the frame: what the frame itself says comes first.
function withoutKnown(readings: readonly DecodedReading[], known: readonly DecodedReading[]): DecodedReading[] {
  return readings.filter(
    ({ quantity, channel }) => !known.some((each) => each.quantity === quantity && each.channel === channel),
  )
}

/** Tasmota with its Teleinfo driver: a Linky meter's groups as JSON, whole or, in raw mode, those that changed. */
export default {
  id: 'tasmota-teleinfo',
  label: { fr: 'Tasmota Teleinfo (compteur Linky)', en: 'Tasmota Teleinfo (Linky meter)' },
  open,
} satisfies UplinkFormat
