import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/*
 * Fakes of InfluxDB 2.x and 3, which no Debian package brings: written from their documentation, they understand the
 * few requests that Parvis makes and refuse any other. They stand in for no behaviour but that of these requests.
 */

type Point = { measurement: string; tags: Record<string, string>; fields: Record<string, number>; time: number }
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
    const pairsOfFields = (fields ?? '').split(',').map((field) => /^(\w+)=(-?[\d.]+(?:e[+-]?\d+)?)$/.exec(field))
    if (key === undefined || pairsOfFields.includes(null) || !/^-?\d+$/.test(time ?? ''))
      throw new Error(`invalid line: ${line}`)
    const [measurement = '', ...tags] = splitAt(key, ',')
    const pairs = tags.map((tag) => splitAt(tag, '=').map((each) => each.replace(/\\([,= ])/g, '$1')))
    if (pairs.some(([name, content]) => !name || !content)) throw new Error(`empty tag: ${line}`)
    const values = Object.fromEntries(pairsOfFields.map((field) => [field![1]!, Number(field![2])]))
    return { measurement, tags: Object.fromEntries(pairs), fields: values, time: Number(time) }
  })
}

function splitAt(text: string, separator: ' ' | ',' | '='): string[] {
  return text.split(new RegExp(`(?<!\\\\)${separator}`))
}

function seriesOf({ tags: { device, channel, quantity } }: Point): string {
  return JSON.stringify([device, channel, quantity])
}

/** What the values of points come to, in the order of time. */
function summarize(points: readonly Point[]) {
  const values = points.map(({ fields }) => fields.value!)
  return {
    count: values.length,
    sum: values.reduce((a, b) => a + b),
    min: Math.min(...values),
    max: Math.max(...values),
    first: values[0]!,
    last: values.at(-1)!,
  }
}

const summaryFields = ['count', 'sum', 'min', 'max', 'first', 'last'] as const

