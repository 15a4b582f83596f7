import { InfluxDB } from 'influx'
import type { SeriesKey } from '../domain/reading.ts'
import type { InfluxServer } from './influx.ts'
import { askInflux, type InfluxConnection } from './influx-http.ts'
import { storedTag, toSeries } from './influx-line.ts'

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

  const server: InfluxServer = {
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
    async readPoints(series, { from, to, limit, isDescending = false }) {
      const [found] = await ask(
        `SELECT value FROM ${quoteName(series.quantity)} WHERE ${whereSeries(series)} AND ${whereTime(from, to)}
         ORDER BY time ${isDescending ? 'DESC' : 'ASC'} LIMIT ${limit}`,
      )
      return (found?.values ?? []) as [number, number][]
    },
    async remove({ devices, from, to }) {
      const ofDevices = devices === null ? '' : ` AND (${whereDevice(devices)})`
      await ask(`DELETE WHERE ${whereTime(from, to)}${ofDevices}`)
    },
  }
  return server
}

function whereDevice(devices: readonly string[]): string {
  return devices.map((device) => `"device" = ${quoteText(storedTag(device))}`).join(' OR ')
}

function whereSeries({ deviceId, channel }: SeriesKey): string {
  // An absent tag equals the empty text.
  return `"device" = ${quoteText(storedTag(deviceId))} AND "channel" = ${quoteText(channel === '' ? '' : storedTag(channel))}`
}

function whereTime(from: number, to: number): string {
  return `time >= ${from}ms AND time < ${to}ms`
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
