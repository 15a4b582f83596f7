import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import {
  deviceName,
  endOf,
  listQuestions,
  makeArrivals,
  makeHistory,
  makeRandom,
  measured,
  planData,
  type Values,
} from './store-data.ts'
import { openAsker } from './stores/asker.ts'
import { startInfluxStore } from './stores/influxdb.ts'
import { startParvisHistory, startParvisPast, startParvisStore } from './stores/parvis.ts'
import type { StoreSubject } from './stores/subject.ts'
import { startVictoriaStore } from './stores/victoria-metrics.ts'
import { readCpuSeconds } from './support/cpu.ts'
import { describeDisk } from './support/disk.ts'
import { median, type Row, report, round } from './support/report.ts'

/*
 * The embedded reading store beside InfluxDB 1.6 and VictoriaMetrics: the same readings, appended as they arrive, each
 * batch in a commit of its own, while another process reads; then what is past, device by device; and the questions of the
 * data set. The stores take turns, a leg each, over servers of their own that are idle meanwhile.
 *
 * What is past is prepared as each store takes it, which is not timed: lines of text for the others, columns for Parvis. It
 * takes the same readings one by one too, as they come from devices; that is a row of its own.
 *
 * Options: --readings N (20,000,000), --days N (30), --batch N (4000), --legs N (3), --values city or noise, --only with
 * names of stores, --past S (the share of the past that the others are given, 0.2), --parts with fresh or past, --json.
 */

const { values: options } = parseArgs({
  options: {
    readings: { type: 'string', default: '20000000' },
    days: { type: 'string', default: '30' },
    batch: { type: 'string', default: '4000' },
    legs: { type: 'string', default: '3' },
    values: { type: 'string', default: 'city' },
    only: { type: 'string', default: 'parvis,influxdb,victoriametrics' },
    past: { type: 'string', default: '0.2' },
    parts: { type: 'string', default: 'fresh,past' },
    json: { type: 'boolean', default: false },
  },
})
const data = planData(Number(options.readings), { days: Number(options.days), values: options.values as Values })
const total = data.devices * data.rounds * measured.length
const legs = Number(options.legs)
const fewestTimes = 3
const mostTimes = 60
const longestMs = 3000

type Start = (folder: string) => StoreSubject | Promise<StoreSubject>
type Contestant = { name: string; fresh: Start; past: Record<string, Start>; share: number }
const parvisPast = { past: startParvisHistory, 'past, reading by reading': startParvisPast }
const contestants: Contestant[] = [
  { name: 'parvis', fresh: startParvisStore, past: parvisPast, share: 1 },
  { name: 'influxdb', fresh: startInfluxStore, past: { past: startInfluxStore }, share: Number(options.past) },
  {
    name: 'victoriametrics',
    fresh: startVictoriaStore,
    past: { past: startVictoriaStore },
    share: Number(options.past),
  },
].filter(({ name }) => options.only.split(',').includes(name))

/** What was measured, by its name and the store's; the figures of a store are those of its legs. */
const figures = new Map<string, Map<string, number[]>>()
function note(measure: string, store: string, value: number) {
  const ofMeasure = figures.get(measure) ?? new Map<string, number[]>()
  figures.set(measure, ofMeasure)
  ofMeasure.set(store, [...(ofMeasure.get(store) ?? []), value])
}

type Batch = { prepared: unknown; count: number; receivedAt: number }
type Writing = { way: string; subject: StoreSubject; batches: Generator<Batch>; total: number; written: number }
type Prepare = (subject: StoreSubject) => Generator<Batch>

async function startWriting(way: string, start: Start, folder: string, prepare: Prepare, total: number) {
  mkdirSync(folder, { recursive: true })
  const subject = await start(folder)
  return { way, subject, batches: prepare(subject), total, written: 0 }
}

function* prepareFresh(subject: StoreSubject): Generator<Batch> {
  for (const batch of makeArrivals(data, Number(options.batch)))
    yield { prepared: subject.prepare(batch), count: batch.length, receivedAt: batch.at(-1)!.receivedAt }
}

function* preparePast(subject: StoreSubject): Generator<Batch> {
  for (const history of makeHistory(data)) {
    const count = history.reduce((sum, { values }) => sum + values.length, 0)
    yield { prepared: subject.prepareHistory(history), count, receivedAt: history.at(-1)!.receivedAt.at(-1)! }
  }
}

/** Writes a leg's share of the batches; what makes and prepares them is not timed. */
async function writeLeg(writing: Writing, leg: number): Promise<void> {
  const { way, subject, batches, total } = writing
  const isOwn = subject.pids.includes(process.pid)
  const begun = writing.written
  const cpuBefore = isOwn ? 0 : readCpuSeconds(subject.pids)
  let writeMs = 0
  let tidyMs = 0
  let cpuUs = 0
  async function time(work: () => Promise<void>): Promise<number> {
    const cpu = process.cpuUsage()
    const at = performance.now()
    await work()
    const { user, system } = process.cpuUsage(cpu)
    cpuUs += user + system
    return performance.now() - at
  }
  const end = (total * (leg + 1)) / legs
  while (writing.written < end) {
    const { value: batch, done } = batches.next()
    if (done === true) break
    writeMs += await time(() => subject.write(batch.prepared))
    tidyMs += await time(() => subject.tidy(batch.receivedAt))
    writing.written += batch.count
  }
  const rows = writing.written - begun
  note(`${way}: readings/s`, subject.name, (rows / writeMs) * 1000)
  if (tidyMs > 1000) note(`${way}: readings/s, sealing included`, subject.name, (rows / (writeMs + tidyMs)) * 1000)
  if (!isOwn) cpuUs = (readCpuSeconds(subject.pids) - cpuBefore) * 1e6
  note(`${way}: CPU us a reading`, subject.name, cpuUs / rows)
}

