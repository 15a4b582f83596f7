import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-room-600',
  vendor: 'Parvis',
  label: { fr: 'Capteur de CO₂ de salle de classe', en: 'Classroom CO₂ sensor' },
  assetKinds: ['classroom', 'room'],
  expectedIntervalS: 600,
  quantities: ['temperature', 'relative_humidity', 'co2', 'illuminance', 'battery_level'],
  payload: {
    format: 'binary',
    bytes: 9,
    fields: [
      { at: 0, type: 'i16be', quantity: 'temperature', scale: 0.1, missing: -0x8000 },
      { at: 2, type: 'u8', quantity: 'relative_humidity', scale: 0.5, missing: 0xff },
      { at: 3, type: 'u16be', quantity: 'co2', missing: 0xffff },
      { at: 5, type: 'u24be', quantity: 'illuminance', missing: 0xff_ffff },
      { at: 8, type: 'u8', quantity: 'battery_level', missing: 0xff },
    ],
  },
} satisfies DeviceModel
