import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto'
import type { Role } from '../domain/role.ts'
import { inParts, type Registry, type RegistryTransaction } from '../store/registry.ts'

/*
 * Browsers in which someone is signed in. The cookie holds 256 random bits that Parvis chose, and the registry their
 * hash: who reads the database cannot sign in with it, and a value that someone else planted is nobody's.
 */

/** Whose session it is: a person's, or a token's. */
export type Holder = {
  kind: 'account' | 'token'
  id: string
  role: Role
  name: string | null
  services: string[] | null
  login: string | null
  language: 'fr' | 'en' | null
}

/** A session as its own holder sees it. Times are UTC epoch milliseconds. */
export type Session = {
  id: string
  address: string
  agent: string
  createdAt: number
  usedAt: number
  expiresAt: number
}

/** Where a browser is, and what it says that it is. */
export type Visitor = { address: string; agent: string }

/** What its cookie holds, this one time, and until when. */
export type OpenedSession = { value: string; holder: Holder; expiresAt: number }

/**
 * How long a session lasts at most, and without being used. A person's: a working week, and a night. A token's: a month,
 * for the screen on a wall, which nobody signs in again each Monday.
 */
export const sessionLimits = {
  account: { maxAgeMs: 7 * 24 * 3_600_000, maxIdleMs: 12 * 3_600_000 },
  token: { maxAgeMs: 30 * 24 * 3_600_000, maxIdleMs: 30 * 24 * 3_600_000 },
} as const

/** How exactly it is known when a session was last used. */
const usedEveryMs = 60_000

/** Sessions of one account or token; the ones that were used longest ago end for new ones. */
const maxSessions = 100

const maxAgentLength = 300

const valuePattern = /^[A-Za-z0-9_-]{43}$/

/** Opens a session; what has expired goes. The transaction holds the row of the account, so that both agree. */
export async function openSession(
  trx: RegistryTransaction,
  holder: Holder,
  { address, agent }: Visitor,
): Promise<OpenedSession> {
  const now = Date.now()
  const value = randomBytes(32).toString('base64url')
  const { maxAgeMs } = sessionLimits[holder.kind]
  await endOldest(trx, holder, now)
  await trx
    .insertInto('sessions')
    .values({
      id: randomUUIDv7(),
      hash: hashValue(value),
      account_id: holder.kind === 'account' ? holder.id : null,
      token_id: holder.kind === 'token' ? holder.id : null,
      address,
      agent: agent.slice(0, maxAgentLength),
      created_at: now,
      used_at: now,
      expires_at: now + maxAgeMs,
    })
    .execute()
  return { value, holder, expiresAt: now + maxAgeMs }
}

async function endOldest(trx: RegistryTransaction, holder: Holder, now: number): Promise<void> {
  await trx
    .deleteFrom('sessions')
    .where((e) =>
      e.or([
        e('expires_at', '<=', now),
        e.and([e('account_id', 'is not', null), e('used_at', '<=', now - sessionLimits.account.maxIdleMs)]),
      ]),
    )
    .execute()
  const beyond = await trx
    .selectFrom('sessions')
    .select('id')
    .where(columnOf(holder), '=', holder.id)
    .orderBy('used_at', 'desc')
    .orderBy('id', 'desc')
    .offset(maxSessions - 1)
    // SQLite takes an offset with a limit only.
    .limit(maxSessions)
    .execute()
  for (const part of inParts(beyond.map((each) => each.id)))
    await trx.deleteFrom('sessions').where('id', 'in', part).execute()
}

/**
 * Whose session a cookie's value is, or null: it was never one, has expired, or its account was disabled or its token
 * revoked. What its holder may do is read anew each time.
 */
export async function findSession(registry: Registry, value: string): Promise<(Holder & { sessionId: string }) | null> {
  if (!valuePattern.test(value)) return null
  const now = Date.now()
  const row = await registry
    .selectFrom('sessions')
    .leftJoin('accounts', 'accounts.id', 'sessions.account_id')
    .leftJoin('tokens', 'tokens.id', 'sessions.token_id')
    .select(['sessions.id as session_id', 'account_id', 'token_id', 'used_at', 'disabled_at', 'revoked_at'])
    .select(['login', 'language', 'accounts.name as account_name', 'tokens.name as token_name'])
    .select((e) => [
      e.fn.coalesce('accounts.role', 'tokens.role').as('role'),
      e.fn.coalesce('accounts.services', 'tokens.services').as('services'),
    ])
    .where('sessions.hash', '=', hashValue(value))
    .where('expires_at', '>', now)
    .executeTakeFirst()
  if (row === undefined || row.disabled_at !== null || row.revoked_at !== null) return null
  const kind = row.account_id === null ? 'token' : 'account'
  if (row.used_at <= now - sessionLimits[kind].maxIdleMs) return null
  if (row.used_at <= now - usedEveryMs)
    await registry.updateTable('sessions').set({ used_at: now }).where('id', '=', row.session_id).execute()
  return {
    kind,
    id: (row.account_id ?? row.token_id)!,
    role: row.role as Role,
    name: row.account_name ?? row.token_name,
    services: row.services === null ? null : (JSON.parse(row.services) as string[]),
    login: row.login,
    language: row.language,
    sessionId: row.session_id,
  }
}

/** Ends the session of a cookie; nothing happens when there is none. */
export async function endSession(registry: Registry | RegistryTransaction, value: string): Promise<void> {
  if (valuePattern.test(value)) await registry.deleteFrom('sessions').where('hash', '=', hashValue(value)).execute()
}

export function toSession(row: {
  id: string
  address: string
  agent: string
  created_at: number
  used_at: number
  expires_at: number
}): Session {
  const { id, address, agent, created_at, used_at, expires_at } = row
  return { id, address, agent, createdAt: created_at, usedAt: used_at, expiresAt: expires_at }
}

function columnOf({ kind }: Holder) {
  return kind === 'account' ? ('account_id' as const) : ('token_id' as const)
}

function hashValue(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
