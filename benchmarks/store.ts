import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseWindow } from '../domain/window.ts'
import { openEmbeddedStore } from '../store/embedded.ts'
import { openSqlite } from '../store/sqlite.ts'
import { deviceName, endOf, makeArrivals, makeRandom, measured, planData } from './store-data.ts'

/*
 * The embedded reading store: 30 days of a city's readings appended in batches, each in a commit of its own, and then
 * what the pages ask for. Options: --readings N, --batch N, --json.
 */

const { values: options } = parseArgs({
  options: {
    readings: { type: 'string', default: '2000000' },
    batch: { type: 'string', default: '4000' },
    json: { type: 'boolean', default: false },
  },
})
const data = planData(Number(options.readings))
const { from, devices } = data
const to = endOf(data)
const dayMs = 86_400_000
const repeats = 200

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
  return taken.sort((a, b) => a - b)[times >> 1]!
}

const folder = mkdtempSync(join(tmpdir(), 'parvis-benchmark-'))
const path = join(folder, 'readings.sqlite')
try {
  const database = openSqlite(path)
  const store = openEmbeddedStore(database)
  let rows = 0
  let appendMs = 0
  const cpuBefore = process.cpuUsage()
  let makingUs = 0
  for (let batches = makeArrivals(data, Number(options.batch)); ; ) {
    const cpu = process.cpuUsage()
    const { value: batch } = batches.next()
    const spent = process.cpuUsage(cpu)
    makingUs += spent.user + spent.system
    if (batch === undefined) break
    const begun = performance.now()
    await store.write(batch)
    appendMs += performance.now() - begun
    rows += batch.length
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')

  const series = (deviceId: string) => ({ deviceId, channel: '', quantity: measured[1]! })
  const one = (deviceId: string) => ({ devices: [deviceId], quantity: measured[1]! })
  const day = { from: from + 14 * dayMs, to: from + 15 * dayMs }
  const hour = parseWindow('1h')!
  const civilDay = parseWindow('1d', 'Europe/Paris')!
  async function readLatest() {
    for (let i = 0; i < devices; i++)
      for (const quantity of measured) await store.lastBefore({ ...series(deviceName(i)), quantity }, to)
  }

  const result = {
    machine: `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
    date: new Date().toISOString(),
    readings: rows,
    batch: Number(options.batch),
    appendRowsPerS: Math.round((rows / appendMs) * 1000),
    appendCpuUsPerRow: round((user + system - makingUs) / rows),
    bytesPerReading: round(statSync(path).size / rows),
    lastOfAllSeriesMs: round(await timeQuestion(readLatest, 3)),
    lastBeforeMs: round(await timeQuestion((device) => store.lastBefore(series(device), day.to))),
    dayOfOneSeriesMs: round(await timeQuestion((device) => store.query({ ...one(device), ...day }))),
    hourlyMean30DaysMs: round(await timeQuestion((device) => store.query({ ...one(device), from, to, window: hour }))),
    civilDayMean30DaysMs: round(
      await timeQuestion((device) => store.query({ ...one(device), from, to, window: civilDay })),
    ),
    scanRowsPerS: await timeScan(),
    removeRowsPerS: await timeRemoval(),
  }
  if (options.json) console.log(JSON.stringify(result, null, 2))
  else console.table(result)

  async function timeScan(): Promise<number> {
    const begun = performance.now()
    let count = 0
    for await (const _ of store.scan({ from, to: from + 3 * dayMs })) count++
    return Math.round((count / (performance.now() - begun)) * 1000)
  }

  async function timeRemoval(): Promise<number> {
    const count = () => (database.prepare('SELECT count(*) AS n FROM readings').get() as { n: number }).n
    const before = count()
    const begun = performance.now()
    await store.remove({ from, to: from + 10 * dayMs })
    const taken = performance.now() - begun
    return Math.round(((before - count()) / taken) * 1000)
  }

  database.close()
} finally {
  rmSync(folder, { recursive: true })
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
