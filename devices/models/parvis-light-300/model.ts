import type { DeviceModel } from '../../model.ts'

export default {
  id: 'parvis-light-300',
  vendor: 'Parvis',
  label: { fr: 'Contrôleur de luminaire', en: 'Street-light controller' },
  assetKinds: ['street_light'],
  expectedIntervalS: 3600,
  quantities: [
    'lamp_state',
    'door_state',
    'dimming_level',
    'active_power',
    'voltage',
    'power_factor',
    'energy_active_import',
    'burning_hours',
    'tilt',
  ],
  payload: {
    format: 'binary',
    bytes: 17,
    fields: [
      { at: 0, type: 'u8', bits: [0, 2], quantity: 'lamp_state', missing: 3 },
      { at: 0, type: 'u8', bits: [2, 2], quantity: 'door_state', missing: 3 },
      { at: 1, type: 'u8', quantity: 'dimming_level', scale: 0.5, missing: 0xff },
      { at: 2, type: 'u16be', quantity: 'active_power', scale: 0.1, missing: 0xffff },
      { at: 4, type: 'u16be', quantity: 'voltage', scale: 0.1, missing: 0xffff },
      { at: 6, type: 'i16be', quantity: 'power_factor', scale: 0.001, missing: -0x8000 },
      { at: 8, type: 'u32be', quantity: 'energy_active_import', missing: 0xffff_ffff },
      { at: 12, type: 'u32be', quantity: 'burning_hours', scale: 0.1, missing: 0xffff_ffff },
      { at: 16, type: 'i8', quantity: 'tilt', missing: -0x80 },
    ],
  },
  downlink: {
    port: 10,
    bytes: 2,
    fields: [
      { at: 0, type: 'u8', expect: 0x01 },
      // Nothing sends it back to its own programme.
      { at: 1, type: 'u8', quantity: 'dimming_level', scale: 0.5, missing: 0xff },
    ],
  },
} satisfies DeviceModel
