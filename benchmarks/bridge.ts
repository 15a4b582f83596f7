import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import mqtt, { type MqttClient } from 'mqtt'
import { journalFolder } from '../store/journal.ts'
import { openJournalReader } from '../store/journal-reader.ts'
import { freePort, parvis, startPlatform } from '../tests/support/platform.ts'
import { until } from '../tests/support/until.ts'
import { startMosquitto } from './peers/mosquitto.ts'
import { readCpuSeconds } from './support/cpu.ts'
import { readStartEnvironment, readStartFlags } from './support/platform.ts'

/*
 * A bridge to a real Mosquitto (QoS 1, persistent session): how fast it journals what waited there, and its CPU. The
 * messages are published while Parvis is stopped; the rate is that of the journal's own times of reception, from the
 * first to the last message, while 1,000 at most wait for their acknowledgement, which follows the fsync. Every message is
 * counted in the journal at the end, and every reading in the store. Options: --messages N, --json.
 */

const { values: options } = parseArgs({
  options: { messages: { type: 'string', default: '200000' }, json: { type: 'boolean', default: false } },
})
const messages = Number(options.messages)
const publishers = 4
const atOnce = 1000
const base = Date.now() - 3_600_000

type Status = { state: string; journaled: number }

const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
const mosquitto = await startMosquitto(join(folder, 'mosquitto'))
const ports = { http: await freePort(), mqtt: await freePort() }
const start = () =>
  startPlatform({ dataDir: folder, ports, execArguments: readStartFlags(), env: readStartEnvironment() })

let platform = await start()
const { token } = await parvis<{ token: string }>(folder, 'token', 'create', '--role', 'admin')
await parvis(folder, 'integration', 'add', 'net', '--format', 'generic-json', '--topics', 'net/#')
for (let i = 0; i < publishers; i++) await parvis(folder, 'device', 'add', `probe-${i}`, '--model', 'generic-json')
await parvis(
  folder,
  'bridge',
  'add',
  'far',
  ...['--integration', 'net', '--topics', 'net/#'],
  ...['--url', `mqtt://127.0.0.1:${mosquitto.port}`],
)
await until(async () => (await readStatus()).state === 'connected', 30_000)
await platform.stop()

await Promise.all(Array.from({ length: publishers }, (_, i) => publish(i)))
platform = await start()
await until(async () => (await readStatus()).journaled >= messages, 300_000)
await until(async () => (await countReadings()) >= messages, 300_000)
const cpuSeconds = readCpuSeconds([platform.process.pid!])
const stored = await countReadings()
await platform.stop()
await mosquitto.stop()
const { uplinks, distinct, seconds } = readUplinks()
rmSync(folder, { recursive: true, force: true })

const result = {
  messages,
  'messages/s': Math.round(uplinks / seconds),
  'CPU s, start, journal and store': Number(cpuSeconds.toFixed(2)),
  lost: messages - distinct,
  'twice in the journal': uplinks - distinct,
  'readings stored': stored,
}
if (options.json) console.log(JSON.stringify(result))
else console.table([result])
process.exit(0)

async function publish(index: number) {
  const client: MqttClient = await mqtt.connectAsync({ host: '127.0.0.1', port: mosquitto.port })
  const count = Math.floor(messages / publishers) + (index < messages % publishers ? 1 : 0)
  for (let at = 0; at < count; at += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, count - at) }, (_, i) =>
        client.publishAsync(
          `net/probe-${index}/up`,
          JSON.stringify({ observedAt: base + at + i, readings: { pulse_count: at + i } }),
          { qos: 1 },
        ),
      ),
    )
  await client.endAsync()
}

async function readStatus(): Promise<Status> {
  return (await call<{ status: Status }>('/bridges/far')).status
}

async function countReadings(): Promise<number> {
  const text = await (await fetch(`${platform.httpUrl}/metrics`)).text()
  return Number(/^parvis_ingest_readings_total (\d+)$/m.exec(text)?.[1] ?? 0)
}

async function call<Answer>(path: string): Promise<Answer> {
  const response = await fetch(`${platform.httpUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })
  return (await response.json()) as Answer
}

function readUplinks() {
  const seen = new Set<string>()
  let uplinks = 0
  let first = 0
  let last = 0
  const reader = openJournalReader(journalFolder(folder), { afterSeq: 0 })
  for (let batch = reader.read(5000); batch.length > 0; batch = reader.read(5000))
    for (const { topic, payload, receivedAt } of batch) {
      if (uplinks++ === 0) first = receivedAt
      last = receivedAt
      seen.add(`${topic} ${Buffer.from(payload).toString()}`)
    }
  reader.close()
  return { uplinks, distinct: seen.size, seconds: (last - first) / 1000 }
}
