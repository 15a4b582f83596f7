import * as net from 'node:net'
import * as tls from 'node:tls'
import { crc32 } from 'node:zlib'
import {
  generate,
  type IConnackPacket,
  type IPublishPacket,
  type ISubackPacket,
  type Packet,
  parser,
} from 'mqtt-packet'
import type { Label } from '../domain/quantity.ts'
import type { BridgeSettings } from '../inventory/bridges.ts'
import type { BridgeState } from '../store/bridge-states.ts'
import type { Append } from './acknowledge.ts'
import { bridgeLimits as limits } from './bridge-limits.ts'

/** What the journal holds of a bridge's messages that may come again: packet identifier to checksum. */
export type Journaled = Map<number, number>

export type BridgeOptions = {
  append: Append
  maxPacketBytes: number
  journaled: Journaled
  /** It has connected, and takes what is sent to the other side. */
  onConnected?(): void
  log(level: 'info' | 'warn' | 'error', text: string): void
}

/** A message that was read: `messageId` is null for QoS 0, which is not acknowledged. */
type Received = { messageId: number; isDone: boolean }

/** The client id under which a bridge's uplinks stand in the journal: their integration, the bridge, the packet. */
export function uplinkClientId({ integration, name }: BridgeSettings, messageId: number | null): string {
  return `${integration}/bridge/${name}${messageId === null ? '' : `/${messageId}`}`
}

/** What tells a message of its packet identifier from another that bears the same later. */
export function checksumOf(topic: string, payload: Uint8Array): number {
  return crc32(payload, crc32(topic))
}

/**
 * Runs one bridge: an MQTT 3.1.1 client of another broker that journals what it gets, and acknowledges in the order of
 * arrival, each message after the fsync of its group, however many are under way. What the other broker sends again
 * since it did not hear the acknowledgement (DUP, with the same packet identifier: MQTT 3.1.1, 4.4) is acknowledged and
 * not journaled again. A journal that refuses ends the connection; the messages stay with the other broker.
 */
