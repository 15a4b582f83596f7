import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { parser as createParser, generate, type IPublishPacket, type Packet } from 'mqtt-packet'
import type { Principal } from './access.ts'
import { type AedesClient, handPacket } from './aedes.ts'
import type { Route } from './express.ts'
import { limits } from './limits.ts'
import { findBody, findEnd, isPacketStart, isWellFormed, judgeConnect, malformed, unknown } from './packet-check.ts'

type Qos = 0 | 1 | 2
type Acknowledgement = 'puback' | 'pubrec' | 'pubcomp'

/** What a connection asks of the broker. */
export type ConnectionOptions = {
  maxPacketBytes: number
  /** A whole, valid CONNECT has come: `admit` takes it to aedes, when it is its turn. */
  onConnect(connection: Connection, packet: Packet): void
  /** Something threw over what it sent: it is disconnected. */
  onFailure(connection: Connection, error: Error): void
  /** Takes a PUBLISH of QoS 1, not retained, past aedes; false when aedes has to see it. */
  takePublish(connection: Connection, bytes: Buffer, body: number, end: number): boolean
}

/**
 * One client's connection: reads the socket, finds where packets begin and end, judges them, and hands aedes those that
 * are whole and valid, a few at a time. aedes hears of a connection only once its CONNECT is whole.
 *
 * A class, unlike its neighbours, for its memory: tens of thousands are open at once, and share their functions.
 */
export class Connection {
  readonly socket: Duplex
  readonly request: IncomingMessage | undefined
  client: AedesClient | null = null
  principal: Principal | null = null
  userName = ''
  /** Publishes that wait for the disk. */
  pending = 0
  /** Topic filters that were granted, with their QoS: also before aedes has taken them, of thousands in one packet. */
  filters: Map<string, Qos> | null = null
  /** The message that was last forwarded: of several filters that take it, the client gets one copy. */
  lastForwarded = 0
  /** The topic that it last published to, where that goes past aedes. */
  route: Route | null = null
  /** Packet identifiers of what is on disk and not acknowledged yet, past aedes. */
  answers: number[] | null = null

  /** Which acknowledgement is due for what was sent to it, by packet identifier. */
  private due: Map<number, Acknowledgement> | null = null
  /** Who waits for the PUBACK of a message that was sent past aedes. */
  private awaited: Map<number, () => void> | null = null
  private readonly options: ConnectionOptions
  private state: 'outside' | 'entering' | 'inside' | 'ending' = 'outside'
  private readonly openedAt = Date.now()
  private readAt = this.openedAt
  private unreadSince = 0
  private isReading = false
  private isBusy = false
  private isScheduled = false
  // What was read and not handed over: a packet that is not whole before there are `wantedBytes`, or what has to wait.
  private kept: Buffer | null = null
  private keptBytes = 0
  private wantedBytes = 1
  private packetSince = 0

  constructor(socket: Duplex, request: IncomingMessage | undefined, options: ConnectionOptions) {
    this.socket = socket
    this.request = request
    this.options = options
    socket.on('error', () => {})
    socket.on('readable', () => this.read())
    socket.on('end', () => this.end())
  }

  /** Whether its CONNECT was accepted. */
  get isInside(): boolean {
    return this.state === 'inside'
  }

  /** Takes the client's CONNECT to aedes. */
  admit(client: AedesClient, packet: Packet): void {
    this.client = client
    handPacket(client, packet)
  }

  /** Its CONNECT was accepted: what else it sends is read from here on. */
  open(): void {
    if (this.state !== 'entering') return
    this.state = 'inside'
    this.read()
  }

  /** Reads a few packets, unless the client has to wait; comes back by itself while there are more. */
  read(): void {
    if (this.isReading) return
    this.isReading = true
    try {
      // The stream of a WebSocket gives message after message, a byte each it may be.
      let left: number = this.state === 'ending' ? Number.POSITIVE_INFINITY : limits.packetsPerTurn
      while (!this.mustWait()) {
        const bytes = this.takeBytes()
        if (bytes === null) break
        const packets = this.handOver(bytes, left)
        left -= packets
        if (left === 0) this.schedule()
        else if (packets === 0 && this.keptBytes >= this.wantedBytes) break
      }
    } catch (error) {
      // Whatever a client can do to what lies behind, it ends that client and no other.
      this.options.onFailure(this, error as Error)
      this.socket.destroy()
    } finally {
      this.isReading = false
    }
  }

  /** A publish has reached the disk, or failed to. */
  settle(): void {
    this.pending--
    // A little later: its acknowledgement is to be written before a DISCONNECT ends the connection.
    if (this.keptBytes > 0 || this.pending === limits.pendingPerClient - 1) this.schedule()
  }

