import type { Quantity } from '../../domain/quantity.ts'

/*
 * What a panel asks, as data, and the target that Grafana's data source takes for it.
 */

/** The data sources, by the uids that dashboards and alert rules name them by. */
export const sourceRefs = {
  influxdb: { type: 'influxdb', uid: 'parvis-influxdb' },
  api: { type: 'yesoreyeram-infinity-datasource', uid: 'parvis-api' },
} as const

/** The query languages of InfluxDB that Grafana speaks: 1.x takes InfluxQL, 2.x Flux. */
export const dialects = ['influxql', 'flux'] as const
export type Dialect = (typeof dialects)[number]

/** Readings by device, out of InfluxDB. `increase` is what a counter rose by; it leaves out resets. */
export type DeviceQuery = {
  from: 'influxdb'
  quantity: Quantity
  fold: 'mean' | 'min' | 'max' | 'last' | 'increase'
}

/** One column of a table that a data source answers. */
export type Column = { selector: string; text: string; type: 'string' | 'number' | 'timestamp' }

/** Rows out of Parvis's API: `path` under /api/v1, its parameters, and a jq program that answers an array of rows. */
export type ApiQuery = {
  from: 'api'
  path: string
  params: Readonly<Record<string, string>>
  rows: string
  columns: readonly Column[]
  format: 'table' | 'timeseries'
}

/** One of the platform's own figures, out of `/metrics`. */
export type MetricQuery = { from: 'metrics'; metric: string; text: string }

export type Query = DeviceQuery | ApiQuery | MetricQuery

/** A target of a panel, as its data source takes it. */
export type Target = { refId: string; datasource: { type: string; uid: string }; [name: string]: unknown }

/** How dashboards reach what they show. `apiUrl` is the address of Parvis as Grafana sees it, without a slash at its end. */
export type Reach = { dialect: Dialect; apiUrl: string }

/** The target of a query. */
export function buildTarget(query: Query, { dialect, apiUrl }: Reach, refId = 'A'): Target {
  if (query.from === 'influxdb') return deviceTargets[dialect](query, refId)
  return query.from === 'api' ? buildApiTarget(query, apiUrl, refId) : buildMetricTarget(query, apiUrl, refId)
}

const deviceTargets: Record<Dialect, (query: DeviceQuery, refId: string) => Target> = {
  influxql: (query, refId) => ({
    refId,
    datasource: sourceRefs.influxdb,
    query: writeInfluxql(query),
    rawQuery: true,
    resultFormat: 'time_series',
    alias: '$tag_device $tag_channel',
  }),
  flux: (query, refId) => ({ refId, datasource: sourceRefs.influxdb, query: writeFlux(query) }),
}

function writeInfluxql({ quantity, fold }: DeviceQuery): string {
  const folded = fold === 'increase' ? 'non_negative_difference(last("value"))' : `${fold}("value")`
  const where = '"device" =~ /^${device:regex}$/ AND $timeFilter'
  return `SELECT ${folded} FROM "${quantity}" WHERE ${where} GROUP BY time($__interval), "device", "channel" fill(none)`
}

function writeFlux({ quantity, fold }: DeviceQuery): string {
  const lines = [
    'from(bucket: v.defaultBucket)',
    'range(start: v.timeRangeStart, stop: v.timeRangeStop)',
    `filter(fn: (r) => r._measurement == "${quantity}" and r._field == "value" and r.device =~ /^\${device:regex}$/)`,
    'group(columns: ["device", "channel"])',
    `aggregateWindow(every: v.windowPeriod, fn: ${fold === 'increase' ? 'last' : fold}, createEmpty: false)`,
    ...(fold === 'increase' ? ['difference(nonNegative: true)'] : []),
  ]
  return lines.join('\n  |> ')
}

/** What lists the devices that gave a quantity, for a variable. */
export function writeDeviceList(quantity: Quantity, dialect: Dialect): string {
  return dialect === 'influxql'
    ? `SHOW TAG VALUES FROM "${quantity}" WITH KEY = "device"`
    : `import "influxdata/influxdb/schema"\nschema.tagValues(bucket: v.defaultBucket, tag: "device", predicate: (r) => r._measurement == "${quantity}")`
}

// The Infinity data source, version 3 or newer: the parser jq-backend runs in Grafana's server, so that alert rules can
// use it too.
function buildApiTarget({ path, params, rows, columns, format }: ApiQuery, apiUrl: string, refId: string): Target {
  return {
    refId,
    datasource: sourceRefs.api,
    type: 'json',
    parser: 'jq-backend',
    source: 'url',
    format,
    url: `${apiUrl}/api/v1${path}`,
    url_options: { method: 'GET', params: Object.entries(params).map(([key, value]) => ({ key, value })) },
    root_selector: rows,
    columns,
    filters: [],
  }
}

// The text format of Prometheus is read as CSV: name and value with a space between, comments after #.
function buildMetricTarget({ metric, text }: MetricQuery, apiUrl: string, refId: string): Target {
  return {
    refId,
    datasource: sourceRefs.api,
    type: 'csv',
    parser: 'backend',
    source: 'url',
    format: 'table',
    url: `${apiUrl}/metrics`,
    url_options: { method: 'GET' },
    root_selector: '',
    csv_options: { delimiter: ' ', comment: '#', columns: 'name,value' },
    columns: [
      { selector: 'name', text: 'name', type: 'string' },
      { selector: 'value', text, type: 'number' },
    ],
    filterExpression: `name == "${metric}"`,
    filters: [],
  }
}
