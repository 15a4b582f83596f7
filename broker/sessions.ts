import { Readable } from 'node:stream'
import type { Client, PublishPacket, Subscription } from 'aedes'
import { limits } from './limits.ts'
import { createTopicTree } from './topic-tree.ts'

type Qos = 0 | 1 | 2

/** A message on its way to a subscriber, as aedes numbers it. It has a `messageId` once it was sent. */
type Queued = PublishPacket & { brokerId?: string; brokerCounter?: number }
type Packet = { cmd?: string; messageId?: number; brokerCounter?: number }
type Sub = { clientId: string; topic: string; qos: Qos }

// A session that outlives its connection (clean session 0).
type Session = {
  filters: Map<string, Qos>
  /** QoS 1 and 2, in order: what waits for the client, and what it has not acknowledged. */
  queue: Queued[]
}

// aedes tells "session present" of a session that gives it a subscription: this one, which is never granted, stands for
// a session that has none [MQTT-3.2.2-2].
export const sessionMark: Subscription = { topic: '$session', qos: 0 }

/**
 * aedes's persistence: the sessions and the retained messages, in memory; they end with the broker. Of sessions only
 * `sessionsMax` are kept, those away for the longest go first; of retained messages what fits `retainedBytes`.
 */
export function createSessions(options: {
  /** Whether a client may have a filter; asked again, it gives the same answer. */
  isGranted(client: Client, subscription: Subscription): boolean
  /** Whether no other is connected under its identifier. */
  isCurrent(client: Client): boolean
  /** A QoS 2 handshake has ended, or all of a client (null). */
  onReleased(clientId: string, messageId: number | null): void
  /** A session has a filter more. */
  onFilter(): void
  log(text: string): void
}) {
  const sessions = new Map<string, Session>()
  /** Since when those have been away whose clients are, the first to go first. */
  const away = new Map<string, number>()
  const filters = createTopicTree<Map<string, Sub>>()
  const retained = createTopicTree<Queued>()
  let retainedBytes = 0
  /** Packet identifiers of QoS 2 publishes between PUBREC and PUBREL. */
  const incoming = new Map<string, Set<number>>()
  const stored = new WeakSet<Subscription[]>()

  function open(clientId: string) {
    if (!sessions.has(clientId)) sessions.set(clientId, { filters: new Map(), queue: [] })
    away.delete(clientId)
    if (sessions.size > limits.sessionsMax) for (const [oldest] of away) return forget(oldest)
  }

  function leave(clientId: string, now = Date.now()) {
    if (sessions.has(clientId)) away.set(clientId, now)
  }

  function forget(clientId: string) {
    const session = sessions.get(clientId)
    if (session !== undefined) for (const filter of session.filters.keys()) drop(clientId, filter)
    sessions.delete(clientId)
    away.delete(clientId)
    release(clientId)
  }

  function expire(now = Date.now()) {
    for (const [clientId, since] of away) {
      if (now - since < limits.sessionExpiryMs) return
      forget(clientId)
    }
  }

  function release(clientId: string) {
    incoming.delete(clientId)
    options.onReleased(clientId, null)
  }

  function drop(clientId: string, filter: string) {
    const subs = filters.get(filter)
    subs?.delete(clientId)
    if (subs?.size === 0) filters.remove(filter)
  }

  function add(clientId: string, session: Session, { topic, qos }: Subscription) {
    session.filters.set(topic, qos as Qos)
    if (qos === 0) return drop(clientId, topic)
    const subs = filters.get(topic) ?? new Map<string, Sub>()
    subs.set(clientId, { clientId, topic, qos: qos as Qos })
    filters.set(topic, subs)
    options.onFilter()
  }

  // Of several filters of a client that take a topic, the one of the highest QoS [MQTT-3.3.5-1].
  function findSubs(topic: string): Sub[] {
    const best = new Map<string, Sub>()
    for (const subs of filters.taking(topic))
      for (const sub of subs.values()) if ((best.get(sub.clientId)?.qos ?? 0) < sub.qos) best.set(sub.clientId, sub)
    return [...best.values()]
  }

  function enqueue(subs: readonly Sub[], packet: Queued) {
    let payload: Buffer | null = null
    for (const { clientId, qos } of subs) {
      const queue = sessions.get(clientId)?.queue
      if (queue === undefined || queue.length >= limits.queuedPerClient) continue
      payload ??= copyBytes(packet.payload)
      queue.push({ ...packet, payload, qos: Math.min(packet.qos, qos) as Qos, retain: false, messageId: undefined })
    }
  }

  // A message is given its packet identifier as it is sent; one that a message in flight has not.
  function number(client: Client, packet: Packet) {
    const queue = sessions.get(client.id)?.queue ?? []
    if (packet.cmd === 'pubrel') {
      const at = queue.findIndex(({ messageId }) => messageId === packet.messageId)
      if (at >= 0) queue[at] = packet as Queued
      return
    }
    const entry = queue.find(({ brokerCounter }) => brokerCounter === packet.brokerCounter)
    if (entry === undefined || entry.messageId !== undefined) return
    while (queue.some(({ messageId }) => messageId === packet.messageId))
      packet.messageId = (packet.messageId! % 0xffff) + 1
    entry.messageId = packet.messageId
  }

  function retain(packet: Queued) {
    const before = retained.get(packet.topic)
    retainedBytes -= before?.payload.length ?? 0
    const { length } = packet.payload
    if (length === 0) retained.remove(packet.topic)
    else if (length > limits.retainedMessageBytes || retainedBytes + length > limits.retainedBytes) {
      retained.remove(packet.topic)
      options.log(`broker: no room to retain ${length} bytes of ${packet.topic}`)
    } else {
      retained.set(packet.topic, { ...packet, payload: copyBytes(packet.payload) })
      retainedBytes += length
    }
  }

  const persistence = {
    async setup() {},
    async subscriptionsByClient({ id }: { id: string }): Promise<Subscription[]> {
      const session = sessions.get(id)
      if (session === undefined) return []
      const subs = [...session.filters].map(([topic, qos]) => ({ topic, qos }))
      return subs.length > 0 ? subs : [sessionMark]
    },
    // Called once for every filter of a packet, each time with all of them.
    async addSubscriptions(client: Client, subs: Subscription[]) {
      const session = sessions.get(client.id)
      if (session === undefined || stored.has(subs)) return
      stored.add(subs)
      for (const sub of subs) if (options.isGranted(client, sub)) add(client.id, session, sub)
    },
    async removeSubscriptions(client: Client, topics: string[]) {
      for (const topic of topics) {
        sessions.get(client.id)?.filters.delete(topic)
        drop(client.id, topic)
      }
    },
    async subscriptionsByTopic(topic: string): Promise<Sub[]> {
      return findSubs(topic)
    },
    async cleanSubscriptions(client: Client) {
      forget(client.id)
    },
    async outgoingEnqueue({ clientId }: { clientId: string }, packet: Queued) {
      enqueue([{ clientId, topic: packet.topic, qos: 2 }], packet)
    },
    async outgoingEnqueueCombi(subs: Sub[], packet: Queued) {
      enqueue(subs, packet)
    },
    async outgoingUpdate(client: Client, packet: Packet) {
      number(client, packet)
    },
    async outgoingClearMessageId(client: Client, packet: Packet) {
      const queue = sessions.get(client.id)?.queue ?? []
      const at = packet.messageId === undefined ? -1 : queue.findIndex((each) => each.messageId === packet.messageId)
      return at < 0 ? undefined : queue.splice(at, 1)[0]
    },
    // What was sent before the connection was lost is sent again, and says so [MQTT-3.3.1-1].
    outgoingStream(client: Client) {
      const queue = sessions.get(client.id)?.queue ?? []
      return Readable.from(queue.map((each) => (isSent(each) ? { ...each, dup: true } : each)))
    },
    // A duplicate finds that it came already, also where the first has only just begun [MQTT-4.3.3-2].
    async incomingGetPacket(client: Client, { cmd, messageId }: Packet) {
      const ids = incoming.get(client.id)
      if (ids?.has(messageId!) === true) return { messageId }
      if (cmd === 'publish') incoming.set(client.id, (ids ?? new Set<number>()).add(messageId!))
      throw new Error('no such packet')
    },
    async incomingStorePacket() {},
    async incomingDelPacket(client: Client, { messageId }: Packet) {
      const ids = incoming.get(client.id)
      ids?.delete(messageId!)
      if (ids?.size === 0) incoming.delete(client.id)
      options.onReleased(client.id, messageId!)
    },
    async cleanIncoming(client: Client) {
      if (options.isCurrent(client)) release(client.id)
    },
    async storeRetained(packet: Queued) {
      retain(packet)
    },
    createRetainedStreamCombi(patterns: string[]) {
      const found = new Set(patterns.flatMap((pattern) => [...retained.takenBy(pattern)]))
      return Readable.from(found)
    },
    // Wills end with the broker: aedes keeps those of connected clients itself.
    async putWill() {},
    async delWill() {},
    streamWill: () => Readable.from([]),
    async destroy() {},
  }

  return {
    persistence,
    open,
    leave,
    expire,
    /** Whether a session has a filter that takes a topic. */
    hears: (topic: string) => filters.size > 0 && !filters.taking(topic).next().done,
    /** Whether anything is kept of a name: a session, or retained messages of a device. */
    holds: (name: string) => sessions.has(name) || !retained.takenBy(`devices/${name}/#`).next().done,
    /** Forgets a device or an integration that was revoked or removed. */
    purge(name: string) {
      for (const clientId of [...sessions.keys()])
        if (clientId === name || clientId.startsWith(`${name}/`)) forget(clientId)
      for (const packet of [...retained.takenBy(`devices/${name}/#`)]) retain({ ...packet, payload: Buffer.alloc(0) })
    },
    get counters() {
      return { sessions: sessions.size, retained: retained.size, retainedBytes }
    },
  }
}

function isSent({ cmd, messageId }: Queued): boolean {
  return messageId !== undefined && cmd === 'publish'
}

// A payload is a part of what was read from a socket, or of Node's pool, which would be kept as a whole.
function copyBytes(payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload as Buffer)
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
