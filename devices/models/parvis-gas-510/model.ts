import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-gas-510',
  vendor: 'Parvis',
  label: { fr: 'Compteur de gaz à impulsions', en: 'Gas meter with pulses' },
  assetKinds: ['gas_meter', 'building'],
  expectedIntervalS: 3600,
  quantities: ['gas_volume', 'pulse_count', 'battery_voltage'],
  payload: {
    format: 'binary',
    bytes: 10,
    fields: [
      { at: 0, type: 'u32be', quantity: 'gas_volume', scale: 0.01, missing: 0xffff_ffff },
      { at: 4, type: 'u32be', quantity: 'pulse_count', missing: 0xffff_ffff },
      { at: 8, type: 'u16be', quantity: 'battery_voltage', scale: 0.001, missing: 0xffff },
    ],
  },
} satisfies DeviceModel
