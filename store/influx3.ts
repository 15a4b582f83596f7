import { Problem } from '../domain/problem.ts'
import { isQuantity, type Quantity } from '../domain/quantity.ts'
import type { SeriesKey } from '../domain/reading.ts'
import type { InfluxServer } from './influx.ts'
import { askInflux, type InfluxConnection, InfluxRefusal } from './influx-http.ts'
import { storedTag, toSeries } from './influx-line.ts'

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

  /** The measurements that hold readings, with whether any has a channel: a tag that nobody wrote is no column. */
  async function readTables(): Promise<Map<Quantity, boolean>> {
    const rows = await ask(`SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'iox'`)
    const tables = new Map<Quantity, boolean>()
    for (const { table_name, column_name } of rows) {
      const name = String(table_name)
      if (isQuantity(name)) tables.set(name, tables.get(name) === true || column_name === 'channel')
    }
    return tables
  }

  return {
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
        const columns = hasChannel ? 'device, channel' : 'device'
        const rows = await ask(`SELECT DISTINCT ${columns} FROM ${quoteName(quantity)}${where}`)
        for (const { device, channel } of rows) {
          const series = toSeries(quantity, String(device ?? ''), String(channel ?? ''))
          if (series !== null) found.push(series)
        }
      }
      return found
    },
    async readPoints({ deviceId, channel, quantity }, { from, to, limit, isDescending = false }) {
      const hasChannel = (await readTables()).get(quantity)
      if (hasChannel === undefined || (!hasChannel && channel !== '')) return []
      const ofChannel = channel === '' ? 'channel IS NULL' : `channel = ${quoteText(storedTag(channel))}`
      const rows = await ask(
        `SELECT time, value FROM ${quoteName(quantity)}
         WHERE device = ${quoteText(storedTag(deviceId))}${hasChannel ? ` AND ${ofChannel}` : ''}
         AND time >= ${timeOf(from)} AND time < ${timeOf(to)}
         ORDER BY time ${isDescending ? 'DESC' : 'ASC'} LIMIT ${limit}`,
      )
      return rows.map(({ time, value }): [number, number] => [parseTime(String(time)), Number(value)])
    },
    async remove() {
      throw new Problem('store_cannot_remove', 'InfluxDB 3')
    },
  }
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
