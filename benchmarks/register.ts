import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { statusSorts } from '../inventory/status-order.ts'
import { startPlatform } from '../tests/support/platform.ts'
import { startPostgresql } from '../tests/support/postgresql.ts'
import { until } from '../tests/support/until.ts'
import { readMemoryMib } from './support/cpu.ts'
import { generateLoad } from './support/generator.ts'
import { createAsker } from './support/http.ts'
import { readStartEnvironment, readStartFlags } from './support/platform.ts'
import { quantile } from './support/quantiles.ts'
import {
  layDownRegister,
  registerDistricts,
  registerKinds,
  registerServices,
  registerStreets,
} from './support/register-data.ts'
import { type Row, report, round } from './support/report.ts'

/*
 * What a large register answers: 200,000 assets, 150,000 devices, 500,000 installations, with SQLite or, with
 * --postgresql, with PostgreSQL, while 5,000 readings a second arrive by MQTT from 2,000 devices. Pages with every filter
 * and every order, counts, a map of 10,000 assets, and searches as they are typed, letter by letter.
 * Options: --scale S (a share of those numbers), --seconds N (a question), --rate R (readings a second), --json.
 */

const { values: options } = parseArgs({
  options: {
    postgresql: { type: 'boolean', default: false },
    scale: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8' },
    rate: { type: 'string', default: '5000' },
    json: { type: 'boolean', default: false },
  },
})
const scale = Number(options.scale)
const seconds = Number(options.seconds)
const size = { assets: 200_000 * scale, devices: 150_000 * scale, installations: 500_000 * scale }
const clients = 2000 * scale
/** Of one message of the load. */
const readingsPerMessage = 2

let turn = 0
const pick = <Item>(items: readonly Item[]): Item => items[(turn * 7919) % items.length]!
const states = ['working', 'attention', 'silent', 'never_seen']
const typed = ['conteneur 1', 'rue de la paix', 'asset-01234', 'théâtre', 'place reunion', 'quartier 12', 'zzz']

const filters: (() => string)[] = [
  () => '',
  () => `kind=${pick(registerKinds)}`,
  () => `state=${pick(states)}`,
  () => `service=${encodeURIComponent(pick(registerServices))}`,
  () => `district=${encodeURIComponent(pick(registerDistricts))}`,
  () => 'lifeCycle=disposed',
  () => 'bbox=7.33,47.73,7.34,47.74',
  () => 'near=7.35,47.75,500',
  () => `q=${encodeURIComponent(pick(registerStreets))}`,
  () => 'q=asset-0123',
  () =>
    `kind=${pick(registerKinds)}&state=${pick(states)}&district=${encodeURIComponent(pick(registerDistricts))}&q=paix`,
]

/** What is asked, and the milliseconds within which 99 of 100 are to be answered. */
const questions: Record<string, { boundMs: number; path(): string }> = {
  'a page, every filter and order': {
    boundMs: 50,
    path: () => `/status/assets?sort=${statusSorts[turn % statusSorts.length]}&${filters[turn % filters.length]!()}`,
  },
  'counts by kind and state': {
    boundMs: 100,
    path: () => `/status/assets/counts?${filters[turn % filters.length]!()}`,
  },
  'a map of 10,000 assets': { boundMs: 300, path: () => '/status/assets.geojson?bbox=7.3,47.7,7.4,47.7053' },
  'search as typed, status': {
    boundMs: 50,
    path: () => `/status/assets?limit=10&q=${encodeURIComponent(pick(typed).slice(0, 1 + (turn % 12)))}`,
  },
  'search as typed, assets': {
    boundMs: 50,
    path: () => `/assets?limit=10&q=${encodeURIComponent(pick(typed).slice(0, 1 + (turn % 12)))}`,
  },
}

const server = options.postgresql ? await startPostgresql() : null
const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
const database = server?.url ?? 'sqlite'
let began = performance.now()
const secondsSince = () => round((performance.now() - began) / 1000)
const { credentials, token } = await layDownRegister({ dataDir: folder, database }, size, clients)
const laidDownS = secondsSince()
began = performance.now()
const platform = await startPlatform({
  dataDir: folder,
  execArguments: readStartFlags(),
  env: { ...readStartEnvironment(), PARVIS_REGISTRY: database },
})
const ask = createAsker(platform.httpUrl, token)
await until(async () => (await countAssets()) >= size.assets, 600_000)
const foldedS = secondsSince()

async function countAssets(): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const counts = async (filter: string) => {
    const response = await fetch(`${platform.httpUrl}/api/v1/status/assets/counts${filter}`, { headers })
    const { items } = (await response.json()) as { items: { count: number }[] }
    return items.reduce((sum, { count }) => sum + count, 0)
  }
  return (await counts('')) + (await counts('?lifeCycle=disposed'))
}

async function measure({ path }: { path(): string }) {
  const taken: number[] = []
  const begun = performance.now()
  while (performance.now() - begun < seconds * 1000) {
    turn++
    const asked = performance.now()
    await ask(path())
    taken.push(performance.now() - asked)
  }
  return { asked: taken.length, p50: quantile(taken, 0.5), p99: quantile(taken, 0.99), max: Math.max(...taken) }
}

const total = seconds * Object.keys(questions).length
const loading = generateLoad({
  port: platform.mqttPort,
  credentials,
  inFlight: 10,
  rate: (Number(options.rate) * scale) / readingsPerMessage,
  seconds: total + 5,
})
const found = new Map<string, Awaited<ReturnType<typeof measure>>>()
for (const [name, question] of Object.entries(questions)) found.set(name, await measure(question))
const load = await loading
const residentMib = Math.round(readMemoryMib([platform.process.pid!]))
await platform.stop()
await server?.stop()
rmSync(folder, { recursive: true, force: true })

const rows: Row[] = Object.entries(questions).map(([asked, { boundMs }]) => {
  const { asked: times, p50, p99, max } = found.get(asked)!
  return { asked, times, 'p50 ms': round(p50), 'p99 ms': round(p99), 'at most': boundMs, 'max ms': round(max) }
})
report({
  name: 'register',
  rows,
  notes: [
    `${size.assets} assets, ${size.devices} devices, ${size.installations} installations; laid down in ${laidDownS} s, the platform up with all of their states after ${foldedS} s, ${residentMib} MiB resident in the end.`,
    `Meanwhile ${round(load.perSecond * readingsPerMessage)} readings a second arrived; PUBACK p99 ${load.latencyMs.p99} ms, ${load.sent - load.acknowledged} messages not acknowledged.`,
  ],
})
