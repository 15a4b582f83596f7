import { writeDownlinks } from '../../downlink.ts'
import { addFault, newFaultList } from '../../fault-list.ts'
import { isObject, parseJsonPayload } from '../../json-payload.ts'
import { compileFields } from '../../json-table.ts'
import { toEnvelope } from '../../message-table.ts'
import type { JsonField, Open, UplinkFormat } from '../../model.ts'
import type { Draft } from '../../parvis-json.ts'
import { compileTopic } from '../../topic-pattern.ts'
import { convertTo } from '../../units.ts'
import { readTasmotaTime } from './time.ts'

// On several phases these are arrays.
const channels = ['1', '2', '3']

/** The object ENERGY, of the meter that the device has. */
export const energyFields: readonly JsonField[] = [
  { path: 'ENERGY.Total', quantity: 'energy_active_import', scale: 1000, channels },
  { path: 'ENERGY.ExportActive', quantity: 'energy_active_export', scale: 1000, channels },
  { path: 'ENERGY.Power', quantity: 'active_power', channels },
  { path: 'ENERGY.ApparentPower', quantity: 'apparent_power', channels },
  { path: 'ENERGY.ReactivePower', quantity: 'reactive_power', channels },
  { path: 'ENERGY.Factor', quantity: 'power_factor', channels },
  { path: 'ENERGY.Frequency', quantity: 'frequency', channels },
  { path: 'ENERGY.Voltage', quantity: 'voltage', channels },
  { path: 'ENERGY.Current', quantity: 'current', channels },
]

/** What any other object holds: a sensor, whose name is the channel. */
const sensorFields: readonly JsonField[] = [
  { path: 'Temperature', quantity: 'temperature' },
  { path: 'Humidity', quantity: 'relative_humidity' },
  { path: 'Pressure', quantity: 'pressure' },
  { path: 'Illuminance', quantity: 'illuminance' },
  { path: 'CarbonDioxide', quantity: 'co2' },
  { path: 'PM2.5', quantity: 'pm2_5' },
  { path: 'PM10', quantity: 'pm10' },
]

const stateFields: readonly JsonField[] = [{ path: 'Wifi.Signal', quantity: 'rssi' }]

const topics = ['tele/{device}/{kind}', '{device}/tele/{kind}'].map(compileTopic)
const readEnergy = compileFields(energyFields)
const readState = compileFields(stateFields)
// `PM2.5` is a key with a dot in it, which no path can say.
const readSensor = compileFields(sensorFields.filter(({ path }) => !path.includes('.')))

/** Which device a topic of Tasmota's is about, and the kind of message, with either order of its levels. */
export function readTasmotaTopic(topic: string) {
  for (const read of topics) {
    const parts = read(topic)
    if (parts !== null) return { device: parts.device!, kind: parts.kind! }
  }
  return null
}

const open: Open = (topic, payload, context) => {
  const about = readTasmotaTopic(topic)
  if (about === null || (about.kind !== 'SENSOR' && about.kind !== 'STATE')) return null
  const faults = newFaultList()
  const message = parseJsonPayload(payload, faults)
  if (message !== undefined && !isObject(message)) addFault(faults, 'not_object')
  if (!isObject(message)) return toEnvelope(about.device, [], faults)
  const observedAt = readTasmotaTime(message.Time, context)
  if (observedAt === null) {
    addFault(faults, 'bad_time')
    return toEnvelope(about.device, [], faults)
  }
  const draft: Draft = { readings: [], faults, seen: 0 }
  if (about.kind === 'STATE') readState(message, observedAt, '', draft)
  else {
    readEnergy(message, observedAt, '', draft)
    readSensors(message, observedAt, draft)
  }
  return toEnvelope(about.device, draft.readings, faults)
}

const maxSensors = 50

function readSensors(message: Record<string, unknown>, observedAt: number | undefined, draft: Draft) {
  const sensors = Object.entries(message).filter(([key, value]) => key !== 'ENERGY' && isObject(value))
  for (const [name, sensor] of sensors.slice(0, maxSensors)) {
    const of: Draft = { readings: [], faults: draft.faults, seen: 0 }
    readSensor(sensor as Record<string, unknown>, observedAt, '', of)
    const isFahrenheit = message.TempUnit === 'F'
    for (const reading of of.readings) {
      const value =
        isFahrenheit && reading.quantity === 'temperature'
          ? convertTo('temperature', reading.value, '[degF]')!
          : reading.value
      draft.readings.push({ ...reading, value, channel: name.slice(0, 64) })
    }
  }
}

// `{"Power": "ON", "Dimmer": 40}` as `Power ON;Dimmer 40`: Tasmota does one after the other.
function writeBacklog(data: unknown): string | null {
  if (!isObject(data) || Object.keys(data).length === 0) return null
  const commands = Object.entries(data).map(([name, value]) => `${name} ${value ?? ''}`.trim())
  return commands.every((each) => /^\w+( [^;\p{Cc}]*)?$/u.test(each)) ? commands.join(';') : null
}

/** Tasmota: `tele/{device}/SENSOR` and `STATE`, or `{device}/tele/...`. */
export default {
  id: 'tasmota',
  label: { fr: 'Tasmota', en: 'Tasmota' },
  open,
  downlink: writeDownlinks({
    reply: [
      [/(^|\/)tele\/([^/]+)\/[^/]+$/, '$1cmnd/$2/Backlog'],
      [/\/tele\/[^/]+$/, '/cmnd/Backlog'],
    ],
    takes: 'data',
    message: ({ data }) => writeBacklog(data),
  }),
} satisfies UplinkFormat
