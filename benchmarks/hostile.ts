import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connectAsync } from 'mqtt'
import { openIngestReader } from '../store/ingest-reader.ts'
import { hostileCodecs } from '../tests/support/codecs.ts'
import { parvis } from '../tests/support/platform.ts'
import { generateLoad } from './support/generator.ts'
import { startParvis } from './support/platform.ts'
import { medians, type Row, report, round } from './support/report.ts'

/*
 * `npm run bench -- hostile`: the whole platform, with devices whose codecs mean harm. Each publishes once a turn: how long
 * from the publish to its dead letter, and whether a good codec's decode after it is right. And what devices on models that
 * are data wait for their PUBACK meanwhile, beside the same with a device in the place of each hostile one that sends what its
 * model, which is data, cannot read: a dead letter too, looked for alike. Options: --turns N, --json.
 */

const { values: options } = parseArgs({
  options: { turns: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
})

const others = 100
const rate = 500
const turns = Number(options.turns)
const seconds = 12

const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
const names = Object.keys(hostileCodecs)
const good = 'function decodeUplink(input) { return { data: { temperature: input.bytes[0] } } }'
const table = join(folder, 'table.json')
writeFileSync(table, JSON.stringify({ fields: [{ path: 'temperature', quantity: 'temperature' }] }))
const sources = [...names.map((name) => hostileCodecs[name]!.source), good]
const secrets: string[] = []
for (const [i, source] of sources.entries()) {
  const file = join(folder, 'codec.js')
  writeFileSync(file, source)
  await parvis(folder, 'model', 'add', `codec-${i}`, '--label', `codec ${i}`, '--codec', file, '--table', table)
  await addDevice(`device-${i}`, `codec-${i}`)
}
await addDevice(`device-${sources.length}`, 'generic-json')
const subject = await startParvis(folder, others)
const clients = await Promise.all(
  secrets.map((password, i) =>
    connectAsync({
      host: '127.0.0.1',
      port: subject.mqttPort,
      clientId: `device-${i}`,
      username: `device-${i}`,
      password,
    }),
  ),
)
const reader = openIngestReader(folder)

type Run = { p50: number; p99: number }
const runs: { alone: Run[]; beside: Run[] } = { alone: [], beside: [] }
const times: Record<string, number[]> = {}
let rightAfter = 0
let tried = 0
// Threads and their reserve are started.
await decodeGood()
for (let turn = 0; turn < turns; turn++) {
  runs.alone.push(await loadBeside(tryHarmless))
  runs.beside.push(await loadBeside(tryHostile))
}
await Promise.all(clients.map((client) => client.endAsync()))
reader.close()
await subject.stop()
rmSync(folder, { recursive: true, force: true })

const rows: Row[] = Object.entries(times).map(([codec, all]) => ({
  codec,
  'dead letter after ms, worst': round(Math.max(...all)),
}))
const [alone, beside] = [medians(runs.alone), medians(runs.beside)]
report({
  name: 'hostile',
  rows,
  notes: [
    `PUBACK p99 of ${others} others at ${rate} messages/s: ${round(alone.p99)} ms beside harmless ones, ${round(beside.p99)} ms beside these.`,
    `The decode of a good codec after each was right ${rightAfter} times of ${tried}.`,
  ],
  runs,
})
process.exit(0)

async function addDevice(id: string, model: string): Promise<void> {
  secrets.push((await parvis<{ secret: string }>(folder, 'device', 'add', id, '--model', model)).secret)
}

async function loadBeside(work: () => Promise<void>): Promise<Run> {
  const { port, credentials } = { port: subject.mqttPort, credentials: subject.credentials }
  const loading = generateLoad({ port, credentials, inFlight: 1, seconds, rate })
  await work()
  const { latencyMs } = await loading
  return { p50: latencyMs.p50, p99: latencyMs.p99 }
}

async function tryHarmless(): Promise<void> {
  for (let i = 0; i < names.length; i++) {
    await measureDeadLetter(names.length + 1)
    await decodeGood()
  }
}

async function tryHostile(): Promise<void> {
  for (const [i, name] of names.entries()) {
    times[name] = [...(times[name] ?? []), await measureDeadLetter(i)]
    if (await decodeGood()) rightAfter++
    tried++
  }
}

// Publishes, and answers how long it took until the dead letter could be read.
async function measureDeadLetter(i: number): Promise<number> {
  const newest = () => reader.deadLetters({ deviceId: `device-${i}`, limit: 1 })[0]?.seq ?? 0
  const before = newest()
  const begunAt = performance.now()
  void clients[i]!.publishAsync(`devices/device-${i}/up`, Buffer.from([1, 2, 3]), { qos: 1 })
  while (newest() === before) await pause(2)
  return performance.now() - begunAt
}

// A good codec's answer, read from the store: another value each time.
async function decodeGood(): Promise<boolean> {
  const id = `device-${names.length}`
  const value = (reader.latestOf([id])[0]?.value ?? 0) === 20 ? 21 : 20
  await clients[names.length]!.publishAsync(`devices/${id}/up`, Buffer.from([value]), { qos: 1 })
  for (let waitedMs = 0; waitedMs < 5000; waitedMs += 5) {
    if (reader.latestOf([id])[0]?.value === value) return true
    await pause(5)
  }
  return false
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