function openPoints() {
  let points = new Map<string, Point>()
  return {
    write(text: string) {
      for (const point of parseLines(text))
        points.set(JSON.stringify([point.measurement, seriesOf(point), point.time]), point)
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

/** InfluxDB 2.x: buckets, `/api/v2/write`, the shapes of Flux that Parvis writes, `/api/v2/delete`. */
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
    const unquote = (text: string) => text.replace(/\\([\\"$])/g, '$1')
    const literal = '"((?:[^"\\\\]|\\\\.)*)"'
    const devices = [...flux.matchAll(new RegExp(`r\\.device == ${literal}`, 'g'))].map((each) => unquote(each[1]!))
    const pairs = [
      ...flux.matchAll(
        new RegExp(`\\(r\\.device == ${literal} and (?:not exists r\\.channel|r\\.channel == ${literal})\\)`, 'g'),
      ),
    ].map((each) => JSON.stringify([unquote(each[1]!), each[2] === undefined ? undefined : unquote(each[2])]))
    const measurement = text(/r\._measurement == "((?:[^"\\]|\\.)*)"/, flux)
    const quantity = text(/r\.quantity == "((?:[^"\\]|\\.)*)"/, flux)
    const found = bucket
      .list()
      .filter(({ time }) => time >= start! && time < stop!)
      .filter((each) => measurement === undefined || each.measurement === measurement)
      .filter(({ tags }) => quantity === undefined || tags.quantity === quantity)
      .filter(({ tags }) => devices.length === 0 || devices.includes(tags.device!))
      .filter(({ tags }) => pairs.length === 0 || pairs.includes(JSON.stringify([tags.device, tags.channel])))
      .filter(({ fields }) => !flux.includes('_field == "value"') || fields.value !== undefined)
    const groups = [...Map.groupBy(found, (each) => JSON.stringify([each.measurement, seriesOf(each)])).values()]
    if (flux.includes('|> first()')) {
      const lines = groups.map(
        ([{ measurement, tags } = found[0]!]) => `,,0,${csv(measurement)},${csv(tags.device)},${csv(tags.channel)}`,
      )
      return table('string,string,string', '_measurement,device,channel', lines)
    }
    if (flux.includes('|> reduce(')) {
      const lines = groups.map((group) => {
        const { device, channel } = group[0]!.tags
        const summary = summarize(group)
        return `,,0,${csv(device)},${csv(channel)},${summaryFields.map((field) => summary[field]).join()}`
      })
      return table('string,string,long,double,double,double,double,double', `device,channel,${summaryFields}`, lines)
    }
    const isPivot = flux.includes('|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")')
    const columns = isPivot ? summaryFields : (['value'] as const)
    const limit = Number(/limit\(n: (\d+)\)/.exec(flux)![1])
    const lines = groups.flatMap((group) => {
      if (flux.includes('desc: true')) group.reverse()
      return group.slice(0, limit).map(({ tags, fields, time }) => {
        const values = columns.map((column) => fields[column])
        return `,,0,${new Date(time).toISOString()},${csv(tags.device)},${csv(tags.channel)},${values.join()}`
      })
    })
    const types = `dateTime:RFC3339,string,string${columns.map(() => ',double').join('')}`
    return table(types, `_time,device,channel,${isPivot ? summaryFields : '_value'}`, lines)
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
      const [, measurement, quoted] =
        /^(?:_measurement="(\w+)"(?: AND |$))?(?:device="((?:[^"\\]|\\.)*)")?$/.exec(predicate ?? '') ??
        refuseText(predicate)
      const device = quoted?.replace(/\\([\\"])/g, '$1')
      bucket.remove(
        (each) =>
          each.time >= Date.parse(start) &&
          each.time <= Date.parse(stop) &&
          (measurement === undefined || each.measurement === measurement) &&
          (device === undefined || each.tags.device === device),
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

function refuseText(text: string | undefined): never {
  throw new Error(`not understood: ${text}`)
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

// A tag that a row has not is null.
function naming({ tags }: Point): { device: string | null; channel: string | null } {
  return { device: tags.device ?? null, channel: tags.channel ?? null }
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
    const literal = "'((?:[^']|'')*)'"
    const textsIn = (text: string) => [...text.matchAll(new RegExp(literal, 'g'))].map((each) => unquote(each[1]!))
    const unquote = (text: string) => text.replaceAll("''", "'")
    const list = /device IN \((.*)\)/.exec(sql)?.[1]
    const quantity = new RegExp(`quantity = ${literal}`).exec(sql)?.[1]
    const found = points
      .filter((each) => each.measurement === measurement)
      .filter(({ tags }) => list === undefined || textsIn(list).includes(tags.device!))
      .filter(({ tags }) => quantity === undefined || tags.quantity === quantity)
    if (sql.startsWith('SELECT DISTINCT')) {
      const rows = found.map(({ tags }) => JSON.stringify({ device: tags.device, channel: tags.channel }))
      return [...new Set(rows)].map((row) => JSON.parse(row) as object)
    }
    const [from, to] = [...sql.matchAll(/TIMESTAMP '([^']+)'/g)].map((each) => Date.parse(each[1]!))
    const within = found.filter(({ time }) => time >= from! && time < to!)
    if (sql.includes('selector_first(value, time)')) {
      const groups = Map.groupBy(within, seriesOf).values()
      return [...groups].map((group) => ({ ...naming(group[0]!), ...summarize(group) }))
    }
    const pairs = [
      ...sql.matchAll(new RegExp(`\\(device = ${literal}(?: AND (?:channel IS NULL|channel = ${literal}))?\\)`, 'g')),
    ].map((each) => JSON.stringify([unquote(each[1]!), each[2] === undefined ? undefined : unquote(each[2])]))
    if (pairs.length === 0 || !sql.includes('ROW_NUMBER() OVER (PARTITION BY'))
      throw new Error(`not understood: ${sql}`)
    const limit = Number(/WHERE place <= (\d+)/.exec(sql)![1])
    const wanted = within.filter(({ tags }) => pairs.includes(JSON.stringify([tags.device, tags.channel])))
    return [...Map.groupBy(wanted, seriesOf).values()].flatMap((group) => {
      if (sql.includes('DESC')) group.reverse()
      return group
        .slice(0, limit)
        .map((each) => ({ ...naming(each), time: new Date(each.time).toISOString().slice(0, -1), ...each.fields }))
    })
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
