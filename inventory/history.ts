import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { decodeCursor, type Page, type PageRequest, toPage, wrongCursor } from './page.ts'

/** One change of an object, or of what hangs on it: in whose name, when (UTC epoch ms), why, and what it was. */
export type HistoryEntry = {
  revision: number
  recordedAt: number
  actor: { kind: string; id: string; name: string | null }
  reason: string | null
  kind: string
  id: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
}

const histories = {
  asset: { table: 'assets', column: 'asset_id', other: 'device' },
  device: { table: 'devices', column: 'device_id', other: 'asset' },
} as const

/**
 * What was changed of an asset or a device and of what hangs on it, the newest first; of one that was removed, too.
 * Who is limited to services reads the history of what they see now, without what belongs to others. Throws Problem
 * `not_found`.
 */
export async function readHistory(
  access: Access,
  kind: keyof typeof histories,
  id: string,
  { limit, cursor }: PageRequest,
): Promise<Page<HistoryEntry>> {
  const { registry } = access
  const { table, column, other } = histories[kind]
  const present = await registry.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()
  if (present === undefined && access.services !== null) throw new Problem('not_found', id)
  const all = registry.withoutPlugins()
  let hanging = all
    .selectFrom('installations')
    .select('id')
    .where(column, '=', id)
    .union(all.selectFrom('installation_versions').select('id').where(column, '=', id))
  if (kind === 'asset')
    hanging = hanging
      .union(all.selectFrom('documents').select('id').where('asset_id', '=', id))
      .union(all.selectFrom('meter_indexes').select('id').where('asset_id', '=', id))
  let query = all
    .selectFrom('audit_rows')
    .innerJoin('audit_entries', 'audit_entries.revision', 'audit_rows.revision')
    .selectAll()
    .select('audit_rows.revision as revision')
    .where('kind', '!=', other)
    .where((e) => e.or([e('object_id', '=', id), e('object_id', 'in', hanging)]))
  if (cursor !== undefined) {
    const [revision, position] = decodeCursor(cursor).split('/').map(Number)
    if (!Number.isSafeInteger(revision) || !Number.isSafeInteger(position)) throw wrongCursor()
    query = query.where((e) =>
      e.or([
        e('audit_rows.revision', '<', revision!),
        e.and([e('audit_rows.revision', '=', revision!), e('position', '>', position!)]),
      ]),
    )
  }
  const rows = await query
    .orderBy('audit_rows.revision', 'desc')
    .orderBy('position')
    .limit(limit + 1)
    .execute()
  if (rows.length === 0 && present === undefined) throw new Problem('not_found', id)
  const page = toPage(
    rows,
    limit,
    (row) => `${row.revision}/${row.position}`,
    (row): HistoryEntry => ({
      revision: row.revision,
      recordedAt: row.recorded_at,
      actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
      reason: row.reason,
      kind: row.kind,
      id: row.object_id,
      before: row.before === null ? null : (JSON.parse(row.before) as Record<string, unknown>),
      after: row.after === null ? null : (JSON.parse(row.after) as Record<string, unknown>),
    }),
  )
  return access.services === null ? page : { ...page, items: await hideOthers(access, page.items) }
}

/** Leaves out the versions of installations that are, or were, on assets of other services. */
async function hideOthers({ registry }: Access, items: readonly HistoryEntry[]): Promise<HistoryEntry[]> {
  const versions = items.filter((item) => item.kind === 'installation').flatMap(({ before, after }) => [before, after])
  const named = [...new Set(versions.flatMap((version) => (version === null ? [] : [String(version.assetId)])))]
  const seen = new Set<unknown>()
  if (named.length > 0)
    for (const row of await registry.selectFrom('assets').select('id').where('id', 'in', named).execute())
      seen.add(row.id)
  return items.flatMap((item) => {
    if (item.kind !== 'installation') return item
    const show = (version: HistoryEntry['before']) => (version !== null && seen.has(version.assetId) ? version : null)
    const [before, after] = [show(item.before), show(item.after)]
    return before === null && after === null ? [] : { ...item, before, after }
  })
}
