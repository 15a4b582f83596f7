import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseWindow } from '../../domain/window.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { checkSealed } from '../../store/embedded-verify.ts'
import { ingestFile, ingestVersion, openIngestFile, readCursor } from '../../store/ingest-file.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { openLatest } from '../../store/latest.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { makeFolder } from '../support/platform.ts'
import { compareReadings, openReadingList } from './reading-list.ts'
import { collect } from './reading-store-contract.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => folder.remove())

function versionOf(dataDir: string): number {
  const database = openSqlite(ingestFile(dataDir), { readOnly: true })
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  database.close()
  return version
}

test('a file of before replays had a code is carried over, with what stood in it', () => {
  const old = openSqlite(ingestFile(folder.path))
  old.exec(`
    CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL);
    INSERT INTO cursor VALUES (1, 42);
    CREATE TABLE replays (id TEXT PRIMARY KEY, state TEXT NOT NULL, uplinks INTEGER NOT NULL, readings INTEGER NOT NULL,
      dead_letters INTEGER NOT NULL, detail TEXT, finished_at INTEGER) WITHOUT ROWID;
    INSERT INTO replays VALUES ('1', 'failed', 0, 0, 0, 'the journal is "empty"', 7);`)
  old.close()
  const database = openIngestFile(folder.path)
  expect(readCursor(database)).toBe(42)
  database.close()
  const reader = openIngestReader(folder.path)
  expect(reader.replay('1')).toMatchObject({ state: 'failed', detail: 'the journal is "empty"', finishedAt: 7 })
  // What a file of that time lacked is there too.
  expect(reader.routeOf('probe')).toBeNull()
  reader.close()
  expect(versionOf(folder.path)).toBe(ingestVersion)
  openIngestFile(folder.path).close()
})

test('a file in which every fresh reading was a row of its own is carried over: readings, rollups and latest', async () => {
  const old = join(import.meta.dirname, 'fixtures', 'ingest-version-1.sqlite.gz')
  writeFileSync(ingestFile(folder.path), gunzipSync(readFileSync(old)))
  const start = Date.parse('2026-03-01T00:00Z')
  const everything = { from: start, to: start + 9 * 86_400_000 }
  const devices = ['meter-1', 'meter-2']
  const list = openReadingList()
  for (let i = 0; i < 4 * 48; i++)
    for (const deviceId of devices)
      list.write(
        (['fill_level', 'temperature'] as const).map((quantity, q) => {
          const observedAt = start + i * 1_800_000 + (deviceId === 'meter-2' ? q : 0)
          const value = q === 0 ? i % 100 : Math.sin(i)
          return { deviceId, channel: '', quantity, value, observedAt, receivedAt: observedAt + 150 + q, seq: i + 1 }
        }),
      )

  const reader = openIngestReader(folder.path)
  expect(() => reader.latestOf(devices)).toThrow('another version')
  const database = openIngestFile(folder.path)
  expect(versionOf(folder.path)).toBe(ingestVersion)
  expect((await collect(reader.readings, everything)).sort(compareReadings)).toEqual(list.scan(everything))
  for (const aggregate of ['count', 'min', 'max', 'first', 'last'] as const) {
    const query = { devices, ...everything, window: parseWindow('1h')!, aggregate }
    expect(await reader.readings.query(query)).toEqual(list.query(query))
  }
  expect(reader.latestOf(devices)).toEqual(
    devices.flatMap((deviceId) =>
      (['fill_level', 'temperature'] as const).map((quantity) =>
        list.lastBefore({ deviceId, channel: '', quantity }, everything.to),
      ),
    ),
  )
  expect(checkSealed(database)).toMatchObject({ blocks: 6, readings: 576, found: [] })
  // What comes next goes where the rows went, and is sealed with them.
  const store = openEmbeddedStore(database, { now: () => everything.to })
  const late = { ...list.scan(everything)[0]!, value: 7, observedAt: start + 3 * 86_400_000 + 5 }
  await store.write([late])
  list.write([late])
  while (store.seal!(5));
  expect(database.prepare('SELECT count(*) AS n FROM fresh').get()).toEqual({ n: 0 })
  expect((await collect(reader.readings, everything)).sort(compareReadings)).toEqual(list.scan(everything))
  expect(checkSealed(database).found).toEqual([])
  reader.close()
  database.close()
})

test('newest readings that were doubles are carried over, and moved on', () => {
  const old = openSqlite(ingestFile(folder.path))
  const tell = (...readings: number[][]) => Buffer.from(Float64Array.from(readings.flat()).buffer)
  old.exec(`
    CREATE TABLE latest (device_id TEXT NOT NULL, channel TEXT NOT NULL, quantities TEXT NOT NULL, data BLOB NOT NULL,
      PRIMARY KEY (device_id, channel)) WITHOUT ROWID, STRICT;
    PRAGMA user_version = 4`)
  const put = old.prepare('INSERT INTO latest VALUES (?, ?, ?, ?)')
  put.run('probe', '', 'fill_level temperature', tell([72.5, 1000, 1200, 7], [-1 / 3, 900, 1100, 6]))
  put.run('probe', 'b', 'temperature', tell([1e300, -5, 0, 0]))
  old.close()
  const database = openIngestFile(folder.path)
  const reader = openIngestReader(folder.path)
  const ofProbe = { deviceId: 'probe', channel: '' }
  const fill = { ...ofProbe, quantity: 'fill_level' as const, value: 72.5, observedAt: 1000, receivedAt: 1200, seq: 7 }
  const cold = { ...fill, quantity: 'temperature' as const, value: -1 / 3, observedAt: 900, receivedAt: 1100, seq: 6 }
  const other = { ...cold, channel: 'b', value: 1e300, observedAt: -5, receivedAt: 0, seq: 0 }
  expect(reader.latestOf(['probe'])).toEqual([fill, cold, other])
  openLatest(database).move([
    { ...fill, value: 1, seq: 6 },
    { ...cold, value: 2, observedAt: 1000, receivedAt: 1200, seq: 7 },
  ])
  expect(reader.latestOf(['probe'])).toEqual([
    fill,
    { ...cold, value: 2, observedAt: 1000, receivedAt: 1200, seq: 7 },
    other,
  ])
  reader.close()
  database.close()
})

test('a file of a newer version is refused, and left as it is', () => {
  const newer = openIngestFile(folder.path)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  expect(() => openIngestFile(folder.path)).toThrow('newer Parvis (version 99')
  expect(versionOf(folder.path)).toBe(99)
})
