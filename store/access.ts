import { createHash } from 'node:crypto'
import type { Registry } from './registry.ts'
import { limitTo } from './scope.ts'

/** In whose name something is done: a token of the API, a person's account, a person at the command line, or Parvis itself. */
export type Actor = { kind: 'token' | 'account' | 'command' | 'system'; id: string; name: string | null }

/**
 * Who asks or acts, why, and what they may see. Every question to the inventory and every change of it goes through
 * one: `registry` holds nothing but what may be seen (see scope.ts), and each change is written to the audit.
 */
export type Access = {
  readonly registry: Registry
  readonly actor: Actor
  /** The services to which it is limited; null for all. */
  readonly services: readonly string[] | null
  /** Why, as the person says it; kept with each change. */
  readonly reason: string | null
  /** The tags that the object to be changed may have (see `tagOf`), `*` for any; null when nobody asked. */
  readonly ifMatch: readonly string[] | null
}

/** Opens the registry to someone. */
export function openAccess(
  registry: Registry,
  actor: Actor,
  { services = null, reason = null, ifMatch = null }: Partial<Omit<Access, 'registry' | 'actor'>> = {},
): Access {
  return { registry: services === null ? registry : limitTo(registry, services), actor, services, reason, ifMatch }
}

/** The entity tag of an object (RFC 9110 section 8.8.3): it is another one as soon as the object is. */
export function tagOf(object: object): string {
  return `"${createHash('sha256').update(JSON.stringify(object)).digest('base64url').slice(0, 22)}"`
}

/** Parvis itself, which sees all. */
export function systemAccess(registry: Registry, id: string): Access {
  return openAccess(registry, { kind: 'system', id, name: null })
}
