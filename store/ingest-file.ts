import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { DeadLetterReason, Fault } from '../domain/fault.ts'
import type { Detail, ProblemCode } from '../domain/problem.ts'
import { carryReadingsOver } from './embedded-migration.ts'
import { carryLatestOver, latestSchema } from './latest.ts'
import { openSqlite } from './sqlite.ts'

/** An uplink that could not become readings, or not all of it, with what was wrong. One an uplink, known by its `seq`. */
export type DeadLetter = {
  seq: number
  reason: DeadLetterReason
  faults: Fault[]
  deviceId: string | null
  clientId: string
  topic: string
  payload: Uint8Array
  receivedAt: number
}

/**
 * The way back to a device: the integration that its last uplink came by, and the bridge where one fetched it. `topic` is
 * where commands to it go; null where its network has no way back by MQTT.
 */
export type DeviceRoute = { deviceId: string; integration: string; bridge: string | null; topic: string | null }

/** What a network said of a command, in the uplink `seq`. The id may be the beginning of one. */
export type StoredAnswer = {
  seq: number
  integration: string
  commandId: string
  outcome: 'transmitted' | 'acknowledged' | 'refused'
  detail: string | null
  receivedAt: number
}

/** How far a replay is. `uplinks` were read, `readings` written; `deadLetters` is how many of the uplinks still fail. */
export type ReplayState = {
  id: string
  state: 'running' | 'done' | 'failed'
  uplinks: number
  readings: number
  deadLetters: number
  /** Why it failed. */
  code?: ProblemCode
  detail?: Detail
  finishedAt?: number
}

// Times are UTC epoch milliseconds. The readings of the embedded store stand in the same file, so that one commit moves
// them, latest, dead letters and the cursor together.
const schema = `
  CREATE TABLE IF NOT EXISTS cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO cursor (id, seq) VALUES (1, 0);

${latestSchema}
  CREATE TABLE IF NOT EXISTS activity (
    device_id TEXT PRIMARY KEY,
    last_seen_at INTEGER NOT NULL,
    seq INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS activity_by_seq ON activity (seq);

  CREATE TABLE IF NOT EXISTS dead_letters (
    seq INTEGER PRIMARY KEY,
    device_id TEXT,
    client_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    faults TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    payload BLOB NOT NULL
  );
  CREATE INDEX IF NOT EXISTS dead_letters_by_device ON dead_letters (device_id, seq, bytes);
  CREATE INDEX IF NOT EXISTS dead_letters_by_reason ON dead_letters (reason, seq);

  -- The way back to the devices that networks speak for, as their last uplink came.
  CREATE TABLE IF NOT EXISTS routes (
    device_id TEXT PRIMARY KEY,
    integration TEXT NOT NULL,
    bridge TEXT,
    topic TEXT
  ) WITHOUT ROWID;

  CREATE TABLE IF NOT EXISTS command_answers (
    seq INTEGER PRIMARY KEY, -- of the uplink
    integration TEXT NOT NULL,
    command_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    received_at INTEGER NOT NULL
  );

  CREATE TABLE IF NOT EXISTS replays (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    uplinks INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    dead_letters INTEGER NOT NULL,
    code TEXT,
    detail TEXT, -- JSON: a text, or one for each language
    finished_at INTEGER
  ) WITHOUT ROWID;
`

// What each version of the file lacks of the next one; the last is what `schema` makes.
const steps: readonly ((database: DatabaseSync) => void)[] = [
  (database) => {
    const columns = database.prepare('PRAGMA table_info(replays)').all() as { name: string }[]
    if (columns.length === 0 || columns.some(({ name }) => name === 'code')) return
    database.exec(`
      ALTER TABLE replays ADD COLUMN code TEXT;
      UPDATE replays SET detail = json_quote(detail) WHERE detail IS NOT NULL;`)
  },
  carryReadingsOver,
  // The schema makes what is new.
  () => {},
  // So it does with routes and answers.
  () => {},
  carryLatestOver,
]

/** The version of the file that this program reads and writes. */
export const ingestVersion = steps.length

/** Where ingest's file stands in a data folder. */
export function ingestFile(dataDir: string): string {
  return join(dataDir, 'ingest.sqlite')
}

/**
 * Opens ingest's file for its one writer, creates what is missing, and carries over a file of an earlier version, wholly
 * or not at all. Throws when the file was written by a newer Parvis.
 */
export function openIngestFile(dataDir: string): DatabaseSync {
  mkdirSync(dataDir, { recursive: true })
  const database = openSqlite(ingestFile(dataDir))
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version === steps.length) return database
  if (version > steps.length) {
    database.close()
    throw new Error(
      `${ingestFile(dataDir)} was written by a newer Parvis (version ${version}, this one knows ${steps.length})`,
    )
  }
  database.exec('BEGIN IMMEDIATE')
  for (const step of steps.slice(version)) step(database)
  database.exec(`${schema}; PRAGMA user_version = ${steps.length}; COMMIT`)
  return database
}

/** The `seq` of the last uplink that ingest has committed. */
export function readCursor(database: DatabaseSync): number {
  return (database.prepare('SELECT seq FROM cursor').get() as { seq: number }).seq
}
