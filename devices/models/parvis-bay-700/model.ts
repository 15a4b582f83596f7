import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-bay-700',
  vendor: 'Parvis',
  label: { fr: 'Capteur de place de stationnement', en: 'Parking-bay sensor' },
  assetKinds: ['parking_bay'],
  expectedIntervalS: 3600,
  quantities: ['occupancy', 'battery_voltage', 'temperature'],
  payload: {
    format: 'binary',
    bytes: 2,
    fields: [
      { at: 0, type: 'u8', bits: [0, 2], quantity: 'occupancy', missing: 3 },
      { at: 0, type: 'u8', bits: [2, 6], quantity: 'battery_voltage', scale: 0.05, offset: 1, missing: 63 },
      { at: 1, type: 'i8', quantity: 'temperature', missing: -0x80 },
    ],
  },
} satisfies DeviceModel
