import { InfluxDB } from 'influx'
import type { Summary } from '../domain/aggregate.ts'
import type { SeriesKey } from '../domain/reading.ts'
import { hourMs } from './embedded-time.ts'
import type { InfluxServer, InfluxSpan } from './influx.ts'
import { askInflux, type InfluxConnection } from './influx-http.ts'
import { alignSeries, storedTag, toSeries } from './influx-line.ts'
import { hourlyFields, hourlyMeasurement } from './influx-rollups.ts'

/** `retentionDays` is set when the database is made; absent keeps readings for ever. */
export type Influx1Options = {
  url: string
  database: string
  username?: string | undefined
  password?: string | undefined
  retentionDays?: number | undefined
  timeoutMs: number
  /** Aborted, it ends what is under way. */
  signal?: AbortSignal | undefined
}

const bySeries = 'GROUP BY "device", "channel"'

type RawSeries = { name: string; tags?: Record<string, string>; columns: string[]; values?: (string | number)[][] }
type RawAnswer = { results: { series?: RawSeries[]; error?: string }[] }

/**
 * InfluxDB 1.x, and what speaks its `/write` and `/query`: lines are written over HTTP, questions are asked in InfluxQL
 * through the client library `influx`.
 */
export function openInflux1({ url, database, username, password, retentionDays, timeoutMs, signal }: Influx1Options) {
  const { hostname, port, protocol } = new URL(url)
  const scheme = protocol === 'https:' ? 'https' : 'http'
  const client = new InfluxDB({
    hosts: [{ host: hostname, port: Number(port) || (scheme === 'https' ? 443 : 8086), protocol: scheme }],
    database,
    username: username ?? '',
    password: password ?? '',
    // Trying again is the caller's.
    pool: { requestTimeout: timeoutMs, maxRetries: 0 },
  })
  const login: Record<string, string> =
    username === undefined ? {} : { authorization: `Basic ${base64(`${username}:${password ?? ''}`)}` }
  const connection: InfluxConnection = { url, headers: login, timeoutMs, signal }
  const writePath = `/write?${new URLSearchParams({ db: database, precision: 'ms' })}`

  async function ask(statement: string): Promise<RawSeries[]> {
    const answer = await client.queryRaw(statement, { precision: 'ms' }).catch((error: Error) => {
      throw new Error(`InfluxDB at ${url} does not answer: ${error.message}`)
    })
    const [result] = (answer as RawAnswer).results
    // Before the first write there is no database yet, and nothing in it.
    if (result?.error?.startsWith('database not found') === true) return []
    if (result?.error !== undefined) throw new Error(`InfluxDB: ${result.error}`)
    return result?.series ?? []
  }

  /** The rows of each of some series, of what `SELECT` is to be followed by. */
  async function askSpan(
    series: readonly SeriesKey[],
    what: string,
    { from, to, limit, isDescending = false }: InfluxSpan,
  ) {
    const order = isDescending ? 'DESC' : 'ASC'
    const found = await ask(
      `SELECT ${what} AND ${whereTime(from, to)} ${bySeries} ORDER BY time ${order} LIMIT ${limit}`,
    )
    return alignSeries(
      series,
      found.map(({ tags, values }) => [tags?.device ?? '', tags?.channel ?? '', values ?? []]),
    )
  }

  const server: InfluxServer = {
    name: `${url} ${database}`,
    async prepare() {
      const before = await ask('SHOW DATABASES')
      if (before[0]?.values?.some(([name]) => name === database) === true) return false
      const duration = retentionDays === undefined ? '' : ` WITH DURATION ${retentionDays}d NAME "parvis"`
      const body = new URLSearchParams({ q: `CREATE DATABASE ${quoteName(database)}${duration}` })
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      await askInflux(connection, '/query', { method: 'POST', headers, body: body.toString() })
      return true
    },
    async write(lines) {
      await askInflux(connection, writePath, { method: 'POST', body: lines })
    },
    async listSeries(devices) {
      const found = await ask(`SHOW SERIES${devices === null ? '' : ` WHERE ${whereDevice(devices)}`}`)
      return (found[0]?.values ?? []).map(([key]) => parseSeriesKey(String(key))).filter((each) => each !== null)
    },
    async readPoints(series, span) {
      const from = `value FROM ${quoteName(series[0]!.quantity)} WHERE ${whereSeries(series)}`
      return (await askSpan(series, from, span)) as [number, number][][]
    },
    async remove({ devices, from, to }) {
      const ofDevices = devices === null ? '' : ` AND (${whereDevice(devices)})`
      await ask(`DELETE WHERE ${whereTime(from, to)}${ofDevices}`)
    },
    hours: {
      async sum(quantity, from) {
        const fields = hourlyFields.map((field) => `${field}(value)`)
        const found = await ask(
          `SELECT ${fields} FROM ${quoteName(quantity)} WHERE ${whereTime(from, from + hourMs)} ${bySeries}`,
        )
        const summaries: [SeriesKey, Summary][] = []
        for (const { tags, values } of found) {
          const series = toSeries(quantity, tags?.device, tags?.channel)
          if (series !== null) summaries.push([series, toSummary(values![0] as number[])])
        }
        return summaries
      },
      async read(series, span) {
        const fields = hourlyFields.map(quoteName)
        const from = `${fields} FROM ${hourlyMeasurement} WHERE quantity = ${quoteText(series[0]!.quantity)} AND ${whereSeries(series)}`
        const found = (await askSpan(series, from, span)) as [number, ...number[]][][]
        return found.map((rows) => rows.map((row) => [row[0], toSummary(row)]))
      },
      async remove({ devices, from, to }) {
        const ofDevices = devices === null ? '' : ` AND (${whereDevice(devices)})`
        await ask(`DELETE FROM ${hourlyMeasurement} WHERE ${whereTime(from, to)}${ofDevices}`)
      },
    },
  }
  return server
}

function whereDevice(devices: readonly string[]): string {
  return devices.map((device) => `"device" = ${quoteText(storedTag(device))}`).join(' OR ')
}

function whereSeries(series: readonly SeriesKey[]): string {
  // An absent tag equals the empty text.
  const conditions = series.map(
    ({ deviceId, channel }) =>
      `("device" = ${quoteText(storedTag(deviceId))} AND "channel" = ${quoteText(channel === '' ? '' : storedTag(channel))})`,
  )
  return `(${conditions.join(' OR ')})`
}

function whereTime(from: number, to: number): string {
  return `time >= ${from}ms AND time < ${to}ms`
}

/** A row of an answer: the time, then the fields of a rollup. */
function toSummary([, count, sum, min, max, first, last]: number[]): Summary {
  return { count: count!, sum: sum!, lost: 0, min: min!, max: max!, first: first!, last: last! }
}

/** A name in InfluxQL. */
function quoteName(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&')}"`
}

/** A text in InfluxQL. */
function quoteText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}

/** Reads a key that SHOW SERIES tells, which is escaped as in line protocol; null for one that is not ours. */
function parseSeriesKey(key: string): SeriesKey | null {
  const [measurement = '', ...tags] = splitUnescaped(key, ',')
  const values: Record<string, string> = Object.create(null)
  for (const tag of tags) {
    const [name = '', value = ''] = splitUnescaped(tag, '=')
    values[name] = value.replace(/\\([,= ])/g, '$1')
  }
  return toSeries(measurement, values.device, values.channel)
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++)
    if (text[at] === separator && text[at - 1] !== '\\') {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  parts.push(text.slice(start))
  return parts
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