export function startBridge(settings: BridgeSettings, options: BridgeOptions) {
  const { append, maxPacketBytes, journaled, log } = options
  const url = new URL(settings.url)
  const isSecure = url.protocol === 'mqtts:'
  const state: BridgeState = {
    name: settings.name,
    state: 'connecting',
    since: Date.now(),
    detail: null,
    qos: null,
    received: 0,
    journaled: 0,
    repeated: 0,
    lost: 0,
    lastMessageAt: null,
  }
  let socket: net.Socket | null = null
  let retry: NodeJS.Timeout | undefined
  let retryMs: number = limits.firstRetryMs
  let isStopped = false
  let underWay = 0
  let bytesUnderWay = 0
  // Those who wait for the other broker's PUBACK, by packet identifier.
  const awaited = new Map<number, () => void>()
  let lastSent: number = limits.firstSentId
  // By packet identifier, of messages whose group is not on disk yet: one that comes again meanwhile joins the first.
  const committing = new Map<number, { checksum: number; joined: (() => void)[] }>()

  function tell(now: BridgeState['state'], detail: Label | null) {
    if (detail !== null && detail.en !== state.detail?.en) log('warn', `bridge ${settings.name}: ${detail.en}`)
    if (state.state !== now) state.since = Date.now()
    state.state = now
    state.detail = detail
  }

  function connect() {
    const own = isSecure ? tls.connect({ ...target(url), ...certificates(settings) }) : net.connect(target(url))
    socket = own
    own.setNoDelay(true)
    let why: Label | null = null
    let receivedAt = Date.now()
    let sentAt = receivedAt
    let pingedAt: number | null = null
    const connectedAt = Date.now()
    let received: Received[] = []
    let isFlushing = false

    function end(reason: Label) {
      why ??= reason
      own.destroy()
    }

    function send(packet: Packet) {
      sentAt = Date.now()
      own.write(generate(packet))
    }

    // One write for all that became durable together. An acknowledgement of 3.1.1 is four bytes.
    function flush() {
      isFlushing = false
      let done = 0
      while (received[done]?.isDone === true) done++
      if (done === 0 || own.destroyed) return
      const acknowledgements = Buffer.alloc(4 * done)
      for (let i = 0; i < done; i++) {
        acknowledgements.writeUInt16BE(0x4002, 4 * i)
        acknowledgements.writeUInt16BE(received[i]!.messageId, 4 * i + 2)
      }
      received = received.slice(done)
      sentAt = Date.now()
      own.write(acknowledgements)
    }

    function finish(each: Received) {
      each.isDone = true
      if (isFlushing) return
      isFlushing = true
      queueMicrotask(flush)
    }

    function take(packet: IPublishPacket) {
      const { topic, messageId, qos } = packet
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
      state.received++
      state.lastMessageAt = Date.now()
      if (qos === 0 || messageId === undefined) {
        journal(null, topic, payload, (error) => {
          if (error !== null) state.lost++
        })
        return
      }
      const each = { messageId, isDone: false }
      received.push(each)
      const checksum = checksumOf(topic, payload)
      const first = committing.get(messageId)
      if (packet.dup && first?.checksum === checksum) {
        state.repeated++
        first.joined.push(() => finish(each))
        return
      }
      if (packet.dup && journaled.get(messageId) === checksum) {
        state.repeated++
        finish(each)
        return
      }
      // Each goes back by the connection that it came by: the other side may have connected again meanwhile.
      const waiting = { checksum, joined: [() => finish(each)] }
      committing.set(messageId, waiting)
      journal(messageId, topic, payload, (error) => {
        if (committing.get(messageId) === waiting) committing.delete(messageId)
        if (error !== null) {
          end({ fr: `le journal refuse : ${error.message}`, en: `the journal refuses: ${error.message}` })
          return
        }
        journaled.set(messageId, checksum)
        for (const finishOne of waiting.joined) finishOne()
      })
    }

    function journal(messageId: number | null, topic: string, payload: Buffer, done: (error: Error | null) => void) {
      const bytes = topic.length + payload.length
      underWay++
      bytesUnderWay += bytes
      if (underWay >= limits.pendingUplinks || bytesUnderWay >= limits.pendingBytes) own.pause()
      append({ clientId: uplinkClientId(settings, messageId), topic, payload, receivedAt: Date.now() }, (error) => {
        underWay--
        bytesUnderWay -= bytes
        if (error === null) state.journaled++
        done(error)
        const isLow = underWay <= limits.pendingUplinks / 2 && bytesUnderWay <= limits.pendingBytes / 2
        if (isLow && socket?.isPaused() === true) socket.resume()
      })
    }

    function onConnack({ returnCode = 0 }: IConnackPacket) {
      clearTimeout(timeout)
      if (returnCode !== 0) {
        end(
          refusals[returnCode] ?? {
            fr: `l’autre broker refuse (${returnCode})`,
            en: `the other broker refuses (${returnCode})`,
          },
        )
        return
      }
      const subscriptions = settings.topics.map((topic) => ({ topic, qos: settings.qos }))
      send({ cmd: 'subscribe', messageId: 1, subscriptions })
    }

    function onSuback({ granted }: ISubackPacket) {
      const levels = granted as number[]
      const refused = settings.topics.filter((_, index) => (levels[index] ?? refusedTopic) >= refusedTopic)
      if (refused.length === settings.topics.length) {
        end(refuses(refused))
        return
      }
      state.qos = Math.min(...levels.filter((level) => level < refusedTopic))
      tell('connected', refused.length === 0 ? null : refuses(refused))
      log('info', `bridge ${settings.name}: connected to ${url.host}, QoS ${state.qos}`)
      options.onConnected?.()
    }

    function onPacket(packet: Packet) {
      switch (packet.cmd) {
        case 'connack':
          return onConnack(packet)
        case 'suback':
          return onSuback(packet)
        case 'publish':
          return take(packet)
        case 'pingresp':
          pingedAt = null
          return
        case 'puback':
          awaited.get(packet.messageId!)?.()
          awaited.delete(packet.messageId!)
          return
        case 'unsuback':
          return
        default:
          return end({ fr: `l’autre broker a envoyé ${packet.cmd}`, en: `the other broker sent ${packet.cmd}` })
      }
    }

    const incoming = parser({ protocolVersion: 4 })
    incoming.on('packet', onPacket)
    incoming.on('error', ({ message }: Error) =>
      end({
        fr: `ce que l’autre broker envoie n’est pas du MQTT : ${message}`,
        en: `what the other broker sends is not MQTT: ${message}`,
      }),
    )
    own.on(isSecure ? 'secureConnect' : 'connect', () =>
      send({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: settings.clientId,
        // What comes while the bridge is away waits for it there.
        clean: settings.qos === 0,
        keepalive: limits.keepAliveS,
        ...(settings.userName === null ? {} : { username: settings.userName }),
        ...(settings.password === null ? {} : { password: Buffer.from(settings.password) }),
      }),
    )
    own.on('data', (bytes: Buffer) => {
      receivedAt = Date.now()
      // What is left is the beginning of one packet.
      if (incoming.parse(bytes) > maxPacketBytes)
        end({
          fr: `un message dépasse ${maxPacketBytes} octets`,
          en: `a message is larger than ${maxPacketBytes} bytes`,
        })
    })
    own.on('error', (error) => {
      why ??= explain(error)
    })
    own.on('close', () => {
      clearTimeout(timeout)
      clearInterval(pinging)
      received = []
      awaited.clear()
      if (socket === own) socket = null
      if (isStopped) return
      state.qos = null
      tell(
        'waiting',
        why ?? { fr: 'l’autre broker a mis fin à la connexion', en: 'the other broker ended the connection' },
      )
      if (Date.now() - connectedAt > limits.goodAfterMs) retryMs = limits.firstRetryMs
      retry = setTimeout(
        () => {
          tell('connecting', state.detail)
          connect()
        },
        retryMs * (0.5 + Math.random()),
      )
      retryMs = Math.min(2 * retryMs, limits.longestRetryMs)
    })
    const timeout = setTimeout(
      () => end({ fr: 'l’autre broker ne répond pas', en: 'the other broker does not answer' }),
      limits.connectTimeoutMs,
    )
    const pinging = setInterval(() => {
      const now = Date.now()
      // A socket that is not read says nothing of the other side.
      if (own.isPaused()) pingedAt = null
      else if (pingedAt !== null && receivedAt < pingedAt && now - pingedAt > limits.pingTimeoutMs)
        end({ fr: 'l’autre broker ne répond plus', en: 'the other broker does not answer any more' })
      else if (pingedAt === null && now - Math.min(sentAt, receivedAt) >= limits.keepAliveS * 500) {
        pingedAt = now
        send({ cmd: 'pingreq' })
      }
    }, limits.keepAliveS * 100)
  }

  connect()
  return {
    state,
    /**
     * Publishes to the other broker, at QoS 1 where the bridge has it; `acknowledged` is called at its PUBACK. Answers
     * at which QoS; null, and sends nothing, while it is not connected or too much waits.
     */
    send(topic: string, payload: Buffer, acknowledged: () => void): 0 | 1 | null {
      const isFull = awaited.size >= limits.awaitedSent || (socket?.writableLength ?? 0) > limits.unsentBytes
      if (socket === null || state.state !== 'connected' || isStopped || isFull) return null
      // One that grants QoS 0 alone is sent no other either.
      const qos = state.qos === 0 ? 0 : settings.qos
      const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, dup: false, retain: false }
      if (qos === 1) {
        do lastSent = lastSent >= 0xffff ? limits.firstSentId : lastSent + 1
        while (awaited.has(lastSent))
        packet.messageId = lastSent
        awaited.set(lastSent, acknowledged)
      }
      socket.write(generate(packet))
      return qos
    },
    /** Acknowledges what was read, then takes leave. What is in `unsubscribe` is not kept for us any longer. */
    async stop(unsubscribe: readonly string[] = []) {
      isStopped = true
      clearTimeout(retry)
      const last = socket
      if (last === null) return
      last.pause()
      const deadline = Date.now() + limits.closeTimeoutMs
      while (underWay > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
      if (state.state !== 'connected' || last.destroyed) {
        last.destroy()
        return
      }
      if (unsubscribe.length > 0)
        last.write(generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [...unsubscribe] }))
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limits.closeTimeoutMs)
        last.end(generate({ cmd: 'disconnect' }), () => {
          clearTimeout(timer)
          resolve()
        })
      })
      last.destroy()
    },
  }
}

