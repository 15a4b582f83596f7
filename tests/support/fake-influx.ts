import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/*
 * Fakes of InfluxDB 2.x and 3, which no Debian package brings: written from their documentation, they understand the
 * few requests that Parvis makes and refuse any other. They stand in for no behaviour but that of these requests.
 */

type Point = { measurement: string; tags: Record<string, string>; value: number; time: number }
type Request = { method: string; path: string; query: URLSearchParams; body: string; headers: http.IncomingHttpHeaders }
type Answer = { status?: number; type?: string; body?: string }

async function listen(answer: (request: Request) => Answer) {
  const server = http.createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    const body = (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
    const { pathname, searchParams } = new URL(incoming.url!, 'http://fake')
    const { headers, method = 'GET' } = incoming
    const told = answer({ method, path: pathname, query: searchParams, body, headers })
    outgoing.writeHead(told.status ?? 200, { 'content-type': told.type ?? 'application/json' }).end(told.body ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Reads line protocol as its reference describes it; throws for a line that breaks it. */
function parseLines(text: string): Point[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const [key, fields, time] = splitAt(line, ' ')
    const value = /^value=(-?[\d.]+(?:e[+-]?\d+)?)$/.exec(fields ?? '')?.[1]
    if (key === undefined || value === undefined || !/^-?\d+$/.test(time ?? ''))
      throw new Error(`invalid line: ${line}`)
    const [measurement = '', ...tags] = splitAt(key, ',')
    const pairs = tags.map((tag) => splitAt(tag, '=').map((each) => each.replace(/\\([,= ])/g, '$1')))
    if (pairs.some(([name, content]) => !name || !content)) throw new Error(`empty tag: ${line}`)
    return { measurement, tags: Object.fromEntries(pairs), value: Number(value), time: Number(time) }
  })
}

function splitAt(text: string, separator: ' ' | ',' | '='): string[] {
  return text.split(new RegExp(`(?<!\\\\)${separator}`))
}

function openPoints() {
  let points = new Map<string, Point>()
  return {
    write(text: string) {
      for (const point of parseLines(text))
        points.set(JSON.stringify([point.measurement, point.tags.device, point.tags.channel, point.time]), point)
    },
    list: () => [...points.values()].sort((a, b) => a.time - b.time),
    remove(isGone: (point: Point) => boolean) {
      points = new Map([...points].filter(([, point]) => !isGone(point)))
    },
  }
}

const refusal = (error: unknown): Answer => ({
  status: 400,
  body: JSON.stringify({ code: 'invalid', message: (error as Error).message, error: (error as Error).message }),
})

/** InfluxDB 2.x: buckets, `/api/v2/write`, the two shapes of Flux that Parvis writes, `/api/v2/delete`. */
export async function startFakeInflux2(options: { org: string; token: string }) {
  const buckets = new Map<string, ReturnType<typeof openPoints>>()
  const text = (pattern: RegExp, flux: string) => {
    const found = pattern.exec(flux)?.[1]
    return found?.replace(/\\([\\"$])/g, '$1')
  }

  function query(flux: string): Answer {
    const bucket = buckets.get(text(/^from\(bucket: "((?:[^"\\]|\\.)*)"\)/, flux)!)
    if (bucket === undefined) return { status: 404, body: JSON.stringify({ code: 'not found', message: 'no bucket' }) }
    const [start, stop] = [...flux.matchAll(/time\(v: (-?\d+)000000\)/g)].map((each) => Number(each[1]))
    const named = [...flux.matchAll(/r\.device == "((?:[^"\\]|\\.)*)"/g)]
    const devices = named.map((each) => each[1]!.replace(/\\([\\"$])/g, '$1'))
    const found = bucket
      .list()
      .filter(({ time }) => time >= start! && time < stop!)
      .filter(({ tags }) => devices.length === 0 || devices.includes(tags.device!))
    if (flux.includes('first()')) {
      const rows = new Map(found.map((each) => [JSON.stringify([each.measurement, each.tags]), each]))
      const lines = [...rows.values()].map(
        ({ measurement, tags }) => `,,0,${csv(measurement)},${csv(tags.device)},${csv(tags.channel)}`,
      )
      return table('string,string,string', '_measurement,device,channel', lines)
    }
    const measurement = text(/r\._measurement == "((?:[^"\\]|\\.)*)"/, flux)
    const channel = flux.includes('not exists r.channel') ? undefined : text(/r\.channel == "((?:[^"\\]|\\.)*)"/, flux)
    const points = found.filter((each) => each.measurement === measurement && each.tags.channel === channel)
    if (flux.includes('desc: true')) points.reverse()
    const limited = points.slice(0, Number(/limit\(n: (\d+)\)/.exec(flux)![1]))
    const lines = limited.map(({ time, value }) => `,,0,${new Date(time).toISOString()},${value}`)
    return table('dateTime:RFC3339,double', '_time,_value', lines)
  }

  const server = await listen(({ method, path, query: asked, body, headers }) => {
    if (headers.authorization !== `Token ${options.token}`) return { status: 401, body: '{"message":"unauthorized"}' }
    const bucket = buckets.get(asked.get('bucket') ?? '')
    if (asked.has('org') && asked.get('org') !== options.org) return { status: 404, body: '{"message":"no org"}' }
    if (path === '/api/v2/orgs') return { body: JSON.stringify({ orgs: [{ id: 'org1' }] }) }
    if (path === '/api/v2/buckets' && method === 'POST') {
      buckets.set((JSON.parse(body) as { name: string }).name, openPoints())
      return { status: 201, body: '{}' }
    }
    if (path === '/api/v2/buckets')
      return { body: JSON.stringify({ buckets: buckets.has(asked.get('name')!) ? [{ id: 'b1' }] : [] }) }
    if (path === '/api/v2/query') return query((JSON.parse(body) as { query: string }).query)
    if (bucket === undefined) return { status: 404, body: '{"message":"bucket not found"}' }
    if (path === '/api/v2/delete') {
      const { start, stop, predicate } = JSON.parse(body) as { start: string; stop: string; predicate?: string }
      const device = predicate === undefined ? undefined : text(/^device="((?:[^"\\]|\\.)*)"$/, predicate)
      bucket.remove(
        ({ time, tags }) =>
          time >= Date.parse(start) && time <= Date.parse(stop) && (device === undefined || tags.device === device),
      )
      return { status: 204 }
    }
    try {
      if (path !== '/api/v2/write' || asked.get('precision') !== 'ms') throw new Error(`not understood: ${path}`)
      bucket.write(body)
      return { status: 204 }
    } catch (error) {
      return refusal(error)
    }
  })
  return server
}

/** Annotated CSV, as Flux answers. */
function table(types: string, columns: string, lines: string[]): Answer {
  const none = columns.replace(/[^,]+/g, '')
  const head = [
    `#datatype,string,long,${types}`,
    `#group,false,false,${columns.replace(/[^,]+/g, 'false')}`,
    `#default,_result,,${none}`,
    `,result,table,${columns}`,
  ]
  return { type: 'text/csv', body: `${[...head, ...lines].join('\r\n')}\r\n` }
}

function csv(content = ''): string {
  return `"${content.replaceAll('"', '""')}"`
}

/** InfluxDB 3: databases, `/api/v3/write_lp`, and the SQL that Parvis writes. */
export async function startFakeInflux3() {
  const databases = new Map<string, ReturnType<typeof openPoints>>()

  function query(database: ReturnType<typeof openPoints>, sql: string): object[] {
    const points = database.list()
    if (sql.includes('information_schema.columns'))
      return points.flatMap(({ measurement, tags }) =>
        Object.keys(tags).map((column_name) => ({ table_name: measurement, column_name })),
      )
    const measurement = /FROM "(\w+)"/.exec(sql)![1]
    const texts = (pattern: RegExp) => [...sql.matchAll(pattern)].map((each) => each[1]!.replaceAll("''", "'"))
    const literal = "'((?:[^']|'')*)'"
    const list = /device IN \((.*)\)/.exec(sql)?.[1]
    const devices =
      list === undefined
        ? texts(new RegExp(`device = ${literal}`, 'g'))
        : [...list.matchAll(new RegExp(literal, 'g'))].map((each) => each[1]!.replaceAll("''", "'"))
    const found = points
      .filter((each) => each.measurement === measurement)
      .filter(({ tags }) => devices.length === 0 || devices.includes(tags.device!))
    if (sql.startsWith('SELECT DISTINCT')) {
      const rows = found.map(({ tags }) => JSON.stringify({ device: tags.device, channel: tags.channel }))
      return [...new Set(rows)].map((row) => JSON.parse(row) as object)
    }
    const [channel] = texts(new RegExp(`channel = ${literal}`, 'g'))
    const [from, to] = texts(/TIMESTAMP '([^']+)'/g).map(Date.parse)
    const limit = Number(/LIMIT (\d+)/.exec(sql)![1])
    const rows = found
      .filter(({ tags, time }) => tags.channel === channel && time >= from! && time < to!)
      .map(({ time, value }) => ({ time: new Date(time).toISOString().slice(0, -1), value }))
    return (sql.includes('DESC') ? rows.reverse() : rows).slice(0, limit)
  }

  return listen(({ path, query: asked, body }) => {
    try {
      if (path === '/api/v3/configure/database') {
        const { db } = JSON.parse(body) as { db: string }
        if (databases.has(db)) return { status: 409, body: '{"error":"exists"}' }
        databases.set(db, openPoints())
        return {}
      }
      if (path === '/api/v3/query_sql') {
        const { db, q } = JSON.parse(body) as { db: string; q: string }
        const database = databases.get(db)
        if (database === undefined) return { status: 404, body: '{"error":"database not found"}' }
        return { body: JSON.stringify(query(database, q)) }
      }
      const isWrite = path === '/api/v3/write_lp' && asked.get('precision') === 'millisecond'
      if (!isWrite || asked.get('accept_partial') !== 'false') throw new Error(`not understood: ${path}`)
      databases.get(asked.get('db')!)!.write(body)
      return { status: 204 }
    } catch (error) {
      return refusal(error)
    }
  })
}
