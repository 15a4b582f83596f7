import { countAssetsBy, followAsset, listAssets, stateRow } from './api-panels.ts'
import type { DashboardDefinition } from './dashboard.ts'

export const energyWater: DashboardDefinition = {
  uid: 'parvis-energy-water',
  title: 'Énergie et eau',
  description: 'Compteurs d’électricité, de gaz, de chaleur et d’eau.',
  kinds: ['energy_meter', 'gas_meter', 'heat_meter', 'water_meter'],
  devicesOf: 'energy_active_import',
  panels: [
    ...stateRow,
    countAssetsBy('Compteurs par service', 'service'),
    {
      title: 'Puissance active par compteur',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'active_power', fold: 'mean' },
      width: 12,
    },
    {
      title: 'Énergie soutirée par compteur',
      description: 'Ce que l’index a gagné d’un intervalle à l’autre ; les remises à zéro sont laissées de côté.',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'energy_active_import', fold: 'increase' },
      width: 12,
    },
    followAsset('Index d’énergie du compteur choisi', 'energy_active_import', 'last'),
    followAsset('Index d’eau du compteur choisi', 'water_volume', 'last'),
    followAsset('Index de gaz du compteur choisi', 'gas_volume', 'last'),
    {
      title: 'Tension',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'voltage', fold: 'mean' },
      // EN 50160: 230 V, plus or minus 10 %, for 95 % of a week's means of ten minutes.
      steps: [
        [null, 'red'],
        [207, 'green'],
        [253, 'red'],
      ],
      width: 12,
    },
    listAssets('Compteurs'),
  ],
}
