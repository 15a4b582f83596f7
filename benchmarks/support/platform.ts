import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ingestFile, readCursor } from '../../store/ingest-file.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { parvis, startPlatform } from '../../tests/support/platform.ts'
import type { Credentials, Subject } from './subject.ts'

const root = join(import.meta.dirname, '..', '..')

/** The whole platform as `npm start` runs it, with devices of the model generic-json, load-0, load-1, ... */
export async function startParvis(folder: string, clients: number) {
  const credentials = await addDevices(folder, clients)
  const platform = await startPlatform({
    dataDir: folder,
    execArguments: readStartFlags(),
    env: readStartEnvironment(),
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

async function addDevices(folder: string, clients: number): Promise<Credentials> {
  const file = join(folder, 'devices.csv')
  const lines = Array.from({ length: clients }, (_, i) => `load-${i},generic-json`)
  writeFileSync(file, `id,model\n${lines.join('\n')}\n`)
  const { devices } = await parvis<{ devices: { id: string; secret: string }[] }>(folder, 'device', 'import', file)
  return devices
}

/** The flags of Node.js that `npm start` runs with. */
export function readStartFlags(): string[] {
  return readStartScript().match(/--[a-z-]+=\S+/g) ?? []
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
