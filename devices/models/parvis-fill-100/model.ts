import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-fill-100',
  vendor: 'Parvis',
  label: { fr: 'Sonde de remplissage à ultrasons', en: 'Ultrasonic fill-level probe' },
  assetKinds: ['waste_container'],
  expectedIntervalS: 3600,
  quantities: ['distance', 'fill_level', 'temperature', 'tilt', 'battery_level'],
  payload: {
    format: 'binary',
    bytes: 7,
    fields: [
      { at: 0, type: 'u16be', quantity: 'distance', scale: 0.001, missing: 0xffff },
      { at: 2, type: 'u8', quantity: 'fill_level', scale: 0.5, missing: 0xff },
      { at: 3, type: 'i16be', quantity: 'temperature', scale: 0.1, missing: -0x8000 },
      { at: 5, type: 'i8', quantity: 'tilt', missing: -0x80 },
      { at: 6, type: 'u8', quantity: 'battery_level', missing: 0xff },
    ],
  },
} satisfies DeviceModel
