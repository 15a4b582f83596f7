import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { DeadLetterReason, Fault } from '../domain/fault.ts'
import type { Detail, ProblemCode } from '../domain/problem.ts'
import type { Latest, Reading, SeriesKey } from '../domain/reading.ts'
import type { OpenStore } from './backend.ts'
import { openEmbeddedStore } from './embedded.ts'
import {
  type DeadLetter,
  type DeviceRoute,
  ingestFile,
  ingestVersion,
  type ReplayState,
  type StoredAnswer,
} from './ingest-file.ts'
import { listHeard, readLatest } from './latest.ts'
import type { ReadingStore, SeriesQuery, SeriesRange } from './reading-store.ts'
import { openSqlite } from './sqlite.ts'

/** The read side of ingest's file. A file that does not exist yet answers empty; it is opened once it does. */
export type IngestReader = {
  /** The newest reading of every series of some devices, by device, channel and quantity. */
  latestOf(deviceIds: readonly string[]): Latest[]
  /** Every device that ever gave a reading, by id. */
  devicesHeard(): string[]
  /** The devices heard by an uplink after `seq`, in the order of their newest uplink. */
  activitySince(seq: number, limit: number): { deviceId: string; lastSeenAt: number; seq: number }[]
  /** When some devices were last heard; one that never was is absent. */
  activityOf(deviceIds: readonly string[]): { deviceId: string; lastSeenAt: number; seq: number }[]
  /** Newest first; `before` is the `seq` of the last one of the page before, `code` what was wrong first. */
  deadLetters(filter: {
    limit: number
    before?: number | undefined
    deviceId?: string | undefined
    reason?: string | undefined
    code?: string | undefined
  }): DeadLetter[]
  /** The devices of dead letters that say that nobody registered them, by their newest letter, before a `seq`. */
  unknownDevices(filter: { limit: number; before?: number | undefined; deviceId?: string }): UnknownDevice[]
  deadLetterCounts(): { reason: DeadLetterReason; count: number }[]
  /** Dead letters together that have device, reason and first fault in common. */
  deadLetterGroups(): DeadLetterGroup[]
  /** The way back to a device, or null for one that no network has spoken for. */
  routeOf(deviceId: string): DeviceRoute | null
  /** What networks said of commands after the uplink `seq`, in order. */
  answersSince(seq: number, limit: number): StoredAnswer[]
  replay(id: string): ReplayState | null
  readings: ReadingStore
  close(): void
}

/** Dead letters of one device that have reason, first fault and its quantity in common; `seq` is the newest's. */
export type DeadLetterGroup = {
  deviceId: string | null
  reason: DeadLetterReason
  code: string
  quantity: string | null
  count: number
  firstAt: number
  lastAt: number
  seq: number
}

/** A device that was not registered when its messages came; `seq` is that of the newest letter. Times are epoch ms. */
export type UnknownDevice = { deviceId: string; letters: number; firstAt: number; lastAt: number; seq: number }

// SQLite takes more parameters than this in one statement; larger lists are asked in several.
const devicesPerQuery = 500

/**
 * Opens the read side of ingest's file in a data folder, and of the reading store that was chosen; never fails for a
 * folder that is still empty. Readings that are damaged are passed over and told to `onDamage`.
 */
