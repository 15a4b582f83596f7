import { type Credential, readChanges, readCredentials } from '../store/credentials.ts'
import { type Registry, readRevision } from '../store/registry.ts'
import { verifySecret } from '../store/secrets.ts'
import { limits } from './limits.ts'
import { coversFilter, matchesTopic } from './topic.ts'

/** Who a connected client is, and what follows from it. `name` is its user name: a device id or an integration's name. */
export type Principal = {
  name: string
  mayPublish(topic: string): boolean
  mayRetain(topic: string): boolean
  maySubscribe(filter: string): boolean
  /** Whether a message may be delivered to it, whatever it once subscribed to. */
  mayReceive(topic: string): boolean
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
  /** Calls back with the names whose connections must end; returns how to stop watching. */
  watch(onRevoked: (name: string) => void, connected: () => readonly string[]): () => void
}

/** The access that real use has: credentials of the registry, each device its own subtree, integrations their filters. */
export function registryAccess(registry: Registry, log: (text: string) => void): Access {
  const lookUp = batchLookUps(registry)
  return {
    async authenticate(clientId, userName, password) {
      if (userName === undefined || password === undefined) return { returnCode: 4 }
      const credential = await lookUp(userName)
      if (credential === null || !(await verifySecret(Buffer.from(password), credential.secret)))
        return { returnCode: 4 }
      if (credential.revoked) return { returnCode: 5 }
      const isBound =
        clientId === credential.name ||
        (credential.kind === 'integration' && clientId.startsWith(`${credential.name}/`) && isText(clientId))
      if (!isBound) return { returnCode: 2 }
      return credential.kind === 'device' ? devicePrincipal(credential.name) : integrationPrincipal(credential)
    },
    watch: (onRevoked, connected) => watchRegistry(registry, onRevoked, connected, log),
  }
}

function devicePrincipal(deviceId: string): Principal {
  const subtree = `devices/${deviceId}/`
  const up = `${subtree}up`
  const status = `${subtree}status`
  return {
    name: deviceId,
    mayPublish: (topic) => topic === up || topic === status,
    mayRetain: (topic) => topic === status,
    maySubscribe: (filter) => filter.startsWith(subtree) && filter.length > subtree.length,
    mayReceive: (topic) => topic.startsWith(subtree),
  }
}

function integrationPrincipal({ name, topics }: Credential): Principal {
  return {
    name,
    mayPublish: (topic) => isText(topic) && topics.some((filter) => matchesTopic(filter, topic)),
    mayRetain: () => false,
    maySubscribe: (filter) => topics.some((granted) => coversFilter(granted, filter)),
    mayReceive: (topic) => topics.some((filter) => matchesTopic(filter, topic)),
  }
}

/** A name without control characters or lone surrogates, which MQTT 3.1.1, 1.5.3 forbids and aedes lets through. */
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
  onRevoked: (name: string) => void,
  connected: () => readonly string[],
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
      const changes = await readChanges(registry, revision)
      const online = new Set(connected())
      const names = [...changes.devices, ...changes.integrations].filter((name) => online.has(name))
      const credentials = await readCredentials(registry, names)
      for (const name of names) if (credentials.get(name)?.revoked !== false) onRevoked(name)
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
