import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-water-500',
  vendor: 'Parvis',
  label: { fr: 'Compteur d’eau', en: 'Water meter' },
  assetKinds: ['water_meter', 'building', 'fountain'],
  expectedIntervalS: 3600,
  quantities: ['water_volume', 'temperature', 'battery_level'],
  payload: {
    format: 'binary',
    bytes: 6,
    fields: [
      { at: 0, type: 'u32le', quantity: 'water_volume', scale: 0.001, missing: 0xffff_ffff },
      { at: 4, type: 'i8', quantity: 'temperature', missing: -0x80 },
      { at: 5, type: 'u8', quantity: 'battery_level', missing: 0xff },
    ],
  },
} satisfies DeviceModel