export type RunningBridge = ReturnType<typeof startBridge>

/** A subscription that was not granted (MQTT 3.1.1, 3.9.3). */
const refusedTopic = 0x80

// MQTT 3.1.1, 3.2.2.3.
const refusals: Readonly<Record<number, Label>> = {
  1: { fr: 'l’autre broker ne parle pas MQTT 3.1.1', en: 'the other broker does not speak MQTT 3.1.1' },
  2: { fr: 'l’autre broker refuse l’identifiant de client', en: 'the other broker refuses the client id' },
  3: { fr: 'l’autre broker n’est pas disponible', en: 'the other broker is not available' },
  4: {
    fr: 'l’autre broker refuse le nom d’utilisateur ou le mot de passe',
    en: 'the other broker refuses the user name or password',
  },
  5: { fr: 'l’autre broker dit : accès non autorisé', en: 'the other broker says: not authorized' },
}

function target(url: URL): { host: string; port: number } {
  // An IPv6 address stands in brackets in a URL.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { host, port: Number(url.port || (url.protocol === 'mqtts:' ? 8883 : 1883)) }
}

function certificates({ url, ca, insecure }: BridgeSettings): tls.ConnectionOptions {
  const { host } = target(new URL(url))
  return {
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === null ? {} : { ca }),
    rejectUnauthorized: !insecure,
  }
}

function refuses(topics: readonly string[]): Label {
  const named = topics.join(', ')
  return { fr: `l’autre broker refuse les sujets ${named}`, en: `the other broker refuses the topics ${named}` }
}

// What the system tells of certificates and sockets has no French.
function explain({ code, message }: Error & { code?: string }): Label {
  if (code === 'ECONNREFUSED')
    return {
      fr: 'personne n’écoute à l’adresse de l’autre broker',
      en: 'nobody listens at the address of the other broker',
    }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return { fr: 'le nom de l’autre broker est introuvable', en: 'the name of the other broker is not found' }
  return { fr: `la connexion a échoué : ${message}`, en: message }
}
