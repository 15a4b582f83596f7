import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  Aedes,
  type AedesPublishPacket,
  type AuthenticateError,
  type Client,
  type PublishPacket,
  type Subscription,
} from 'aedes'
import type { Packet } from 'mqtt-packet'
import type { Journal } from '../store/journal.ts'
import { type Access, mayPublish, mayReceive, maySubscribe } from './access.ts'
import { createAcknowledger } from './acknowledge.ts'
import { adoptClient, brokerId, connectionOf, findClient, hasListener, isCurrent, mendBroker, willOf } from './aedes.ts'
import { createCommands, type SendElsewhere } from './commands.ts'
import { Connection } from './connection.ts'
import { createExpress } from './express.ts'
import { limits } from './limits.ts'
import { type ListenOptions, openListeners } from './listeners.ts'
import { createSessions, sessionMark } from './sessions.ts'
import { matchesTopic } from './topic.ts'

export type BrokerOptions = ListenOptions & {
  access: Access
  journal: Pick<Journal, 'append'>
  /** Other ways for commands than a client's connection. */
  sendElsewhere?: SendElsewhere
  log(level: 'info' | 'warn' | 'error', text: string): void
}

type Done = (error?: Error | null) => void

/**
 * Starts the MQTT 3.1.1 broker: it listens once the promise resolves. A publish is acknowledged when the journal has it
 * on disk, and only then; what is forbidden closes the connection and is not journaled.
 */
