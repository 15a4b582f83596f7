import type { Quantity } from '../../../domain/quantity.ts'
import { openMessages } from '../../message-table.ts'
import type { JsonField, UplinkFormat } from '../../model.ts'
import { readNetworkTime } from '../../network-value.ts'

// What every meter and sensor may tell, whatever its medium.
const commonFields: readonly JsonField[] = [
  { path: 'current_power_consumption_kw', quantity: 'active_power', scale: 1000 },
  { path: 'current_temperature_c', quantity: 'temperature' },
  { path: 'temperature_c', quantity: 'temperature' },
  { path: 'flow_temperature_c', quantity: 'temperature', channel: 'flow' },
  { path: 'return_temperature_c', quantity: 'temperature', channel: 'return' },
  { path: 'current_relative_humidity_rh', quantity: 'relative_humidity' },
  { path: 'relative_humidity_rh', quantity: 'relative_humidity' },
  { path: 'battery_v', quantity: 'battery_voltage' },
  { path: 'rssi_dbm', quantity: 'rssi' },
  ...['1', '2', '3'].flatMap((phase): JsonField[] => [
    { path: `voltage_at_phase_${phase}_v`, quantity: 'voltage', channel: phase },
    { path: `current_at_phase_${phase}_a`, quantity: 'current', channel: phase },
  ]),
]

function withTotals(volume: Quantity, energy: Quantity): readonly JsonField[] {
  return [
    { path: 'total_m3', quantity: volume },
    { path: 'total_energy_consumption_kwh', quantity: energy, scale: 1000 },
    { path: 'total_energy_production_kwh', quantity: 'energy_active_export', scale: 1000 },
    ...commonFields,
  ]
}

/** wmbusmeters, its JSON at `wmbusmeters/{id}`. */
export default {
  id: 'wmbusmeters',
  label: { fr: 'wmbusmeters (compteurs radio)', en: 'wmbusmeters (radio meters)' },
  open: openMessages([
    {
      topic: '{device}',
      device: 'id',
      time: { path: 'timestamp', readTime: readNetworkTime },
      fields: withTotals('water_volume', 'energy_active_import'),
      fieldsBy: {
        path: 'media',
        fields: {
          gas: withTotals('gas_volume', 'energy_active_import'),
          heat: withTotals('water_volume', 'energy_thermal'),
          cooling: withTotals('water_volume', 'energy_thermal'),
          'heat/cooling load': withTotals('water_volume', 'energy_thermal'),
        },
      },
    },
  ]),
} satisfies UplinkFormat
