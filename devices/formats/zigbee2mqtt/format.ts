import { writeDownlinks } from '../../downlink.ts'
import { isObject } from '../../json-payload.ts'
import { openMessages } from '../../message-table.ts'
import type { JsonField, Open, UplinkFormat } from '../../model.ts'
import { readNetworkTime } from '../../network-value.ts'
import { compileTopic } from '../../topic-pattern.ts'

const registers = Array.from({ length: 10 }, (_, index) => index + 1)

const fields: readonly JsonField[] = [
  { path: 'temperature', quantity: 'temperature' },
  { path: 'humidity', quantity: 'relative_humidity' },
  { path: 'pressure', quantity: 'pressure' },
  { path: 'illuminance_lux', quantity: 'illuminance' },
  { path: 'illuminance', quantity: 'illuminance' },
  { path: 'co2', quantity: 'co2' },
  { path: 'pm25', quantity: 'pm2_5' },
  { path: 'pm10', quantity: 'pm10' },
  { path: 'soil_moisture', quantity: 'soil_moisture' },
  { path: 'noise', quantity: 'sound_level' },
  { path: 'occupancy', quantity: 'occupancy' },
  { path: 'presence', quantity: 'occupancy' },
  // True when the contact is made, which is when the door is closed.
  { path: 'contact', quantity: 'door_state', scale: -1, offset: 1 },
  { path: 'water_leak', quantity: 'water_leak' },
  { path: 'battery', quantity: 'battery_level' },
  { path: 'power', quantity: 'active_power' },
  { path: 'power_phase_b', quantity: 'active_power', channel: '2' },
  { path: 'power_phase_c', quantity: 'active_power', channel: '3' },
  { path: 'active_power', quantity: 'active_power' },
  { path: 'apparent_power', quantity: 'apparent_power' },
  { path: 'reactive_power', quantity: 'reactive_power' },
  { path: 'power_factor', quantity: 'power_factor' },
  { path: 'ac_frequency', quantity: 'frequency' },
  { path: 'current', quantity: 'current' },
  { path: 'current_phase_b', quantity: 'current', channel: '2' },
  { path: 'current_phase_c', quantity: 'current', channel: '3' },
  { path: 'voltage', quantity: 'voltage' },
  { path: 'voltage_phase_b', quantity: 'voltage', channel: '2' },
  { path: 'voltage_phase_c', quantity: 'voltage', channel: '3' },
  { path: 'energy', quantity: 'energy_active_import', scale: 1000 },
  { path: 'produced_energy', quantity: 'energy_active_export', scale: 1000 },
  // ZLinky_TIC, of a Linky meter.
  { path: 'current_summ_delivered', quantity: 'energy_active_import', scale: 1000 },
  { path: 'current_summ_received', quantity: 'energy_active_export', scale: 1000 },
  ...registers.map(
    (tier): JsonField => ({
      path: `current_tier${tier}_summ_delivered`,
      quantity: 'energy_active_import',
      channel: `f${String(tier).padStart(2, '0')}`,
      scale: 1000,
    }),
  ),
  { path: 'rms_current', quantity: 'current' },
  { path: 'rms_current_phase_b', quantity: 'current', channel: '2' },
  { path: 'rms_current_phase_c', quantity: 'current', channel: '3' },
  { path: 'rms_voltage', quantity: 'voltage' },
  { path: 'rms_voltage_phase_b', quantity: 'voltage', channel: '2' },
  { path: 'rms_voltage_phase_c', quantity: 'voltage', channel: '3' },
]

const openNamed = openMessages([
  {
    topic: '{device}',
    device: 'device.ieeeAddr',
    time: { path: 'last_seen', readTime: readNetworkTime },
    fields,
  },
])

const readFriendlyName = compileTopic('zigbee2mqtt/{name...}')
const readLastLevel = compileTopic('{name}')
const otherTopics = /^bridge(?:\/|$)|\/(?:availability|set|get)(?:\/|$)/

// Above this a voltage is a battery's in millivolts: the gateway tells batteries so, and mains in volts.
const millivoltsFrom = 1000

const open: Open = (topic, payload, context) => {
  const name = (readFriendlyName(topic) ?? readLastLevel(topic))?.name
  if (name === undefined || otherTopics.test(name)) return null
  // A friendly name may have levels, which a device id has not.
  const envelope = openNamed(name.replaceAll('/', '.'), payload, context)
  if (envelope === null) return null
  const readings = envelope.readings.map((reading) =>
    reading.quantity === 'voltage' && reading.value >= millivoltsFrom
      ? { ...reading, quantity: 'battery_voltage' as const, value: reading.value / 1000 }
      : reading,
  )
  return { ...envelope, readings }
}

/** zigbee2mqtt: `zigbee2mqtt/{friendly name}`. */
export default {
  id: 'zigbee2mqtt',
  label: { fr: 'zigbee2mqtt', en: 'zigbee2mqtt' },
  open,
  downlink: writeDownlinks({
    reply: [[/$/, '/set']],
    takes: 'data',
    message: ({ data }) => (isObject(data) ? data : null),
  }),
} satisfies UplinkFormat
