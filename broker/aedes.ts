import type { Socket } from 'node:net'
import type { Aedes, Client, PublishPacket } from 'aedes'
import { type Packet, writeToStream } from 'mqtt-packet'
import type { Connection } from './connection.ts'

/*
 * What aedes 1.2.0 is made to do otherwise, each with its reason. It is pinned to that version: what is not public is
 * named here alone.
 */

type Done = (error?: Error | null) => void
type Enqueue = (this: { client: Client; _queue: Packet[] }, packet: Packet) => void

/** A client of aedes, with what is not public of it. */
export type AedesClient = Client & {
  connection: Connection
  _parser: { listeners(event: 'packet'): unknown[]; removeAllListeners(event: 'packet'): void; _queue: Packet[] | null }
  _parsingBatch: number
  _nextId: number
  _nextBatch: Done
  _eos(): void
  _will?: { topic: string }
  _keepaliveTimer: NodeJS.Timeout | null
  duplicates: Record<string, number>
  waitForDrain(done: Done): void
}

type AedesInternals = Omit<Aedes, 'publish'> & {
  clients: Record<string, Client>
  publish(packet: PublishPacket, client: Client | null | Done, done?: Done): void
  registerClient(client: Client): void
  _finishRegisterClient(client: Client): void
  unregisterClient(client: Client): void
  mq: { on(...args: unknown[]): unknown; _matcher: { match(topic: string): unknown[] } }
}

// Two bytes for each packet identifier, made beforehand: 65,536 buffers, 7 MB, to save an allocation now and then.
;(writeToStream as { cacheNumbers: boolean }).cacheNumbers = false

/** What the broker calls itself in its messages. */
export const brokerId = 'parvis'

/** Mends a broker, before its first client. `onListener` is called when something begins to listen to a topic filter. */
export function mendBroker(broker: Aedes, onListener: () => void): void {
  const aedes = broker as unknown as AedesInternals
  const publish = aedes.publish.bind(aedes)
  const unregister = aedes.unregisterClient.bind(aedes)
  const listen = aedes.mq.on.bind(aedes.mq)

  aedes.mq.on = (...args) => {
    const emitter = listen(...args)
    onListener()
    return emitter
  }

  // It tells under `$SYS/` who connects and subscribes to what: nobody is to hear it.
  aedes.publish = (packet, client, done) => {
    if (packet.topic.startsWith('$SYS/')) (typeof client === 'function' ? client : done)?.()
    else publish(packet, client, done)
  }
  // [MQTT-3.1.4-2]: who comes with the identifier of another takes its place at once. aedes waits until the other has
  // left, and of several that wait all stay; one that was lost on its way in would stay in the list for ever.
  aedes.registerClient = (client) => {
    if (client.closed) return
    const before = aedes.clients[client.id]
    if (before !== undefined) {
      unregister(before)
      before.close()
    }
    aedes._finishRegisterClient(client)
  }
  // A client whose identifier was taken over meanwhile would take the new one out of the list.
  aedes.unregisterClient = (client) => {
    if (aedes.clients[client.id] === client) unregister(client)
  }
}

let enqueue: Enqueue | null = null
const nobody = { client: null as unknown as Client, _queue: [] as Packet[] }
const noParser = { listeners: () => [], removeAllListeners: () => {}, _queue: null }

/** Whether a client that is connected, or aedes itself, listens to a topic. */
export function hasListener(broker: Aedes, topic: string): boolean {
  return (broker as unknown as AedesInternals).mq._matcher.match(topic).length > 0
}

/** The client that is connected under an identifier. */
export function findClient(broker: Aedes, id: string): Client | undefined {
  return (broker as unknown as AedesInternals).clients[id]
}

/** The connection that a client came by. */
export function connectionOf(client: Client): Connection {
  return (client as AedesClient).connection
}

/** The will that a client that is connecting has sent. */
export function willOf(client: Client): { topic: string } | undefined {
  return (client as AedesClient)._will
}

/** Whether no other client is connected under its identifier. */
export function isCurrent(broker: Aedes, client: Client): boolean {
  const current = (broker as unknown as AedesInternals).clients[client.id]
  return current === undefined || current === client
}

/**
 * Makes a client of aedes for a connection, and takes its reading, parsing and ending in hand: `handPacket` gives it its
 * packets. aedes's own parser takes 3 KB a client, and it reads on only when everything that it read before is done.
 */
export function adoptClient(broker: Aedes, connection: Connection): AedesClient {
  const client = broker.handle(connection.socket as Socket, connection.request) as AedesClient
  const { conn } = client
  client.connection = connection
  enqueue ??= client._parser.listeners('packet')[0] as Enqueue
  conn.off('readable', client._nextBatch as () => void)
  client._eos()
  client._eos = () => {}
  conn.once('close', () => client.close())
  client._parser = noParser
  client._parsingBatch = 0
  client._nextId = 1
  client._nextBatch = (error) => {
    if (error != null) client.emit('error', error)
  }
  client.duplicates = noDuplicates
  client.waitForDrain = neverWait
  return client
}

/** Has a client's packet handled; `done` is called when it was. An error ends the connection. */
export function handPacket(client: AedesClient, packet: Packet, done?: () => void): void {
  nobody.client = client
  const finish = client._nextBatch
  if (done !== undefined)
    client._nextBatch = (error) => {
      finish(error)
      done()
    }
  enqueue!.call(nobody, packet)
  client._nextBatch = finish
}

// It passes over a message that overtook another, as one of QoS 0 does with one of QoS 1 that is being queued, as if it
// had come already. The broker sees to what the same client would get twice (`authorizeForward`).
const noDuplicates = Object.defineProperty({}, brokerId, { get: () => 0, set: () => {} })

// A publisher is not to wait for a subscriber that does not read: that one is dropped at its limit (`authorizeForward`).
function neverWait(done: Done): void {
  setImmediate(done, null)
}
