import * as net from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'
import type { Principal } from '../../broker/access.ts'
import { type BrokerOptions, startBroker } from '../../broker/broker.ts'
import type { NewUplink } from '../../store/journal.ts'
import { until } from './until.ts'

/** An MQTT client that sends what it is told, byte for byte, and says what came back. */
export type RawClient = {
  socket: net.Socket
  /** The packets that came, and all bytes. */
  packets: Packet[]
  bytes(): string
  isClosed(): boolean
  send(...packets: (Packet | Buffer | string)[]): void
  /** Sends CONNECT and waits for the CONNACK, which it answers. */
  connect(options?: Record<string, unknown>): Promise<{ returnCode: number; sessionPresent: boolean }>
  /** Waits for a packet of a kind, and takes it out of `packets`. */
  next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>>
  closed(): Promise<void>
  /** Waits until everything that was sent is handled: a PINGREQ is answered in order. */
  ping(): Promise<void>
  end(): void
}

/** Opens a connection. Text that is sent is hexadecimal, spaces left out. */
export function openRawClient(port: number): RawClient {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const parsing = parser({ protocolVersion: 4 })
  const packets: Packet[] = []
  let received = ''
  let isClosed = false
  parsing.on('packet', (packet) => packets.push(packet))
  socket.on('data', (bytes: Buffer<ArrayBuffer>) => {
    received += bytes.toString('hex')
    parsing.parse(bytes)
  })
  socket.on('close', () => {
    isClosed = true
  })
  socket.on('error', () => {})

  const client: RawClient = {
    socket,
    packets,
    bytes: () => received,
    isClosed: () => isClosed,
    send(...parts) {
      socket.write(Buffer.concat(parts.map(encode)))
    },
    async connect(options = {}) {
      client.send({ cmd: 'connect', clientId: 'raw', clean: true, keepalive: 0, ...options } as Packet)
      const { returnCode, sessionPresent } = await client.next('connack')
      return { returnCode: returnCode!, sessionPresent }
    },
    async next(cmd) {
      const find = () => packets.findIndex((packet) => packet.cmd === cmd)
      await until(() => find() >= 0 || isClosed)
      if (find() < 0) throw new Error(`the connection was closed before a ${cmd}`)
      return packets.splice(find(), 1)[0] as never
    },
    closed: () => until(() => isClosed),
    async ping() {
      client.send({ cmd: 'pingreq' })
      await client.next('pingresp')
    },
    end() {
      socket.destroy()
    },
  }
  return client
}

function encode(part: Packet | Buffer | string): Buffer {
  if (typeof part === 'string') return Buffer.from(part.replaceAll(' ', ''), 'hex')
  return Buffer.isBuffer(part) ? part : generate(part)
}

/** A PUBLISH, as mqtt-packet wants it. */
export function makePublish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2, more: object = {}): Packet {
  const packet = { cmd: 'publish', topic, payload, qos, messageId: 1, dup: false, retain: false, ...more }
  return packet as Packet
}

export function makeSubscribe(filters: Record<string, 0 | 1 | 2>, messageId = 1): Packet {
  const subscriptions = Object.entries(filters).map(([topic, qos]) => ({ topic, qos }))
  return { cmd: 'subscribe', messageId, subscriptions }
}

/**
 * The broker by itself, with a journal in memory, that lets everyone in as the conformance broker does; `principal` says
 * who a client is instead.
 */
export async function startOpenBroker(
  options: Partial<BrokerOptions> & { principal?: (clientId: string) => Principal } = {},
) {
  const journal: NewUplink[] = []
  const log: string[] = []
  const admit = (clientId: string): Principal => ({ kind: 'anyone', name: clientId, topics: ['#'] })
  const broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    maxPacketBytes: 1 << 20,
    access: {
      authenticate: async (clientId) => (options.principal ?? admit)(clientId),
      watch: () => () => {},
    },
    journal: {
      append(uplink, appended) {
        journal.push(uplink)
        setImmediate(appended, null, uplink)
      },
    },
    log: (_level, text) => log.push(text),
    ...options,
  })
  const clients: RawClient[] = []
  return {
    broker,
    journal,
    log,
    open() {
      const client = openRawClient(broker.ports.mqtt)
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) client.end()
      await broker.close()
    },
  }
}
