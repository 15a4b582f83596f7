import { join } from 'node:path'
import { Ajv } from 'ajv'
import { createGenerator } from 'ts-json-schema-generator'
import { afterEach, describe, expect, test } from 'vitest'
import { dashboards } from '../../dashboards/grafana/catalogue.ts'
import { buildDashboard } from '../../dashboards/grafana/dashboard.ts'
import { unitOf } from '../../dashboards/grafana/panel.ts'
import { writeProvisioning } from '../../dashboards/grafana/provisioning.ts'
import { pushToGrafana } from '../../dashboards/grafana/push.ts'
import { buildTarget, dialects } from '../../dashboards/grafana/query.ts'
import { grafanaUnit } from '../../dashboards/grafana/units.ts'
import { quantityNames } from '../../domain/quantity.ts'
import { startFakeGrafana } from '../support/fake-grafana.ts'

const root = join(import.meta.dirname, '..', '..')
const influx = { url: 'http://influxdb:8086', database: 'parvis', username: 'u', password: 'p', org: 'o', token: 't' }
const reach = (dialect: (typeof dialects)[number]) => ({
  dialect,
  apiUrl: 'http://parvis:8080',
  publicUrl: 'https://parvis.example',
})
const surroundings = reach('influxql')
const sources = { ...surroundings, apiToken: 'secret-of-parvis', influx }

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

test('every quantity has a unit of Grafana', () => {
  for (const name of quantityNames) expect(grafanaUnit(name)).not.toBe('')
})

test('the panels, by title, query and unit', async () => {
  const lines = dashboards.flatMap((dashboard) => [
    `# ${dashboard.title}`,
    ...dashboard.panels.flatMap((panel) => [
      `## ${panel.title} (${unitOf(panel)})`,
      ...(panel.query.from === 'influxdb' ? dialects : (['influxql'] as const)).map((dialect) => {
        const { query, url, url_options, root_selector, filterExpression } = buildTarget(panel.query, reach(dialect))
        return query ?? JSON.stringify({ url, ...(url_options as object), rows: root_selector || filterExpression })
      }),
    ]),
  ])
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('grafana-panels.txt')
})

describe('the dashboards are what Grafana takes', () => {
  const generator = createGenerator({
    path: join(root, 'node_modules/@grafana/grafana-foundation-sdk/dist/dashboard/types.gen.d.ts'),
    tsconfig: join(root, 'tsconfig.json'),
    skipTypeCheck: true,
    functions: 'hide',
  })
  const schema = generator.createSchema('Dashboard')
  // What a panel asks is its data source's own affair.
  for (const [name, definition] of Object.entries(schema.definitions ?? {}))
    if (name.endsWith('Dataquery')) Object.assign(definition, { additionalProperties: true, required: [] })
  const validate = new Ajv({ strict: false, allErrors: true }).compile(schema)

  test.each(dialects)('by the schema of its published types, in %s', (dialect) => {
    for (const definition of dashboards) {
      const document = JSON.parse(JSON.stringify(buildDashboard(definition, reach(dialect))))
      validate(document)
      expect(validate.errors ?? []).toEqual([])
      const { title: _, ...untitled } = document
      expect(validate({ ...untitled, panels: 'none' })).toBe(false)
    }
  })

  test('panels lie side by side, none over another, and uids are short enough', () => {
    for (const definition of dashboards) {
      const taken = new Set<string>()
      for (const panel of buildDashboard(definition, surroundings).panels ?? []) {
        const { x, y, w, h } = panel.gridPos!
        expect(x + w).toBeLessThanOrEqual(24)
        for (let column = x; column < x + w; column++)
          for (let row = y; row < y + h; row++) {
            expect(taken.has(`${column},${row}`)).toBe(false)
            taken.add(`${column},${row}`)
          }
      }
      expect(definition.uid.length).toBeLessThanOrEqual(40)
    }
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length)
  })
})

test('the files of provisioning name what they need, and their dashboards are the ones pushed', () => {
  const files = writeProvisioning(surroundings, sources, '/etc/grafana/provisioning')
  const read = (path: string) => JSON.parse(files.get(path)!)
  const uids = read('datasources/parvis.yaml').datasources.map(({ uid }: { uid: string }) => uid)
  expect(uids).toEqual(['parvis-influxdb', 'parvis-api'])
  expect(read('dashboards/parvis.yaml').providers[0].options.path).toBe('/etc/grafana/provisioning/dashboards/parvis')
  for (const { data } of read('alerting/parvis.yaml').groups[0].rules)
    for (const { datasourceUid } of data) expect([...uids, '__expr__']).toContain(datasourceUid)
  for (const each of dashboards)
    expect(read(`dashboards/parvis/${each.uid}.json`)).toEqual(
      JSON.parse(JSON.stringify(buildDashboard(each, surroundings))),
    )
  for (const [path, text] of files) expect(text.includes('secret-of-parvis')).toBe(path === 'datasources/parvis.yaml')
})

describe('push', () => {
  const token = 'service-account'
  async function start(options: { plugins?: string[] } = {}) {
    const grafana = await startFakeGrafana({ token, ...options })
    undo.push(() => grafana.close())
    return grafana
  }

  test('brings everything, and a second time changes nothing', async () => {
    const grafana = await start()
    const report = await pushToGrafana({ url: `${grafana.url}/`, token }, surroundings, sources)
    expect(report.dataSources).toEqual(['parvis-influxdb', 'parvis-api'])
    expect(report.alerts).toEqual(['parvis-ingest-lag', 'parvis-silent-assets'])
    expect([...grafana.stored.dashboards.keys()]).toEqual(dashboards.map(({ uid }) => uid))
    expect(grafana.stored.sources.get('parvis-api')).toMatchObject({
      secureJsonData: { bearerToken: 'secret-of-parvis' },
    })
    const before = JSON.stringify(Object.values(grafana.stored).map((each) => [...each]))
    expect(await pushToGrafana({ url: grafana.url, token }, surroundings, sources)).toEqual(report)
    expect(JSON.stringify(Object.values(grafana.stored).map((each) => [...each]))).toBe(before)
  })

  test('says what to do about each refusal', async () => {
    const grafana = await start()
    const push = (url: string, as = token) => pushToGrafana({ url, token: as }, surroundings, sources)
    await expect(push(grafana.url, 'wrong')).rejects.toThrow(/token is wrong or has expired.*Invalid API key/)
    await expect(push('http://127.0.0.1:1')).rejects.toThrow(/does not answer/)
    grafana.provisioned.add('parvis-lighting')
    await expect(push(grafana.url)).rejects.toThrow(/kept otherwise.*Cannot save provisioned dashboard/)
    const bare = await start({ plugins: [] })
    await expect(push(bare.url)).rejects.toThrow(/Infinity plugin is missing/)
    await expect(push(`${bare.url}/elsewhere`)).rejects.toMatchObject({ code: 'grafana_refused' })
  })
})
