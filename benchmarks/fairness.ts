import { startBrokerProcess } from '../tests/support/broker-process.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { generateLoad } from './support/generator.ts'
import { medians, type Row, report, round } from './support/report.ts'

/*
 * `npm run bench -- fairness`: what devices wait for their PUBACK beside one that publishes a hundred times its share, and
 * beside one that publishes as fast as it is let. The real broker and journal, in a process of their own.
 */

const others = 50
const perDeviceS = 10
const seconds = 6
const repeats = 3

const broker = await startBrokerProcess()
const devices = Array.from({ length: others }, (_, i) => ({ id: `load-${i}`, secret: 'any' }))
const flooder = [{ id: 'flooder', secret: 'any' }]

function publish(options: Partial<LoadOptions> & Pick<LoadOptions, 'credentials'>): Promise<LoadResult> {
  return generateLoad({ port: broker.port, inFlight: 1, seconds, ...options })
}

const floods: Record<string, () => Promise<LoadResult> | null> = {
  alone: () => null,
  'beside one at 100 times its share': () => publish({ credentials: flooder, rate: 100 * perDeviceS }),
  'beside one as fast as it is let': () => publish({ credentials: flooder, inFlight: 1000 }),
}

const runs: Record<string, { p50: number; p99: number; flood: number }[]> = {}
for (let i = 0; i < repeats; i++)
  for (const [name, flood] of Object.entries(floods)) {
    const flooding = flood()
    const { latencyMs } = await publish({ credentials: devices, rate: others * perDeviceS })
    runs[name] ??= []
    runs[name].push({ p50: latencyMs.p50, p99: latencyMs.p99, flood: (await flooding)?.perSecond ?? 0 })
  }
await broker.stop()

const rows: Row[] = Object.entries(runs).map(([name, all]) => {
  const { p50, p99, flood } = medians(all)
  return { others: name, 'PUBACK p50 ms': round(p50), 'PUBACK p99 ms': round(p99), 'flood messages/s': round(flood) }
})
report({ name: 'fairness', rows, runs })
