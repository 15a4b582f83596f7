import type { DeviceModel } from '../../model.ts'
import { decodeTic } from './decode.ts'
import { encodeTic } from './encode.ts'

export default {
  id: 'linky-tic',
  vendor: 'Enedis',
  label: { fr: 'Compteur Linky, sortie TIC', en: 'Linky meter, TIC output' },
  assetKinds: ['energy_meter'],
  expectedIntervalS: 600,
  quantities: [
    'energy_active_import',
    'energy_active_export',
    'energy_reactive',
    'active_power',
    'apparent_power',
    'current',
    'voltage',
    'tariff',
  ],
  payload: { format: 'custom', decode: decodeTic, encode: encodeTic },
} satisfies DeviceModel
