import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Quantity } from '../domain/quantity.ts'
import type { Reading } from '../domain/reading.ts'
import { parseWindow } from '../domain/window.ts'
import { openEmbeddedStore } from '../store/embedded.ts'
import { openSqlite } from '../store/sqlite.ts'

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
const readings = Number(options.readings)
const batchSize = Number(options.batch)

const devices = 2000
const quantities: Quantity[] = ['fill_level', 'temperature', 'battery_level', 'rssi']
const lateShare = 0.05
const dayMs = 86_400_000
const days = 30
const from = Date.parse('2026-03-01T00:00Z')
const to = from + days * dayMs
const repeats = 200

/** Every device in turn, each at a time of its own, until the days are full; some come up to a day late. */
function* makeBatches(): Generator<Reading[]> {
  const random = makeRandom(1)
  const rounds = Math.max(1, Math.floor(readings / (devices * quantities.length)))
  const intervalMs = (days * dayMs) / rounds
  let batch: Reading[] = []
  let seq = 0
  for (let round = 0; round < rounds; round++)
    for (let device = 0; device < devices; device++) {
      const receivedAt = Math.floor(from + (round + (device + random()) / (devices + 1)) * intervalMs)
      const delay = random() < lateShare ? random() * dayMs : 200 * random()
      const observedAt = Math.max(from, Math.floor(receivedAt - delay))
      seq++
      for (const quantity of quantities) {
        const value = Math.round(random() * 1000) / 10
        batch.push({ deviceId: `device-${device}`, channel: '', quantity, value, observedAt, receivedAt, seq })
      }
      if (batch.length < batchSize) continue
      yield batch
      batch = []
    }
  if (batch.length > 0) yield batch
}

/** A small generator of the same numbers each time (mulberry32), in [0, 1). */
function makeRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The median time of a question, in milliseconds. */
async function timeQuestion(ask: (device: string) => Promise<unknown>, times = repeats): Promise<number> {
  const random = makeRandom(2)
  const taken: number[] = []
  for (let i = 0; i < times; i++) {
    const device = `device-${Math.floor(random() * devices)}`
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
  for (let batches = makeBatches(); ; ) {
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

  const series = (deviceId: string) => ({ deviceId, channel: '', quantity: quantities[1]! })
  const one = (deviceId: string) => ({ devices: [deviceId], quantity: quantities[1]! })
  const day = { from: from + 14 * dayMs, to: from + 15 * dayMs }
  const hour = parseWindow('1h')!
  const civilDay = parseWindow('1d', 'Europe/Paris')!
  async function readLatest() {
    for (let i = 0; i < devices; i++)
      for (const quantity of quantities) await store.lastBefore({ ...series(`device-${i}`), quantity }, to)
  }

  const result = {
    machine: `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
    date: new Date().toISOString(),
    readings: rows,
    batch: batchSize,
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
