import { createHash } from 'node:crypto'
import type { Access } from './access.ts'
import { inParts, type RegistryTransaction } from './registry.ts'
import type { AuditEntryTable, AuditRowTable } from './registry-tables.ts'

/** What the audit tells changes of. */
export type AuditKind =
  | 'asset'
  | 'device'
  | 'installation'
  | 'token'
  | 'account'
  | 'integration'
  | 'bridge'
  | 'replay'
  | 'model'
  | 'command'
  | 'import'
  | 'import_profile'
  | 'document'
  | 'meter_index'

/** One object as it was before and as it is after; null where it was not, or is not any more. Secrets never enter. */
export type AuditChange = { kind: AuditKind; id: string; before: object | null; after: object | null }

/** The last link of the chain: its revision, and a hash that stands for it and all before it. */
export type AuditHead = { revision: number; hash: string }

/** What the chain begins with. */
export const emptyHash = '0'.repeat(64)

/**
 * Adds what one transaction changed to the chain: one entry, whose hash takes in the entry before it and a digest of
 * its rows in their order, so that a hundred thousand rows cost one link. The transaction holds the change counter: no
 * other entry can come between.
 */
export async function appendAudit(
  trx: RegistryTransaction,
  { actor, reason }: Pick<Access, 'actor' | 'reason'>,
  revision: number,
  changes: readonly AuditChange[],
): Promise<AuditHead> {
  const rows = changes.map(
    ({ kind, id, before, after }, i): AuditRowTable => ({
      revision,
      position: i,
      kind,
      object_id: id,
      before: before === null ? null : JSON.stringify(before),
      after: after === null ? null : JSON.stringify(after),
    }),
  )
  const digest = startDigest()
  for (const row of rows) digest.add(row)
  const entry = {
    revision,
    recorded_at: Date.now(),
    actor_kind: actor.kind,
    actor_id: actor.id,
    actor_name: actor.name,
    reason,
    row_count: rows.length,
    digest: digest.finish(),
  }
  const before = await trx
    .selectFrom('audit_entries')
    .select('hash')
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst()
  const hash = hashEntry(before?.hash ?? emptyHash, entry)
  await trx
    .insertInto('audit_entries')
    .values({ ...entry, hash })
    .execute()
  for (const part of inParts(rows)) await trx.insertInto('audit_rows').values(part).execute()
  return { revision, hash }
}

/** The digest of an entry's rows, added in their order. */
export function startDigest(): { add(row: Omit<AuditRowTable, 'revision'>): void; finish(): string } {
  const hash = createHash('sha256')
  return {
    add({ position, kind, object_id, before, after }) {
      hash.update(`${JSON.stringify([position, kind, object_id, before, after])}\n`)
    },
    finish: () => hash.digest('hex'),
  }
}

/** The hash of an entry that follows on one with the hash `previous`. */
export function hashEntry(previous: string, entry: Omit<AuditEntryTable, 'hash'>): string {
  const { revision, recorded_at, actor_kind, actor_id, actor_name, reason, row_count, digest } = entry
  return createHash('sha256')
    .update(
      JSON.stringify([previous, revision, recorded_at, actor_kind, actor_id, actor_name, reason, row_count, digest]),
    )
    .digest('hex')
}
