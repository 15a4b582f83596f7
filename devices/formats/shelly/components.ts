import type { DecodedReading } from '../../../domain/fault.ts'
import type { FaultList } from '../../fault-list.ts'
import { isObject } from '../../json-payload.ts'
import { compileFields } from '../../json-table.ts'
import type { JsonField } from '../../model.ts'
import type { Draft } from '../../parvis-json.ts'

// The component's number, for those that a device may have several of.
const channel = '{channel}'

/** The three phases of a meter: `a_voltage` is on channel `1`. */
function perPhase(name: string, quantity: JsonField['quantity']): JsonField[] {
  return ['a', 'b', 'c'].map((phase, index) => ({ path: `${phase}_${name}`, quantity, channel: String(index + 1) }))
}

const power: readonly JsonField[] = [
  { path: 'apower', quantity: 'active_power', channel },
  { path: 'voltage', quantity: 'voltage', channel },
  { path: 'current', quantity: 'current', channel },
  { path: 'freq', quantity: 'frequency', channel },
  { path: 'pf', quantity: 'power_factor', channel },
  { path: 'aenergy.total', quantity: 'energy_active_import', channel },
  { path: 'ret_aenergy.total', quantity: 'energy_active_export', channel },
]

/** What each kind of component of a second-generation device measures (Shelly's component reference). */
export const componentFields: Readonly<Record<string, readonly JsonField[]>> = {
  em: [
    ...perPhase('act_power', 'active_power'),
    ...perPhase('aprt_power', 'apparent_power'),
    ...perPhase('voltage', 'voltage'),
    ...perPhase('current', 'current'),
    ...perPhase('pf', 'power_factor'),
    ...perPhase('freq', 'frequency'),
    { path: 'n_current', quantity: 'current', channel: 'n' },
    { path: 'total_act_power', quantity: 'active_power' },
    { path: 'total_aprt_power', quantity: 'apparent_power' },
    { path: 'total_current', quantity: 'current' },
  ],
  emdata: [
    ...perPhase('total_act_energy', 'energy_active_import'),
    ...perPhase('total_act_ret_energy', 'energy_active_export'),
    { path: 'total_act', quantity: 'energy_active_import' },
    { path: 'total_act_ret', quantity: 'energy_active_export' },
  ],
  em1: [
    { path: 'act_power', quantity: 'active_power', channel },
    { path: 'aprt_power', quantity: 'apparent_power', channel },
    { path: 'voltage', quantity: 'voltage', channel },
    { path: 'current', quantity: 'current', channel },
    { path: 'pf', quantity: 'power_factor', channel },
    { path: 'freq', quantity: 'frequency', channel },
  ],
  em1data: [
    { path: 'total_act_energy', quantity: 'energy_active_import', channel },
    { path: 'total_act_ret_energy', quantity: 'energy_active_export', channel },
  ],
  switch: power,
  pm1: power,
  cover: power,
  light: power,
  temperature: [{ path: 'tC', quantity: 'temperature', channel }],
  humidity: [{ path: 'rh', quantity: 'relative_humidity', channel }],
  illuminance: [{ path: 'lux', quantity: 'illuminance', channel }],
  flood: [{ path: 'alarm', quantity: 'water_leak', channel }],
  devicepower: [
    { path: 'battery.percent', quantity: 'battery_level' },
    { path: 'battery.V', quantity: 'battery_voltage' },
  ],
}

const readers = new Map(
  Object.entries(componentFields).map(([component, fields]) => [component, compileFields(fields)]),
)

/** What one component of a notification tells: its key is `em:0`. */
export function readComponent(
  key: string,
  status: unknown,
  observedAt: number | undefined,
  faults: FaultList,
): DecodedReading[] {
  const [component = '', number = ''] = key.split(':', 2)
  const read = readers.get(component)
  if (read === undefined || !isObject(status)) return []
  const draft: Draft = { readings: [], faults, seen: 0 }
  read(status, observedAt, '', draft)
  return draft.readings.map((reading) => (reading.channel === channel ? { ...reading, channel: number } : reading))
}
