import { readFile, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Access } from '../store/access.ts'
import { ingestFile } from '../store/ingest-file.ts'
import type { Registry } from '../store/registry.ts'
import { registryFile } from '../store/registry-sqlite.ts'
import { type RoleState, readRoleStates } from '../store/role-state.ts'

/** What Parvis itself is made of, and how it is. Sizes are bytes, times UTC epoch milliseconds. */
export type System = {
  version: string
  nodeVersion: string
  database: { kind: 'sqlite' | 'postgresql'; version: string }
  roles: RoleState[]
  disk: { totalBytes: number; freeBytes: number }
  /** Null for what does not stand in the data folder. */
  sizes: { journal: number | null; readings: number; registry: number | null; documents: number }
  /** Messages in the journal that are not stored yet; null while a role does not tell. */
  waiting: number | null
  deadLetters: number
  audit: { entries: number; head: { revision: number; hash: string; recordedAt: number } | null }
}

/** Describes the platform of a data folder; `deadLetters` is how many are kept. */
export async function describeSystem(
  { registry }: Pick<Access, 'registry'>,
  { isSqlite, deadLetters }: { isSqlite: boolean; deadLetters: number },
): Promise<System> {
  const { dataDir } = registry
  const roles = readRoleStates(dataDir)
  const counter = (role: string, name: string) => roles.find((each) => each.role === role)?.counters[name] ?? null
  const { blocks, bavail, bsize } = await statfs(dataDir)
  const written = counter('broker', 'journal_last_seq')
  const read = counter('ingest', 'cursor')
  return {
    version: await readVersion(),
    nodeVersion: process.versions.node,
    database: await describeDatabase(registry, isSqlite),
    roles,
    disk: { totalBytes: blocks * bsize, freeBytes: bavail * bsize },
    sizes: {
      journal: counter('broker', 'journal_bytes'),
      readings: await sizeOf(ingestFile(dataDir)),
      registry: isSqlite ? await sizeOf(registryFile(dataDir)) : null,
      documents: await sumDocuments(registry),
    },
    // The two roles tell at different moments.
    waiting: written === null || read === null ? null : Math.max(0, written - read),
    deadLetters,
    audit: await readAudit(registry),
  }
}

async function describeDatabase(registry: Registry, isSqlite: boolean): Promise<System['database']> {
  if (isSqlite) return { kind: 'sqlite', version: process.versions.sqlite ?? '' }
  const { rows } = await sql<{ server_version: string }>`show server_version`.execute(registry)
  return { kind: 'postgresql', version: rows[0]?.server_version ?? '' }
}

async function readAudit(registry: Registry): Promise<System['audit']> {
  const { entries } = await registry
    .selectFrom('audit_entries')
    .select((e) => e.fn.countAll().as('entries'))
    .executeTakeFirstOrThrow()
  const head = await registry
    .selectFrom('audit_entries')
    .select(['revision', 'hash', 'recorded_at'])
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst()
  return {
    entries: Number(entries),
    head: head === undefined ? null : { revision: head.revision, hash: head.hash, recordedAt: head.recorded_at },
  }
}

async function sumDocuments(registry: Registry): Promise<number> {
  const { bytes } = await registry
    .selectFrom('documents')
    .select((e) => e.fn.sum('bytes').as('bytes'))
    .where('removed_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(bytes ?? 0)
}

/** The size of an SQLite file with what its write-ahead log holds; 0 while there is none. */
async function sizeOf(file: string): Promise<number> {
  const sizes = await Promise.all([file, `${file}-wal`].map((each) => stat(each).catch(() => ({ size: 0 }))))
  return sizes.reduce((sum, { size }) => sum + size, 0)
}

async function readVersion(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
