import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { ingestFile, openIngestFile, readCursor } from '../../store/ingest-file.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { parvis, startPlatform } from '../../tests/support/platform.ts'
import { startInfluxDb } from '../peers/influxdb.ts'
import type { Credentials, Subject } from './subject.ts'

const root = join(import.meta.dirname, '..', '..')
const dayMs = 86_400_000
const everyMs = 15 * 60_000

/**
 * The whole platform as `npm start` runs it, with devices of the model generic-json, load-0, load-1, ... `historyDays` of
 * readings are laid down first, one of each of two quantities every quarter of an hour.
 */
export async function startParvis(folder: string, clients: number, historyDays = 0, env: Record<string, string> = {}) {
  const credentials = await addDevices(folder, clients)
  if (historyDays > 0) await layDown(folder, credentials, historyDays)
  const platform = await startPlatform({
    dataDir: folder,
    execArguments: readStartFlags(),
    env: { ...readStartEnvironment(), ...env },
  })
  const database = openSqlite(ingestFile(folder), { readOnly: true })
  const subject: Subject = {
    mqttPort: platform.mqttPort,
    credentials,
    pids: [platform.process.pid!],
    countStored: async () => readCursor(database),
    verify: (from, to) => countMessages(folder, credentials, from, to),
    async stop() {
      database.close()
      await platform.stop()
    },
  }
  return { ...subject, httpUrl: platform.httpUrl, dataDir: folder }
}

/** The whole platform, whose readings go into Debian's InfluxDB 1.6, beside it. */
export async function startParvisOnInflux(folder: string, clients: number): Promise<Subject> {
  const influxDb = await startInfluxDb(join(folder, 'influxdb'), 'parvis')
  const parvis = await startParvis(folder, clients, 0, {
    PARVIS_STORE: 'influxdb1',
    PARVIS_INFLUX_URL: influxDb.url,
  })
  return {
    ...parvis,
    pids: [...parvis.pids, influxDb.pid],
    storePids: [influxDb.pid],
    verify: (from, to) => influxDb.count('fill_level', 'value', from, to),
    async stop() {
      await parvis.stop()
      await influxDb.stop()
    },
  }
}

async function addDevices(folder: string, clients: number): Promise<Credentials> {
  const file = join(folder, 'devices.csv')
  const lines = Array.from({ length: clients }, (_, i) => `load-${i},generic-json`)
  writeFileSync(file, `id,model\n${lines.join('\n')}\n`)
  const { devices } = await parvis<{ devices: { id: string; secret: string }[] }>(folder, 'device', 'import', file)
  return devices
}

async function layDown(folder: string, credentials: Credentials, days: number): Promise<void> {
  const database = openIngestFile(folder)
  const store = openEmbeddedStore(database)
  const to = Date.now()
  for (let from = to - days * dayMs; from < to; from += dayMs) {
    const rounds = Math.ceil(Math.min(dayMs, to - from) / everyMs)
    const history = credentials.flatMap(({ id: deviceId }, i) => {
      const observedAt = Float64Array.from({ length: rounds }, (_, round) => from + round * everyMs + i)
      const values = observedAt.map((time) => 20 + (((time - i) / everyMs + i) % 50))
      const columns = {
        observedAt,
        receivedAt: observedAt.map((time) => time + 200),
        seqs: new Float64Array(rounds),
        values,
      }
      return (['fill_level', 'temperature'] as const).map((quantity) => ({
        deviceId,
        channel: '',
        quantity,
        ...columns,
      }))
    })
    await store.lay!(history)
  }
  await store.close()
  database.close()
}

/** The flags of Node.js that `npm start` runs with. */
export function readStartFlags(): string[] {
  const [, flags] = readStartScript().match(/ node (.*) main\.ts/)!
  return flags!.replace('./', `${root}/`).split(' ')
}

/** The environment that `npm start` sets. */
export function readStartEnvironment(): Record<string, string> {
  return Object.fromEntries(
    [...readStartScript().matchAll(/\b([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  )
}

function readStartScript(): string {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  return scripts.start
}

async function countMessages(folder: string, credentials: Credentials, from: number, to: number): Promise<number> {
  const reader = openIngestReader(folder)
  try {
    const devices = credentials.map(({ id }) => id)
    let count = 0
    for await (const { quantity } of reader.readings.scan({ devices, from, to })) if (quantity === 'fill_level') count++
    return count
  } finally {
    reader.close()
  }
}
