import { existsSync } from 'node:fs'
import { Kysely, type Transaction } from 'kysely'
import { createDialect, registryFile } from './registry-dialect.ts'
import { migrate } from './registry-migrations.ts'
import type { RegistryTables } from './registry-tables.ts'

/** The registry: devices, assets, what was on which when, tokens, integrations, status, requests. */
export type Registry = Kysely<RegistryTables>

/** A transaction of the registry. */
export type RegistryTransaction = Transaction<RegistryTables>

/** Rows that one statement takes at most: below every database's limit of parameters. */
export const rowsPerStatement = 500

/** How long a removal is remembered for those who follow the changes. */
const removalsKeptMs = 7 * 24 * 3_600_000

/**
 * Opens the registry of a data folder, and brings its schema up to date unless `readOnly`. A reader waits for nobody:
 * it throws when the registry does not exist yet. `registry.destroy()` closes it.
 */
export async function openRegistry(options: { dataDir: string; readOnly?: boolean }): Promise<Registry> {
  const readOnly = options.readOnly === true
  if (readOnly && !existsSync(registryFile(options.dataDir)))
    throw new Error(`there is no registry in ${options.dataDir}`)
  const registry = new Kysely<RegistryTables>({ dialect: createDialect({ dataDir: options.dataDir, readOnly }) })
  try {
    if (!readOnly) await migrate(registry as Kysely<unknown>)
  } catch (error) {
    await registry.destroy()
    throw error
  }
  return registry
}

/**
 * Runs one mutating transaction. The change counter goes up first: this gives the `revision` that every row written
 * carries, and puts mutations in one order, so that what is checked inside stays true until the commit.
 */
export async function mutate<Result>(
  registry: Registry,
  change: (trx: RegistryTransaction, revision: number) => Promise<Result>,
): Promise<Result> {
  return registry.transaction().execute(async (trx) => {
    const { revision } = await trx
      .updateTable('change_counter')
      .set((e) => ({ revision: e('revision', '+', 1) }))
      .returning('revision')
      .executeTakeFirstOrThrow()
    return change(trx, Number(revision))
  })
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
