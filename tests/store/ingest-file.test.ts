import { afterEach, beforeEach, expect, test } from 'vitest'
import { ingestFile, openIngestFile, readCursor } from '../../store/ingest-file.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { makeFolder } from '../support/platform.ts'

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
  reader.close()
  expect(versionOf(folder.path)).toBe(1)
  openIngestFile(folder.path).close()
})

test('a file of a newer version is refused, and left as it is', () => {
  const newer = openIngestFile(folder.path)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  expect(() => openIngestFile(folder.path)).toThrow('newer Parvis (version 99')
  expect(versionOf(folder.path)).toBe(99)
})
