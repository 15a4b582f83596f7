import { type Dialect, sourceRefs } from './query.ts'

/** What the data sources need. Addresses are as Grafana's server sees them. */
export type SourceOptions = {
  dialect: Dialect
  apiUrl: string
  /** A token of role `viewer`. */
  apiToken: string
  influx: { url: string; database: string; username: string; password: string; org: string; token: string }
}

/** One data source, as both Grafana's HTTP API and its provisioning take it. */
export type DataSource = {
  uid: string
  name: string
  type: string
  access: 'proxy'
  url: string
  user?: string
  jsonData: Record<string, unknown>
  secureJsonData: Record<string, string>
}

/** The data sources of every dashboard: readings by device out of InfluxDB, everything else out of Parvis's API. */
export function buildDataSources({ dialect, apiUrl, apiToken, influx }: SourceOptions): DataSource[] {
  const influxdb = { ...sourceRefs.influxdb, name: 'Parvis InfluxDB', access: 'proxy', url: influx.url } as const
  return [
    dialect === 'influxql'
      ? {
          ...influxdb,
          user: influx.username,
          jsonData: { version: 'InfluxQL', dbName: influx.database, httpMode: 'POST' },
          secureJsonData: { password: influx.password },
        }
      : {
          ...influxdb,
          jsonData: { version: 'Flux', organization: influx.org, defaultBucket: influx.database, httpMode: 'POST' },
          secureJsonData: { token: influx.token },
        },
    {
      ...sourceRefs.api,
      name: 'Parvis',
      access: 'proxy',
      url: '',
      jsonData: { auth_method: 'bearerToken', allowedHosts: [new URL(apiUrl).origin] },
      secureJsonData: { bearerToken: apiToken },
    },
  ]
}