/** Lets another process read while `work` is done. */
async function whileReading(subject: StoreSubject, work: () => Promise<void>): Promise<void> {
  const program = join(import.meta.dirname, 'stores', 'reader.ts')
  const child = spawn(process.execPath, [program, JSON.stringify({ place: subject.place, data })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  await work()
  child.kill('SIGTERM')
  const told = await lines.next()
  await ended
  const { answers, medianMs } = JSON.parse(told.value ?? '{"answers":0,"medianMs":0}') as Record<string, number>
  if (answers === 0) throw new Error(`nobody could read from ${subject.name} while it was written`)
  note('another process reads a day of one series meanwhile, ms', subject.name, medianMs!)
}

async function checkCount({ subject }: Writing): Promise<void> {
  const asker = openAsker(subject.place, data.devices)
  const found = await asker.count('temperature', data.from, endOf(data))
  asker.close()
  const expected = data.devices * data.rounds
  if (found !== expected) throw new Error(`${subject.name} holds ${found} temperatures, not ${expected}`)
}

/** Asks in turn; a store that has taken its time for a question is not asked any more, once it was asked often enough. */
async function askQuestions(writings: readonly Writing[]): Promise<void> {
  const askers = writings.map(({ subject }) => ({ subject, asker: openAsker(subject.place, data.devices) }))
  for (const question of listQuestions(data)) {
    const random = makeRandom(2)
    const taken = askers.map((): number[] => [])
    const spentMs = askers.map(() => 0)
    for (let i = 0; i < mostTimes; i++) {
      const device = deviceName(Math.floor(random() * data.devices))
      const counts: number[] = []
      for (const [j, { asker }] of askers.entries()) {
        if (i >= fewestTimes && spentMs[j]! > longestMs) continue
        const begun = performance.now()
        counts.push(await asker.ask(question, device))
        taken[j]!.push(performance.now() - begun)
        spentMs[j]! += performance.now() - begun
      }
      if (Math.max(...counts) - Math.min(...counts) > 1)
        throw new Error(`${question.name}: ${counts.join(', ')} points`)
    }
    for (const [j, { subject }] of askers.entries()) note(`${question.name}, ms`, subject.name, median(taken[j]!)!)
  }
  for (const { asker } of askers) asker.close()
}

async function measureFresh(folder: string): Promise<void> {
  const writings: Writing[] = []
  for (const { name, fresh } of contestants)
    writings.push(await startWriting('fresh', fresh, join(folder, `${name}-fresh`), prepareFresh, total))
  for (let leg = 0; leg < legs; leg++)
    for (const writing of writings) await whileReading(writing.subject, () => writeLeg(writing, leg))
  for (const { subject } of writings) {
    await subject.settle()
    note('bytes a reading, sealed', subject.name, (await subject.countBytes()) / total)
  }
  for (const writing of writings) await checkCount(writing)
  await askQuestions(writings)
  for (const { subject } of writings) await subject.stop()
}

async function measurePast(folder: string): Promise<void> {
  const writings: Writing[] = []
  for (const { name, past, share } of contestants)
    for (const [way, start] of Object.entries(past))
      writings.push(await startWriting(way, start, join(folder, `${name}-${way}`), preparePast, total * share))
  for (let leg = 0; leg < legs; leg++) for (const writing of writings) await writeLeg(writing, leg)
  for (const { subject } of writings) await subject.stop()
}

const disk = await describeDisk()
const folder = mkdtempSync(join(tmpdir(), 'parvis-benchmark-'))
try {
  const parts = options.parts.split(',')
  if (parts.includes('fresh')) await measureFresh(folder)
  if (parts.includes('past')) await measurePast(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

const rows: Row[] = []
for (const [measure, ofStore] of figures) {
  const row: Row = { measured: measure }
  for (const [store, values] of ofStore) row[store] = round(median(values)!)
  const [ours, theirs] = ['Parvis', 'InfluxDB 1.6'].map((store) => median(ofStore.get(store) ?? []))
  row['Parvis : InfluxDB'] = ours == null || theirs == null ? null : `${round(ours / theirs)} x`
  rows.push(row)
}
const notes = [
  `${total.toLocaleString('en')} readings of ${data.devices} devices over ${data.days} days, values: ${data.values}.`,
  disk,
]
report({
  name: 'store',
  rows,
  notes,
  runs: Object.fromEntries([...figures].map(([name, of]) => [name, Object.fromEntries(of)])),
})
