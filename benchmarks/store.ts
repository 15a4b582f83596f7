import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import type { Reading } from '../domain/reading.ts'
import { parseWindow } from '../domain/window.ts'
import { openEmbeddedStore } from '../store/embedded.ts'
import { openSqlite } from '../store/sqlite.ts'
import {
  deviceName,
  endOf,
  listQuestions,
  makeArrivals,
  makeHistory,
  makeRandom,
  measured,
  planData,
  type Question,
  type Values,
} from './store-data.ts'

/*
 * The embedded reading store, three times: `fresh` readings appended in batches as they arrive, each in a commit of its
 * own, and sealed day by day as the days go by; `history` laid straight into blocks, one device after another; both then
 * answer the questions of the data set. Options: --readings N (20,000,000), --days N (30), --batch N, --values city or
 * noise, --only fresh or history, --json. A year of 2,000 devices is --only history --days 365 --readings 280000000.
 */

const { values: options } = parseArgs({
  options: {
    readings: { type: 'string', default: '20000000' },
    days: { type: 'string', default: '30' },
    batch: { type: 'string', default: '4000' },
    values: { type: 'string', default: 'city' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})
const data = planData(Number(options.readings), { days: Number(options.days), values: options.values as Values })
const { devices } = data
const dayMs = 86_400_000
const repeats = 100

type Row = Record<string, string | number>

/** The median time of a question, in milliseconds. */
async function timeQuestion(ask: (device: string) => Promise<unknown>, times = repeats): Promise<number> {
  const random = makeRandom(2)
  const taken: number[] = []
  for (let i = 0; i < times; i++) {
    const device = deviceName(Math.floor(random() * devices))
    const begun = performance.now()
    await ask(device)
    taken.push(performance.now() - begun)
  }
  return round(taken.sort((a, b) => a - b)[times >> 1]!)
}

/** Times that are spent on the store alone: the data set is made in between. */
function startWatch() {
  let ms = 0
  let cpuUs = 0
  return {
    async time<Result>(work: () => Promise<Result> | Result): Promise<Result> {
      const cpu = process.cpuUsage()
      const begun = performance.now()
      const result = await work()
      ms += performance.now() - begun
      const { user, system } = process.cpuUsage(cpu)
      cpuUs += user + system
      return result
    },
    rate: (count: number) => ({ perS: Math.round((count / ms) * 1000), cpuUs: round(cpuUs / count) }),
  }
}

async function runFresh(database: DatabaseSync): Promise<Row> {
  let now = data.from
  const store = openEmbeddedStore(database, { now: () => now })
  const appending = startWatch()
  const sealing = startWatch()
  let rows = 0
  let nextPass = data.from
  async function sealPast() {
    await sealing.time(() => {
      while (store.seal!(10));
    })
    nextPass = now + dayMs / 4
  }
  for (const batch of makeArrivals(data, Number(options.batch))) {
    await appending.time(() => store.write(batch))
    rows += batch.length
    now = batch.at(-1)!.receivedAt
    if (now >= nextPass) await sealPast()
  }
  now = endOf(data) + 10 * dayMs
  await sealPast()
  return { way: 'fresh', ...describeSpeed(rows, appending), 'sealed rows/s': sealing.rate(rows).perS }
}

async function runHistory(database: DatabaseSync): Promise<Row> {
  const store = openEmbeddedStore(database)
  const laying = startWatch()
  let rows = 0
  for (const batch of makeHistory(data)) {
    await laying.time(() => store.write(batch))
    rows += batch.length
  }
  return { way: 'history', ...describeSpeed(rows, laying) }
}

function describeSpeed(rows: number, watch: ReturnType<typeof startWatch>): Row {
  const { perS, cpuUs } = watch.rate(rows)
  return { readings: rows, 'rows/s': perS, 'CPU us/row': cpuUs }
}

/** Bytes a reading: of the whole file, and of what is in use of it; the rest is free for what comes. */
function describeSize(database: DatabaseSync, path: string, rows: number): Row {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const read = (sql: string) => Object.values(database.prepare(sql).get()!)[0] as number
  const used = (read('PRAGMA page_count') - read('PRAGMA freelist_count')) * read('PRAGMA page_size')
  const bytes = (table: string) => read(`SELECT total(length(data)) FROM ${table}`)
  return {
    'bytes/reading': round(used / rows),
    'of the file': round(statSync(path).size / rows),
    'in blocks': round(bytes('blocks') / rows),
    'in rollups': round(bytes('rollups') / rows),
  }
}

async function askQuestions(path: string): Promise<Row> {
  // As the API asks: from a connection of its own, that only reads.
  const database = openSqlite(path, { readOnly: true })
  const store = openEmbeddedStore(database, { readOnly: true })
  const everyone = Array.from({ length: devices }, (_, i) => deviceName(i))
  const answers: Row = {}
  for (const question of listQuestions(data))
    answers[`${question.name}, ms`] = await timeQuestion(
      (device) => ask(question, question.of === 'one' ? [device] : everyone),
      question.of === 'one' ? repeats : 5,
    )
  const { from, to, quantity } = listQuestions(data)[3]!
  // A window that is no whole hour cannot be told by the rollups.
  const window = parseWindow('30m')!
  answers['half-hourly sums of all, ms'] = await timeQuestion(
    () => store.query({ devices: everyone, quantity, from, to, window, aggregate: 'sum', together: true }),
    3,
  )
  const day = parseWindow('1d', 'Europe/Paris')!
  answers['civil days of one series, ms'] = await timeQuestion((device) =>
    store.query({ devices: [device], quantity, from: data.from, to, window: day }),
  )
  const begun = performance.now()
  let count = 0
  for await (const _ of store.scan({ from: data.from, to: data.from + 2 * dayMs })) count++
  answers['scan rows/s'] = Math.round((count / (performance.now() - begun)) * 1000)
  database.close()
  return answers

  async function ask(question: Question, devices: string[]): Promise<unknown> {
    const { quantity, from, to } = question
    if (question.ask === 'latest') return readLatest(devices, to)
    if (question.ask === 'points') return store.query({ devices, quantity, from, to })
    const window = { kind: 'fixed', ms: question.windowMs } as const
    const together = question.of === 'all'
    return store.query({ devices, quantity, from, to, window, aggregate: question.aggregate, together })
  }

  async function readLatest(devices: string[], to: number) {
    const found: (Reading | null)[] = []
    for (const deviceId of devices)
      for (const quantity of measured) found.push(await store.lastBefore({ deviceId, channel: '', quantity }, to))
    return found
  }
}

const folder = mkdtempSync(join(tmpdir(), 'parvis-benchmark-'))
const rows: Row[] = []
try {
  for (const [way, run] of Object.entries({ fresh: runFresh, history: runHistory })) {
    if (options.only !== '' && options.only !== way) continue
    const path = join(folder, `${way}.sqlite`)
    const database = openSqlite(path)
    const row = await run(database)
    Object.assign(row, describeSize(database, path, Number(row.readings)))
    Object.assign(row, await askQuestions(path))
    rows.push(row)
    database.close()
    rmSync(path)
  }
} finally {
  rmSync(folder, { recursive: true })
}
const machine = `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`
if (options.json) console.log(JSON.stringify({ machine, date: new Date().toISOString(), values: data.values, rows }))
else {
  console.log(`${machine}, ${new Date().toISOString()}, values: ${data.values}`)
  for (const row of rows) console.table(row)
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
