import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Dialect, SqliteDatabase, SqliteStatement } from 'kysely'
import { pooledSqliteDialect } from './sqlite-pool.ts'

/** How long a statement waits for another process's short transaction. */
const busyTimeoutMs = 5000

/** Statements kept compiled; the registry has about a hundred different ones. */
const maxStatements = 256

/** Longer ones are inserts of many rows: they differ with every number of rows, and hold much memory. */
const maxKeptLength = 4000

/** SQLite, in a file of the data folder. Throws for a reader when there is none. */
export function sqliteDialect(options: { dataDir: string; readOnly: boolean }): Dialect {
  if (options.readOnly && !existsSync(registryFile(options.dataDir)))
    throw new Error(`there is no registry in ${options.dataDir}`)
  return pooledSqliteDialect({ database: async () => adapt(openDatabase(options), options.readOnly) })
}

/** Where the registry stands in a data folder. */
export function registryFile(dataDir: string): string {
  return join(dataDir, 'registry.sqlite')
}

function openDatabase({ dataDir, readOnly }: { dataDir: string; readOnly: boolean }): DatabaseSync {
  if (!readOnly) mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(registryFile(dataDir), { readOnly, timeout: busyTimeoutMs })
  database.exec('PRAGMA foreign_keys = ON')
  if (!readOnly) {
    setJournalMode(database)
    // Credentials and installations are few and dear: each commit reaches the disk.
    database.exec('PRAGMA synchronous = FULL')
  }
  return database
}

/** The change to WAL needs the file alone and does not wait for it by itself: another process may be just opening it. */
function setJournalMode(database: DatabaseSync): void {
  const deadline = Date.now() + busyTimeoutMs
  while (true) {
    try {
      database.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

/** Gives node:sqlite the face of better-sqlite3, which Kysely expects. */
function adapt(database: DatabaseSync, readOnly: boolean): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  return {
    close: () => database.close(),
    prepare(sql) {
      // A transaction that reads first and writes then cannot wait for another writer in WAL: it fails at once with
      // SQLITE_BUSY. Taking the write lock at the start makes it wait its turn.
      const text = sql === 'begin' && !readOnly ? 'begin immediate' : sql
      const known = statements.get(text)
      if (known !== undefined) return known
      const statement = adaptStatement(database, text)
      if (text === 'begin immediate') return atOnce(database, statement)
      if (text.length > maxKeptLength) return statement
      if (statements.size >= maxStatements) statements.clear()
      statements.set(text, statement)
      return statement
    },
  }
}

/** A statement that fails at once when the file is taken: who waits for it does so without holding up the thread. */
function atOnce(database: DatabaseSync, statement: SqliteStatement): SqliteStatement {
  return {
    ...statement,
    run(parameters) {
      database.exec('PRAGMA busy_timeout = 0')
      try {
        return statement.run(parameters)
      } finally {
        database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
      }
    },
  }
}

function adaptStatement(database: DatabaseSync, sql: string): SqliteStatement {
  const statement: StatementSync = database.prepare(sql)
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(toInput)),
    run: (parameters) => statement.run(...parameters.map(toInput)),
    // A statement of its own, since a cached one may be run again while this one is still being read.
    iterate: (parameters) => database.prepare(sql).iterate(...parameters.map(toInput)),
  }
}

function toInput(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  return value === undefined ? null : (value as SQLInputValue)
}
