import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parvis, startPlatform } from '../tests/support/platform.ts'
import type { LoadOptions, LoadResult } from './load.ts'

/*
 * `npm run bench`: durable messages a second, PUBACK latency and CPU seconds per 100,000 messages with 200 clients, at
 * saturation and at 1,000 messages a second. The platform runs whole, as `npm start` runs it; its CPU is the system's
 * own account of its process. Each figure is measured three times; the median is printed beside them.
 */

const run = promisify(execFile)
const clients = 200
const repeats = 3
const seconds = 8
// Of /proc/[pid]/stat, proc(5): USER_HZ on every Linux that Node.js runs on.
const ticksPerSecond = 100

function readCpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
const devices = join(folder, 'devices.csv')
writeFileSync(devices, `id,model\n${Array.from({ length: clients }, (_, i) => `load-${i},generic-json`).join('\n')}\n`)
const imported = await parvis<{ devices: { id: string; secret: string }[] }>(folder, 'device', 'import', devices)
const platform = await startPlatform({
  dataDir: folder,
  execArguments: ['--max-semi-space-size=4', '--heap-growing-percent=30'],
})
const rows: Record<string, unknown>[] = []
for (const [name, rate] of [
  ['saturation', undefined],
  ['1,000/s', 1000],
] as const) {
  const results: (LoadResult & { cpuSeconds: number })[] = []
  for (let i = 0; i < repeats; i++) {
    const options: LoadOptions = { port: platform.mqttPort, credentials: imported.devices, inFlight: 10, seconds, rate }
    const file = join(folder, 'load.json')
    writeFileSync(file, JSON.stringify(options))
    const before = readCpuSeconds(platform.process.pid!)
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'load.ts'), file])
    results.push({ ...(JSON.parse(stdout) as LoadResult), cpuSeconds: readCpuSeconds(platform.process.pid!) - before })
  }
  const median = (read: (result: (typeof results)[number]) => number) =>
    Number(
      results
        .map(read)
        .sort((a, b) => a - b)
        [Math.floor(repeats / 2)]!.toFixed(2),
    )
  rows.push({
    load: name,
    'messages/s': median((each) => each.perSecond),
    'PUBACK p50 ms': median((each) => each.latencyMs.p50),
    'PUBACK p99 ms': median((each) => each.latencyMs.p99),
    'CPU s per 100,000': median((each) => (each.cpuSeconds / each.acknowledged) * 100_000),
    '% of a core': median((each) => (each.cpuSeconds / each.seconds) * 100),
    lost: results.reduce((sum, each) => sum + each.sent - each.acknowledged, 0),
  })
}
await platform.stop()
rmSync(folder, { recursive: true, force: true })
if (process.argv.includes('--json')) console.log(JSON.stringify(rows))
else console.table(rows)