export async function startBroker(options: BrokerOptions) {
  const { access, log } = options
  const connections = new Set<Connection>()
  const counters = { refusedConnections: 0, published: 0, forbidden: 0, refusedPublishes: 0 }

  // Changes whenever someone begins to listen to something.
  let revision = 0
  const acknowledger = createAcknowledger(options.journal.append)
  const sessions = createSessions({
    isGranted: (client, subscription) => grant(connectionOf(client), subscription),
    isCurrent: (client) => isCurrent(aedes, client),
    onReleased: acknowledger.release,
    onFilter: () => revision++,
    log: (text) => log('warn', text),
  })
  const entrance = createEntrance((connection, packet) => connection.admit(adoptClient(aedes, connection), packet))
  const express = createExpress({
    append: options.journal.append,
    isHeard: (topic) => hasListener(aedes, topic) || sessions.hears(topic),
    revision: () => revision,
    counters,
  })
  const commands = createCommands({
    // A device's client id is its name; of integrations there are few.
    connectionsOf(name) {
      const client = findClient(aedes, name)
      return client !== undefined && connectionOf(client).principal?.kind === 'device'
        ? [connectionOf(client)]
        : connectionsOf(name)
    },
    sendElsewhere: options.sendElsewhere ?? (() => false),
  })
  const connectionOptions = {
    maxPacketBytes: options.maxPacketBytes,
    onConnect: entrance.ask,
    onFailure: ({ client }: Connection, error: Error) =>
      log('error', `broker: ${client?.id} is disconnected: ${error.stack ?? error.message}`),
    takePublish: express.take,
  }

  const aedes = new Aedes({
    id: brokerId,
    persistence: sessions.persistence,
    concurrency: 0,
    drainTimeout: 0,
    maxInflightInbound: limits.inflightPerClient,
    maxTopicLevels: limits.topicLevels,
    maxClientsIdLength: 128,
    authenticate(client, userName, password, done) {
      authenticate(client, userName, password).then(
        (refusal) => (refusal === null ? done(null, true) : refuse(refusal.returnCode, done)),
        (error: Error) => {
          log('error', `broker: cannot authenticate: ${error.message}`)
          refuse(3, done)
        },
      )
    },
    authorizePublish(client, packet, done) {
      if (client === null) done(new Error('no client'))
      else commit(connectionOf(client), client.id, packet, done)
    },
    authorizeSubscribe(client, subscription, done) {
      // aedes sends what a client asked for with QoS 0 at QoS 0, whatever its other filters: `authorizeForward` sees to it.
      const isGranted = subscription !== sessionMark && grant(connectionOf(client), subscription)
      done(null, isGranted ? { ...subscription, qos: 2 } : null)
    },
    authorizeForward: (client, packet) => forward(connectionOf(client), packet),
  })
  mendBroker(aedes, () => revision++)
  aedes.on('unsubscribe', (filters, client) => {
    for (const filter of filters) connectionOf(client).filters?.delete(filter)
  })
  aedes.on('clientReady', (client) => {
    if (!client.clean) sessions.open(client.id)
    const connection = connectionOf(client)
    connection.open()
    // A session that goes on has its filters already.
    if (connection.filters !== null) commands.hear(connection)
  })
  aedes.on('clientDisconnect', (client) => sessions.leave(client.id))
  await aedes.listen()

  function accept(socket: Duplex, request?: IncomingMessage): Connection | null {
    if (connections.size >= limits.connections) {
      counters.refusedConnections++
      socket.destroy()
      return null
    }
    const connection = new Connection(socket, request, connectionOptions)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
    return connection
  }

  async function authenticate(client: Client, userName: string | undefined, password: Buffer | undefined) {
    const connection = connectionOf(client)
    // A revocation that comes before the answer finds it by this name.
    connection.userName = userName ?? ''
    const answer = await access.authenticate(client.id, userName, password)
    if ('returnCode' in answer) return answer
    const will = willOf(client)
    if (will !== undefined && !mayPublish(answer, will.topic)) return { returnCode: 5 }
    connection.principal = answer
    return null
  }

  function refuse(returnCode: number, done: (error: AuthenticateError, isIn: false) => void) {
    counters.refusedConnections++
    done(Object.assign(new Error('refused'), { returnCode }) as AuthenticateError, false)
  }

  function grant(connection: Connection, { topic, qos }: Subscription): boolean {
    const { principal } = connection
    if (connection.filters?.has(topic) !== true) {
      if (connection.filters !== null && connection.filters.size >= limits.filtersPerClient) return false
      if (principal === null || !maySubscribe(principal, topic)) return false
      connection.filters ??= new Map()
    }
    connection.filters!.set(topic, qos as 0 | 1 | 2)
    commands.hear(connection)
    return true
  }

  // What of a message a client gets: one copy, at the highest QoS of its filters that take it [MQTT-3.3.5-1], and at none
  // above the message's own [MQTT-3.8.4-6].
  function forward(connection: Connection, packet: AedesPublishPacket): AedesPublishPacket | null {
    const { principal, filters, socket } = connection
    if (principal === null || filters === null || packet.brokerCounter === connection.lastForwarded) return null
    let qos = -1
    for (const [filter, granted] of filters) if (granted > qos && matchesTopic(filter, packet.topic)) qos = granted
    if (qos < 0 || !mayReceive(principal, packet.topic)) return null
    const taken = qos < packet.qos ? { ...packet, qos: qos as 0 | 1 | 2 } : packet
    if (socket.writableLength > limits.unreadBytes || (taken.qos > 0 && !connection.number(taken))) {
      log('warn', `broker: ${connection.client?.id} does not take what it subscribed to; disconnected`)
      socket.destroy()
      return null
    }
    connection.lastForwarded = packet.brokerCounter
    return taken
  }

  // Journals a publish, and calls back when it is on disk. A will comes here too, when its client is gone.
  function commit(connection: Connection, clientId: string, packet: PublishPacket, done: Done) {
    const { principal } = connection
    if (principal === null || !mayPublish(principal, packet.topic)) {
      counters.forbidden++
      done(new Error(`${clientId} may not publish to ${packet.topic}`))
      return
    }
    if (packet.retain && !mayPublish(principal, packet.topic, 'retain')) packet.retain = false
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    if (principal.kind === 'internal' && commands.take(packet.topic, payload)) {
      done(null)
      return
    }
    const uplink = { clientId, topic: packet.topic, payload, receivedAt: Date.now() }
    connection.pending++
    acknowledger.acknowledge(uplink, packet.qos, (packet as { messageId?: number }).messageId, (error) => {
      if (error == null) counters.published++
      else counters.refusedPublishes++
      // Acknowledgements go out in the order of arrival, by whichever way (MQTT 3.1.1, 4.6).
      express.flush(connection)
      done(error ?? null)
      connection.settle()
    })
  }

  // What each name has open is looked for among all: names change seldom.
  function* connectionsOf(name: string) {
    for (const connection of connections) if (connection.userName === name) yield connection
  }

  const unwatch = access.watch(
    (name, secretRevision) => {
      // A device that was just added may be here with its new secret before its change is heard of.
      const knowsSecret = (each: Connection) =>
        secretRevision !== null && each.principal?.secretRevision === secretRevision
      const known = [...connectionsOf(name)]
      const wrong = known.filter((each) => !knowsSecret(each))
      for (const connection of wrong) {
        log('info', `broker: ${name} was revoked or removed, or has another secret; disconnected`)
        connection.socket.destroy()
      }
      if (known.length === 0 || wrong.length > 0) sessions.purge(name)
    },
    (name) => sessions.holds(name) || !connectionsOf(name).next().done,
  )
  const sweeping = setInterval(() => {
    const now = Date.now()
    for (const connection of connections) if (connection.isOverdue(now)) connection.socket.destroy()
    sessions.expire(now)
  }, limits.sweepMs)

  async function stop() {
    unwatch()
    clearInterval(sweeping)
    listeners?.close()
    for (const { client, socket } of connections) if (client === null) socket.destroy()
    await new Promise<void>((resolve) => aedes.close(() => resolve()))
  }

  let listeners: Awaited<ReturnType<typeof openListeners>> | null = null
  try {
    listeners = await openListeners(options, accept)
  } catch (error) {
    await stop()
    throw error
  }

  return {
    ports: listeners.ports,
    counters,
    /** Tells who sends commands that a name can be reached by another way. */
    beginListening: commands.begin,
    get connections() {
      return aedes.connectedClients
    },
    /** Stops listening and disconnects everyone; what was published and not acknowledged comes again. */
    close: stop,
  }
}

export type Broker = Awaited<ReturnType<typeof startBroker>>

/** Lets those who connect at once in a few at a time: all that they need before they are in is not there together. */
function createEntrance(admit: (connection: Connection, packet: Packet) => void) {
  const waiting: { connection: Connection; packet: Packet }[] = []

  function turn() {
    for (const { connection, packet } of waiting.splice(0, limits.connectsPerTurn))
      if (!connection.socket.destroyed) admit(connection, packet)
    if (waiting.length > 0) setImmediate(turn)
  }

  return {
    ask(connection: Connection, packet: Packet) {
      waiting.push({ connection, packet })
      if (waiting.length === 1) setImmediate(turn)
    },
  }
}
