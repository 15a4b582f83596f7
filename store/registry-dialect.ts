import type { Dialect, Transaction } from 'kysely'
import { lockPostgresql, postgresqlDialect } from './registry-postgresql.ts'
import { sqliteDialect } from './registry-sqlite.ts'

/**
 * The one place that knows which database the registry stands in. `lock` makes the migrations of several processes take
 * turns: SQLite's transactions do so by themselves.
 */
export function openDialect({
  dataDir,
  database,
  readOnly,
}: {
  dataDir: string
  database: string
  readOnly: boolean
}): {
  dialect: Dialect
  lock(trx: Transaction<unknown>): Promise<void>
} {
  if (database === 'sqlite') return { dialect: sqliteDialect({ dataDir, readOnly }), lock: async () => {} }
  return { dialect: postgresqlDialect({ url: database, readOnly }), lock: lockPostgresql }
}
