import { timingSafeEqual } from 'node:crypto'
import { internalName, isInternal } from '../domain/uplink.ts'
import { type Credential, readChanges, readCredentials } from '../store/credentials.ts'
import { type Registry, readRevision } from '../store/registry.ts'
import { verifySecret } from '../store/secrets.ts'
import { openVault } from '../store/vault.ts'
import { limits } from './limits.ts'
import { coversFilter, matchesTopic } from './topic.ts'

/** Who a connected client is: a kind, and its user name, which is a device id or an integration's name. */
export type Principal = {
  kind: keyof typeof rights
  name: string
  /** The topic filters that it was given for its own. */
  topics: readonly string[]
  /** Filters that it may not have all the same. */
  refused?: readonly string[]
  /** The change that gave it the secret that it showed. */
  secretRevision?: number
}

type Right = 'publish' | 'retain' | 'subscribe'

/**
 * Who may do what, by topic filters: what a client publishes has to match one; what it subscribes to has to be covered
 * by one, and it receives what it may subscribe to. `{name}` is its own name, `{topics}` the filters that it was given.
 * Topics that begin with `$` are nobody's unless a filter says so. A will is a publish.
 */
const rights = {
  device: {
    publish: ['devices/{name}/up', 'devices/{name}/status'],
    retain: ['devices/{name}/status'],
    subscribe: ['devices/{name}/#'],
  },
  integration: { publish: ['{topics}'], retain: [], subscribe: ['{topics}'] },
  /** Parvis itself, which hands over what came over HTTP, and commands; and is told what became of them. */
  internal: {
    publish: ['uplinks/#', '$parvis/commands/#'],
    retain: [],
    subscribe: ['$parvis/reports/+', '$parvis/listening/+'],
  },
  /** Whoever comes to the broker for conformance suites. */
  anyone: { publish: ['{topics}'], retain: ['{topics}'], subscribe: ['{topics}'] },
} as const satisfies Record<string, Record<Right, readonly string[]>>

/** Whether it may publish to a topic; with `retain`, to be kept for those who subscribe later. */
export function mayPublish(principal: Principal, topic: string, right: 'publish' | 'retain' = 'publish'): boolean {
  return filtersOf(principal, right).some((filter) => matchesTopic(filter, topic, principal.name))
}

export function maySubscribe(principal: Principal, filter: string): boolean {
  if (principal.refused?.includes(filter) === true) return false
  return filtersOf(principal, 'subscribe').some((granted) =>
    coversFilter(
      granted.replace('{name}', () => principal.name),
      filter,
    ),
  )
}

/** Whether a message may be delivered to it, whatever it once subscribed to. */
export function mayReceive(principal: Principal, topic: string): boolean {
  return filtersOf(principal, 'subscribe').some((filter) => matchesTopic(filter, topic, principal.name))
}

function filtersOf({ kind, topics }: Principal, right: Right): readonly string[] {
  const filters: readonly string[] = rights[kind][right]
  return filters[0] === '{topics}' ? topics : filters
}

/** CONNACK return codes (MQTT 3.1.1, 3.2.2.3). */
export type ConnectRefusal = { returnCode: 2 | 3 | 4 | 5 }

/** Decides who may connect, publish and subscribe. The broker knows nothing else of devices and integrations. */
export type Access = {
  authenticate(
    clientId: string,
    userName: string | undefined,
    password: Uint8Array | undefined,
  ): Promise<Principal | ConnectRefusal>
  /**
   * Calls back with those of the names that `isConcerned` that were revoked or removed (null), or got a secret, with the change
   * that gave it: who showed another has to show this one. Returns how to stop watching.
   */
  watch(
    onRevoked: (name: string, secretRevision: number | null) => void,
    isConcerned: (name: string) => boolean,
  ): () => void
}

/** The access that real use has: credentials of the registry, each device its own subtree, integrations their filters. */
export function registryAccess(registry: Registry, log: (text: string) => void): Access {
  const lookUp = batchLookUps(registry)
  const internalSecret = Buffer.from(openVault(registry.dataDir).derive(internalName))
  return {
    async authenticate(clientId, userName, password) {
      if (userName === undefined || password === undefined) return { returnCode: 4 }
      if (userName === internalName) {
        const isRight = password.length === internalSecret.length && timingSafeEqual(password, internalSecret)
        if (!isRight) return { returnCode: 4 }
        return isInternal(clientId) ? { kind: 'internal', name: internalName, topics: [] } : { returnCode: 2 }
      }
      const credential = await lookUp(userName)
      if (credential === null || !(await verifySecret(Buffer.from(password), credential.secret)))
        return { returnCode: 4 }
      if (credential.revoked) return { returnCode: 5 }
      const isBound =
        clientId === credential.name ||
        (credential.kind === 'integration' && clientId.startsWith(`${credential.name}/`) && isText(clientId))
      if (!isBound) return { returnCode: 2 }
      const { kind, name, topics, secretRevision } = credential
      return { kind, name, topics, secretRevision }
    },
    watch: (onRevoked, isConcerned) => watchRegistry(registry, onRevoked, isConcerned, log),
  }
}

// A client identifier without control characters or what else cannot be seen, which would look like another in a log.
function isText(name: string): boolean {
  return !/\p{C}/u.test(name)
}

// Ten thousand devices that come back at once are looked up a few hundred a query, not one.
function batchLookUps(registry: Registry) {
  const namesPerQuery = 256
  let waiting: { name: string; resolve(found: Credential | null): void; reject(error: unknown): void }[] = []
  let isRunning = false

  async function run() {
    isRunning = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, namesPerQuery)
      waiting = waiting.slice(namesPerQuery)
      try {
        const found = await readCredentials(registry, [...new Set(batch.map(({ name }) => name))])
        for (const { name, resolve } of batch) resolve(found.get(name) ?? null)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isRunning = false
  }

  return (name: string) =>
    new Promise<Credential | null>((resolve, reject) => {
      waiting.push({ name, resolve, reject })
      if (!isRunning) setImmediate(() => isRunning || run())
    })
}

function watchRegistry(
  registry: Registry,
  onRevoked: (name: string, secretRevision: number | null) => void,
  isConcerned: (name: string) => boolean,
  log: (text: string) => void,
): () => void {
  let revision: number | null = null
  let isAsking = false
  // The first answer says where to begin; it is asked for at once, before anyone is connected.
  async function ask() {
    if (isAsking) return
    isAsking = true
    try {
      if (revision === null) {
        revision = await readRevision(registry)
        return
      }
      const since = revision
      const changes = await readChanges(registry, since)
      const names = [...changes.devices, ...changes.integrations].filter(isConcerned)
      const credentials = await readCredentials(registry, names)
      for (const name of names) {
        const credential = credentials.get(name)
        if (credential === undefined || credential.revoked) onRevoked(name, null)
        else if (credential.secretRevision > since) onRevoked(name, credential.secretRevision)
      }
      revision = changes.revision
    } catch (error) {
      log(`broker: the registry does not answer: ${(error as Error).message}`)
    } finally {
      isAsking = false
    }
  }
  void ask()
  const timer = setInterval(ask, limits.registryPollMs)
  timer.unref()
  return () => clearInterval(timer)
}