  /**
   * Gives a message of QoS 1 or 2 for the client a packet identifier that no other in flight has, unless it has one.
   * Answers false when too many are not acknowledged.
   */
  number(packet: { qos: Qos; messageId?: number }): boolean {
    this.due ??= new Map()
    if (this.due.size >= limits.unacknowledgedPerClient) return false
    packet.messageId ??= nextIdentifier(this.client!, this.due)
    this.due.set(packet.messageId, packet.qos === 1 ? 'puback' : 'pubrec')
    return true
  }

  /**
   * Sends a message past aedes, at QoS 0 or 1; `acknowledged` is called at its PUBACK. Answers false when the client does
   * not take what it is sent.
   */
  send(topic: string, payload: Buffer, qos: number, acknowledged?: () => void): boolean {
    if (this.socket.destroyed || this.socket.writableLength > limits.unreadBytes) return false
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos: qos === 0 ? 0 : 1, dup: false, retain: false }
    if (packet.qos === 1) {
      if (!this.number(packet)) return false
      this.awaited ??= new Map()
      if (acknowledged !== undefined) this.awaited.set(packet.messageId!, acknowledged)
    }
    this.socket.write(generate(packet))
    return true
  }

  /** Whether its time is over: a slow CONNECT, a packet that drips in, answers that nobody reads, silence for a day. */
  isOverdue(now: number): boolean {
    if (this.client === null && this.state !== 'entering' && now - this.openedAt > limits.connectTimeoutMs) return true
    const packetMs = limits.packetTimeoutMs + (this.wantedBytes / limits.slowestBytesPerS) * 1000
    if (this.packetSince > 0 && now - this.packetSince > packetMs) return true
    if (this.unreadSince > 0 && now - this.unreadSince > limits.drainTimeoutMs) return true
    // While it waits for the disk what it sends is not read: that is not its silence.
    if (this.pending > 0) this.client?._keepaliveTimer?.refresh()
    return now - this.readAt > limits.idleMs
  }

  private mustWait(): boolean {
    if (this.socket.destroyed) return true
    if (this.state === 'ending') return false
    if (this.state === 'entering' || this.isBusy || this.isScheduled || this.pending >= limits.pendingPerClient)
      return true
    if (this.socket.writableLength <= limits.unreadBytesToWait) return false
    if (this.unreadSince === 0) {
      this.unreadSince = Date.now()
      this.socket.once('drain', () => {
        this.unreadSince = 0
        this.read()
      })
    }
    return true
  }

  private takeBytes(): Buffer | null {
    while (this.keptBytes < this.wantedBytes) {
      const chunk = this.socket.read() as Buffer | null
      if (chunk === null) return null
      this.readAt = Date.now()
      this.append(chunk)
    }
    const bytes = this.kept!.subarray(0, this.keptBytes)
    this.keep(null, 1)
    return bytes
  }

  // Grows by doubling: a large packet that comes in tiny pieces costs no more than one that comes whole.
  private append(chunk: Buffer): void {
    const bytes = this.keptBytes + chunk.length
    if (this.kept === null) this.kept = chunk
    else {
      if (this.kept.length < bytes) {
        const larger = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.wantedBytes, 2 * this.kept.length)))
        this.kept.copy(larger, 0, 0, this.keptBytes)
        this.kept = larger
      }
      chunk.copy(this.kept, this.keptBytes)
    }
    this.keptBytes = bytes
  }

  private keep(bytes: Buffer | null, wantedBytes: number): void {
    this.kept = bytes
    this.keptBytes = bytes?.length ?? 0
    this.wantedBytes = wantedBytes
    this.packetSince = this.keptBytes < wantedBytes && this.keptBytes > 0 ? Date.now() : 0
  }

  // Judges what came, packet by packet, up to `packetsMax`; hands over what is valid, keeps the rest.
  // Answers how many packets it handed over.
  private handOver(bytes: Buffer, packetsMax: number): number {
    let at = 0
    // What lies before it is with the journal or with aedes; what lies from there to `at` is valid.
    let handed = 0
    let packets = 0
    let wantedBytes = 1
    let isValid = true
    while (at < bytes.length) {
      const end = findEnd(bytes, at)
      if (!this.mayBegin(bytes[at]!) || end === malformed || end - at > this.maxBytes()) {
        isValid = false
        break
      }
      if (end === unknown || end > bytes.length) {
        wantedBytes = end === unknown ? bytes.length - at + 1 : end - at
        break
      }
      if (this.state === 'outside') {
        this.judgeFirst(bytes, end)
        return 1
      }
      if (packets >= packetsMax || this.mustStopBefore(bytes[at]!, packets)) break
      const body = findBody(bytes, at)
      isValid = isWellFormed(bytes, at, body, end)
      if (!isValid) break
      packets++
      if (isPlainPublish(bytes[at]!)) {
        this.handAll(bytes.subarray(handed, at))
        handed = this.takePublish(bytes, body, end) ? end : at
      }
      at = end
    }
    if (isValid && at < bytes.length) this.keep(bytes.subarray(at), wantedBytes)
    this.handAll(bytes.subarray(handed, at))
    if (!isValid) this.socket.destroy()
    return packets
  }

  private mayBegin(first: number): boolean {
    return this.state === 'outside' ? first === 0x10 : isPacketStart(first)
  }

  private maxBytes(): number {
    return this.state === 'outside' ? limits.connectBytes : this.options.maxPacketBytes
  }

  // Too much waits for the disk; or it subscribes, unsubscribes or takes leave before what it sent until then is done.
  private mustStopBefore(first: number, packets: number): boolean {
    if (this.pending + packets >= limits.pendingPerClient) return true
    if (first === 0x82 || first === 0xa2) return packets > 0
    return first === 0xe0 && (packets > 0 || this.pending > 0) && this.state !== 'ending'
  }

  private judgeFirst(bytes: Buffer, end: number): void {
    const verdict = judgeConnect(bytes, findBody(bytes, 0), end)
    if (verdict === 'accept') {
      this.state = 'entering'
      if (end < bytes.length) this.keep(bytes.subarray(end), 1)
      for (const packet of parsePackets(bytes.subarray(0, end))) this.options.onConnect(this, packet)
    } else if (verdict === 'close') this.socket.destroy()
    else {
      this.state = 'ending'
      this.socket.end(Buffer.from([0x20, 2, 0, verdict.returnCode]))
    }
  }

  // Past aedes, unless it is about to subscribe to something.
  private takePublish(bytes: Buffer, body: number, end: number): boolean {
    if (this.client === null || this.isBusy || this.socket.destroyed) return false
    if (!this.options.takePublish(this, bytes, body, end)) return false
    this.client._keepaliveTimer?.refresh()
    return true
  }

  private handAll(bytes: Buffer): void {
    for (const packet of parsePackets(bytes)) this.hand(packet)
  }

  private hand(packet: Packet): void {
    const { client } = this
    if (client === null || this.socket.destroyed) return
    if (this.due !== null && !this.isDue(packet)) {
      this.socket.destroy()
      return
    }
    if (packet.cmd !== 'subscribe' && packet.cmd !== 'unsubscribe') {
      handPacket(client, packet)
      return
    }
    // One at a time: aedes would lose a filter that is asked for again while it is being taken away.
    this.isBusy = true
    handPacket(client, packet, () => {
      this.isBusy = false
      this.read()
    })
  }

  // [MQTT-4.3.2-1], [MQTT-4.3.3-1]: a message is acknowledged as its QoS asks. What is not known was settled before.
  private isDue({ cmd, messageId }: Packet): boolean {
    if (cmd !== 'puback' && cmd !== 'pubrec' && cmd !== 'pubcomp') return true
    const due = this.due!.get(messageId!)
    if (due === undefined || (due === 'pubcomp' && cmd === 'pubrec')) return true
    if (due !== cmd) return false
    if (cmd === 'pubrec') this.due!.set(messageId!, 'pubcomp')
    else this.due!.delete(messageId!)
    const acknowledged = this.awaited?.get(messageId!)
    this.awaited?.delete(messageId!)
    acknowledged?.()
    return true
  }

  // The client has said its last: what it sent before counts, a DISCONNECT too, without waiting for anything.
  private end(): void {
    const wasInside = this.state === 'inside'
    this.state = 'ending'
    for (let before = -1; wasInside && this.keptBytes >= this.wantedBytes && this.keptBytes !== before; ) {
      before = this.keptBytes
      this.read()
    }
    if (this.client === null) this.socket.destroy()
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.read()
    })
  }
}

// A PUBLISH of QoS 1 that is not retained, for the first time or again.
function isPlainPublish(first: number): boolean {
  return first === 0x32 || first === 0x3a
}

function nextIdentifier(client: AedesClient, used: ReadonlyMap<number, unknown>): number {
  for (;;) {
    const id = client._nextId
    client._nextId = (id % 0xffff) + 1
    if (!used.has(id)) return id
  }
}

// One parser for all: it is given whole packets only, and so remembers nothing from one call to the next.
const parser = createParser()
let parsed: Packet[] = []
parser.on('packet', (packet) => parsed.push(packet))
parser.on('error', () => {})

function parsePackets(bytes: Buffer): Packet[] {
  if (bytes.length === 0) return []
  parsed = []
  parser.parse(bytes)
  return parsed
}
