import { setTimeout } from 'node:timers/promises'
import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
} from 'kysely'

/** How long a transaction waits for another one, such as the import of a large file, before it gives up. */
const patienceMs = 60_000
const retryMs = 5

/** Connections of one process: while a transaction waits or is under way on one, the others read. */
const maxConnections = 4

/**
 * SQLite with several connections to one file, which has to be in WAL mode. A transaction that finds the file taken
 * waits without holding up its thread: the statement that begins it fails at once, and is tried again.
 */
export function pooledSqliteDialect(
  config: SqliteDialectConfig & { database: () => Promise<SqliteDatabase> },
): Dialect {
  const inner = new SqliteDialect(config)
  return {
    createAdapter: () => new PoolAdapter(),
    createQueryCompiler: () => inner.createQueryCompiler(),
    createIntrospector: (db) => inner.createIntrospector(db),
    createDriver: () => openPool(() => new SqliteDialect(config).createDriver()),
  }
}

class PoolAdapter extends SqliteAdapter {
  override get supportsMultipleConnections() {
    return true
  }
}

type Member = { driver: Driver; connection: DatabaseConnection }

function openPool(openDriver: () => Driver): Driver {
  const members = new Map<DatabaseConnection, Driver>()
  const free: DatabaseConnection[] = []
  const waiting: ((connection: DatabaseConnection) => void)[] = []
  let opening = 0

  async function open(): Promise<Member> {
    const driver = openDriver()
    await driver.init()
    const connection = await driver.acquireConnection()
    members.set(connection, driver)
    return { driver, connection }
  }

  const driverOf = (connection: DatabaseConnection) => members.get(connection)!

  return {
    async init() {
      free.push((await open()).connection)
    },
    async acquireConnection() {
      const connection = free.pop()
      if (connection !== undefined) return connection
      if (members.size + opening >= maxConnections) return new Promise((resolve) => waiting.push(resolve))
      opening++
      try {
        return (await open()).connection
      } finally {
        opening--
      }
    },
    async releaseConnection(connection) {
      const next = waiting.shift()
      if (next === undefined) free.push(connection)
      else next(connection)
    },
    async beginTransaction(connection, settings) {
      const deadline = Date.now() + patienceMs
      while (true) {
        try {
          return await driverOf(connection).beginTransaction(connection, settings)
        } catch (error) {
          if (!isBusy(error) || Date.now() > deadline) throw error
          await setTimeout(retryMs)
        }
      }
    },
    commitTransaction: (connection) => driverOf(connection).commitTransaction(connection),
    rollbackTransaction: (connection) => driverOf(connection).rollbackTransaction(connection),
    async destroy() {
      for (const driver of members.values()) await driver.destroy()
      members.clear()
    },
  }
}

/** SQLITE_BUSY, the primary code of the error (sqlite.org/rescode.html). */
function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: number }
  return errcode !== undefined && (errcode & 0xff) === 5
}
