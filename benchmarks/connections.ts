import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readMemoryMib } from './support/cpu.ts'
import { generateLoad } from './support/generator.ts'
import { startParvis } from './support/platform.ts'
import { type Row, report, round } from './support/report.ts'

/*
 * `npm run bench -- connections`: a city's devices that come back all at once, as after a power cut: each connects with
 * its generated secret and publishes one message, on the platform as `npm start` begins it, and then again. Memory is
 * that of the whole process; "most" is the most that it ever held.
 */

const clients = 10_000
const rounds = 2

const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
const parvis = await startParvis(folder, clients)
const rows: Row[] = [{ moment: 'started', 'memory MiB': round(readMemoryMib(parvis.pids)) }]
for (let i = 1; i <= rounds; i++) {
  const options = { port: parvis.mqttPort, credentials: parvis.credentials, inFlight: 1, messagesPerClient: 1 }
  const { acknowledged, refused, seconds } = await generateLoad(options)
  rows.push({
    moment: `round ${i}`,
    acknowledged,
    refused,
    seconds: round(seconds),
    'memory MiB': round(readMemoryMib(parvis.pids)),
    'most MiB': round(readMemoryMib(parvis.pids, 'VmHWM')),
  })
}
await parvis.stop()
rmSync(folder, { recursive: true, force: true })
report({ name: 'connections', rows })
