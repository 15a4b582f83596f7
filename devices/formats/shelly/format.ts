import { writeDownlinks } from '../../downlink.ts'
import { addFault, newFaultList } from '../../fault-list.ts'
import { isObject, parseJsonPayload } from '../../json-payload.ts'
import { type MessageTable, openMessages, toEnvelope } from '../../message-table.ts'
import type { Open, UplinkFormat } from '../../model.ts'
import { readNetworkTime } from '../../network-value.ts'
import { componentFields, readComponent } from './components.ts'

const onTopicChannel = { channel: '{channel}' }

/** Gen1: one bare value a topic. Energies of relays are in watt-minutes. */
const gen1: readonly MessageTable[] = [
  { topic: '{device}/emeter/{channel}/power', value: { quantity: 'active_power', ...onTopicChannel } },
  { topic: '{device}/emeter/{channel}/reactive_power', value: { quantity: 'reactive_power', ...onTopicChannel } },
  { topic: '{device}/emeter/{channel}/pf', value: { quantity: 'power_factor', ...onTopicChannel } },
  { topic: '{device}/emeter/{channel}/current', value: { quantity: 'current', ...onTopicChannel } },
  { topic: '{device}/emeter/{channel}/voltage', value: { quantity: 'voltage', ...onTopicChannel } },
  { topic: '{device}/emeter/{channel}/total', value: { quantity: 'energy_active_import', ...onTopicChannel } },
  { topic: '{device}/emeter/{channel}/total_returned', value: { quantity: 'energy_active_export', ...onTopicChannel } },
  { topic: '{device}/relay/{channel}/power', value: { quantity: 'active_power', ...onTopicChannel } },
  {
    topic: '{device}/relay/{channel}/energy',
    value: { quantity: 'energy_active_import', scale: 1 / 60, ...onTopicChannel },
  },
  { topic: '{device}/light/{channel}/power', value: { quantity: 'active_power', ...onTopicChannel } },
  { topic: '{device}/sensor/temperature', value: { quantity: 'temperature' } },
  { topic: '{device}/sensor/humidity', value: { quantity: 'relative_humidity' } },
  { topic: '{device}/sensor/lux', value: { quantity: 'illuminance' } },
  { topic: '{device}/sensor/tilt', value: { quantity: 'tilt' } },
  { topic: '{device}/sensor/battery', value: { quantity: 'battery_level' } },
  { topic: '{device}/sensor/state', value: { quantity: 'door_state', values: { open: 1, close: 0 } } },
  { topic: '{device}/sensor/flood', value: { quantity: 'water_leak', values: { true: 1, false: 0 } } },
]

/** Gen2 and later: an object for each component, with what it measures, and what changed as a notification. */
const gen2: readonly MessageTable[] = Object.entries(componentFields).map(([component, fields]) => ({
  topic: `{device}/status/${component}:{channel}`,
  fields,
  isPartial: true,
}))

const openStatus = openMessages([...gen1, ...gen2])

const open: Open = (topic, payload, context) =>
  topic.endsWith('/events/rpc') ? openNotification(topic, payload) : openStatus(topic, payload, context)

// `<prefix>/events/rpc`: {"src", "method": "NotifyStatus", "params": {"ts", "em:0": {...}}}.
function openNotification(topic: string, payload: Uint8Array) {
  const device = topic.split('/').at(-3)
  const faults = newFaultList()
  const message = parseJsonPayload(payload, faults)
  if (message !== undefined && !isObject(message)) addFault(faults, 'not_object')
  if (!isObject(message)) return toEnvelope(device, [], faults)
  const { method, params } = message
  if ((method !== 'NotifyStatus' && method !== 'NotifyFullStatus') || !isObject(params)) return null
  const observedAt = params.ts === undefined || params.ts === null ? undefined : readNetworkTime(params.ts)
  if (observedAt === null) {
    addFault(faults, 'bad_time')
    return toEnvelope(device, [], faults)
  }
  const readings = Object.entries(params).flatMap(([key, status]) => readComponent(key, status, observedAt, faults))
  return readings.length === 0 && faults.kept.length === 0 ? null : toEnvelope(device, readings, faults)
}

/** Shelly, all generations: `shellies/{device}/...` of the first, `{device}/status/...` and `events/rpc` of the others. */
export default {
  id: 'shelly',
  label: { fr: 'Shelly (toutes générations)', en: 'Shelly (all generations)' },
  open,
  // The second generation and later: a call of RPC, such as {"method": "Switch.Set", "params": {"id": 0, "on": true}}.
  downlink: writeDownlinks({
    reply: [
      [/\/events\/rpc$/, '/rpc'],
      [/\/status\/[^/]+$/, '/rpc'],
    ],
    takes: 'data',
    message: ({ id, data }) =>
      isObject(data) && typeof data.method === 'string' ? { id, src: 'parvis', ...data } : null,
  }),
} satisfies UplinkFormat
