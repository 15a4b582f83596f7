import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-bench-800',
  vendor: 'Parvis',
  label: { fr: 'Banc ou abri connecté', en: 'Connected bench or shelter' },
  assetKinds: ['bench', 'shelter'],
  expectedIntervalS: 1800,
  quantities: ['occupancy', 'people_count', 'active_power', 'energy_active_export', 'temperature', 'battery_level'],
  payload: {
    format: 'json',
    time: 'time',
    fields: [
      { path: 'seat.state', quantity: 'occupancy', values: { empty: 0, taken: 1 } },
      { path: 'seat.people', quantity: 'people_count' },
      { path: 'sockets.0.power_mw', quantity: 'active_power', channel: 'usb1', scale: 0.001 },
      { path: 'sockets.1.power_mw', quantity: 'active_power', channel: 'usb2', scale: 0.001 },
      { path: 'sockets.0.energy_wh', quantity: 'energy_active_export', channel: 'usb1' },
      { path: 'sockets.1.energy_wh', quantity: 'energy_active_export', channel: 'usb2' },
      { path: 'panel.power_mw', quantity: 'active_power', channel: 'solar', scale: 0.001 },
      { path: 'battery', quantity: 'battery_level' },
      { path: 'temperature', quantity: 'temperature' },
    ],
  },
} satisfies DeviceModel
