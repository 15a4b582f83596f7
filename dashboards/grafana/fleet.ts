import { assetKindNames } from '../../domain/asset-kind.ts'
import { countAssetsBy, listAssets, stateRow } from './api-panels.ts'
import type { DashboardDefinition } from './dashboard.ts'
import { columnNames, type Step } from './panel.ts'

const batterySteps: readonly Step[] = [
  [null, 'red'],
  [20, 'orange'],
  [40, 'green'],
]

export const fleet: DashboardDefinition = {
  uid: 'parvis-fleet',
  title: 'Santé du parc',
  description: 'Appareils silencieux, batteries, messages en échec et retard de traitement.',
  kinds: assetKindNames,
  devicesOf: 'battery_level',
  panels: [
    ...stateRow,
    {
      title: 'Messages en attente',
      description: 'Reçus et gardés, pas encore rangés.',
      view: 'stat',
      query: { from: 'metrics', metric: 'parvis_ingest_waiting', text: 'Messages' },
      steps: [
        [null, 'green'],
        [1000, 'orange'],
        [10_000, 'red'],
      ],
      width: 4,
      height: 5,
    },
    {
      title: 'Clients MQTT',
      view: 'stat',
      query: { from: 'metrics', metric: 'parvis_broker_connections', text: 'Clients' },
      width: 4,
      height: 5,
    },
    {
      title: 'Messages en échec',
      view: 'stat',
      query: {
        from: 'api',
        path: '/dead-letters/counts',
        params: {},
        rows: '[{ count: ([.items[].count] | add // 0) }]',
        columns: [{ selector: 'count', text: 'Messages', type: 'number' }],
        format: 'table',
      },
      steps: [
        [null, 'green'],
        [1, 'orange'],
      ],
      width: 4,
      height: 5,
    },
    countAssetsBy('Par type', 'kind'),
    countAssetsBy('Par service', 'service'),
    {
      title: 'Batterie par appareil',
      view: 'bargauge',
      query: { from: 'influxdb', quantity: 'battery_level', fold: 'last' },
      steps: batterySteps,
      width: 12,
    },
    {
      title: 'Échecs par motif',
      view: 'table',
      query: {
        from: 'api',
        path: '/dead-letters/counts',
        params: {},
        rows: '.items',
        columns: [
          { selector: 'reason', text: 'Motif', type: 'string' },
          { selector: 'count', text: 'Messages', type: 'number' },
        ],
        format: 'table',
      },
      width: 12,
    },
    {
      title: 'Derniers échecs',
      view: 'table',
      query: {
        from: 'api',
        path: '/dead-letters',
        params: { limit: '100' },
        rows: '.items',
        columns: [
          { selector: 'receivedAt', text: 'Reçu', type: 'timestamp' },
          { selector: 'deviceId', text: columnNames.device, type: 'string' },
          { selector: 'reason', text: 'Motif', type: 'string' },
          { selector: 'detail', text: 'Détail', type: 'string' },
        ],
        format: 'table',
      },
      width: 24,
    },
    listAssets('Silencieux, du plus ancien au plus récent', { state: 'silent', sort: 'lastSeenAt' }),
    listAssets('Batteries, de la plus basse à la plus haute', { sort: 'battery' }),
  ],
}
