import { countAssetsBy, followAsset, listAssets, stateRow } from './api-panels.ts'
import type { DashboardDefinition } from './dashboard.ts'
import type { Step } from './panel.ts'

// Arrêté du 27 décembre 2022 on the direct reading of CO2 (JORF of 29 December 2022), article 4: below 800 ppm the air of
// occupied rooms is renewed well enough, above 1,500 ppm it is not.
const co2Steps: readonly Step[] = [
  [null, 'green'],
  [800, 'orange'],
  [1500, 'red'],
]

export const schoolAir: DashboardDefinition = {
  uid: 'parvis-school-air',
  title: 'Air dans les écoles',
  description: 'CO₂, température et humidité des salles.',
  kinds: ['classroom', 'room'],
  devicesOf: 'co2',
  panels: [
    ...stateRow,
    countAssetsBy('Salles par quartier', 'district'),
    {
      title: 'CO₂ par capteur',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'co2', fold: 'mean' },
      steps: co2Steps,
      width: 12,
    },
    {
      title: 'CO₂, plus haute valeur',
      view: 'bargauge',
      query: { from: 'influxdb', quantity: 'co2', fold: 'max' },
      steps: co2Steps,
      width: 12,
    },
    {
      title: 'Température',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'temperature', fold: 'mean' },
      width: 12,
    },
    {
      title: 'Humidité relative',
      view: 'timeseries',
      query: { from: 'influxdb', quantity: 'relative_humidity', fold: 'mean' },
      width: 12,
    },
    followAsset('CO₂ de la salle choisie', 'co2', 'mean', co2Steps),
    followAsset('Température de la salle choisie', 'temperature', 'mean'),
    listAssets('Salles'),
  ],
}
