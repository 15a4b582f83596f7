import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parvis } from '../tests/support/platform.ts'
import { generateLoad } from './support/generator.ts'
import { createAsker } from './support/http.ts'
import { startParvis } from './support/platform.ts'
import { quantile } from './support/quantiles.ts'
import { median, type Row, report, round } from './support/report.ts'

/*
 * How fast the API answers what the pages ask, at rest and while 5,000 messages a second are published: 200 devices with
 * 30 days of readings, two askers, each asking again as soon as it is answered. Options: --repeats N, --json.
 */

const { values: options } = parseArgs({
  options: { repeats: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
})
const repeats = Number(options.repeats)
const clients = 200
const historyDays = 30
const rate = 5000
const askers = 2
const secondsPerRoute = 2
const dayMs = 86_400_000

const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
const platform = await startParvis(folder, clients, historyDays)
const { token } = await parvis<{ token: string }>(folder, 'token', 'create', '--role', 'viewer')
const ask = createAsker(platform.httpUrl, token)

const since = (days: number) => new Date(Date.now() - days * dayMs).toISOString()
const device = () => `load-${Math.floor(Math.random() * clients)}`
const routes: Record<string, () => string> = {
  'devices, 50 a page': () => '/devices?limit=50',
  'latest of a device': () => `/devices/${device()}/latest`,
  'a day of a device': () => `/devices/${device()}/readings?quantity=temperature&from=${since(2)}&to=${since(1)}`,
  'hourly means of 30 days': () =>
    `/devices/${device()}/readings?quantity=temperature&from=${since(30)}&to=${since(0)}&window=1h&aggregate=mean`,
  'daily means of 30 days': () =>
    `/devices/${device()}/readings?quantity=temperature&from=${since(30)}&to=${since(0)}&window=1d&aggregate=mean&zone=Europe/Paris`,
  'status counts': () => '/status/assets/counts',
}

async function measureRoute(path: () => string): Promise<{ perS: number; p50: number; p99: number }> {
  const taken: number[] = []
  const begun = performance.now()
  async function askOn() {
    while (performance.now() - begun < secondsPerRoute * 1000) {
      const asked = performance.now()
      await ask(path())
      taken.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: askers }, askOn))
  const seconds = (performance.now() - begun) / 1000
  return { perS: taken.length / seconds, p50: quantile(taken, 0.5), p99: quantile(taken, 0.99) }
}

async function measureAll() {
  const found = new Map<string, Awaited<ReturnType<typeof measureRoute>>>()
  for (const [name, path] of Object.entries(routes)) found.set(name, await measureRoute(path))
  return found
}

const atRest: Awaited<ReturnType<typeof measureAll>>[] = []
const underLoad: Awaited<ReturnType<typeof measureAll>>[] = []
const loads: Awaited<ReturnType<typeof generateLoad>>[] = []
const seconds = secondsPerRoute * Object.keys(routes).length + 1
await measureAll()
for (let i = 0; i < repeats; i++) {
  atRest.push(await measureAll())
  const { mqttPort: port, credentials } = platform
  const firstObservedAt = Date.now() - dayMs / 4 + i * seconds * rate
  const loading = generateLoad({ port, credentials, inFlight: 10, rate, seconds, firstObservedAt })
  underLoad.push(await measureAll())
  loads.push(await loading)
}
await platform.stop()
rmSync(folder, { recursive: true, force: true })

const rows: Row[] = Object.keys(routes).map((name) => {
  const of = (runs: typeof atRest, key: 'perS' | 'p50' | 'p99') =>
    round(median(runs.map((run) => run.get(name)![key]))!)
  return {
    asked: name,
    'a second': of(atRest, 'perS'),
    'p50 ms': of(atRest, 'p50'),
    'p99 ms': of(atRest, 'p99'),
    'a second, loaded': of(underLoad, 'perS'),
    'p50 ms, loaded': of(underLoad, 'p50'),
    'p99 ms, loaded': of(underLoad, 'p99'),
  }
})
const p99 = median(loads.map(({ latencyMs }) => latencyMs.p99))
const lost = loads.reduce((sum, { sent, acknowledged }) => sum + sent - acknowledged, 0)
report({
  name: 'api',
  rows,
  notes: [`Meanwhile PUBACK p99 was ${p99} ms, and ${lost} messages were not acknowledged.`],
  runs: { loads },
})
