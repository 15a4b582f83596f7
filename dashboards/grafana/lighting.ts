import { countAssetsBy, followAsset, listAssets, stateRow } from './api-panels.ts'
import type { DashboardDefinition } from './dashboard.ts'

export const lighting: DashboardDefinition = {
  uid: 'parvis-lighting',
  title: 'Éclairage public',
  description: 'État des luminaires, puissance et énergie.',
  kinds: ['street_light'],
  devicesOf: 'lamp_state',
  panels: [
    ...stateRow,
    countAssetsBy('Luminaires par quartier', 'district'),
    {
      title: 'État des lampes',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'lamp_state', fold: 'last' },
      steps: [
        [null, 'grey'],
        [1, 'green'],
        [2, 'red'],
      ],
      width: 12,
    },
    {
      title: 'Puissance par luminaire',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'active_power', fold: 'mean' },
      width: 12,
    },
    {
      title: 'Gradation',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'dimming_level', fold: 'mean' },
      width: 12,
    },
    {
      title: 'Heures d’allumage',
      view: 'bargauge',
      query: { from: 'influxdb', quantity: 'burning_hours', fold: 'last' },
      steps: [
        [null, 'green'],
        [80_000, 'orange'],
        [100_000, 'red'],
      ],
      width: 12,
    },
    followAsset('Énergie du luminaire choisi', 'energy_active_import', 'last'),
    followAsset('Puissance du luminaire choisi', 'active_power', 'mean'),
    listAssets('Luminaires'),
  ],
}
