import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { Problem } from '../domain/problem.ts'
import { reasonSchema } from '../domain/reason.ts'
import { type Role, roleAllows } from '../domain/role.ts'
import { verifyToken } from '../inventory/tokens.ts'
import { type Access, openAccess } from '../store/access.ts'
import type { Registry } from '../store/registry.ts'
import type { Context } from './context.ts'

/** Who calls, and how it said so. */
export type Caller = {
  id: string
  role: Role
  name: string | null
  access: Access
  token: string
  by: 'bearer' | 'cookie'
}

/** Whose token this is, or null: with what it may see, and in whose name it acts. */
export type FindCaller = (
  token: string,
  request?: Pick<Access, 'reason' | 'ifMatch'>,
) => Promise<Pick<Caller, 'id' | 'role' | 'name' | 'access'> | null>

/** What a route asks of its caller: a role, or nothing. */
export type Policy = Role | 'public'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that may call the route. A route of the API without one stops the start. */
    role?: Policy
  }
  interface FastifyRequest {
    caller: Caller | null
    /** The registry as the caller may see it, for changes in its name. Only behind a policy that is not public. */
    access: Access
  }
}

/** How long a browser stays signed in, when the token is not revoked before. */
const sessionMaxAgeS = 30 * 24 * 3600

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Knows callers by the tokens of a registry, and opens it to them. */
export function findCallersIn(registry: Registry): FindCaller {
  return async (token, request) => {
    const found = await verifyToken(registry, token)
    if (found === null) return null
    const { id, role, name, services } = found
    return { id, role, name, access: openAccess(registry, { kind: 'token', id, name }, { ...request, services }) }
  }
}

/** Gives every request room for its caller. A handler that takes `access` behind a public policy is refused. */
export function installCaller(app: FastifyInstance): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('access', {
    getter() {
      const { caller } = this as FastifyRequest
      if (caller === null) throw new Error('a public route has no access to the registry')
      return caller.access
    },
  })
}

/** Puts the door in front of every route of an instance: each needs a policy, and callers are held to it. */
export function installAccess(app: FastifyInstance, context: Context): void {
  app.addHook('onRoute', (route) => {
    if (route.config?.role === undefined) throw new Error(`the route ${route.method} ${route.url} has no policy`)
  })
  app.addHook('onRequest', async (request, reply) => {
    const policy = request.routeOptions.config.role
    if (policy !== 'public') request.caller = await admit(request, reply, context, policy ?? 'admin')
  })
}

/**
 * Who calls, if it may. Throws Problem `bad_credentials` without a right token, `too_many_requests` after too many wrong
 * ones of one address, `forbidden` for a lesser role or for a page of another site that uses the reader's cookie.
 */
export async function admit(request: FastifyRequest, reply: FastifyReply, context: Context, role: Role) {
  const shown = readBearer(request) ?? readCookie(request, context.config)
  if (shown === null) throw new Problem('bad_credentials')
  const caller: Caller = { ...(await checkToken(shown.token, request, reply, context)), ...shown }
  if (!roleAllows(caller.role, role)) throw new Problem('forbidden')
  if (caller.by === 'cookie') checkSameOrigin(request, context.config)
  return caller
}

/** Whose token this is. Throws Problem `bad_credentials` or `too_many_requests`. */
export async function checkToken(token: string, request: FastifyRequest, reply: FastifyReply, context: Context) {
  // A right token always passes: with 256 random bits nothing is gained by guessing, and many people may stand behind
  // the one address of an office whose forgotten script shows an old token. The limit keeps the wrong ones cheap.
  const found = await context.findCaller(token, { reason: readReason(request), ifMatch: readIfMatch(request) })
  if (found !== null) return found
  const waitMs = context.attempts.countWrong(request.ip)
  if (waitMs === 0) throw new Problem('bad_credentials')
  reply.header('retry-after', Math.ceil(waitMs / 1000))
  throw new Problem('too_many_requests')
}

/** Signs a browser in: from then on its requests carry the token by themselves, out of reach of scripts. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, config: Config, token: string): void {
  const secure = isSecure(request, config)
  reply.setCookie(cookieName(secure), token, { ...cookieAttributes(secure), maxAge: sessionMaxAgeS })
}

/** Signs a browser out. */
export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply, config: Config): void {
  const secure = isSecure(request, config)
  reply.clearCookie(cookieName(secure), cookieAttributes(secure))
}

/**
 * Refuses a request by which another site would act with the reader's cookie (OWASP CSRF prevention: Fetch Metadata,
 * else Origin). Browsers send one of the two with every request that may change something. Throws Problem `forbidden`.
 */
export function checkSameOrigin(request: FastifyRequest, config: Config): void {
  if (safeMethods.has(request.method)) return
  if (isSameOrigin(request, config)) return
  throw new Problem('forbidden', {
    fr: 'un navigateur ne peut le faire que depuis les pages de cette adresse',
    en: 'a browser may only do this from the pages of this address',
  })
}

function isSameOrigin(request: FastifyRequest, config: Config): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin } = request.headers
  if (origin === undefined) return false
  const publicUrl = config.PARVIS_PUBLIC_URL
  return (
    origin === `${request.protocol}://${request.host}` ||
    (publicUrl !== undefined && origin === new URL(publicUrl).origin)
  )
}

/** Whether a request says that a browser sent it: programs send neither header. */
export function isFromBrowser(request: FastifyRequest): boolean {
  return request.headers['sec-fetch-site'] !== undefined || request.headers.origin !== undefined
}

/** Whether people reach this address by https, so that cookies may be kept to it. */
export function isSecure(request: FastifyRequest, config: Config): boolean {
  return request.protocol === 'https' || config.PARVIS_PUBLIC_URL?.startsWith('https:') === true
}

/** Why, as the header `X-Parvis-Reason` says it: percent-encoded UTF-8, since headers hold no other letters. */
function readReason(request: FastifyRequest): string | null {
  const header = request.headers['x-parvis-reason']
  if (typeof header !== 'string') return null
  try {
    return reasonSchema.parse(decodeURIComponent(header))
  } catch {
    throw new Problem('bad_request', 'X-Parvis-Reason: expected 1 to 500 characters, percent-encoded')
  }
}

/** The entity tags of `If-Match` (RFC 9110 section 13.1.1); null without it. A weak one matches nothing. */
function readIfMatch(request: FastifyRequest): string[] | null {
  return request.headers['if-match']?.split(',').map((tag) => tag.trim()) ?? null
}

function readBearer(request: FastifyRequest) {
  const { authorization } = request.headers
  if (authorization === undefined) return null
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (token === undefined)
    throw new Problem('bad_credentials', {
      fr: 'attendu : "Authorization: Bearer <jeton>"',
      en: 'expected "Authorization: Bearer <token>"',
    })
  return { token, by: 'bearer' as const }
}

function readCookie(request: FastifyRequest, config: Config) {
  const token = request.cookies[cookieName(isSecure(request, config))]
  return token === undefined ? null : { token, by: 'cookie' as const }
}

// The prefix makes browsers refuse the cookie unless this host itself set it, by https and for all paths (RFC 6265bis
// section 4.1.3.2).
function cookieName(secure: boolean): string {
  return secure ? '__Host-parvis' : 'parvis'
}

function cookieAttributes(secure: boolean) {
  return { path: '/', httpOnly: true, sameSite: 'strict' as const, secure }
}
