import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProvidedContext } from 'vitest'
import type { TestProject } from 'vitest/node'
import { openRegistry } from '../../store/registry.ts'
import { inSchema, type PostgresqlServer, query, startPostgresql } from './postgresql.ts'

const schema = 'pattern_of_registries'

declare module 'vitest' {
  interface ProvidedContext {
    /** The server on which the tests of this project keep their registries. */
    postgresqlUrl: string
    /** What makes a migrated registry in a schema, and what makes a used one fresh again, which is far faster. */
    registrySql: { make: string; empty: string; schema: string }
  }
}

/** Runs a project's tests beside a PostgreSQL server, which ends with them. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgresql()
  project.provide('postgresqlUrl', server.url)
  project.provide('registrySql', await writeRegistrySql(server))
  return server.stop
}

/** Migrates one registry, and reads off it what makes others like it. */
async function writeRegistrySql(server: PostgresqlServer): Promise<ProvidedContext['registrySql']> {
  const dataDir = mkdtempSync(join(tmpdir(), 'parvis-'))
  await query(server.url, `create schema ${schema}`)
  const registry = await openRegistry({ dataDir, database: inSchema(server.url, schema) })
  await registry.destroy()
  rmSync(dataDir, { recursive: true })
  const make = server.dump(schema)
  const tables = Array.from(make.matchAll(/^CREATE TABLE (\S+)/gm), ([, table]) => table!)
  const rows = make.match(/^(INSERT INTO|SELECT pg_catalog\.setval\().*$/gm) ?? []
  // Without triggers nothing checks the order of the tables, nor that some are only ever added to.
  const empty = [
    'set session_replication_role = replica',
    ...tables.map((table) => `delete from ${table}`),
    ...rows.map((row) => row.replace(/;$/, '')),
  ].join(';\n')
  return { make, empty, schema }
}
