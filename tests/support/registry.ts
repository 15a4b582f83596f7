import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { type Access, systemAccess } from '../../store/access.ts'
import { openRegistry, type Registry } from '../../store/registry.ts'
import { query } from './postgresql.ts'
import { noteRealPart } from './real-parts.ts'
import type {} from './with-postgresql.ts'

/** A folder that goes with the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * The registry's database for a data folder, as `PARVIS_REGISTRY` names it: SQLite, or a schema of its own on the
 * server of the project "postgresql".
 */
export async function databaseOf(dataDir: string): Promise<string> {
  const server = inject('postgresqlUrl') as string | undefined
  if (server === undefined) return 'sqlite'
  const [version] = (await query(server, 'show server_version')) as { server_version: string }[]
  noteRealPart('PostgreSQL', version!.server_version)
  const schema = `t${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`
  await query(server, `create schema if not exists ${schema}`)
  return `${server}&options=${encodeURIComponent(`-c search_path=${schema}`)}`
}

/** A fresh registry in a folder of its own, both gone with the test. */
export async function makeRegistry(dataDir = makeFolder()): Promise<Registry> {
  const registry = await openRegistry({ dataDir, database: await databaseOf(dataDir) })
  onTestFinished(() => registry.destroy())
  return registry
}

/** The same, open to the tests, which see and may do all. */
export async function makeAccess(dataDir?: string): Promise<Access> {
  return systemAccess(await makeRegistry(dataDir), 'test')
}

/** The code of the Problem that a promise is refused with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'not refused'
}
