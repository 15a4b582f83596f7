import { countAssetsBy, followAsset, listAssets, stateRow } from './api-panels.ts'
import type { DashboardDefinition } from './dashboard.ts'
import type { Step } from './panel.ts'

const fillSteps: readonly Step[] = [
  [null, 'green'],
  [70, 'yellow'],
  [85, 'orange'],
  [95, 'red'],
]

export const waste: DashboardDefinition = {
  uid: 'parvis-waste',
  title: 'Déchets',
  description: 'Remplissage, levées et état des conteneurs.',
  kinds: ['waste_container'],
  devicesOf: 'fill_level',
  panels: [
    ...stateRow,
    countAssetsBy('Conteneurs par quartier', 'district'),
    {
      title: 'Remplissage par sonde',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'fill_level', fold: 'mean' },
      steps: fillSteps,
      width: 12,
    },
    {
      title: 'Dernier remplissage',
      view: 'bargauge',
      query: { from: 'influxdb', quantity: 'fill_level', fold: 'last' },
      steps: fillSteps,
      width: 12,
    },
    followAsset('Remplissage du conteneur choisi', 'fill_level', 'max', fillSteps),
    {
      title: 'Température des conteneurs',
      description: 'Une montée brusque annonce un départ de feu.',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'temperature', fold: 'max' },
      steps: [
        [null, 'green'],
        [60, 'red'],
      ],
      width: 12,
    },
    listAssets('Conteneurs'),
  ],
}
