import { InfluxDB } from '@influxdata/influxdb-client'
import type { Summary } from '../domain/aggregate.ts'
import type { SeriesKey } from '../domain/reading.ts'
import { hourMs } from './embedded-time.ts'
import type { InfluxServer, InfluxSpan } from './influx.ts'
import { askInflux, type InfluxConnection } from './influx-http.ts'
import { alignSeries, storedTag, toSeries } from './influx-line.ts'
import { hourlyFields, hourlyMeasurement } from './influx-rollups.ts'

/** `retentionDays` is set when the bucket is made; absent keeps readings for ever. */
export type Influx2Options = {
  url: string
  token: string
  org: string
  bucket: string
  retentionDays?: number | undefined
  timeoutMs: number
  /** Aborted, it ends what is under way. */
  signal?: AbortSignal | undefined
}

type Row = { _time: string; _value: number; _measurement: string; device?: string; channel?: string } & Omit<
  Summary,
  'lost'
>

// The fields of a rollup as columns of one row.
const pivot = ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'

// What the values of each table come to, in one row, in the order of time.
const summarize = `
    identity: {count: 0, sum: 0.0, min: 0.0, max: 0.0, first: 0.0, last: 0.0},
    fn: (r, accumulator) => ({
      count: accumulator.count + 1,
      sum: accumulator.sum + r._value,
      min: if accumulator.count == 0 or r._value < accumulator.min then r._value else accumulator.min,
      max: if accumulator.count == 0 or r._value > accumulator.max then r._value else accumulator.max,
      first: if accumulator.count == 0 then r._value else accumulator.first,
      last: r._value,
    }),
  `

/**
 * InfluxDB 2.x: lines are written over HTTP, questions are asked in Flux through the client library
 * `@influxdata/influxdb-client`.
 */
