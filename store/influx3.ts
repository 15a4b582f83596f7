import type { Summary } from '../domain/aggregate.ts'
import { Problem } from '../domain/problem.ts'
import { isQuantity } from '../domain/quantity.ts'
import type { SeriesKey } from '../domain/reading.ts'
import { hourMs } from './embedded-time.ts'
import type { InfluxServer, InfluxSpan } from './influx.ts'
import { askInflux, type InfluxConnection, InfluxRefusal } from './influx-http.ts'
import { alignSeries, storedTag, toSeries } from './influx-line.ts'
import { hourlyFields, hourlyMeasurement } from './influx-rollups.ts'

/** `retentionDays` is set when the database is made; absent keeps readings for ever. */
export type Influx3Options = {
  url: string
  token?: string | undefined
  database: string
  retentionDays?: number | undefined
  timeoutMs: number
  /** Aborted, it ends what is under way. */
  signal?: AbortSignal | undefined
}

type Row = Record<string, string | number | null>

/** InfluxDB 3: lines and questions, in SQL, over HTTP. It cannot remove single readings, so `remove` refuses. */
export function openInflux3({ url, token, database, retentionDays, timeoutMs, signal }: Influx3Options): InfluxServer {
  const login: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const connection: InfluxConnection = { url, headers: login, timeoutMs, signal }
  const json = { 'content-type': 'application/json' }
  // A refused batch leaves nothing behind: halving it finds the line without asking which ones were taken.
  const place = new URLSearchParams({ db: database, precision: 'millisecond', accept_partial: 'false' })

  async function ask(q: string): Promise<Row[]> {
    const body = JSON.stringify({ db: database, q, format: 'json' })
    try {
      return JSON.parse(
        await askInflux(connection, '/api/v3/query_sql', { method: 'POST', headers: json, body }),
      ) as Row[]
    } catch (error) {
      // Before the first write there is no database yet, and nothing in it.
      if (error instanceof InfluxRefusal && error.status === 404) return []
      throw error
    }
  }

  /** The measurements, with whether any has a channel: a tag that nobody wrote is no column. */
  async function readTables(): Promise<Map<string, boolean>> {
    const rows = await ask(`SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'iox'`)
    const tables = new Map<string, boolean>()
    for (const { table_name, column_name } of rows) {
      const name = String(table_name)
      tables.set(name, tables.get(name) === true || column_name === 'channel')
    }
    return tables
  }

  /** The rows of each of some series of a measurement, at most `limit` of each. */
  async function askSpan<Point>(
    measurement: string,
    series: readonly SeriesKey[],
    { from, to, limit, isDescending = false }: InfluxSpan,
    { columns, where = '', toPoint }: { columns: string; where?: string; toPoint(row: Row): Point },
  ): Promise<Point[][]> {
    const hasChannel = (await readTables()).get(measurement)
    const found = series.filter(({ channel }) => hasChannel === true || channel === '')
    if (hasChannel === undefined || found.length === 0) return series.map(() => [])
    const key = hasChannel ? 'device, channel' : 'device'
    const order = isDescending ? 'DESC' : 'ASC'
    const rows = await ask(
      `SELECT * FROM (
         SELECT ${key}, time, ${columns}, ROW_NUMBER() OVER (PARTITION BY ${key} ORDER BY time ${order}) AS place
         FROM ${quoteName(measurement)}
         WHERE (${found.map((each) => isSeries(each, hasChannel)).join(' OR ')})${where}
         AND time >= ${timeOf(from)} AND time < ${timeOf(to)}
       ) WHERE place <= ${limit} ORDER BY time ${order}`,
    )
    const groups = Map.groupBy(rows, ({ device, channel }) => `${device}\n${channel ?? ''}`)
    return alignSeries(
      series,
      [...groups.values()].map((group) => [
        String(group[0]!.device),
        String(group[0]!.channel ?? ''),
        group.map(toPoint),
      ]),
    )
  }

  return {
    name: `${url} ${database}`,
    async prepare() {
      const retention = retentionDays === undefined ? {} : { retention_period: `${retentionDays}d` }
      const body = JSON.stringify({ db: database, ...retention })
      try {
        await askInflux(connection, '/api/v3/configure/database', { method: 'POST', headers: json, body })
        return true
      } catch (error) {
        // 409: it is there already.
        if (error instanceof InfluxRefusal && error.status === 409) return false
        throw error
      }
    },
    async write(lines) {
      await askInflux(connection, `/api/v3/write_lp?${place}`, { method: 'POST', body: lines })
    },
    async listSeries(devices) {
      const where = devices === null ? '' : ` WHERE device IN (${devices.map((each) => quoteText(storedTag(each)))})`
      const found: SeriesKey[] = []
      for (const [quantity, hasChannel] of await readTables()) {
        if (!isQuantity(quantity)) continue
        const columns = hasChannel ? 'device, channel' : 'device'
        const rows = await ask(`SELECT DISTINCT ${columns} FROM ${quoteName(quantity)}${where}`)
        for (const { device, channel } of rows) {
          const series = toSeries(quantity, String(device ?? ''), String(channel ?? ''))
          if (series !== null) found.push(series)
        }
      }
      return found
    },
    readPoints(series, span) {
      const toPoint = ({ time, value }: Row): [number, number] => [parseTime(String(time)), Number(value)]
      return askSpan(series[0]!.quantity, series, span, { columns: 'value', toPoint })
    },
    async remove() {
      throw new Problem('store_cannot_remove', 'InfluxDB 3')
    },
    hours: {
      async sum(quantity, from) {
        const hasChannel = (await readTables()).get(quantity)
        if (hasChannel === undefined) return []
        const key = hasChannel ? 'device, channel' : 'device'
        const rows = await ask(
          `SELECT ${key}, count(value) AS "count", sum(value) AS "sum", min(value) AS "min", max(value) AS "max",
             selector_first(value, time)['value'] AS "first", selector_last(value, time)['value'] AS "last"
           FROM ${quoteName(quantity)} WHERE time >= ${timeOf(from)} AND time < ${timeOf(from + hourMs)} GROUP BY ${key}`,
        )
        return rows.flatMap((row): [SeriesKey, Summary][] => {
          const series = toSeries(quantity, String(row.device ?? ''), String(row.channel ?? ''))
          return series === null ? [] : [[series, toSummary(row)]]
        })
      },
      read(series, span) {
        const toPoint = (row: Row): [number, Summary] => [parseTime(String(row.time)), toSummary(row)]
        const columns = hourlyFields.map(quoteName).join(', ')
        const where = ` AND quantity = ${quoteText(series[0]!.quantity)}`
        return askSpan(hourlyMeasurement, series, span, { columns, where, toPoint })
      },
      async remove() {
        throw new Problem('store_cannot_remove', 'InfluxDB 3')
      },
    },
  }
}

function isSeries({ deviceId, channel }: SeriesKey, hasChannel: boolean): string {
  const ofChannel = channel === '' ? 'channel IS NULL' : `channel = ${quoteText(storedTag(channel))}`
  return `(device = ${quoteText(storedTag(deviceId))}${hasChannel ? ` AND ${ofChannel}` : ''})`
}

function toSummary(row: Row): Summary {
  const [count, sum, min, max, first, last] = hourlyFields.map((field) => Number(row[field])) as [
    ...[number, number, number],
    ...[number, number, number],
  ]
  return { count, sum, lost: 0, min, max, first, last }
}

/** A name in SQL. */
function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text in SQL. */
function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function timeOf(ms: number): string {
  return `TIMESTAMP '${new Date(ms).toISOString()}'`
}

/** Times come without a zone, in UTC, with up to nine decimals. */
function parseTime(text: string): number {
  return Date.parse(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`)
}