export function openIngestReader(
  dataDir: string,
  openStore: OpenStore = openEmbeddedStore,
  onDamage: (text: string) => void = () => {},
): IngestReader {
  let opened: { database: DatabaseSync; readings: ReadingStore } | null = null

  function open() {
    if (opened === null && existsSync(ingestFile(dataDir))) {
      const database = openSqlite(ingestFile(dataDir), { readOnly: true })
      const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
      if (version !== ingestVersion) {
        const hasTables = hasSchema(database)
        database.close()
        // A file that was just made has no tables yet.
        if (hasTables)
          throw new Error(`${ingestFile(dataDir)} is of another version of Parvis, which starting this one mends`)
        return null
      }
      opened = { database, readings: openStore(database, { readOnly: true, onDamage }) }
    }
    return opened
  }

  function all<Row>(sql: string, ...params: (string | number)[]): Row[] {
    return (open()
      ?.database.prepare(sql)
      .all(...params) ?? []) as Row[]
  }

  return {
    latestOf(deviceIds) {
      const database = open()?.database
      return database === undefined ? [] : readLatest(database, deviceIds)
    },
    devicesHeard() {
      const database = open()?.database
      return database === undefined ? [] : listHeard(database)
    },
    activitySince: (seq, limit) =>
      all(
        'SELECT device_id AS deviceId, last_seen_at AS lastSeenAt, seq FROM activity WHERE seq > ? ORDER BY seq LIMIT ?',
        seq,
        limit,
      ),
    activityOf(deviceIds) {
      const found: { deviceId: string; lastSeenAt: number; seq: number }[] = []
      for (let i = 0; i < deviceIds.length; i += devicesPerQuery) {
        const ids = deviceIds.slice(i, i + devicesPerQuery)
        found.push(
          ...all<(typeof found)[number]>(
            `SELECT device_id AS deviceId, last_seen_at AS lastSeenAt, seq FROM activity
             WHERE device_id IN (${ids.map(() => '?').join()})`,
            ...ids,
          ),
        )
      }
      return found
    },
    deadLetters({ limit, before = Number.MAX_SAFE_INTEGER, deviceId, reason, code }) {
      const conditions = ['seq < ?']
      const params: (string | number)[] = [before]
      if (deviceId !== undefined) {
        conditions.push('device_id = ?')
        params.push(deviceId)
      }
      if (reason !== undefined) {
        conditions.push('reason = ?')
        params.push(reason)
      }
      if (code !== undefined) {
        conditions.push(`json_extract(faults, '$[0].code') = ?`)
        params.push(code)
      }
      return all<DeadLetterRow>(
        `SELECT * FROM dead_letters WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
        ...params,
        limit,
      ).map(toDeadLetter)
    },
    deadLetterGroups: () =>
      all(`
        SELECT device_id AS deviceId, reason, json_extract(faults, '$[0].code') AS code,
          json_extract(faults, '$[0].params.quantity') AS quantity, count(*) AS count,
          min(received_at) AS firstAt, max(received_at) AS lastAt, max(seq) AS seq
        FROM dead_letters GROUP BY 1, 2, 3, 4`),
    unknownDevices: ({ limit, before = Number.MAX_SAFE_INTEGER, deviceId }) =>
      all(
        `SELECT device_id AS deviceId, count(*) AS letters, min(received_at) AS firstAt, max(received_at) AS lastAt,
           max(seq) AS seq
         FROM dead_letters
         WHERE reason = 'unknown_device' AND device_id ${deviceId === undefined ? 'IS NOT NULL' : '= ?'}
         GROUP BY device_id HAVING max(seq) < ? ORDER BY max(seq) DESC LIMIT ?`,
        ...(deviceId === undefined ? [] : [deviceId]),
        before,
        limit,
      ),
    deadLetterCounts: () => all('SELECT reason, count(*) AS count FROM dead_letters GROUP BY reason ORDER BY reason'),
    routeOf: (deviceId) =>
      all<DeviceRoute>(
        'SELECT device_id AS deviceId, integration, bridge, topic FROM routes WHERE device_id = ?',
        deviceId,
      )[0] ?? null,
    answersSince: (seq, limit) =>
      all(
        `SELECT seq, integration, command_id AS commandId, outcome, detail, received_at AS receivedAt
         FROM command_answers WHERE seq > ? ORDER BY seq LIMIT ?`,
        seq,
        limit,
      ),
    replay(id) {
      const row = all<ReplayRow>('SELECT * FROM replays WHERE id = ?', id)[0]
      return row === undefined ? null : toReplayState(row)
    },
    readings: {
      write: async () => {
        throw new Error('the readings are opened for reading only')
      },
      query: async (query: SeriesQuery) => open()?.readings.query(query) ?? [],
      lastBefore: async (series: SeriesKey, time: number): Promise<Reading | null> =>
        open()?.readings.lastBefore(series, time) ?? null,
      async *scan(range: SeriesRange) {
        const store = open()
        if (store !== null) yield* store.readings.scan(range)
      },
      remove: async () => {
        throw new Error('the readings are opened for reading only')
      },
      close: async () => {},
    },
    close() {
      opened?.database.close()
      opened = null
    },
  }
}

type DeadLetterRow = {
  seq: number
  device_id: string | null
  client_id: string
  topic: string
  received_at: number
  reason: DeadLetterReason
  faults: string
  payload: Uint8Array
}

type ReplayRow = {
  id: string
  state: ReplayState['state']
  uplinks: number
  readings: number
  dead_letters: number
  code: ProblemCode | null
  detail: string | null
  finished_at: number | null
}

function hasSchema(database: DatabaseSync): boolean {
  return database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'replays'`).get() !== undefined
}

function toDeadLetter(row: DeadLetterRow): DeadLetter {
  return {
    seq: row.seq,
    reason: row.reason,
    faults: JSON.parse(row.faults) as Fault[],
    deviceId: row.device_id,
    clientId: row.client_id,
    topic: row.topic,
    payload: row.payload,
    receivedAt: row.received_at,
  }
}

function toReplayState(row: ReplayRow): ReplayState {
  return {
    id: row.id,
    state: row.state,
    uplinks: row.uplinks,
    readings: row.readings,
    deadLetters: row.dead_letters,
    ...(row.code === null ? {} : { code: row.code }),
    ...(row.detail === null ? {} : { detail: JSON.parse(row.detail) as Detail }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }),
  }
}
