import type { Client, Subscription } from 'aedes'
import memory from 'aedes-persistence'
import { limits } from './limits.ts'

type Packet = { messageId?: number }
type Sub = Subscription & { clientId: string }

// What aedes asks of its persistence; the package's types do not tell of its promises.
type Persistence = {
  addSubscriptions(client: Client, subs: Subscription[]): Promise<void>
  outgoingEnqueueCombi(subs: Sub[], packet: unknown): Promise<void>
  outgoingClearMessageId(client: Client, packet: Packet): Promise<unknown>
  incomingDelPacket(client: Client, packet: Packet): Promise<void>
  cleanIncoming(client: Client): Promise<void>
}

/**
 * aedes's sessions in memory, with what they lack: a SUBSCRIBE stores only the filters that were granted, once and not
 * once a filter; the queue of a subscriber that is away is bounded; and the broker is told when a QoS 2 handshake ends.
 */
export function createSessions(options: {
  isGranted(client: Client, filter: string): boolean
  onReleased(clientId: string, messageId: number | null): void
}) {
  const sessions = (memory as unknown as () => Persistence)()
  const { addSubscriptions, outgoingEnqueueCombi, outgoingClearMessageId, incomingDelPacket, cleanIncoming } =
    bind(sessions)
  const stored = new WeakSet<Subscription[]>()
  const queued = new Map<string, number>()

  sessions.addSubscriptions = async (client, subs) => {
    if (stored.has(subs)) return
    stored.add(subs)
    await addSubscriptions(
      client,
      subs.filter(({ topic }) => options.isGranted(client, topic)),
    )
  }
  sessions.outgoingEnqueueCombi = async (subs, packet) => {
    const taking = subs.filter(({ clientId }) => (queued.get(clientId) ?? 0) < limits.queuedPerClient)
    for (const { clientId } of taking) queued.set(clientId, (queued.get(clientId) ?? 0) + 1)
    await outgoingEnqueueCombi(taking, packet)
  }
  sessions.outgoingClearMessageId = async (client, packet) => {
    const cleared = await outgoingClearMessageId(client, packet)
    const left = (queued.get(client.id) ?? 0) - (cleared === undefined ? 0 : 1)
    if (left > 0) queued.set(client.id, left)
    else queued.delete(client.id)
    return cleared
  }
  sessions.incomingDelPacket = async (client, packet) => {
    await incomingDelPacket(client, packet)
    options.onReleased(client.id, packet.messageId ?? null)
  }
  sessions.cleanIncoming = async (client) => {
    await cleanIncoming(client)
    options.onReleased(client.id, null)
  }
  return sessions
}

function bind(sessions: Persistence): Persistence {
  return {
    addSubscriptions: sessions.addSubscriptions.bind(sessions),
    outgoingEnqueueCombi: sessions.outgoingEnqueueCombi.bind(sessions),
    outgoingClearMessageId: sessions.outgoingClearMessageId.bind(sessions),
    incomingDelPacket: sessions.incomingDelPacket.bind(sessions),
    cleanIncoming: sessions.cleanIncoming.bind(sessions),
  }
}
