import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { limits } from './limits.ts'

/** Where the broker listens. Ports of 0 are any free ones; those that are left out are not listened on. */
export type ListenOptions = {
  host: string
  port: number
  tlsPort?: number
  wsPort?: number
  /** PEM files, for `tlsPort` and, when given, `wsPort`. */
  tls?: { certFile: string; keyFile: string }
  maxPacketBytes: number
}

/** Takes a client's stream; answers whether it is let in, or null when it is refused. */
type Accept = (stream: Duplex, request?: http.IncomingMessage) => { isInside: boolean } | null

/** The ports that are listened on. */
export type Ports = { mqtt: number; tls?: number; ws?: number }

const backlog = 4096
const keepAliveMs = 60_000

/**
 * Listens for MQTT over TCP, TLS and WebSocket, each client of which is a stream for `accept`. Throws when a port is
 * taken or a certificate cannot be read; nothing is left listening then.
 */
export async function openListeners(options: ListenOptions, accept: Accept) {
  const servers: net.Server[] = []

  async function listen(server: net.Server, port: number): Promise<number> {
    server.maxConnections = limits.connections
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: options.host, port, backlog }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    servers.push(server)
    return (server.address() as net.AddressInfo).port
  }

  function close() {
    for (const server of servers) server.close()
  }

  try {
    const certificates = options.tls && {
      cert: readFileSync(options.tls.certFile),
      key: readFileSync(options.tls.keyFile),
    }
    const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }
    const ports: Ports = {
      mqtt: await listen(
        net.createServer(socketOptions, (socket) => accept(socket)),
        options.port,
      ),
    }
    if (options.tlsPort !== undefined) {
      const tlsOptions = { ...socketOptions, ...certificates, handshakeTimeout: limits.connectTimeoutMs }
      ports.tls = await listen(
        tls.createServer(tlsOptions, (socket) => accept(socket)),
        options.tlsPort,
      )
    }
    if (options.wsPort !== undefined) {
      const httpOptions = {
        ...socketOptions,
        headersTimeout: limits.connectTimeoutMs,
        requestTimeout: limits.connectTimeoutMs,
      }
      const server =
        certificates === undefined
          ? http.createServer(httpOptions, answerPlainHttp)
          : https.createServer({ ...httpOptions, ...certificates }, answerPlainHttp)
      acceptWebSockets(server, options.maxPacketBytes, accept)
      ports.ws = await listen(server, options.wsPort)
    }
    return { ports, close }
  } catch (error) {
    close()
    throw error
  }
}

function acceptWebSockets(server: http.Server, maxPacketBytes: number, accept: Accept) {
  const webSockets = new WebSocketServer({
    // Given the server, it would throw that server's errors again where nobody can catch them.
    noServer: true,
    // A message may hold several packets: at least two of the largest kind.
    maxPayload: 2 * maxPacketBytes,
    // MQTT 3.1.1, 6: the subprotocol is "mqtt".
    handleProtocols: (protocols) => (protocols.has('mqtt') ? 'mqtt' : false),
  })
  server.on('upgrade', (request, socket, head) => {
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (_bytes, isBinary) => {
        // [MQTT-6.0.0-1]
        if (!isBinary) webSocket.terminate()
      })
      limitBeforeConnect(socket, accept(createWebSocketStream(webSocket), request))
    })
  })
}

// A message is gathered whole before a byte of it is told: until the client is in, what comes is counted beneath.
function limitBeforeConnect(socket: Duplex, connection: { isInside: boolean } | null) {
  let bytes = 0
  socket.on('data', function count(chunk: Buffer) {
    bytes += chunk.length
    if (connection?.isInside === true) socket.off('data', count)
    else if (bytes > limits.webSocketConnectBytes) socket.destroy()
  })
}

function answerPlainHttp(_request: http.IncomingMessage, response: http.ServerResponse) {
  response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' })
  response.end('MQTT over WebSocket, subprotocol "mqtt"\n')
}
