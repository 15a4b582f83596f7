import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { Problem } from '../domain/problem.ts'
import { reasonSchema } from '../domain/reason.ts'
import { type Role, roleAllows } from '../domain/role.ts'
import { findSession, type Holder, type OpenedSession, type Visitor } from '../inventory/sessions.ts'
import { verifyToken } from '../inventory/tokens.ts'
import { type Access, openAccess } from '../store/access.ts'
import type { Registry } from '../store/registry.ts'
import type { Context } from './context.ts'

/** What a request shows of who sends it: a token, or what the cookie of a session holds. */
type Shown = { value: string; by: 'bearer' | 'cookie' }

/** Who calls: a person's account or a token, by itself or in a browser that it is signed in with. */
export type Caller = Holder & { access: Access; sessionId: string | null; shown: Shown }

/** Who shows this, or null: with what it may see, and in whose name it acts. */
export type FindCaller = (shown: Shown, request?: Pick<Access, 'reason' | 'ifMatch'>) => Promise<Caller | null>

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

/** How often what stays open asks whether its caller still is one. */
const recheckMs = 1000

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Knows callers by the tokens and the sessions of a registry, and opens it to them. */
export function findCallersIn(registry: Registry): FindCaller {
  async function find({ value, by }: Shown): Promise<(Holder & { sessionId: string | null }) | null> {
    if (by === 'cookie') return findSession(registry, value)
    const found = await verifyToken(registry, value)
    return found && { kind: 'token', ...found, login: null, language: null, sessionId: null }
  }
  return async (shown, request) => {
    const found = await find(shown)
    if (found === null) return null
    const { kind, id, name, services } = found
    return { ...found, shown, access: openAccess(registry, { kind, id, name }, { ...request, services }) }
  }
}

/**
 * Watches who has a connection that stays open: within a second after a token is revoked, or a session ends, `end` is
 * called. Answers how to stop watching.
 */
export function watchCaller({ findCaller }: Context, { shown }: Caller, end: () => void): () => void {
  const timer = setInterval(async () => {
    if ((await findCaller(shown).catch(() => null)) === null) end()
  }, recheckMs)
  return () => clearInterval(timer)
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
 * Who calls, if it may. Throws Problem `bad_credentials` without a right token or session, `too_many_requests` after too
 * many wrong tokens of one address, `forbidden` for a lesser role or for a page of another site that uses the reader's
 * cookie.
 */
export async function admit(request: FastifyRequest, reply: FastifyReply, context: Context, role: Role) {
  const shown = readBearer(request) ?? readCookie(request, context.config)
  if (shown === null) throw new Problem('bad_credentials')
  // What is right always passes: with 256 random bits nothing is gained by guessing, and many people may stand behind
  // the one address of an office whose forgotten script shows an old token. The limit keeps the wrong ones cheap.
  const caller = await context.findCaller(shown, { reason: readReason(request), ifMatch: readIfMatch(request) })
  // A cookie of yesterday is no attempt.
  if (caller === null && shown.by === 'cookie') throw new Problem('bad_credentials')
  if (caller === null) return refuseWrong(request, reply, context)
  if (!roleAllows(caller.role, role)) throw new Problem('forbidden')
  if (shown.by === 'cookie') checkSameOrigin(request, context.config)
  return caller
}

/**
 * Refuses what nobody has: a wrong token or link. Throws the problem, or `too_many_requests` after too many
 * from one address.
 */
export function refuseWrong(
  request: FastifyRequest,
  reply: FastifyReply,
  { attempts }: Context,
  problem = new Problem('bad_credentials'),
): never {
  const waitMs = attempts.countWrong(request.ip)
  if (waitMs === 0) throw problem
  return refuseForNow(reply, waitMs)
}

/** Throws Problem `too_many_requests`, and says when to come back. */
export function refuseForNow(reply: FastifyReply, waitMs: number): never {
  reply.header('retry-after', Math.ceil(waitMs / 1000))
  throw new Problem('too_many_requests')
}

/** From where a browser signs in, and what it says that it is. */
export function visitorOf(request: FastifyRequest): Visitor {
  return { address: request.ip, agent: request.headers['user-agent'] ?? '' }
}

/** What the session's cookie of a request holds, whether it is anybody's or not. */
export function readSessionValue(request: FastifyRequest, config: Config): string | null {
  return readCookie(request, config)?.value ?? null
}

/** Signs a browser in: from then on its requests carry the session by themselves, out of reach of scripts. */
export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  config: Config,
  { value, expiresAt }: OpenedSession,
): void {
  const secure = isSecure(request, config)
  const maxAge = Math.floor((expiresAt - Date.now()) / 1000)
  reply.setCookie(cookieName(secure), value, { ...cookieAttributes(secure), maxAge })
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
    throw new Problem('bad_request', {
      fr: 'X-Parvis-Reason : de 1 à 500 caractères, codés en pour cent',
      en: 'X-Parvis-Reason: expected 1 to 500 characters, percent-encoded',
    })
  }
}

/** The entity tags of `If-Match` (RFC 9110 section 13.1.1); null without it. A weak one matches nothing. */
function readIfMatch(request: FastifyRequest): string[] | null {
  return request.headers['if-match']?.split(',').map((tag) => tag.trim()) ?? null
}

function readBearer(request: FastifyRequest): Shown | null {
  const { authorization } = request.headers
  if (authorization === undefined) return null
  const value = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (value === undefined)
    throw new Problem('bad_credentials', {
      fr: 'attendu : "Authorization: Bearer <jeton>"',
      en: 'expected "Authorization: Bearer <token>"',
    })
  return { value, by: 'bearer' }
}

function readCookie(request: FastifyRequest, config: Config): Shown | null {
  const value = request.cookies[cookieName(isSecure(request, config))]
  return value === undefined ? null : { value, by: 'cookie' }
}

// The prefix makes browsers refuse the cookie unless this host itself set it, by https and for all paths (RFC 6265bis
// section 4.1.3.2).
function cookieName(secure: boolean): string {
  return secure ? '__Host-parvis' : 'parvis'
}

function cookieAttributes(secure: boolean) {
  return { path: '/', httpOnly: true, sameSite: 'strict' as const, secure }
}
