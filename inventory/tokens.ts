import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto'
import { z } from 'zod'
import { serviceSchema } from '../domain/asset.ts'
import { Problem } from '../domain/problem.ts'
import { type Role, roles } from '../domain/role.ts'
import type { Access } from '../store/access.ts'
import { mutate, type Registry } from '../store/registry.ts'
import type { TokenTable } from '../store/registry-tables.ts'
import { parseInput } from './input.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'

/** A token, without the token itself, which is told once. Times are UTC epoch milliseconds. */
export type TokenInfo = {
  id: string
  role: Role
  name: string | null
  /** The services to which it is limited; null for all. */
  services: string[] | null
  createdAt: number
  revokedAt: number | null
}

/** The services of a token. */
export const servicesSchema = z.array(serviceSchema).min(1).max(50)

const tokenPattern = /^parvis_[A-Za-z0-9_-]{43}$/

/**
 * Makes a token, for all that there is or limited to some services. Throws Problem `bad_request` for a role that does
 * not exist, and for an administrator who is limited: who makes tokens and integrations has to do with all services.
 */
export async function addToken(
  access: Access,
  {
    role,
    name,
    services = null,
  }: { role: Role; name?: string | null | undefined; services?: string[] | null | undefined },
): Promise<{ id: string; token: string }> {
  if (!roles.includes(role))
    throw new Problem('bad_request', {
      fr: `les rôles sont ${roles.join(', ')}`,
      en: `the roles are ${roles.join(', ')}`,
    })
  if (name != null && (name.length > 120 || /\p{Cc}/u.test(name)))
    throw new Problem('bad_request', {
      fr: 'un nom a au plus 120 caractères, sans caractère de contrôle',
      en: 'a name has at most 120 characters, without control characters',
    })
  if (services !== null) parseInput(servicesSchema, services)
  if (services !== null && role === 'admin')
    throw new Problem('bad_request', {
      fr: 'services : un administrateur n’est limité à aucun service',
      en: 'services: an administrator cannot be limited to services',
    })
  const id = randomUUIDv7()
  const token = `parvis_${randomBytes(32).toString('base64url')}`
  await mutate(access, async ({ trx, revision, record }) => {
    const row = {
      id,
      role,
      name: name ?? null,
      services: services === null ? null : JSON.stringify(services),
      created_at: Date.now(),
      revoked_at: null,
      revision,
    }
    await trx
      .insertInto('tokens')
      .values({ ...row, hash: hashToken(token) })
      .execute()
    record('token', id, null, toToken(row))
  })
  return { id, token }
}

/**
 * Whose token this is, or null when it is unknown or revoked. The search goes by the token's SHA-256: what is compared
 * byte by byte tells nothing of the token, and 256 random bits need no salt.
 */
export async function verifyToken(
  registry: Registry,
  token: string,
): Promise<Pick<TokenInfo, 'id' | 'role' | 'name' | 'services'> | null> {
  if (!tokenPattern.test(token)) return null
  const row = await registry
    .selectFrom('tokens')
    .select(['id', 'role', 'name', 'services'])
    .where('hash', '=', hashToken(token))
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return row === undefined
    ? null
    : { id: row.id, role: row.role as Role, name: row.name, services: toServices(row.services) }
}

/** The tokens in the order of their ids, which is that of their making to the millisecond; revoked ones too. */
export async function listTokens(access: Access, { limit, cursor }: PageRequest): Promise<Page<TokenInfo>> {
  let query = access.registry.selectFrom('tokens').selectAll()
  if (cursor !== undefined) query = query.where('id', '>', decodeCursor(cursor))
  const rows = await query
    .orderBy('id')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => row.id, toToken)
}

/** Ends a token; one that has ended stays so. Throws Problem `not_found`. */
export async function revokeToken(access: Access, id: string): Promise<TokenInfo> {
  return mutate(access, async ({ trx, revision, record }) => {
    const row = await trx.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new Problem('not_found', id)
    if (row.revoked_at !== null) return toToken(row)
    const after = toToken({ ...row, revoked_at: Date.now() })
    await trx.updateTable('tokens').set({ revoked_at: after.revokedAt, revision }).where('id', '=', id).execute()
    record('token', id, toToken(row), after)
    return after
  })
}

export function toToken(row: Omit<TokenTable, 'hash'>): TokenInfo {
  return {
    id: row.id,
    role: row.role as Role,
    name: row.name,
    services: toServices(row.services),
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  }
}

function toServices(text: string | null): string[] | null {
  return text === null ? null : (JSON.parse(text) as string[])
}

function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
