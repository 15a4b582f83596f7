import { countAssetsBy, followAsset, listAssets, stateRow } from './api-panels.ts'
import type { DashboardDefinition } from './dashboard.ts'

export const parkingFurniture: DashboardDefinition = {
  uid: 'parvis-parking-furniture',
  title: 'Stationnement et mobilier',
  description: 'Places, bancs et abris : occupation et passages.',
  kinds: ['parking_bay', 'bench', 'shelter'],
  devicesOf: 'occupancy',
  panels: [
    ...stateRow,
    countAssetsBy('Équipements par type', 'kind'),
    {
      title: 'Occupation par capteur',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'occupancy', fold: 'last' },
      steps: [
        [null, 'green'],
        [1, 'blue'],
      ],
      width: 12,
    },
    {
      title: 'Part du temps occupée',
      description: 'Moyenne de 0 (libre) à 1 (occupé).',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'occupancy', fold: 'mean' },
      unit: 'percentunit',
      width: 12,
    },
    {
      title: 'Passages',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'people_count', fold: 'increase' },
      width: 12,
    },
    followAsset('Occupation de l’équipement choisi', 'occupancy', 'last'),
    listAssets('Équipements'),
  ],
}
