import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-sound-900',
  vendor: 'Parvis',
  label: { fr: 'Sonomètre', en: 'Sound-level meter' },
  assetKinds: ['measuring_point', 'street_light', 'building'],
  expectedIntervalS: 900,
  quantities: ['sound_level', 'temperature', 'battery_level'],
  payload: {
    format: 'binary',
    bytes: 5,
    fields: [
      { at: 0, type: 'u16be', quantity: 'sound_level', scale: 0.1, missing: 0xffff },
      { at: 2, type: 'i16be', quantity: 'temperature', scale: 0.1, missing: -0x8000 },
      { at: 4, type: 'u8', quantity: 'battery_level', missing: 0xff },
    ],
  },
} satisfies DeviceModel
