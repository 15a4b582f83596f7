import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Reading } from '../../domain/reading.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { openInfluxStore } from '../../store/influx.ts'
import { openInflux1 } from '../../store/influx1.ts'
import { openIngestFile } from '../../store/ingest-file.ts'
import { openLatest } from '../../store/latest.ts'
import type { ReadingStore } from '../../store/reading-store.ts'
import { startInfluxd } from '../support/influxd.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const devices = 50
const stepMs = 60_000

/** What a copy forth and back came to: how much stood on each side, and whether a kill in the middle was outlived. */
export type CopyTrialReport = {
  readings: number
  there: { count: number; hash: string }
  back: { count: number; hash: string }
  original: { count: number; hash: string }
  isEqual: boolean
  writtenAgain: number
}

/**
 * Copies readings from an embedded store to InfluxDB 1.6 by the command line, kills that in the middle and runs it again,
 * then copies them back into an empty embedded store.
 */
export async function runCopyTrial(options: { folder: string; readings: number }): Promise<CopyTrialReport> {
  const influxd = await startInfluxd()
  const first = join(options.folder, 'first')
  const second = join(options.folder, 'second')
  const env = { PATH: process.env.PATH, PARVIS_INFLUX_URL: influxd.url }
  const copy = async (dataDir: string, from: string, to: string) => {
    const words = [join(root, 'cli', 'parvis.ts'), 'copy', '--from', from, '--to', to, '--json']
    const { stdout } = await run(process.execPath, words, { cwd: root, env: { ...env, PARVIS_DATA_DIR: dataDir } })
    return JSON.parse(stdout) as { isEqual: boolean; readings: number }
  }
  const influx = openInfluxStore(openInflux1({ url: influxd.url, database: 'parvis', timeoutMs: 60_000 }))
  try {
    const original = await fill(first, options.readings)
    const child = spawn(
      process.execPath,
      [join(root, 'cli', 'parvis.ts'), 'copy', '--from', 'embedded', '--to', 'influxdb1'],
      { cwd: root, env: { ...env, PARVIS_DATA_DIR: first }, stdio: 'ignore' },
    )
    // Something is there, and not yet all.
    await until(async () => (await influx.lastBefore({ ...seriesOf(2) }, Number.MAX_SAFE_INTEGER)) !== null, 60_000)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    const again = await copy(first, 'embedded', 'influxdb1')
    const there = await summarize(influx)
    await fill(second, 0)
    const back = await copy(second, 'influxdb1', 'embedded')
    const database = openIngestFile(second)
    const copied = await summarize(openEmbeddedStore(database))
    database.close()
    return {
      readings: options.readings,
      original,
      there,
      back: copied,
      isEqual: again.isEqual && back.isEqual,
      writtenAgain: again.readings,
    }
  } finally {
    await influxd.remove()
  }
}

function seriesOf(i: number) {
  return { deviceId: `meter-${String(i).padStart(3, '0')}`, channel: '', quantity: 'active_power' as const }
}

/** Lays readings into an embedded store, and makes their devices known there. */
async function fill(dataDir: string, count: number) {
  const database = openIngestFile(dataDir)
  const store = openEmbeddedStore(database)
  const start = Date.parse('2026-01-01T00:00Z')
  const perDevice = count / devices
  for (let i = 0; i < devices; i++) {
    const series = seriesOf(i)
    const readings = Array.from({ length: perDevice }, (_, n): Reading => {
      const observedAt = start + n * stepMs
      return { ...series, observedAt, receivedAt: observedAt, seq: 0, value: ((n * 7919 + i * 104_729) % 100_000) / 10 }
    })
    await store.write(readings)
    openLatest(database).move([{ ...series, value: 0, observedAt: 0, receivedAt: 0, seq: 0 }])
  }
  const summary = await summarize(store)
  database.close()
  return summary
}

/** Counts and hashes the readings, in whatever order a store tells them. */
async function summarize(store: ReadingStore): Promise<{ count: number; hash: string }> {
  let sum = 0n
  let count = 0
  for await (const { deviceId, channel, quantity, observedAt, value } of store.scan({ from: 0, to: 8.64e15 })) {
    const digest = createHash('sha256')
      .update(JSON.stringify([deviceId, channel, quantity, observedAt, value]))
      .digest()
    sum = (sum + digest.readBigUInt64BE()) & 0xffff_ffff_ffff_ffffn
    count++
  }
  return { count, hash: sum.toString(16) }
}
