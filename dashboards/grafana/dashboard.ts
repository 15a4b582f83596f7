import {
  CustomVariableBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { type AssetKind, assetKinds } from '../../domain/asset-kind.ts'
import type { Quantity } from '../../domain/quantity.ts'
import { buildPanel, type PanelDefinition, type Surroundings } from './panel.ts'
import { type ApiQuery, buildTarget, sourceRefs, writeDeviceList } from './query.ts'

/** One dashboard, as data. */
export type DashboardDefinition = {
  uid: string
  title: string
  description: string
  /** The kinds of asset that it is about. */
  kinds: readonly AssetKind[]
  /** Whose devices the variable `device` lists: all that gave this quantity. */
  devicesOf: Quantity
  panels: readonly PanelDefinition[]
}

/** Builds a dashboard, in French, in Grafana's classic JSON model. */
export function buildDashboard(definition: DashboardDefinition, surroundings: Surroundings): Dashboard {
  const { uid, title, description, panels } = definition
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['parvis'])
    .timezone('browser')
    .weekStart('monday')
    .refresh('1m')
    .time({ from: 'now-24h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .link(new DashboardLinkBuilder('Parvis').type(DashboardLinkType.Link).url(surroundings.publicUrl).targetBlank(true))
    .link(new DashboardLinkBuilder('Tableaux').type(DashboardLinkType.Dashboards).tags(['parvis']).asDropdown(true))
  for (const variable of listVariables(definition, surroundings)) builder.withVariable(variable)
  for (const panel of panels) builder.withPanel(buildPanel(panel, surroundings))
  return builder.build()
}

const any = '*'

function listVariables({ kinds, devicesOf, panels }: DashboardDefinition, surroundings: Surroundings) {
  const used = JSON.stringify(panels.map((panel) => buildTarget(panel.query, surroundings)))
  const variables = [
    new CustomVariableBuilder('kind')
      .label('Type')
      .values(kinds.map((kind) => `${assetKinds[kind].label.fr} : ${kind}`).join(', '))
      .includeAll(true)
      .allValue(any)
      .current(
        kinds.length === 1
          ? { text: assetKinds[kinds[0]!].label.fr, value: kinds[0]! }
          : { text: 'All', value: '$__all' },
      ),
    listPlaces('district', 'Quartier', surroundings),
    listPlaces('service', 'Service', surroundings),
    listChoices('asset', 'Équipement', surroundings, {
      path: '/status/assets',
      params: { kind: '${kind}', district: '${district}', service: '${service}', sort: 'label', limit: '500' },
      rows: '[.items[] | { text: .label, value: .assetId }]',
    }),
    new QueryVariableBuilder('device')
      .label('Appareil')
      .datasource(sourceRefs.influxdb)
      .query(writeDeviceList(devicesOf, surroundings.dialect))
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      .allValue('.*')
      .current({ text: ['All'], value: ['$__all'] }),
  ]
  // A variable that no panel asks would be a choice without effect. Those of places narrow the list of assets.
  return variables.filter((each) => used.includes(`\${${each.build().name}`) || used.includes('${asset'))
}

function listPlaces(name: 'district' | 'service', label: string, surroundings: Surroundings) {
  return listChoices(name, label, surroundings, {
    path: '/status/assets/counts',
    params: { kind: '${kind}', by: name },
    rows: `[.items[].${name} | select(. != null)] | unique | map({ text: ., value: . })`,
  })
    .includeAll(true)
    .allValue(any)
    .current({ text: 'All', value: '$__all' })
}

function listChoices(
  name: string,
  label: string,
  surroundings: Surroundings,
  query: Pick<ApiQuery, 'path' | 'params' | 'rows'>,
) {
  const columns = (['text', 'value'] as const).map((each) => ({ selector: each, text: each, type: 'string' as const }))
  const infinityQuery = buildTarget({ from: 'api', format: 'table', columns, ...query }, surroundings, 'variable')
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(sourceRefs.api)
    .query({ queryType: 'infinity', query: '', infinityQuery })
    .refresh(VariableRefresh.OnDashboardLoad)
}
