import { randomUUIDv7 } from 'node:crypto'
import { Problem } from '../domain/problem.ts'
import type { Registry } from '../store/registry.ts'

/**
 * A replay that was asked for: uplinks by receivedAt in [from, to), UTC epoch milliseconds, of one device or all.
 * `replace` first removes the readings of that span.
 */
export type ReplayRequest = {
  id: string
  from: number | null
  to: number | null
  deviceId: string | null
  replace: boolean
  createdAt: number
}

/**
 * Writes down a replay for ingest to take; its outcome stands in ingest's file under the same id. Throws Problem
 * `bad_request` when the span is empty.
 */
export async function requestReplay(
  registry: Registry,
  {
    from = null,
    to = null,
    deviceId = null,
    replace = false,
  }: { from?: number | null; to?: number | null; deviceId?: string | null; replace?: boolean },
): Promise<ReplayRequest> {
  if (from !== null && to !== null && from >= to) throw new Problem('bad_request', 'to: it is not after from')
  const id = randomUUIDv7()
  const createdAt = Date.now()
  const body = { from, to, deviceId, replace }
  await registry
    .insertInto('requests')
    .values({ id, kind: 'replay', body: JSON.stringify(body), created_at: createdAt })
    .execute()
  return { id, ...body, createdAt }
}

/** The replays asked for after the one with the id `afterId` (empty for all), in the order of asking. */
export async function takeRequests(registry: Registry, afterId: string): Promise<ReplayRequest[]> {
  const rows = await registry
    .selectFrom('requests')
    .selectAll()
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(100)
    .execute()
  return rows.map(toRequest)
}

/** One replay that was asked for, or null. */
export async function getRequest(registry: Registry, id: string): Promise<ReplayRequest | null> {
  const row = await registry.selectFrom('requests').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? null : toRequest(row)
}

function toRequest(row: { id: string; body: string; created_at: number }): ReplayRequest {
  const body = JSON.parse(row.body) as Omit<ReplayRequest, 'id' | 'createdAt'>
  return { id: row.id, ...body, createdAt: row.created_at }
}
