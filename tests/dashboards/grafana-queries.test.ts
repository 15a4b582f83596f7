import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { alerts } from '../../dashboards/grafana/alerts.ts'
import { dashboards } from '../../dashboards/grafana/catalogue.ts'
import { buildDashboard } from '../../dashboards/grafana/dashboard.ts'
import { type ApiQuery, buildTarget, type DeviceQuery, type Target } from '../../dashboards/grafana/query.ts'
import { addToken } from '../../inventory/tokens.ts'
import { simulate } from '../../simulators/simulate.ts'
import { systemAccess } from '../../store/access.ts'
import { openRegistry } from '../../store/registry.ts'
import { ensureDebianPackage } from '../support/debian.ts'
import { startInfluxd } from '../support/influxd.ts'
import { makeFolder, type Platform, startPlatform } from '../support/platform.ts'
import { until } from '../support/until.ts'

/*
 * Every query of every panel, asked as Grafana's data sources ask it, of a real InfluxDB and of the API, over a city that
 * the simulator has filled. jq runs the programs of the Infinity data source, which has gojq.
 */

const hourMs = 3_600_000
const assets = 80
const to = Math.floor(Date.now() / hourMs) * hourMs
const from = to - 12 * hourMs

let jq: string
let influxUrl: string
let platform: Platform
let token: string
let assetIds: string[]
let statuses: Body['items']
const undo: (() => unknown)[] = []

beforeAll(async () => {
  jq = await ensureDebianPackage('jq', 'jq')
  const influxd = await startInfluxd()
  undo.push(() => influxd.remove())
  influxUrl = influxd.url
  const folder = makeFolder()
  undo.push(() => folder.remove())
  const registry = await openRegistry({ dataDir: folder.path, database: 'sqlite' })
  token = (await addToken(systemAccess(registry, 'test'), { role: 'admin' })).token
  await registry.destroy()
  platform = await startPlatform({
    dataDir: folder.path,
    env: { PARVIS_STORE: 'influxdb1', PARVIS_INFLUX_URL: influxUrl, PARVIS_LOG_LEVEL: 'error' },
  })
  undo.push(() => platform.stop())
  await simulate({
    seed: 3,
    startMs: from,
    days: 0.5,
    speed: 1e6,
    assets,
    httpUrl: platform.httpUrl,
    mqttUrl: `mqtt://127.0.0.1:${platform.mqttPort}`,
    token,
    secretsFile: join(folder.path, 'city.json'),
    signal: new AbortController().signal,
    log: () => {},
  })
  await until(async () => /^parvis_ingest_waiting 0$/m.test(await (await ask('/metrics')).text()), 60_000)
  await until(async () => (await askJson('/api/v1/status/assets?limit=500')).items.length === assets, 30_000)
  statuses = await listStatuses()
  assetIds = statuses.map((each) => each.assetId)
}, 240_000)

afterAll(async () => {
  for (const step of undo.reverse()) await step()
})

const ask = (path: string) => fetch(`${platform.httpUrl}${path}`, { headers: { authorization: `Bearer ${token}` } })
async function askJson(path: string): Promise<Body> {
  const answer = await ask(path)
  expect(answer.status, `${path}: ${await answer.clone().text()}`).toBe(200)
  return (await answer.json()) as Body
}

const listStatuses = async () => (await askJson('/api/v1/status/assets?limit=500')).items

/** What the tests read of the API's answers. */
type Status = {
  assetId: string
  label: string
  state: string
  kind: string
  district: string | null
  service: string | null
}
type Body = { items: (Status & { count: number })[]; series: { points: [time: string, value: number][] }[] }

type Point = [time: number, value: number]

/** What Grafana puts in the place of its variables. */
function fill(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{?(__from|__to|__interval|timeFilter|[a-z]+)(:[a-z:]+)?\}?/g, (whole, name, format) => {
    const value = variables[name]
    if (value === undefined) return whole
    return format === ':percentencode' ? encodeURIComponent(value) : value
  })
}

