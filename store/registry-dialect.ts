import type { Dialect, Transaction } from 'kysely'
import { sqliteDialect } from './registry-sqlite.ts'

/**
 * The one place that knows which database the registry stands in. `lock` makes the migrations of several processes take
 * turns: SQLite's transactions do so by themselves. A database's client is loaded only where it is used.
 */
export async function openDialect({
  dataDir,
  database,
  readOnly,
}: {
  dataDir: string
  database: string
  readOnly: boolean
}): Promise<{
  dialect: Dialect
  lock(trx: Transaction<unknown>): Promise<void>
}> {
  if (database === 'sqlite') return { dialect: sqliteDialect({ dataDir, readOnly }), lock: async () => {} }
  const { lockPostgresql, postgresqlDialect } = await import('./registry-postgresql.ts')
  return { dialect: postgresqlDialect({ url: database, readOnly }), lock: lockPostgresql }
}
