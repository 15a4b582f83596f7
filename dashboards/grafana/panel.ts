import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  type DynamicConfigValue,
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import { defineQuantity } from '../../domain/quantity.ts'
import { buildTarget, type Query, type Reach } from './query.ts'
import { grafanaUnit, mapStates } from './units.ts'

/** From which value on which colour; the first step begins at null, which is everything below. */
export type Step = readonly [from: number | null, colour: 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'grey']

/** One panel, as data. Widths are of Grafana's 24 columns. `unit` is Grafana's id; that of the quantity when left out. */
export type PanelDefinition = {
  title: string
  description?: string
  view: 'timeseries' | 'stat' | 'table' | 'bargauge'
  query: Query
  unit?: string
  steps?: readonly Step[]
  width: number
  height?: number
}

/** What panels are built with. `publicUrl` is where people reach Parvis's own pages, without a slash at its end. */
export type Surroundings = Reach & { publicUrl: string }

const views = { timeseries: TimeSeries, stat: Stat, table: Table, bargauge: BarGauge } as const

/** The unit of a panel, as Grafana names it. */
export function unitOf({ unit, query }: PanelDefinition): string {
  return unit ?? (query.from === 'influxdb' ? grafanaUnit(query.quantity) : 'none')
}

/** Builds a panel; a dashboard places it. */
export function buildPanel(definition: PanelDefinition, surroundings: Surroundings): Builder<Panel> {
  const { title, description, view, query, steps, width, height = 8 } = definition
  const target = buildTarget(query, surroundings)
  const panel = new views[view]()
    .title(title)
    .span(width)
    .height(height)
    .datasource(target.datasource)
    .withTarget({ build: () => target as unknown as Dataquery })
    .unit(unitOf(definition))
    .noValue('–')
  if (description !== undefined) panel.description(description)
  if (steps !== undefined)
    panel.thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps(steps.map(([value, color]) => ({ value, color }))),
    )
  if (query.from === 'influxdb') {
    const quantity = defineQuantity(query.quantity)
    if (query.fold !== 'mean') panel.mappings(mapStates(quantity, 'fr') as ValueMapping[])
    panel.decimals(quantity.decimals)
  }
  if (query.from === 'api')
    for (const [name, properties] of listOverrides(
      query.columns.map((each) => each.text),
      surroundings,
    ))
      panel.overrideByName(name, properties)
  return panel
}

// A column that holds the id of an asset or a device leads to its page; that of a state is told in words and colours.
function listOverrides(names: readonly string[], { publicUrl }: Surroundings): [string, DynamicConfigValue[]][] {
  const pages: Readonly<Record<string, string>> = { [columnNames.asset]: 'assets', [columnNames.device]: 'devices' }
  const overrides: [string, DynamicConfigValue[]][] = []
  for (const name of names) {
    const page = pages[name]
    if (page !== undefined) {
      const link = new DashboardLinkBuilder('Ouvrir dans Parvis')
        .type(DashboardLinkType.Link)
        .url(`${publicUrl}/#/${page}/\${__value.raw:percentencode}`)
        .targetBlank(true)
        .build()
      overrides.push([name, [{ id: 'links', value: [{ title: link.title, url: link.url, targetBlank: true }] }]])
    }
    if (name === columnNames.state) overrides.push([name, [{ id: 'mappings', value: [stateMapping] }]])
    if (name === columnNames.battery) overrides.push([name, [{ id: 'unit', value: 'percent' }]])
    if (name === columnNames.lastSeen) overrides.push([name, [{ id: 'unit', value: 'dateTimeFromNow' }]])
  }
  return overrides
}

/** Names of columns that mean the same in every table. */
export const columnNames = {
  asset: 'Identifiant',
  device: 'Appareil',
  state: 'État',
  battery: 'Batterie',
  lastSeen: 'Dernier message',
} as const

const stateMapping = {
  type: 'value',
  options: {
    silent: { text: 'silencieux', color: 'red', index: 0 },
    attention: { text: 'à voir', color: 'orange', index: 1 },
    never_seen: { text: 'jamais vu', color: 'yellow', index: 2 },
    working: { text: 'en marche', color: 'green', index: 3 },
    out_of_service: { text: 'hors service', color: 'text', index: 4 },
  },
}
