import { readFileSync } from 'node:fs'
import * as net from 'node:net'
import { generate } from 'mqtt-packet'

/*
 * A generator of MQTT load, in a process of its own, that is not the bottleneck: packets are made beforehand and only
 * their varying digits are written into them. Takes its options as one JSON argument, prints its result as JSON.
 */

/** What to publish. `rate` is messages a second in all; without it every client keeps `inFlight` unacknowledged. */
export type LoadOptions = {
  port: number
  credentials: { id: string; secret: string }[]
  inFlight: number
  /** Stop after this long, or after this many messages of each client. */
  seconds?: number
  messagesPerClient?: number
  rate?: number
}

/** Latencies are from the write of a PUBLISH to the reading of its PUBACK, in milliseconds. */
export type LoadResult = {
  connected: number
  refused: number
  sent: number
  acknowledged: number
  seconds: number
  perSecond: number
  latencyMs: { p50: number; p99: number; max: number }
}

const timeDigits = 13

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
  let refused = 0
  let acknowledged = 0
  let sent = 0
  let clock = Date.now() - 3_600_000
  let isStopping = false
  let onDone = () => {}
  const done = new Promise<void>((resolve) => {
    onDone = resolve
  })
  const begun = performance.now()

  function publish(client: LoadClient) {
    client.nextId = (client.nextId % 65_535) + 1
    const id = client.nextId
    sent++
    client.packet.writeUInt16BE(id, client.idAt)
    client.packet.write(String(clock++), client.timeAt, 'latin1')
    client.sentAt[id] = performance.now()
    client.sent++
    client.open++
    // The socket may keep the bytes for a while: it gets a copy.
    client.socket.write(Buffer.from(client.packet))
  }

  function fill(client: LoadClient) {
    if (options.rate !== undefined) return
    client.socket.cork()
    while (!isStopping && client.open < options.inFlight && client.sent < wanted) publish(client)
    client.socket.uncork()
  }

  function isFinished(): boolean {
    if (clients.length + refused < options.credentials.length || acknowledged < sent) return false
    return isStopping || sent >= wanted * clients.length
  }

  function connect({ id, secret }: { id: string; secret: string }): Promise<void> {
    return new Promise((resolve) => {
      const socket = net.connect({ port: options.port, host: '127.0.0.1', noDelay: true })
      const topic = `devices/${id}/up`
      const payload = `{"observedAt":${'0'.repeat(timeDigits)},"readings":{"fill_level":42.5,"temperature":17.5}}`
      const packet = generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 1, dup: false, retain: false })
      const client: LoadClient = {
        socket,
        packet,
        idAt: packet.indexOf(topic) + Buffer.byteLength(topic),
        timeAt: packet.indexOf('{"observedAt":') + 14,
        nextId: 0,
        sentAt: new Float64Array(65_536),
        sent: 0,
        open: 0,
      }
      socket.on('connect', () =>
        socket.write(
          generate({
            cmd: 'connect',
            protocolId: 'MQTT',
            protocolVersion: 4,
            clientId: id,
            clean: true,
            keepalive: 60,
            username: id,
            password: Buffer.from(secret),
          }),
        ),
      )
      let rest = Buffer.alloc(0)
      socket.on('data', (bytes: Buffer<ArrayBuffer>) => {
        const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
        let at = 0
        // CONNACK and PUBACK both take four bytes.
        for (; at + 4 <= all.length; at += 4) {
          if (all[at] === 0x20) {
            if (all[at + 3] === 0) clients.push(client)
            else refused++
            resolve()
            continue
          }
          const id = all.readUInt16BE(at + 2)
          latencies.push(performance.now() - client.sentAt[id]!)
          client.open--
          acknowledged++
        }
        rest = all.subarray(at)
        fill(client)
        if (
          (isStopping || client.sent >= wanted) &&
          clients.length + refused === options.credentials.length &&
          isFinished()
        )
          onDone()
      })
      socket.on('error', () => {
        refused++
        resolve()
      })
    })
  }

  await Promise.all(options.credentials.map(connect))
  const started = options.seconds === undefined ? begun : performance.now()
  for (const client of clients) fill(client)
  let pacing: NodeJS.Timeout | undefined
  if (options.rate !== undefined) {
    let published = 0
    const rate = options.rate
    pacing = setInterval(() => {
      const due = ((performance.now() - started) / 1000) * rate
      for (; published < due; published++) publish(clients[published % clients.length]!)
    }, 5)
  }
  if (options.seconds !== undefined)
    setTimeout(() => {
      isStopping = true
      clearInterval(pacing)
      if (isFinished()) onDone()
      setTimeout(onDone, 5000).unref()
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
    sent,
    acknowledged,
    seconds: Number(seconds.toFixed(3)),
    perSecond: Math.round(acknowledged / seconds),
    latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
  }
}

console.log(JSON.stringify(await run(JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as LoadOptions)))
process.exit(0)
