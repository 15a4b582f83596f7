import type { Query as AlertQuery, Rule, RuleGroup } from '@grafana/grafana-foundation-sdk/alerting'
import { buildTarget, type Query, type Reach } from './query.ts'

/** Folder that holds the dashboards and the alert rules. */
export const folder = { uid: 'parvis', title: 'Parvis' } as const

const groupTitle = 'Parvis'
const intervalS = 60
const spanS = 600

/** One alert rule, as data: it fires when the number that the query answers stays above `above` for `for`. */
export type AlertDefinition = { uid: string; title: string; query: Query; above: number; for: string; summary: string }

const silentAssets: Query = {
  from: 'api',
  path: '/status/assets/counts',
  params: { state: 'silent' },
  rows: '[{ count: ([.items[].count] | add // 0) }]',
  columns: [{ selector: 'count', text: 'Équipements', type: 'number' }],
  format: 'table',
}

/** Every alert rule. */
export const alerts: readonly AlertDefinition[] = [
  {
    uid: 'parvis-ingest-lag',
    title: 'Messages en attente',
    query: { from: 'metrics', metric: 'parvis_ingest_waiting', text: 'Messages' },
    above: 10_000,
    for: '10m',
    summary: 'Plus de 10 000 messages attendent d’être rangés : la base des mesures ou le traitement est en panne.',
  },
  {
    uid: 'parvis-silent-assets',
    title: 'Équipements silencieux',
    query: silentAssets,
    above: 0,
    for: '1h',
    summary: 'Des équipements ne donnent plus de nouvelles : le tableau « Santé du parc » les nomme.',
  },
]

/** The group of all alert rules, as Grafana's provisioning API takes it. */
export function buildRuleGroup(reach: Reach): RuleGroup {
  const rules = alerts.map((alert) => buildRule(alert, reach))
  return { title: groupTitle, folderUid: folder.uid, interval: intervalS, rules }
}

function buildRule({ uid, title, query, above, summary, ...rest }: AlertDefinition, reach: Reach): Rule {
  return {
    uid,
    title,
    condition: 'B',
    data: [buildAlertQuery(query, reach), buildThreshold(above)],
    // No answer from Parvis is itself a reason to look.
    noDataState: 'Alerting',
    execErrState: 'Alerting',
    for: rest.for,
    annotations: { summary },
    labels: { source: 'parvis' },
    folderUID: folder.uid,
    ruleGroup: groupTitle,
    orgID: 1,
  }
}

function buildAlertQuery(query: Query, reach: Reach): AlertQuery {
  const target = buildTarget(query, reach)
  return {
    refId: target.refId,
    datasourceUid: target.datasource.uid,
    relativeTimeRange: { from: spanS, to: 0 },
    model: target as unknown as NonNullable<AlertQuery['model']>,
  }
}

// Grafana's own expressions have the data source __expr__.
function buildThreshold(above: number): AlertQuery {
  const model = {
    refId: 'B',
    datasource: { type: '__expr__', uid: '__expr__' },
    type: 'threshold',
    expression: 'A',
    conditions: [{ evaluator: { type: 'gt', params: [above] } }],
  }
  return { refId: 'B', datasourceUid: '__expr__', model: model as unknown as NonNullable<AlertQuery['model']> }
}
