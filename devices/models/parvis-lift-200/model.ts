import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-lift-200',
  vendor: 'Parvis',
  label: { fr: 'Lève-conteneur à étiquettes RFID, sur benne', en: 'Bin lift with RFID tags, on a lorry' },
  assetKinds: ['vehicle', 'waste_container'],
  expectedIntervalS: 86_400,
  quantities: ['lift_count', 'weight', 'latitude', 'longitude'],
  payload: {
    format: 'json',
    time: 'time',
    fields: [
      { path: 'lifts', quantity: 'lift_count' },
      { path: 'bin.lifts', quantity: 'lift_count', channelPath: 'bin.tag' },
      { path: 'bin.weight_g', quantity: 'weight', channelPath: 'bin.tag', scale: 0.001 },
      { path: 'position.lat', quantity: 'latitude' },
      { path: 'position.lon', quantity: 'longitude' },
    ],
  },
} satisfies DeviceModel
