import { type Dialect, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'

/** Connections of one process: requests of the API wait for one, and hold it for milliseconds. */
const maxConnections = 8
const connectTimeoutMs = 5000

// PostgreSQL's object ids of the types that come as texts, lest a large number lose its end: ours are times, counts and
// revisions, which a double holds exactly.
const bigintType = 20

// Any number that nobody else takes.
const migrationLock = 7_274_110

/** PostgreSQL, at a `postgres://` URL (libpq's parameters in its query, such as `sslmode`). */
export function postgresqlDialect({ url, readOnly }: { url: string; readOnly: boolean }): Dialect {
  const address = new URL(url)
  if (readOnly) {
    const options = address.searchParams.get('options') ?? ''
    address.searchParams.set('options', `${options} -c default_transaction_read_only=on`.trim())
  }
  const pool = new pg.Pool({
    connectionString: address.href,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'parvis',
    types: {
      getTypeParser: ((type: number, format) =>
        type === bigintType ? Number : pg.types.getTypeParser(type, format)) as typeof pg.types.getTypeParser,
    },
  })
  // A connection that breaks while nobody uses it is replaced; who uses one is told by its query.
  pool.on('error', () => {})
  return new PostgresDialect({ pool })
}

/** Makes migrations take turns, and refuses a database that orders texts otherwise than Parvis does. */
export async function lockPostgresql(trx: Transaction<unknown>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(trx)
  const { rows } = await sql<{ collation: string; encoding: string }>`
    select datcollate as collation, pg_encoding_to_char(encoding) as encoding
    from pg_database where datname = current_database()`.execute(trx)
  const { collation, encoding } = rows[0]!
  // Pages go by ids in the order of their code points, whatever the database; other collations know other orders.
  if (!/^(C|POSIX|C\.(UTF-?8))$/i.test(collation) || encoding !== 'UTF8')
    throw new Error(
      `the registry's database has the collation ${collation} and the encoding ${encoding}; make it with: ` +
        "create database parvis template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C.UTF-8'",
    )
}
