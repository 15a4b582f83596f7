import { join } from 'node:path'
import { dayMs } from './calendar.ts'
import { simulate } from './simulate.ts'

/*
 * The city of the demonstration, a process of its own beside the platform: a month of the past, and a present that talks
 * twenty times as much as real life. It is told where the platform is by its parent, and ends with it.
 */

type Told = { httpUrl: string; mqttUrl: string; token: string; dataDir: string }
const { dataDir, ...platform } = JSON.parse(process.env.PARVIS_DEMO ?? '{}') as Told

const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
process.on('disconnect', () => stop.abort())

try {
  await simulate({
    ...platform,
    seed: 68,
    startMs: Date.now() - 30 * dayMs,
    speed: 20,
    assets: 600,
    secretsFile: join(dataDir, 'simulated-city.json'),
    signal: stop.signal,
    log: (line) => console.log(line),
  })
  process.exit(0)
} catch (error) {
  console.error(`The simulated city stopped: ${(error as Error).message}`)
  process.exit(1)
}
