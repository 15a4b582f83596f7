import { InfluxDB } from '@influxdata/influxdb-client'
import type { SeriesKey } from '../domain/reading.ts'
import type { InfluxServer } from './influx.ts'
import { askInflux, type InfluxConnection } from './influx-http.ts'
import { storedTag, toSeries } from './influx-line.ts'

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

type Row = { _time: string; _value: number; _measurement: string; device?: string; channel?: string }

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

  return {
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
    async readPoints(series, { from, to, limit, isDescending = false }) {
      const rows = await ask(`${source(from, to)}
        |> filter(fn: (r) => r._measurement == ${quote(series.quantity)} and r._field == "value" and ${isSeries(series)})
        |> sort(columns: ["_time"], desc: ${isDescending}) |> limit(n: ${limit}) |> keep(columns: ["_time", "_value"])`)
      return rows.map(({ _time, _value }): [number, number] => [Date.parse(_time), _value])
    },
    async remove({ devices, from, to }) {
      // `stop` is included here, unlike in a query.
      const span = { start: new Date(from).toISOString(), stop: new Date(to - 1).toISOString() }
      // A predicate joins its terms by AND only.
      for (const device of devices ?? [null]) {
        const predicate = device === null ? {} : { predicate: `device=${quotePredicate(storedTag(device))}` }
        const body = JSON.stringify({ ...span, ...predicate })
        await askInflux(connection, `/api/v2/delete?${place}`, { method: 'POST', headers: json, body }).catch(
          ignoreNotFound,
        )
      }
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
  return `${isDevice(deviceId)} and ${channel === '' ? 'not exists r.channel' : `r.channel == ${quote(storedTag(channel))}`}`
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
