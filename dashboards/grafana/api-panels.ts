import { defineQuantity, type Quantity } from '../../domain/quantity.ts'
import { columnNames, type PanelDefinition } from './panel.ts'
import type { ApiQuery, Column } from './query.ts'
import { grafanaUnit } from './units.ts'

/*
 * Panels by asset, kind, district and service. Parvis answers them, since it alone knows which device watched which asset
 * at which time: after a swap the readings of both devices are the asset's.
 */

/** The filter of every panel on assets: the dashboard's variables. `*` is any. */
export const placeParams = { kind: '${kind}', district: '${district}', service: '${service}' } as const

const text = (selector: string, name: string): Column => ({ selector, text: name, type: 'string' })
const number = (selector: string, name: string): Column => ({ selector, text: name, type: 'number' })
const time = (selector: string, name: string): Column => ({ selector, text: name, type: 'timestamp' })

const statusColumns = [
  text('assetId', columnNames.asset),
  text('label', 'Nom'),
  text('state', columnNames.state),
  time('since', 'Depuis'),
  time('lastSeenAt', columnNames.lastSeen),
  number('battery', columnNames.battery),
  text('district', 'Quartier'),
  text('service', 'Service'),
  text('deviceId', columnNames.device),
] as const

/** A table of assets, one row each: at most 500, those that call for work first. */
export function listAssets(title: string, params: Readonly<Record<string, string>> = {}): PanelDefinition {
  const query: ApiQuery = {
    from: 'api',
    path: '/status/assets',
    params: { ...placeParams, sort: 'state', limit: '500', ...params },
    rows: '.items',
    columns: statusColumns,
    format: 'table',
  }
  return { title, view: 'table', query, width: 24, height: 10 }
}

/** How many assets are in a state. */
export function countAssets(title: string, state: string, colour: 'green' | 'orange' | 'red'): PanelDefinition {
  const query: ApiQuery = {
    from: 'api',
    path: '/status/assets/counts',
    params: { ...placeParams, state },
    rows: '[{ count: ([.items[].count] | add // 0) }]',
    columns: [number('count', 'Équipements')],
    format: 'table',
  }
  const steps =
    colour === 'green'
      ? ([[null, 'green']] as const)
      : ([
          [null, 'green'],
          [1, colour],
        ] as const)
  return { title, view: 'stat', query, steps, width: 4, height: 5 }
}

const groupNames = { kind: 'Type', district: 'Quartier', service: 'Service' } as const

/** The states of assets by kind, district or service: a row each. */
export function countAssetsBy(title: string, by: keyof typeof groupNames): PanelDefinition {
  const count = (state: string) => `([.[] | select(.state == "${state}") | .count] | add // 0)`
  const query: ApiQuery = {
    from: 'api',
    path: '/status/assets/counts',
    params: { ...placeParams, by },
    rows: `[.items | group_by(.${by})[] | { ${by}: (.[0].${by} // "–"), total: ([.[].count] | add), working: ${count('working')}, silent: ${count('silent')}, attention: ${count('attention')}, never: ${count('never_seen')} }]`,
    columns: [
      text(by, groupNames[by]),
      number('total', 'Équipements'),
      number('working', 'En marche'),
      number('silent', 'Silencieux'),
      number('attention', 'À voir'),
      number('never', 'Jamais vus'),
    ],
    format: 'table',
  }
  return { title, view: 'table', query, width: 12 }
}

/** The readings of one asset by the hour, whichever devices gave them. */
export function followAsset(
  title: string,
  quantity: Quantity,
  aggregate: 'mean' | 'min' | 'max' | 'last',
  steps?: PanelDefinition['steps'],
): PanelDefinition {
  const query: ApiQuery = {
    from: 'api',
    path: '/assets/${asset:percentencode}/readings',
    params: { quantity, from: '${__from:date:iso}', to: '${__to:date:iso}', window: '1h', aggregate, limit: '50000' },
    rows: '[.series[] | ([.deviceId, .channel] | map(select(. != "")) | join(" ")) as $name | .points[] | { time: .[0], name: $name, value: .[1] }]',
    columns: [
      time('time', 'Heure'),
      text('name', columnNames.device),
      number('value', defineQuantity(quantity).label.fr),
    ],
    format: 'timeseries',
  }
  return {
    title,
    view: 'timeseries',
    query,
    unit: grafanaUnit(quantity),
    width: 12,
    ...(steps === undefined ? {} : { steps }),
  }
}

/** What every dashboard on assets begins with. */
export const stateRow: readonly PanelDefinition[] = [
  countAssets('En marche', 'working', 'green'),
  countAssets('Silencieux', 'silent', 'red'),
  countAssets('À voir', 'attention', 'orange'),
]