async function askInflux(target: Target): Promise<{ device: string; channel: string; points: Point[] }[]> {
  const statement = fill(String(target.query), {
    device: '.*',
    __interval: '1h',
    timeFilter: `time >= ${from}ms and time < ${to}ms`,
  })
  const answer = await fetch(`${influxUrl}/query?${new URLSearchParams({ db: 'parvis', epoch: 'ms', q: statement })}`)
  const { results } = (await answer.json()) as {
    results: { error?: string; series?: { tags: { device: string; channel: string }; values: Point[] }[] }[]
  }
  expect(results[0]!.error).toBeUndefined()
  return (results[0]!.series ?? []).map(({ tags, values }) => ({ ...tags, points: values }))
}

/** The same out of the API. */
async function askDevice(device: string, channel: string, { quantity, fold }: DeviceQuery): Promise<Point[]> {
  const aggregate = fold === 'increase' ? 'last' : fold
  const span = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), window: '1h', aggregate }
  const query = new URLSearchParams({ quantity, channel, ...span, limit: '50000' })
  const { series } = await askJson(`/api/v1/devices/${encodeURIComponent(device)}/readings?${query}`)
  const points: Point[] = series.flatMap(({ points }) =>
    points.map(([time, value]): Point => [Date.parse(time), value]),
  )
  if (fold !== 'increase') return points
  return points
    .slice(1)
    .map(([time, value], i): Point => [time, value - points[i]![1]])
    .filter(([, value]) => value >= 0)
}

async function askApi(target: Target, variables: Record<string, string>) {
  const { url, url_options, root_selector } = target as unknown as {
    url: string
    url_options: { params: { key: string; value: string }[] }
    root_selector: string
  }
  const filled = { __from: new Date(from).toISOString(), __to: new Date(to).toISOString(), ...variables }
  const params = url_options.params.map(({ key, value }) => [key, fill(value, filled)])
  const body = await askJson(
    `${fill(new URL(url.replaceAll('$', '%24')).pathname.replaceAll('%24', '$').replaceAll('%7B', '{').replaceAll('%7D', '}'), filled)}?${new URLSearchParams(params)}`,
  )
  if (body.series?.length === 0) return { body, rows: [] }
  const rows = JSON.parse(execFileSync(jq, ['-c', root_selector], { input: JSON.stringify(body) }).toString())
  return { body, rows: rows as Record<string, unknown>[] }
}

describe.each(dashboards)('$title', ({ kinds, panels }) => {
  const kind = kinds.length === 1 ? kinds[0]! : '*'
  const places = { kind, district: '*', service: '*' }
  const targetOf = (query: (typeof panels)[number]['query']) =>
    buildTarget(query, { dialect: 'influxql', apiUrl: 'http://parvis' })

  test.each(panels.filter(({ query }) => query.from === 'influxdb'))('$title', async ({ query }) => {
    const series = await askInflux(targetOf(query))
    expect(series.length).toBeGreaterThan(0)
    for (const { device, channel, points } of series) {
      const told = await askDevice(device, channel, query as DeviceQuery)
      expect(points.map(([time]) => time)).toEqual(told.map(([time]) => time))
      for (const [i, [, value]] of points.entries()) expect(value).toBeCloseTo(told[i]![1], 6)
    }
  })

  test.each(panels.filter(({ query }) => query.from === 'api'))('$title', async ({ query }) => {
    const { path, params, columns, format } = query as ApiQuery
    if (format === 'timeseries') {
      let found = 0
      for (const asset of assetIds) {
        const { body, rows } = await askApi(targetOf(query), { ...places, asset })
        const told = body.series.flatMap(({ points }) => points)
        expect(rows.map(({ time, value }) => [time, value])).toEqual(told)
        found += rows.length
      }
      // A simulated city of this size has no gas meter.
      expect(found > 0).toBe(params.quantity !== 'gas_volume')
      return
    }
    const { body, rows } = await askApi(targetOf(query), places)
    for (const row of rows) for (const { selector } of columns) expect(row).toHaveProperty(selector)
    const counted = rows.reduce((sum, row) => sum + Number(row.total ?? row.count ?? 0), 0)
    if (path.endsWith('/counts')) {
      expect(counted).toBe(body.items.reduce((sum, { count }) => sum + count, 0))
      if (path === '/status/assets/counts')
        await vi.waitFor(async () => {
          const { rows } = await askApi(targetOf(query), places)
          expectCounts(rows, params, kind, await listStatuses())
        }, waiting)
    } else expect(rows).toEqual(body.items)
    if (path === '/status/assets' && !JSON.stringify(query).includes('silent')) expect(rows.length).toBeGreaterThan(0)
  })
})

