import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { type Access, systemAccess } from '../../store/access.ts'
import { openRegistry, type Registry } from '../../store/registry.ts'
import { inSchema, query } from './postgresql.ts'
import { noteRealPart } from './real-parts.ts'
import type {} from './with-postgresql.ts'

/** A folder that goes with the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * The database of a data folder's registry, as `PARVIS_REGISTRY` names it: SQLite, or a schema of its own on the server of
 * the project "postgresql", which goes with the test. It is migrated, or `empty`.
 */
export async function databaseOf(dataDir: string, content: 'empty' | 'migrated' = 'migrated'): Promise<string> {
  const server = inject('postgresqlUrl') as string | undefined
  if (server === undefined) return 'sqlite'
  const known = schemas.get(dataDir)
  if (known !== undefined) return inSchema(server, known)
  const [version] = (await query(server, 'show server_version')) as { server_version: string }[]
  noteRealPart('PostgreSQL', version!.server_version)
  const used = content === 'migrated' ? free.pop() : undefined
  const schema = used ?? `t${process.pid}_${++count}`
  schemas.set(dataDir, schema)
  const { make, empty, schema: pattern } = inject('registrySql')
  if (content === 'empty') await query(server, `create schema ${schema}`)
  else await query(server, (used === undefined ? make : empty).replaceAll(pattern, schema))
  return inSchema(server, schema)
}
const schemas = new Map<string, string>()
const free: string[] = []
let count = 0

/** Says that nothing works on a data folder's registry any more, and that its schema may serve another one. */
export function release(dataDir: string): void {
  const schema = schemas.get(dataDir)
  schemas.delete(dataDir)
  if (schema !== undefined) free.push(schema)
}

/** A fresh registry in a folder of its own, both gone with the test. */
export async function makeRegistry(dataDir = makeFolder()): Promise<Registry> {
  const registry = await openRegistry({ dataDir, database: await databaseOf(dataDir) })
  onTestFinished(async () => {
    await registry.destroy()
    release(dataDir)
  })
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
