import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Reading } from '../domain/reading.ts'
import { openEmbeddedStore } from '../store/embedded.ts'
import { ingestFile, openIngestFile } from '../store/ingest-file.ts'
import { openLatest } from '../store/latest.ts'
import type { ReadingColumns } from '../store/reading-store.ts'
import { parvis, startPlatform } from '../tests/support/platform.ts'
import { deviceName, endOf, listQuestions, makeHistory, makeRandom, planData } from './store-data.ts'
import { openAsker } from './stores/asker.ts'
import { createAsker } from './support/http.ts'
import { readStartEnvironment, readStartFlags } from './support/platform.ts'
import { quantile } from './support/quantiles.ts'
import { type Row, report, round } from './support/report.ts'

/*
 * A year of 2,000 devices, each on an asset of its own, laid down as history; then the questions of the data set over its
 * last 30 days, asked of the store, and charts of one asset, asked of the API of the whole platform.
 *
 * Options: --readings N (280,000,000), --devices N (2,000), --times N of each question (100), --json.
 */

const { values: options } = parseArgs({
  options: {
    readings: { type: 'string', default: '280000000' },
    devices: { type: 'string', default: '2000' },
    times: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
  },
})
const days = 365
const dayMs = 86_400_000
const data = planData(Number(options.readings), { days, devices: Number(options.devices) })
const times = Number(options.times)
const timesOfAll = 5

function assetName(device: number): string {
  return `bin-${device}`
}

/** Makes the devices and assets known, and installs each device at the beginning of the year. */
async function installDevices(folder: string): Promise<void> {
  const assets = ['id,kind,label']
  const devices = ['id,model,assetId,installedAt']
  const installedAt = new Date(data.from).toISOString()
  for (let i = 0; i < data.devices; i++) {
    assets.push(`${assetName(i)},waste_container,Container ${i}`)
    devices.push(`${deviceName(i)},generic-json,${assetName(i)},${installedAt}`)
  }
  for (const [name, lines] of Object.entries({ asset: assets, device: devices })) {
    const file = join(folder, `${name}.csv`)
    writeFileSync(file, `${lines.join('\n')}\n`)
    await parvis(folder, name, 'import', file)
  }
}

/** Lays the readings down; what makes them is not timed. Answers how many there are, and the seconds that it took. */
async function layDown(folder: string): Promise<{ readings: number; seconds: number }> {
  const database = openIngestFile(folder)
  const store = openEmbeddedStore(database)
  const latest = openLatest(database)
  let ms = 0
  let readings = 0
  for (const history of makeHistory(data)) {
    const begun = performance.now()
    database.exec('BEGIN IMMEDIATE')
    await store.lay!(history)
    latest.move(history.map(takeNewest))
    database.exec('COMMIT')
    ms += performance.now() - begun
    readings += history.reduce((sum, { values }) => sum + values.length, 0)
  }
  const begun = performance.now()
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  ms += performance.now() - begun
  database.close()
  return { readings, seconds: ms / 1000 }
}

function takeNewest({ deviceId, channel, quantity, ...columns }: ReadingColumns): Reading {
  const { observedAt, receivedAt, seqs, values } = columns
  const told = { observedAt: observedAt.at(-1)!, receivedAt: receivedAt.at(-1)!, seq: seqs.at(-1)! }
  return { deviceId, channel, quantity, value: values.at(-1)!, ...told }
}

async function time(count: number, ask: () => Promise<number>): Promise<{ p50: number; p99: number }> {
  const taken: number[] = []
  for (let i = 0; i < count; i++) {
    const begun = performance.now()
    const told = await ask()
    taken.push(performance.now() - begun)
    if (told === 0) throw new Error('an empty answer')
  }
  return { p50: quantile(taken, 0.5), p99: quantile(taken, 0.99) }
}

const rows: Row[] = []
function note(measured: string, { p50, p99 }: { p50: number; p99: number }) {
  rows.push({ measured, 'median ms': round(p50), 'p99 ms': round(p99) })
}

async function askStore(folder: string): Promise<void> {
  const asker = openAsker({ kind: 'parvis', folder }, data.devices)
  const random = makeRandom(4)
  for (const question of listQuestions(data)) {
    const count = question.of === 'one' ? times : timesOfAll
    const ask = () => asker.ask(question, deviceName(Math.floor(random() * data.devices)))
    note(`store: ${question.name}`, await time(count, ask))
  }
  asker.close()
}

async function askApi(folder: string): Promise<void> {
  const flags = { execArguments: readStartFlags(), env: readStartEnvironment() }
  const platform = await startPlatform({ dataDir: folder, ...flags })
  const { token } = await parvis<{ token: string }>(folder, 'token', 'create', '--role', 'viewer')
  const ask = createAsker(platform.httpUrl, token)
  const random = makeRandom(5)
  const to = endOf(data)
  const charts = {
    "a month's chart of one asset, hourly means": [30, '1h'],
    "a year's chart of one asset, daily means": [days, '1d'],
  } as const
  for (const [name, [span, window]] of Object.entries(charts)) {
    const range = `from=${new Date(to - span * dayMs).toISOString()}&to=${new Date(to).toISOString()}`
    const path = () => `/assets/${assetName(Math.floor(random() * data.devices))}/readings`
    const query = `quantity=temperature&${range}&window=${window}&aggregate=mean&zone=Europe/Paris`
    note(`API: ${name}`, await time(times, () => ask(`${path()}?${query}`)))
  }
  await platform.stop()
}

const folder = mkdtempSync(join(tmpdir(), 'parvis-year-'))
const notes: string[] = []
try {
  await installDevices(folder)
  const { readings, seconds } = await layDown(folder)
  const bytes = statSync(ingestFile(folder)).size
  notes.push(
    `${readings.toLocaleString('en')} readings of ${data.devices} devices over a year, laid down in ${round(seconds)} s ` +
      `(${Math.round(readings / seconds).toLocaleString('en')} a second): ${round(bytes / 2 ** 20)} MiB, ${round(bytes / readings)} bytes a reading.`,
  )
  await askStore(folder)
  await askApi(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
report({ name: 'year', rows, notes })
