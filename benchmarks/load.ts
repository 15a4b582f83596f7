import { readFileSync } from 'node:fs'
import * as net from 'node:net'
import { generate } from 'mqtt-packet'

/*
 * A generator of MQTT load, in a process of its own, that is not the bottleneck: packets are made beforehand, only their
 * identifiers and times are written into them, and what one client sends in one go is one write. Takes a file of its
 * options as JSON, prints its result as JSON.
 */

/** What to publish, with QoS 1. `rate` is messages a second in all; without it every client keeps `inFlight` open. */
export type LoadOptions = {
  port: number
  credentials: readonly { id: string; secret: string }[]
  inFlight: number
  /** Stop after this long, or after this many messages of each client. */
  seconds?: number
  messagesPerClient?: number
  rate?: number
  /** Of the first message, UTC epoch ms; each has a time of its own, a millisecond later. An hour ago by default. */
  firstObservedAt?: number
  /** Begin once all are connected, as `seconds` always does; else each begins as soon as it is. */
  connectFirst?: boolean
}

/**
 * `beganAt` is when publishing began, UTC epoch ms; latencies are from the write of a PUBLISH to the reading of its
 * PUBACK, in milliseconds.
 */
export type LoadResult = {
  connected: number
  refused: number
  beganAt: number
  sent: number
  acknowledged: number
  seconds: number
  perSecond: number
  latencyMs: { p50: number; p99: number; max: number }
}

const timeDigits = 13
const paceMs = 1
// Messages that were published and are not acknowledged are waited for this long after the end.
const patienceMs = 5000

type LoadClient = {
  socket: net.Socket
  packet: Buffer
  idAt: number
  timeAt: number
  nextId: number
  sentAt: Float64Array
  sent: number
  open: number
}

async function run(options: LoadOptions): Promise<LoadResult> {
  const clients: LoadClient[] = []
  const latencies: number[] = []
  const wanted = options.messagesPerClient ?? Number.POSITIVE_INFINITY
  const connectFirst = options.connectFirst === true || options.seconds !== undefined
  let refused = 0
  let acknowledged = 0
  let sent = 0
  let clock = options.firstObservedAt ?? Date.now() - 3_600_000
  let isStarted = !connectFirst
  let isStopping = false
  let onDone = () => {}
  const done = new Promise<void>((resolve) => {
    onDone = resolve
  })
  const begun = performance.now()

  function publish(client: LoadClient, count: number) {
    const { packet, idAt, timeAt } = client
    const bytes = Buffer.allocUnsafe(packet.length * count)
    const now = performance.now()
    for (let at = 0; at < bytes.length; at += packet.length) {
      const id = (client.nextId % 65_535) + 1
      client.nextId = id
      packet.copy(bytes, at)
      bytes.writeUInt16BE(id, at + idAt)
      bytes.write(String(clock++), at + timeAt, 'latin1')
      client.sentAt[id] = now
    }
    sent += count
    client.sent += count
    client.open += count
    client.socket.write(bytes)
  }

  function fill(client: LoadClient) {
    if (options.rate !== undefined || !isStarted || isStopping) return
    const count = Math.min(options.inFlight - client.open, wanted - client.sent)
    if (count > 0) publish(client, count)
  }

  function isFinished(): boolean {
    if (!isStarted || clients.length + refused < options.credentials.length || acknowledged < sent) return false
    return isStopping || sent >= wanted * clients.length
  }

  function connect({ id, secret }: { id: string; secret: string }): Promise<void> {
    return new Promise((resolve) => {
      const socket = net.connect({ port: options.port, host: '127.0.0.1', noDelay: true })
      const client = makeClient(socket, id)
      socket.on('connect', () => socket.write(connectPacket(id, secret)))
      let rest = Buffer.alloc(0)
      socket.on('data', (bytes: Buffer<ArrayBuffer>) => {
        const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
        const now = performance.now()
        let at = 0
        // CONNACK and PUBACK both take four bytes.
        for (; at + 4 <= all.length; at += 4) {
          if (all[at] === 0x20) {
            if (all[at + 3] === 0) clients.push(client)
            else refused++
            resolve()
            continue
          }
          latencies.push(now - client.sentAt[(all[at + 2]! << 8) | all[at + 3]!]!)
          client.open--
          acknowledged++
        }
        rest = all.subarray(at)
        fill(client)
        if (isFinished()) onDone()
      })
      socket.on('error', () => {
        refused++
        resolve()
      })
    })
  }

  await Promise.all(options.credentials.map(connect))
  const started = connectFirst ? performance.now() : begun
  isStarted = true
  for (const client of clients) fill(client)
  let pacing: NodeJS.Timeout | undefined
  if (options.rate !== undefined) {
    let published = 0
    const rate = options.rate
    pacing = setInterval(() => {
      const due = ((performance.now() - started) / 1000) * rate
      for (; published < due; published++) publish(clients[published % clients.length]!, 1)
    }, paceMs)
  }
  if (options.seconds !== undefined)
    setTimeout(() => {
      isStopping = true
      clearInterval(pacing)
      if (isFinished()) onDone()
      setTimeout(onDone, patienceMs).unref()
    }, options.seconds * 1000)
  await done
  const seconds = (performance.now() - started) / 1000
  for (const client of clients) client.socket.destroy()
  latencies.sort((a, b) => a - b)
  const quantile = (q: number) =>
    Number((latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? 0).toFixed(2))
  return {
    connected: clients.length,
    refused,
    beganAt: performance.timeOrigin + started,
    sent,
    acknowledged,
    seconds: Number(seconds.toFixed(3)),
    perSecond: Math.round(acknowledged / seconds),
    latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
  }
}

function makeClient(socket: net.Socket, id: string): LoadClient {
  const topic = `devices/${id}/up`
  const payload = `{"observedAt":${'0'.repeat(timeDigits)},"readings":{"fill_level":42.5,"temperature":17.5}}`
  const packet = generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 1, dup: false, retain: false })
  return {
    socket,
    packet,
    idAt: packet.indexOf(topic) + Buffer.byteLength(topic),
    timeAt: packet.indexOf('{"observedAt":') + 14,
    nextId: 0,
    sentAt: new Float64Array(65_536),
    sent: 0,
    open: 0,
  }
}

function connectPacket(id: string, secret: string): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: id,
    clean: true,
    keepalive: 60,
    username: id,
    password: Buffer.from(secret),
  })
}

console.log(JSON.stringify(await run(JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as LoadOptions)))
process.exit(0)
