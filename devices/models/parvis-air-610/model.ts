import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-air-610',
  vendor: 'Parvis',
  label: { fr: 'Capteur de qualité de l’air extérieur', en: 'Outdoor air-quality sensor' },
  assetKinds: ['measuring_point', 'street_light'],
  expectedIntervalS: 900,
  quantities: ['pm2_5', 'pm10', 'temperature', 'relative_humidity', 'pressure', 'battery_voltage'],
  payload: {
    format: 'binary',
    bytes: 11,
    fields: [
      { at: 0, type: 'u16le', quantity: 'pm2_5', scale: 0.1, missing: 0xffff },
      { at: 2, type: 'u16le', quantity: 'pm10', scale: 0.1, missing: 0xffff },
      { at: 4, type: 'i16le', quantity: 'temperature', scale: 0.01, missing: -0x8000 },
      { at: 6, type: 'u8', quantity: 'relative_humidity', scale: 0.5, missing: 0xff },
      { at: 7, type: 'u16le', quantity: 'pressure', scale: 0.02, missing: 0xffff },
      { at: 9, type: 'u16le', quantity: 'battery_voltage', scale: 0.001, missing: 0xffff },
    ],
  },
} satisfies DeviceModel
