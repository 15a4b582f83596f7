import { randomBytes } from 'node:crypto'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { type Change, mutate, type Registry } from '../store/registry.ts'
import { getDevice } from './devices.ts'

/** How long a request is remembered. */
const requestsKeptMs = 365 * 24 * 3_600_000

/** Most requests that are taken at once. */
const maxTaken = 100

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
  access: Access,
  {
    from = null,
    to = null,
    deviceId = null,
    replace = false,
  }: { from?: number | null; to?: number | null; deviceId?: string | null; replace?: boolean },
): Promise<ReplayRequest> {
  if (from !== null && to !== null && from >= to)
    throw new Problem('bad_request', { fr: 'to : pas après from', en: 'to: it is not after from' })
  if (access.services !== null) {
    if (deviceId === null)
      throw new Problem('forbidden', { fr: 'deviceId : nommez un appareil', en: 'deviceId: name one device' })
    await getDevice(access, deviceId)
  }
  return mutate(access, (change) => insertReplay(change, { from, to, deviceId, replace }))
}

/** The same as `requestReplay`, inside a transaction of the caller. */
export async function insertReplay(
  { trx, revision, record }: Change,
  body: Omit<ReplayRequest, 'id' | 'createdAt'>,
): Promise<ReplayRequest> {
  const createdAt = Date.now()
  // Ingest asks for what comes after the last id that it took. The change counter gives ids in the order of their
  // commits, which no clock does; the random part keeps them apart when an older copy of the registry is put back.
  const id = `${String(revision).padStart(12, '0')}-${randomBytes(4).toString('hex')}`
  await trx
    .deleteFrom('requests')
    .where('created_at', '<', createdAt - requestsKeptMs)
    .execute()
  await trx
    .insertInto('requests')
    .values({ id, kind: 'replay', body: JSON.stringify(body), created_at: createdAt })
    .execute()
  record('replay', id, null, body)
  return { id, ...body, createdAt }
}

/** The replays asked for after the one with the id `afterId` (empty for all), in the order of asking. */
export async function takeRequests(registry: Registry, afterId: string): Promise<ReplayRequest[]> {
  const rows = await registry
    .selectFrom('requests')
    .selectAll()
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(maxTaken)
    .execute()
  return rows.map(toRequest)
}

/** One replay that was asked for, or null. */
export async function getRequest(access: Access, id: string): Promise<ReplayRequest | null> {
  const row = await access.registry.selectFrom('requests').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) return null
  const request = toRequest(row)
  return (await seesRequest(access, request)) ? request : null
}

async function seesRequest(access: Access, { deviceId }: ReplayRequest): Promise<boolean> {
  if (access.services === null) return true
  if (deviceId === null) return false
  const row = await access.registry.selectFrom('devices').select('id').where('id', '=', deviceId).executeTakeFirst()
  return row !== undefined
}

function toRequest(row: { id: string; body: string; created_at: number }): ReplayRequest {
  const body = JSON.parse(row.body) as Omit<ReplayRequest, 'id' | 'createdAt'>
  return { id: row.id, ...body, createdAt: row.created_at }
}
