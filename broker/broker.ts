import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Journal } from '../store/journal.ts'
import type { Access, Principal } from './access.ts'
import { createAcknowledger } from './acknowledge.ts'
import { guardSocket } from './guard.ts'
import { limits } from './limits.ts'
import { createSessions } from './sessions.ts'

export type BrokerOptions = {
  host: string
  port: number
  tlsPort?: number
  wsPort?: number
  /** PEM files, for `tlsPort` and, when given, `wsPort`. */
  tls?: { certFile: string; keyFile: string }
  maxPacketBytes: number
  access: Access
  journal: Pick<Journal, 'append'>
  log(level: 'info' | 'warn' | 'error', text: string): void
}

// What the broker knows of a connection beside what aedes does.
type Connection = {
  principal: Principal | null
  pending: number
  /** The filters that were granted, also before aedes has taken them: one packet may ask for thousands. */
  filters: Set<string>
  guard: ReturnType<typeof guardSocket>
}

/**
 * Starts the MQTT 3.1.1 broker: it listens once the promise resolves. A publish is acknowledged when the journal has it
 * on disk, and only then; what is forbidden closes the connection and is not journaled.
 */
export async function startBroker(options: BrokerOptions) {
  const { access, log } = options
  const connections = new WeakMap<Client, Connection>()
  // By user name, from before its password is checked: a revocation meanwhile finds it here.
  const online = new Map<string, Set<Client>>()
  const counters = { connected: 0, refusedConnections: 0, published: 0, forbidden: 0, refusedPublishes: 0 }

  const acknowledger = createAcknowledger(options.journal.append)
  const sessions = createSessions({
    isGranted: (client, filter) => isGranted(client, filter),
    onReleased: acknowledger.release,
  })

  const aedes = new Aedes({
    persistence: sessions,
    concurrency: 0,
    connectTimeout: limits.connectTimeoutMs,
    drainTimeout: limits.drainTimeoutMs,
    maxInflightInbound: limits.inflightPerClient,
    maxTopicLevels: limits.topicLevels,
    maxClientsIdLength: 128,
    authenticate(client, userName, password, done) {
      const name = userName ?? ''
      addOnline(name, client)
      access
        .authenticate(client.id, userName, password)
        .then((answer) => {
          if ('returnCode' in answer) {
            removeOnline(name, client)
            counters.refusedConnections++
            done(Object.assign(new Error('refused'), answer) as AuthenticateError, false)
            return
          }
          connectionOf(client).principal = answer
          done(null, true)
        })
        .catch((error: Error) => {
          removeOnline(name, client)
          log('error', `broker: cannot authenticate: ${error.message}`)
          done(Object.assign(error, { returnCode: 3 }) as unknown as AuthenticateError, false)
        })
    },
    authorizePublish(client, packet, done) {
      if (client === null) done(new Error('no client'))
      else commit(client, packet, done)
    },
    authorizeSubscribe(client, subscription, done) {
      done(null, isGranted(client, subscription.topic) ? subscription : null)
    },
    authorizeForward(client, packet) {
      if (connections.get(client)?.principal?.mayReceive(packet.topic) !== true) return null
      if ((client.conn as Duplex).writableLength <= limits.unreadBytes) return packet
      log('warn', `broker: ${client.id} does not read what it subscribed to; disconnected`)
      client.conn.destroy()
      return null
    },
  })
  aedes.on('unsubscribe', (filters, client) => {
    for (const filter of filters) connections.get(client)?.filters.delete(filter)
  })
  await aedes.listen()

  function connectionOf(client: Client): Connection {
    return connections.get(client)!
  }

  function addOnline(name: string, client: Client) {
    const clients = online.get(name) ?? new Set()
    online.set(name, clients.add(client))
    ;(client.conn as Duplex).once('close', () => removeOnline(name, client))
  }

  function removeOnline(name: string, client: Client) {
    const clients = online.get(name)
    clients?.delete(client)
    if (clients?.size === 0) online.delete(name)
  }

  function isGranted(client: Client, filter: string): boolean {
    const { principal, filters } = connectionOf(client)
    if (filters.has(filter)) return true
    if (filters.size >= limits.filtersPerClient || principal?.maySubscribe(filter) !== true) return false
    filters.add(filter)
    return true
  }

  // Journals a publish, and calls back when it is on disk. A will comes here too, when its client is gone.
  function commit(client: Client, packet: PublishPacket, done: (error?: Error | null) => void) {
    const connection = connectionOf(client)
    const { principal } = connection
    if (principal === null || !principal.mayPublish(packet.topic)) {
      counters.forbidden++
      done(new Error(`${client.id} may not publish to ${packet.topic}`))
      return
    }
    if (!principal.mayRetain(packet.topic)) packet.retain = false
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    const uplink = { clientId: client.id, topic: packet.topic, payload, receivedAt: Date.now() }
    connection.pending++
    acknowledger.acknowledge(uplink, packet.qos, (packet as { messageId?: number }).messageId, (error) => {
      connection.pending--
      if (error == null) counters.published++
      else counters.refusedPublishes++
      done(error ?? null)
      connection.guard.resume()
    })
  }

  function accept(socket: Duplex, request?: http.IncomingMessage) {
    if (aedes.connectedClients >= limits.connections) {
      counters.refusedConnections++
      socket.destroy()
      return
    }
    let connection: Connection | null = null
    const guard = guardSocket(socket, {
      maxBytes: () => (connection?.principal == null ? limits.connectBytes : options.maxPacketBytes),
      isFull: () => (connection?.pending ?? 0) >= limits.pendingPerClient,
    })
    const client = aedes.handle(socket as net.Socket, request)
    connection = { principal: null, pending: 0, filters: new Set(), guard }
    connections.set(client, connection)
  }

  function acceptTcp(socket: net.Socket) {
    socket.setNoDelay(true)
    // Finds out within minutes that a half-open peer is gone, also one that set no MQTT keep-alive.
    socket.setKeepAlive(true, 60_000)
    socket.setTimeout(limits.idleMs, () => socket.destroy())
    accept(socket)
  }

  const certificates = options.tls && {
    cert: readFileSync(options.tls.certFile),
    key: readFileSync(options.tls.keyFile),
  }
  const servers: (net.Server | http.Server)[] = []
  const ports: { mqtt: number; tls?: number; ws?: number } = { mqtt: 0 }

  async function listen(server: net.Server | http.Server, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: options.host, port, backlog: 4096 }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    servers.push(server)
    return (server.address() as net.AddressInfo).port
  }

  const unwatch = access.watch(
    (name) => {
      for (const client of online.get(name) ?? []) {
        log('info', `broker: ${name} was revoked or removed; disconnected`)
        client.close()
        client.conn.destroy()
      }
    },
    () => [...online.keys()],
  )

  try {
    ports.mqtt = await listen(net.createServer(acceptTcp), options.port)
    if (options.tlsPort !== undefined) {
      const server = tls.createServer({ ...certificates, handshakeTimeout: limits.connectTimeoutMs }, acceptTcp)
      ports.tls = await listen(server, options.tlsPort)
    }
    if (options.wsPort !== undefined) {
      const server = certificates === undefined ? http.createServer() : https.createServer(certificates)
      // MQTT 3.1.1, 6: the subprotocol is "mqtt".
      const webSockets = new WebSocketServer({
        server,
        maxPayload: options.maxPacketBytes,
        handleProtocols: (protocols) => (protocols.has('mqtt') ? 'mqtt' : false),
      })
      webSockets.on('connection', (socket, request) => {
        const stream = createWebSocketStream(socket)
        request.socket.setTimeout(limits.idleMs, () => socket.terminate())
        accept(stream, request)
      })
      ports.ws = await listen(server, options.wsPort)
    }
  } catch (error) {
    unwatch()
    await stop()
    throw error
  }

  async function stop() {
    for (const server of servers) server.close()
    await new Promise<void>((resolve) => aedes.close(() => resolve()))
  }

  return {
    ports,
    counters,
    get connections() {
      return aedes.connectedClients
    },
    /** Stops listening and disconnects everyone; what was published and not acknowledged comes again. */
    async close() {
      unwatch()
      await stop()
    },
  }
}

export type Broker = Awaited<ReturnType<typeof startBroker>>
