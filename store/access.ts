import type { Registry } from './registry.ts'

/** In whose name something is done: a token of the API, a person at the command line, or Parvis itself. */
export type Actor = { kind: 'token' | 'command' | 'system'; id: string; name: string | null }

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
}

/** Opens the registry to someone. */
export function openAccess(
  registry: Registry,
  actor: Actor,
  { services = null, reason = null }: Partial<Pick<Access, 'services' | 'reason'>> = {},
): Access {
  return { registry, actor, services, reason }
}

/** Parvis itself, which sees all. */
export function systemAccess(registry: Registry, id: string): Access {
  return openAccess(registry, { kind: 'system', id, name: null })
}
