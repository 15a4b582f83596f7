import { randomUUIDv7 } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { z } from 'zod'
import type { Access } from '../store/access.ts'
import type { Change } from '../store/registry.ts'
import { type LineError, readTable } from './csv.ts'
import { type ColumnType, type Mapping, mapTable, refuseFile } from './import-mapping.ts'
import { addIssues } from './line-issues.ts'

/** How far an import is: lines done, of how many. */
export type Progress = (phase: 'reading' | 'checking' | 'writing', done: number, total: number) => void

/**
 * `dryRun` judges everything and writes nothing; `mapping` reads a file of another house; `allowChanges` lets lines change
 * what is there already.
 */
export type ImportOptions = {
  dryRun?: boolean | undefined
  mapping?: Mapping | undefined
  allowChanges?: boolean | undefined
  progress?: Progress | undefined
}

/** What an import changes of one asset: each field as it was and as it is to be. */
export type AssetDifference = { line: number; id: string; fields: Record<string, { before: unknown; after: unknown }> }

/** What an import did, or would do. `importId` undoes it; `devices` are new ones, with their secrets, this one time. */
export type ImportOutcome = {
  importId: string | null
  dryRun: boolean
  created: number
  changed: number
  unchanged: number
  installed: number
  changes: AssetDifference[]
  devices: { id: string; secret: string }[]
}

/** The lines that their schema takes, and what is wrong with the others. */
export async function readLines<Schema extends z.ZodType>(
  file: string | Uint8Array,
  columns: Readonly<Record<string, ColumnType>>,
  schema: Schema,
  mapping: Mapping | undefined,
  progress?: Progress,
): Promise<{ lines: { line: number; fields: z.infer<Schema> }[]; errors: LineError[] }> {
  const { lines: mapped, errors } = mapTable(await readTable(file), columns, mapping)
  const lines: { line: number; fields: z.infer<Schema> }[] = []
  for (const [i, { line, fields }] of mapped.entries()) {
    const parsed = schema.safeParse(fields, { reportInput: true })
    if (parsed.success) lines.push({ line, fields: parsed.data })
    else addIssues(errors, line, parsed.error.issues)
    if (i % 1000 !== 999) continue
    progress?.('reading', i + 1, mapped.length)
    await setImmediate()
  }
  return { lines, errors }
}

/** Writes an import down, so that it can be undone; answers its id. */
export async function recordImport(
  { trx, revision, record }: Change,
  kind: 'assets' | 'devices',
  counts: { created: number; changed: number; installed: number },
): Promise<string> {
  const id = randomUUIDv7()
  await trx
    .insertInto('imports')
    .values({ id, kind, created_at: Date.now(), undone_at: null, revision, ...counts })
    .execute()
  record('import', id, null, { kind, ...counts })
  return id
}

/** A file that is bad already is judged against the registry too, so that all its errors are told at once. */
export async function judge(
  access: Access,
  errors: readonly LineError[],
  check: (change: Pick<Change, 'trx' | 'all'>) => Promise<void>,
): Promise<void> {
  await access.registry.transaction().execute((trx) => check({ trx, all: trx.withoutPlugins() }))
  if (errors.length > 0) refuseFile(errors)
}
