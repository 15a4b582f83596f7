import { type Kysely, sql, type Transaction } from 'kysely'
import { up as first } from './migrations/001-first.ts'
import { up as audit } from './migrations/002-audit.ts'
import { up as assets } from './migrations/003-assets.ts'
import { up as installationVersions } from './migrations/004-installation-versions.ts'
import { up as statusAndDocuments } from './migrations/005-status-and-documents.ts'
import { up as services } from './migrations/006-services.ts'
import { up as bridges } from './migrations/007-bridges.ts'
import { up as codecs } from './migrations/008-codecs.ts'
import { up as imports } from './migrations/009-imports.ts'
import { up as documentsAndSecrets } from './migrations/010-documents-and-secrets.ts'
import { up as accounts } from './migrations/011-accounts.ts'
import { up as commands } from './migrations/012-commands.ts'
import { up as integrationSecrets } from './migrations/013-integration-secrets.ts'
import type { RegistryTables } from './registry-tables.ts'

type Migration = { name: string; up(trx: Transaction<unknown>): Promise<void> }

/**
 * The registry's migrations, in order; each one stays as it was once it has been released. They are written with
 * Kysely's schema builder, so that they run on every database that the registry may stand in.
 */
export const migrations: readonly Migration[] = [
  { name: '001-first', up: first },
  { name: '002-audit', up: audit },
  { name: '003-assets', up: assets },
  { name: '004-installation-versions', up: installationVersions },
  { name: '005-status-and-documents', up: statusAndDocuments },
  { name: '006-services', up: services },
  { name: '007-bridges', up: bridges },
  { name: '008-codecs', up: codecs },
  { name: '009-imports', up: imports },
  { name: '010-documents-and-secrets', up: documentsAndSecrets },
  { name: '011-accounts', up: accounts },
  { name: '012-commands', up: commands },
  { name: '013-integration-secrets', up: integrationSecrets },
]

/**
 * Brings the schema up to date, in one transaction: it is done wholly or not at all, and a second process that starts
 * meanwhile waits, by `lock`, and then finds nothing left to do. Throws when the registry was written by a newer Parvis.
 */
export async function migrate(
  registry: Kysely<RegistryTables>,
  lock: (trx: Transaction<unknown>) => Promise<void>,
  wanted: readonly Migration[] = migrations,
): Promise<void> {
  await (registry as Kysely<unknown>).transaction().execute(async (trx) => {
    await lock(trx)
    await trx.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('version', 'integer', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .execute()
    const { rows } = await sql<{ version: number | null }>`select max(version) as version from migrations`.execute(trx)
    const version = Number(rows[0]?.version ?? 0)
    if (version > wanted.length)
      throw new Error(`the registry was written by a newer Parvis (schema ${version}, this one knows ${wanted.length})`)
    for (const [i, migration] of wanted.entries()) {
      if (i < version) continue
      await migration.up(trx)
      await sql`insert into migrations (version, name) values (${i + 1}, ${migration.name})`.execute(trx)
    }
  })
}
