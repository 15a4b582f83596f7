import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parvis } from '../tests/support/platform.ts'
import { describeDisk } from './support/disk.ts'
import { generateLoad } from './support/generator.ts'
import { createAsker } from './support/http.ts'
import { startParvis } from './support/platform.ts'
import { median, type Row, report, round } from './support/report.ts'

/*
 * PUBACK latency at 5,000 messages a second, alone and while everything is asked for: hourly means of 30 days of every
 * device in turn, all readings exported again and again, and the history, just laid down, sealed by ingest as it goes.
 * Options: --repeats N, --seconds N, --json.
 */

const { values: options } = parseArgs({
  options: {
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '15' },
    json: { type: 'boolean', default: false },
  },
})
const seconds = Number(options.seconds)
const clients = 200
const historyDays = 30
const rate = 5000
const dayMs = 86_400_000

type Figures = { p50: number; p99: number; max: number; lost: number; queries: number; exportedMb: number }

async function measure(isMixed: boolean): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
  const platform = await startParvis(folder, clients, historyDays)
  try {
    const { token } = await parvis<{ token: string }>(folder, 'token', 'create', '--role', 'viewer')
    const ask = createAsker(platform.httpUrl, token)
    const { mqttPort: port, credentials } = platform
    const firstObservedAt = Date.now() - dayMs / 4
    let isOver = false
    let queries = 0
    let exported = 0

    async function query() {
      const span = `from=${new Date(Date.now() - historyDays * dayMs).toISOString()}&window=1h&aggregate=mean`
      for (; isMixed && !isOver; queries++)
        await ask(`/devices/load-${queries % clients}/readings?${span}&to=${new Date().toISOString()}`)
    }
    async function exportAll() {
      while (isMixed && !isOver) exported += await ask('/exports/readings?format=ndjson')
    }
    const asking = Promise.all([query(), exportAll()])
    const result = await generateLoad({ port, credentials, inFlight: 10, rate, seconds, firstObservedAt })
    isOver = true
    await asking
    // Waits for ingest, then counts: what was acknowledged is stored, whatever else ran.
    const to = firstObservedAt + result.sent
    let found = 0
    for (const deadline = Date.now() + 30_000; found < result.acknowledged && Date.now() < deadline; )
      found = await platform.verify(firstObservedAt, to)
    const { p50, p99, max } = result.latencyMs
    return { p50, p99, max, lost: result.acknowledged - found, queries, exportedMb: exported / 1e6 }
  } finally {
    await platform.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const disk = await describeDisk()
const runs = { alone: [] as Figures[], mixed: [] as Figures[] }
for (let i = 0; i < Number(options.repeats); i++) {
  runs.alone.push(await measure(false))
  runs.mixed.push(await measure(true))
}
const rows: Row[] = (['alone', 'mixed'] as const).map((name) => {
  const of = (key: keyof Figures) => round(median(runs[name].map((figures) => figures[key]))!)
  return {
    'at 5,000/s': name === 'alone' ? 'alone' : 'with queries, export, sealing',
    'PUBACK p50 ms': of('p50'),
    'PUBACK p99 ms': of('p99'),
    'PUBACK max ms': of('max'),
    lost: runs[name].reduce((sum, { lost }) => sum + lost, 0),
    'queries/s': round(of('queries') / seconds),
    'exported MB/s': round(of('exportedMb') / seconds),
  }
})
report({ name: 'mixed', rows, notes: [disk], runs })
