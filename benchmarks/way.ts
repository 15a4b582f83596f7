import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startBatchingScript, startNodeRedStack } from './peers/subjects.ts'
import { readCpuSeconds } from './support/cpu.ts'
import { describeDisk } from './support/disk.ts'
import { generateLoad } from './support/generator.ts'
import { startParvis } from './support/platform.ts'
import { medians, type Row, report, round } from './support/report.ts'
import type { StartSubject, Subject } from './support/subject.ts'

/*
 * From publish to stored: QoS 1, 200 clients. At saturation each keeps 10 messages in flight until a number of messages is
 * published; then messages come at a rate. A message counts when its readings are in the store, which is asked again at
 * the end, by a query, for every one that was acknowledged; `lost` counts those that were not found. CPU is that of all
 * processes of a system, until a second after the last message was stored. Each system starts anew for each repeat, and is
 * warmed up; the systems take turns.
 *
 * Options: --repeats N, --seconds N (of a rate), --messages N (at saturation), --only name,name, --json.
 */

const { values: options } = parseArgs({
  options: {
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    messages: { type: 'string', default: '200000' },
    only: { type: 'string', default: 'parvis,script,node-red' },
    json: { type: 'boolean', default: false },
  },
})
const clients = 200
const inFlight = 10
const warmUpMessages = 20_000
const settleMs = 1000
// What has stored nothing for so long has lost the rest.
const stuckMs = 10_000
// A load at a rate may be a few messages over.
const spareMs = 10_000
const pollMs = 50

type Load = { name: string; rate?: number; messages: number }
const rates = [20_000, 15_000, 1000]
const everyLoad: Load[] = [
  { name: 'saturation', messages: Number(options.messages) },
  ...rates.map((rate) => ({
    name: `${rate.toLocaleString('en-GB')}/s`,
    rate,
    messages: rate * Number(options.seconds),
  })),
]
// Node-RED as its users wire it writes each message by itself: a tenth of the messages says as much.
const slowLoads = everyLoad
  .filter(({ rate = 1 }) => rate <= 1000)
  .map((load) => (load.rate === undefined ? { ...load, messages: load.messages / 10 } : load))

const subjects: { name: string; label: string; start: StartSubject; loads: Load[]; warmUp: number }[] = [
  { name: 'parvis', label: 'Parvis', start: startParvis, loads: everyLoad, warmUp: warmUpMessages },
  {
    name: 'script',
    label: 'Mosquitto, script, InfluxDB 1.6',
    start: startBatchingScript,
    loads: everyLoad,
    warmUp: warmUpMessages,
  },
  {
    name: 'node-red',
    label: 'Mosquitto, Node-RED 5, InfluxDB 1.6',
    start: startNodeRedStack,
    loads: slowLoads,
    warmUp: warmUpMessages / 10,
  },
].filter(({ name }) => options.only.split(',').includes(name))

type Figures = {
  storedPerS: number
  acknowledgedPerS: number
  p50Ms: number
  p99Ms: number
  cpuPer100k: number
  corePercent: number
  lost: number
}

// Every message of the whole benchmark has a time of its own.
let nextTime = Date.now() - 3 * 3_600_000

async function measure(subject: Subject, load: Load): Promise<Figures> {
  const from = nextTime
  nextTime += load.messages + spareMs
  const storedBefore = await subject.countStored()
  const cpuBefore = readCpuSeconds(subject.pids)
  const begun = performance.now()
  const perClient = Math.ceil(load.messages / clients)
  const result = generateLoad({
    port: subject.mqttPort,
    credentials: [...subject.credentials],
    inFlight,
    firstObservedAt: from,
    ...(load.rate === undefined
      ? { messagesPerClient: perClient, connectFirst: true }
      : { rate: load.rate, seconds: load.messages / load.rate }),
  })
  let published: Awaited<typeof result> | null = null
  result.then((told) => {
    published = told
  })
  // The generator takes a moment to start and to connect: its own clock says when it began to publish.
  let storedAt = performance.now()
  for (let stored = storedBefore; ; ) {
    await setTimeout(pollMs)
    const now = await subject.countStored()
    if (now > stored) storedAt = performance.now()
    stored = now
    const acknowledged = (published as Awaited<typeof result> | null)?.acknowledged
    if (acknowledged !== undefined && stored - storedBefore >= acknowledged) break
    if (performance.now() - storedAt > stuckMs) break
  }
  const { acknowledged, perSecond, latencyMs, beganAt } = await result
  await setTimeout(settleMs)
  const cpu = readCpuSeconds(subject.pids) - cpuBefore
  const seconds = (performance.timeOrigin + storedAt - beganAt) / 1000
  const found = await subject.verify(from, nextTime)
  return {
    storedPerS: found / seconds,
    acknowledgedPerS: perSecond,
    p50Ms: latencyMs.p50,
    p99Ms: latencyMs.p99,
    cpuPer100k: (cpu / acknowledged) * 100_000,
    corePercent: (cpu / ((performance.now() - begun) / 1000)) * 100,
    lost: Math.max(0, acknowledged - found),
  }
}

async function runOnce(subject: (typeof subjects)[number], keep: (load: Load, figures: Figures) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
  const running = await subject.start(folder, clients)
  try {
    await measure(running, { name: 'warm-up', messages: subject.warmUp })
    for (const load of subject.loads) keep(load, await measure(running, load))
  } finally {
    await running.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const disk = await describeDisk()
const runs = new Map<string, { label: string; load: string; figures: Figures[] }>()
for (let i = 0; i < Number(options.repeats); i++)
  for (const subject of subjects)
    await runOnce(subject, (load, figures) => {
      const key = `${load.name}\n${subject.name}`
      const run = runs.get(key) ?? { label: subject.label, load: load.name, figures: [] }
      run.figures.push(figures)
      runs.set(key, run)
    })

const ours = new Map<string, Figures>()
const rows: Row[] = []
for (const load of everyLoad)
  for (const { name, label } of subjects) {
    const run = runs.get(`${load.name}\n${name}`)
    if (run === undefined) continue
    const figures = medians(run.figures)
    if (name === 'parvis') ours.set(load.name, figures)
    const parvis = name === 'parvis' ? undefined : ours.get(load.name)
    rows.push({
      load: load.name,
      system: label,
      'stored/s': round(figures.storedPerS),
      'acknowledged/s': round(figures.acknowledgedPerS),
      'PUBACK p50 ms': round(figures.p50Ms),
      'PUBACK p99 ms': round(figures.p99Ms),
      'CPU s per 100,000': round(figures.cpuPer100k),
      '% of a core': round(figures.corePercent),
      lost: run.figures.reduce((sum, each) => sum + each.lost, 0),
      'Parvis: rate': parvis === undefined ? null : `${round(parvis.storedPerS / figures.storedPerS)} x`,
      'Parvis: CPU': parvis === undefined ? null : `${round(parvis.cpuPer100k / figures.cpuPer100k)} x`,
    })
  }
report({ name: 'way', rows, notes: [disk], runs: [...runs.values()] })
if (rows.some(({ system, lost }) => system === 'Parvis' && lost !== 0)) {
  console.error('Some messages were acknowledged and are not in the store.')
  process.exitCode = 1
}