export function openInflux2({
  url,
  token,
  org,
  bucket,
  retentionDays,
  timeoutMs,
  signal,
}: Influx2Options): InfluxServer {
  const client = new InfluxDB({ url, token, timeout: timeoutMs }).getQueryApi(org)
  const connection: InfluxConnection = { url, headers: { authorization: `Token ${token}` }, timeoutMs, signal }
  const place = new URLSearchParams({ org, bucket })
  const json = { 'content-type': 'application/json' }

  async function ask(flux: string): Promise<Row[]> {
    try {
      return await client.collectRows<Row>(flux)
    } catch (error) {
      // Before the first write there is no bucket yet, and nothing in it.
      if ((error as { statusCode?: number }).statusCode === 404) return []
      throw new Error(`InfluxDB at ${url}: ${(error as Error).message}`)
    }
  }

  const source = (from: number, to: number) =>
    `from(bucket: ${quote(bucket)}) |> range(start: ${timeOf(from)}, stop: ${timeOf(to)})`

  /** The rows of some series, of one quantity; tables are by series, so that each has its own limit. */
  function askSpan(
    series: readonly SeriesKey[],
    { from, to, limit, isDescending = false }: InfluxSpan,
    condition: string,
    more = '',
  ) {
    const columns = more === '' ? ['_value'] : hourlyFields
    return ask(`${source(from, to)}
      |> filter(fn: (r) => ${condition} and (${series.map(isSeries).join(' or ')}))${more}
      |> sort(columns: ["_time"], desc: ${isDescending}) |> limit(n: ${limit})
      |> keep(columns: ${JSON.stringify(['_time', 'device', 'channel', ...columns])})`)
  }

  // A predicate joins its terms by AND only. `stop` is included here, unlike in a query.
  async function removeWhere(from: number, to: number, terms: readonly string[]) {
    const predicate = terms.length === 0 ? {} : { predicate: terms.join(' AND ') }
    const span = { start: new Date(from).toISOString(), stop: new Date(to - 1).toISOString() }
    const body = JSON.stringify({ ...span, ...predicate })
    const path = `/api/v2/delete?${place}`
    await askInflux(connection, path, { method: 'POST', headers: json, body }).catch(ignoreNotFound)
  }

  return {
    name: `${url} ${bucket}`,
    async prepare() {
      const asked = await askInflux(connection, `/api/v2/buckets?${new URLSearchParams({ org, name: bucket })}`).catch(
        ignoreNotFound,
      )
      if (listOf(asked, 'buckets').length > 0) return false
      const [found] = listOf(await askInflux(connection, `/api/v2/orgs?${new URLSearchParams({ org })}`), 'orgs')
      if (found === undefined) throw new Error(`InfluxDB at ${url} has no organisation "${org}"`)
      const retentionRules =
        retentionDays === undefined ? [] : [{ type: 'expire', everySeconds: retentionDays * 86_400 }]
      const body = JSON.stringify({ orgID: found.id, name: bucket, retentionRules })
      await askInflux(connection, '/api/v2/buckets', { method: 'POST', headers: json, body })
      return true
    },
    async write(lines) {
      const headers = { 'content-type': 'text/plain; charset=utf-8' }
      await askInflux(connection, `/api/v2/write?${place}&precision=ms`, { method: 'POST', headers, body: lines })
    },
    async listSeries(devices) {
      const ofDevices = devices === null ? '' : ` and (${devices.map(isDevice).join(' or ')})`
      const rows = await ask(`${source(-9_223_372_036_854, 9_223_372_036_854)}
        |> filter(fn: (r) => r._field == "value"${ofDevices}) |> first() |> group()
        |> keep(columns: ["_measurement", "device", "channel"])`)
      return rows.map((row) => toSeries(row._measurement, row.device, row.channel)).filter((each) => each !== null)
    },
    async readPoints(series, span) {
      const rows = await askSpan(
        series,
        span,
        `r._measurement == ${quote(series[0]!.quantity)} and r._field == "value"`,
      )
      return alignRows(series, rows, ({ _time, _value }): [number, number] => [Date.parse(_time), _value])
    },
    async remove({ devices, from, to }) {
      for (const device of devices ?? [null])
        await removeWhere(from, to, device === null ? [] : [`device=${quotePredicate(storedTag(device))}`])
    },
    hours: {
      async sum(quantity, from) {
        const rows = await ask(`${source(from, from + hourMs)}
          |> filter(fn: (r) => r._measurement == ${quote(quantity)} and r._field == "value") |> sort(columns: ["_time"])
          |> reduce(${summarize})`)
        return rows.flatMap((row): [SeriesKey, Summary][] => {
          const series = toSeries(quantity, row.device, row.channel)
          return series === null ? [] : [[series, toSummary(row)]]
        })
      },
      async read(series, span) {
        const isHourly = `r._measurement == "${hourlyMeasurement}" and r.quantity == ${quote(series[0]!.quantity)}`
        const rows = await askSpan(series, span, isHourly, pivot)
        return alignRows(series, rows, (row): [number, Summary] => [Date.parse(row._time), toSummary(row)])
      },
      async remove({ devices, from, to }) {
        const isHourly = `_measurement="${hourlyMeasurement}"`
        for (const device of devices ?? [null]) {
          const ofDevice = device === null ? [] : [`device=${quotePredicate(storedTag(device))}`]
          await removeWhere(from, to, [isHourly, ...ofDevice])
        }
      },
    },
  }
}

function listOf(text: string, name: string): { id: string }[] {
  return text === '' ? [] : ((JSON.parse(text) as Record<string, { id: string }[]>)[name] ?? [])
}

function ignoreNotFound(error: Error & { status?: number }): string {
  if (error.status === 404) return ''
  throw error
}

function isDevice(device: string): string {
  return `r.device == ${quote(storedTag(device))}`
}

function isSeries({ deviceId, channel }: SeriesKey): string {
  const ofChannel = channel === '' ? 'not exists r.channel' : `r.channel == ${quote(storedTag(channel))}`
  return `(${isDevice(deviceId)} and ${ofChannel})`
}

function alignRows<Point>(series: readonly SeriesKey[], rows: readonly Row[], toPoint: (row: Row) => Point) {
  const groups = Map.groupBy(rows, ({ device = '', channel = '' }) => `${device}\n${channel}`)
  return alignSeries(
    series,
    [...groups.values()].map((group) => [group[0]!.device ?? '', group[0]!.channel ?? '', group.map(toPoint)]),
  )
}

function toSummary({ count, sum, min, max, first, last }: Row): Summary {
  return { count, sum, lost: 0, min, max, first, last }
}

/** A time in Flux: 64-bit nanoseconds, more than a double tells, so that the zeros are written. */
function timeOf(ms: number): string {
  return `time(v: ${ms}000000)`
}

/** A text in Flux; `\${` would begin an interpolation. */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('${', '\\${')}"`
}

/** A text in the predicate of a deletion. */
function quotePredicate(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`
}