// An asset may fall silent between two questions.
const waiting = { timeout: 20_000, interval: 200 }

/** Counts of the assets by state are those of the list of all of them, one by one. */
function expectCounts(
  rows: readonly Record<string, unknown>[],
  params: ApiQuery['params'],
  kind: string,
  statuses: readonly Status[],
) {
  const ofKind = statuses.filter((each) => kind === '*' || each.kind === kind)
  if (params.by === undefined) {
    const wanted = ofKind.filter(({ state }) => state === params.state).length
    expect(rows).toEqual([{ count: wanted }])
    return
  }
  const by = params.by as 'kind' | 'district' | 'service'
  const groups = Map.groupBy(ofKind, (each) => each[by] ?? '–')
  expect(rows).toHaveLength(groups.size)
  for (const row of rows) {
    const group = groups.get(String(row[by]))!
    const count = (state: string) => group.filter((each) => each.state === state).length
    const states = { working: count('working'), silent: count('silent'), attention: count('attention') }
    expect(row).toEqual({ [by]: row[by], total: group.length, ...states, never: count('never_seen') })
  }
}

describe.each(dashboards)('the variables of $title', (definition) => {
  const surroundings = { dialect: 'influxql', apiUrl: 'http://parvis', publicUrl: 'http://parvis' } as const
  const { templating } = buildDashboard(definition, surroundings)
  const kind = definition.kinds.length === 1 ? definition.kinds[0]! : '*'
  const ofKind = () => statuses.filter((each) => kind === '*' || each.kind === kind)

  test.each(templating!.list!.filter(({ type }) => type === 'query'))('$name', async ({ name, query }) => {
    if (typeof query === 'string') {
      const statement = new URLSearchParams({ db: 'parvis', q: query })
      const answer = await fetch(`${influxUrl}/query?${statement}`)
      const { results } = (await answer.json()) as { results: { series?: { values: [string, string][] }[] }[] }
      const listed = results[0]!.series![0]!.values.map(([, device]) => device)
      const quantity = definition.devicesOf
      const heard = await askInflux(buildTarget({ from: 'influxdb', quantity, fold: 'last' }, surroundings))
      expect(listed.sort()).toEqual([...new Set(heard.map(({ device }) => device))].sort())
      return
    }
    const { infinityQuery } = query as unknown as { infinityQuery: Target }
    const { rows } = await askApi(infinityQuery, { kind, district: '*', service: '*' })
    const wanted =
      name === 'asset'
        ? ofKind().map(({ label, assetId }) => ({ text: label, value: assetId }))
        : [...new Set(ofKind().map((each) => each[name as 'district' | 'service']))]
            .filter((each) => each !== null)
            .map((each) => ({ text: each, value: each }))
    const byValue = (list: readonly Record<string, unknown>[]) =>
      list.toSorted((a, b) => (String(a.value) < String(b.value) ? -1 : 1))
    expect(byValue(rows)).toEqual(byValue(wanted))
    expect(rows.length).toBeGreaterThan(0)
  })
})

test.each(alerts)('the alert rule "$title" asks for one number', async ({ query }) => {
  if (query.from === 'metrics') {
    const text = await (await ask('/metrics')).text()
    expect(text).toMatch(new RegExp(`^${query.metric} \\d+$`, 'm'))
    return
  }
  await vi.waitFor(async () => {
    const { rows } = await askApi(buildTarget(query, { dialect: 'influxql', apiUrl: 'http://parvis' }), {})
    expectCounts(rows, { state: 'silent' }, '*', await listStatuses())
  }, waiting)
})

test('the figures of the platform are lines of /metrics', async () => {
  const lines = (await (await ask('/metrics')).text()).split('\n').map((line) => line.split(' ')[0])
  for (const { query } of dashboards.flatMap(({ panels }) => panels))
    if (query.from === 'metrics') expect(lines).toContain(query.metric)
})
