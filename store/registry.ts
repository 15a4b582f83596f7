import { Kysely, type Transaction } from 'kysely'
import { Problem } from '../domain/problem.ts'
import { type Access, tagOf } from './access.ts'
import { type AuditChange, type AuditHead, type AuditKind, appendAudit } from './audit.ts'
import { appendAuditHead } from './audit-heads.ts'
import { openDialect } from './registry-dialect.ts'
import { migrate } from './registry-migrations.ts'
import type { RegistryTables } from './registry-tables.ts'
import { checkScope } from './scope.ts'

/** The registry: devices, assets, what was on which when, tokens, integrations, audit, status, requests. */
export type Registry = Kysely<RegistryTables> & {
  /** The data folder beside it. */
  readonly dataDir: string
}

/** A transaction of the registry. */
export type RegistryTransaction = Transaction<RegistryTables>

/** Rows that one statement takes at most: below every database's limit of parameters. */
export const rowsPerStatement = 500

/** How long a removal is remembered for those who follow the changes. */
const removalsKeptMs = 7 * 24 * 3_600_000

/**
 * Opens the registry that `database` names (as `PARVIS_REGISTRY` does: `sqlite`, in the data folder, or a `postgres://`
 * URL), and brings its schema up to date unless `readOnly`. A reader waits for nobody: it throws when the registry does
 * not exist yet. `registry.destroy()` closes it.
 */
export async function openRegistry(options: {
  dataDir: string
  database: string
  readOnly?: boolean
}): Promise<Registry> {
  const readOnly = options.readOnly === true
  const { dialect, lock } = await openDialect({ ...options, readOnly })
  const registry = Object.assign(new Kysely<RegistryTables>({ dialect }), { dataDir: options.dataDir })
  try {
    if (!readOnly) await migrate(registry, lock)
    else await readRevision(registry)
  } catch (error) {
    await registry.destroy()
    throw error
  }
  return registry
}

/** One mutating transaction at work. */
export type Change = {
  /** Holds nothing but what may be seen. */
  trx: RegistryTransaction
  /** The same transaction, for rules that hold across services; what it reads is not to be told. */
  all: RegistryTransaction
  /** What every row written carries. */
  revision: number
  /**
   * Notes one object that it changed, for the audit: the one that was asked for comes first. Every change is noted: a
   * test holds the audit to the tables. Throws Problem `changed_meanwhile` when the access expected it otherwise.
   */
  record(kind: AuditKind, id: string, before: object | null, after: object | null): void
}

/**
 * Runs one mutating transaction in someone's name. The change counter goes up first: this gives the `revision` that
 * every row written carries, and puts mutations in one order, so that what is checked inside stays true until the
 * commit. What `work` records is written to the audit in the same transaction.
 */
export async function mutate<Result>(access: Access, work: (change: Change) => Promise<Result>): Promise<Result> {
  const { registry } = access
  let head: AuditHead | undefined
  const result = await registry.transaction().execute(async (trx) => {
    const { revision } = await trx
      .updateTable('change_counter')
      .set((e) => ({ revision: e('revision', '+', 1) }))
      .returning('revision')
      .executeTakeFirstOrThrow()
    const changes: AuditChange[] = []
    const done = await work({
      trx,
      all: trx.withoutPlugins(),
      revision,
      record(kind, id, before, after) {
        if (changes.length === 0 && before !== null) checkUnchanged(access, `${kind} ${id}`, before)
        checkScope(access, { kind, id, before, after })
        changes.push({ kind, id, before, after })
      },
    })
    if (changes.length > 0) head = await appendAudit(trx.withoutPlugins(), access, revision, changes)
    return done
  })
  if (head !== undefined) copyHead(registry, head)
  return result
}

// The change is made: a disk that is full must not tell it as refused. A line that is missing contradicts nothing.
function copyHead({ dataDir }: Registry, head: AuditHead): void {
  try {
    appendAuditHead(dataDir, head)
  } catch (error) {
    process.emitWarning(`entry ${head.revision} of the audit could not be copied to the data folder: ${error}`)
  }
}

function checkUnchanged({ ifMatch }: Access, what: string, before: object): void {
  if (ifMatch === null || ifMatch.includes('*') || ifMatch.includes(tagOf(before))) return
  throw new Problem('changed_meanwhile', what)
}

/** The revision of the newest change. */
export async function readRevision(registry: Registry): Promise<number> {
  const { revision } = await registry.selectFrom('change_counter').select('revision').executeTakeFirstOrThrow()
  return Number(revision)
}

/** Remembers that a row is gone, for those who follow the changes. */
export async function recordRemoval(
  trx: RegistryTransaction,
  revision: number,
  kind: RegistryTables['removals']['kind'],
  id: string,
): Promise<void> {
  const removedAt = Date.now()
  await trx
    .deleteFrom('removals')
    .where((e) =>
      e.or([e.and([e('kind', '=', kind), e('id', '=', id)]), e('removed_at', '<', removedAt - removalsKeptMs)]),
    )
    .execute()
  await trx.insertInto('removals').values({ kind, id, removed_at: removedAt, revision }).execute()
}

/** A list in parts that one statement can take. */
export function* inParts<Item>(items: readonly Item[], size = rowsPerStatement): Generator<Item[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}
