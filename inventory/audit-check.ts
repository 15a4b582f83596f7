import type { Access } from '../store/access.ts'
import { type AuditHead, emptyHash, hashEntry, startDigest } from '../store/audit.ts'
import { readAuditHeads } from '../store/audit-heads.ts'
import type { Registry, RegistryTransaction } from '../store/registry.ts'
import type { AuditEntryTable, AuditRowTable } from '../store/registry-tables.ts'
import { toAccount } from './accounts.ts'
import { toAsset } from './assets.ts'
import { toDevice } from './devices.ts'
import { toInstallation } from './installations.ts'
import { toIntegration } from './integrations.ts'
import { toToken } from './tokens.ts'

/** What a check of the audit found. `found` says in words what is wrong; empty when all is as it was written. */
export type AuditReport = { entries: number; changes: number; head: AuditHead | null; found: string[] }

/** Entries and rows that are held at once. */
const entriesPerQuery = 500
const rowsPerQuery = 5000

/** Faults that are told; what is wrong a thousand times is told often enough. */
const maxFound = 50

/**
 * Holds the audit against itself, against the copy of its heads outside the database, and the inventory against the
 * audit: what was changed, cut out, put in another order or cut off at the end is found. `head` is one that was noted
 * down somewhere else. It reads one state of the registry; the platform may run meanwhile.
 */
export async function checkAudit({ registry }: Pick<Access, 'registry'>, head?: string): Promise<AuditReport> {
  // The copy first: what is committed meanwhile is in the database, and need not be in the copy yet.
  const heads = new Map(readAuditHeads(registry.dataDir).map((each) => [each.revision, each.hash]))
  return registry
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const found: string[] = []
      const tell = (text: string) => void (found.length < maxFound && found.push(text))
      const last = new Map<string, string | null>()
      const chain = await checkChain(trx, heads, tell, last)
      if (head !== undefined && !chain.hashes.has(head)) tell(`no entry of the audit has the hash ${head}`)
      await checkTables(trx, last, chain.firstAt, tell)
      return { entries: chain.hashes.size, changes: chain.changes, head: chain.head, found }
    })
}

type Tell = (text: string) => void

/** Walks along the chain; `last` gets what is known last of each object, by kind and id. */
async function checkChain(
  trx: RegistryTransaction,
  heads: Map<number, string>,
  tell: Tell,
  last: Map<string, string | null>,
) {
  const hashes = new Set<string>()
  let head: AuditHead | null = null
  let changes = 0
  let firstAt = Number.POSITIVE_INFINITY
  for await (const { entry, rows } of readEntries(trx)) {
    const what = `entry ${entry.revision} of the audit`
    const digest = startDigest()
    let count = 0
    for await (const row of rows) {
      digest.add(row)
      last.set(`${row.kind} ${row.object_id}`, row.after)
      count++
    }
    if (count !== entry.row_count || digest.finish() !== entry.digest) tell(`${what}: its changes were changed`)
    if (hashEntry(head?.hash ?? emptyHash, entry) !== entry.hash)
      tell(`${what}: it was changed, or what was before it was changed, removed or put elsewhere`)
    const copied = heads.get(entry.revision)
    if (copied !== undefined && copied !== entry.hash) tell(`${what}: it is not the one that was written`)
    heads.delete(entry.revision)
    hashes.add(entry.hash)
    changes += count
    firstAt = Math.min(firstAt, entry.recorded_at)
    head = { revision: entry.revision, hash: entry.hash }
  }
  for (const revision of heads.keys()) tell(`entry ${revision} of the audit is missing`)
  const stray = await trx
    .selectFrom('audit_rows')
    .leftJoin('audit_entries', 'audit_entries.revision', 'audit_rows.revision')
    .select('audit_rows.revision')
    .where('audit_entries.revision', 'is', null)
    .distinct()
    .limit(maxFound)
    .execute()
  for (const { revision } of stray) tell(`there are changes of an entry ${revision} that the audit does not have`)
  return { hashes, head, changes, firstAt }
}

/** The entries in the order of their revisions, each with its rows. */
async function* readEntries(trx: RegistryTransaction) {
  let after = -1
  while (true) {
    const entries: AuditEntryTable[] = await trx
      .selectFrom('audit_entries')
      .selectAll()
      .where('revision', '>', after)
      .orderBy('revision')
      .limit(entriesPerQuery)
      .execute()
    for (const entry of entries) yield { entry, rows: readRows(trx, entry.revision) }
    if (entries.length < entriesPerQuery) return
    after = entries.at(-1)!.revision
  }
}

async function* readRows(trx: RegistryTransaction, revision: number) {
  let after = -1
  while (true) {
    const rows: AuditRowTable[] = await trx
      .selectFrom('audit_rows')
      .selectAll()
      .where('revision', '=', revision)
      .where('position', '>', after)
      .orderBy('position')
      .limit(rowsPerQuery)
      .execute()
    yield* rows
    if (rows.length < rowsPerQuery) return
    after = rows.at(-1)!.position
  }
}

/** What the inventory is made of, as the audit tells it. */
const tables = {
  asset: { table: 'assets', key: 'id', madeAt: 'created_at', tell: toAsset },
  device: { table: 'devices', key: 'id', madeAt: 'created_at', tell: toDevice },
  installation: { table: 'installations', key: 'id', madeAt: 'recorded_at', tell: toInstallation },
  token: { table: 'tokens', key: 'id', madeAt: 'created_at', tell: toToken },
  account: { table: 'accounts', key: 'id', madeAt: 'created_at', tell: toAccount },
  integration: { table: 'integrations', key: 'name', madeAt: 'created_at', tell: toIntegration },
} as const

/** Holds what stands in the inventory against what the audit knew last of it. */
async function checkTables(
  trx: RegistryTransaction,
  last: Map<string, string | null>,
  firstAt: number,
  tell: Tell,
): Promise<void> {
  for (const [kind, { table, key, madeAt, tell: toObject }] of Object.entries(tables)) {
    for await (const row of readTable(trx, table, key)) {
      const id = String(row[key])
      const what = `${kind} ${id}`
      const known = last.get(what)
      last.delete(what)
      // What was there before there was an audit is in it once it is changed.
      if (known === undefined && Number(row[madeAt]) < firstAt) continue
      if (known === undefined) tell(`${what} stands in the registry, and the audit does not know it`)
      else if (known === null) tell(`${what} stands in the registry, and was removed`)
      else if (!agrees(toObject(row as never), JSON.parse(known) as Record<string, unknown>))
        tell(`${what} is not as the audit knew it last`)
    }
    for (const [what, known] of last)
      if (known !== null && what.startsWith(`${kind} `)) tell(`${what} is not in the registry any more`)
  }
}

/** Whether an object is what was written down of it; what a later version tells beside that was not there yet. */
function agrees(object: object, known: Record<string, unknown>): boolean {
  const told = JSON.parse(JSON.stringify(object)) as Record<string, unknown>
  return Object.entries(known).every(([name, value]) => JSON.stringify(told[name]) === JSON.stringify(value))
}

async function* readTable(registry: Registry | RegistryTransaction, table: string, key: string) {
  let after: string | undefined
  while (true) {
    let query = registry
      .selectFrom(table as 'assets')
      .selectAll()
      .orderBy(key as 'id')
      .limit(rowsPerQuery)
    if (after !== undefined) query = query.where(key as 'id', '>', after)
    const rows = (await query.execute()) as unknown as Record<string, unknown>[]
    yield* rows
    if (rows.length < rowsPerQuery) return
    after = String(rows.at(-1)![key])
  }
}
