import { setTimeout } from 'node:timers/promises'
import { limits } from '../../broker/limits.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { seededRandom } from '../support/random.ts'
import { makePublish, makeSubscribe, openRawClient, type RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

/* Twelve ways to abuse the broker. Each returns when the abuse has come to nothing, and throws when it has not. */

type Abuse = (port: number) => Promise<void>

const cases: Record<string, Abuse> = {
  async 'giant CONNECT before authentication'(port) {
    const clients = open(port, 50)
    // 256 MiB is announced; what is sent of it is not read.
    for (const client of clients) client.send('10ffffff7f', Buffer.alloc(1 << 20))
    await Promise.all(clients.map((client) => client.closed()))
  },

  async 'two hundred silent connections'(port) {
    const clients = open(port, 200)
    // Half of them drip: a byte of a CONNECT, and then another.
    for (const client of clients.slice(100)) client.send('10', '0f')
    await until(() => clients.every((client) => client.isClosed()), 3 * limits.connectTimeoutMs)
  },

  async 'giant PUBLISH'(port) {
    const announcing = await connect(port, 'giant')
    announcing.send('30ffffff7f')
    await announcing.closed()
    // Twenty that keep to the limit, and never finish.
    const clients = await connectAll(port, 20, 'unfinished')
    for (const client of clients)
      client.send('30ffff7f', Buffer.concat([Buffer.from([0, 1, 0x61]), Buffer.alloc(1 << 20)]))
    for (const client of clients) await until(() => client.socket.writableLength === 0)
    end(clients)
  },

  async 'five thousand filters with clean session 0'(port) {
    const client = await connect(port, 'filters', { clean: false })
    const filters = Array.from({ length: 5000 }, (_, i) => [`filter/${i}/+/#`, 1] as const)
    client.send(makeSubscribe(Object.fromEntries(filters)))
    const { granted } = await client.next('suback')
    check(granted.length === 5000 && granted.filter((code) => code === 1).length === limits.filtersPerClient, 'granted')
    end([client, await connect(port, 'filters', { clean: true })])
  },

  async 'invalid UTF-8'(port) {
    const bad = ['c0af', 'eda080', 'f4908080', 'ff', 'c3', '00', 'e28282c3'].map((hex) => Buffer.from(hex, 'hex'))
    for (const bytes of bad) {
      const client = await connect(port, 'utf8')
      client.send(Buffer.concat([Buffer.from([0x30, bytes.length + 2, 0, bytes.length]), bytes]))
      await client.closed()
      const first = openRawClient(port)
      const head = Buffer.from(`000${'4'}4d5154540402000000${bytes.length.toString(16).padStart(2, '0')}`, 'hex')
      first.send(Buffer.concat([Buffer.from([0x10, head.length + bytes.length]), head, bytes]))
      await first.closed()
    }
  },

  async 'publishing to wildcards and $SYS'(port) {
    for (const topic of ['#', '+', 'a/#', '+/a', '$SYS/parvis/new/clients', '$SYS/', '$share/g/a/$SYS/#']) {
      const client = await connect(port, 'wild')
      const bytes = Buffer.from(topic)
      client.send(Buffer.concat([Buffer.from([0x30, bytes.length + 3, 0, bytes.length]), bytes, Buffer.from('x')]))
      await client.closed()
    }
  },

  async 'a topic of five thousand levels'(port) {
    const topic = 'a/'.repeat(5000)
    for (const packet of [makePublish(topic, 'x', 1), makeSubscribe({ [topic]: 1 })]) {
      const client = await connect(port, 'levels')
      client.send(packet)
      await client.closed()
    }
  },

  async 'hostile names'(port) {
    const names = [
      '__proto__',
      'constructor',
      'hasOwnProperty',
      '<script>alert(1)</script>',
      '=HYPERLINK("x")',
      '../../etc',
      '\u202e',
    ]
    for (const name of names) {
      const client = await connect(port, name, { clean: false, username: name, password: Buffer.from(name) })
      client.send(makeSubscribe({ [`${name}/x`]: 2 }), makePublish(`${name}/x`, name, 1, { retain: true }))
      check(String((await client.next('publish')).payload) === name, 'its own message')
      end([client, await connect(port, name)])
    }
    const long = openRawClient(port)
    long.send({ cmd: 'connect', clientId: 'x'.repeat(60_000), clean: true, keepalive: 0 } as never)
    await long.closed()
    const client = await connect(port, 'long')
    client.send(makePublish('y'.repeat(60_000), 'x', 1))
    await client.next('puback')
    end([client])
  },

  async 'a QoS 2 duplicate in one chunk'(port) {
    const witness = await connect(port, 'witness')
    witness.send(makeSubscribe({ 'twice/#': 0 }))
    await witness.next('suback')
    const client = await connect(port, 'twice')
    client.send(...Array.from({ length: 50 }, (_, i) => makePublish('twice/a', 'x', 2, { dup: i > 0 })))
    await until(() => client.packets.length === 50)
    await witness.next('publish')
    await witness.ping()
    check(witness.packets.length === 0, 'it came once')
    end([witness, client])
  },

  async 'a frozen subscriber to everything under 150 publishers'(port) {
    const frozen = await connect(port, 'frozen')
    frozen.send(makeSubscribe({ '#': 1 }))
    await frozen.next('suback')
    frozen.socket.pause()
    const publishers = await connectAll(port, 150, 'publisher')
    const each = 100
    for (const [i, client] of publishers.entries())
      for (let n = 1; n <= each; n++) client.send(makePublish(`load/${i}`, 'x'.repeat(1000), 1, { messageId: n }))
    await until(() => publishers.every(({ packets }) => packets.length === each), 60_000)
    frozen.socket.resume()
    await frozen.closed()
    end(publishers)
  },

  async 'payload fuzz'(port) {
    const random = seededRandom(4)
    const client = await connect(port, 'payload')
    for (let n = 1; n <= 2000; n++) {
      const payload = Buffer.from(Array.from({ length: Math.floor(random() ** 4 * 5000) }, () => random() * 256))
      client.send(makePublish('payload', payload, 1, { messageId: n }))
    }
    await until(() => client.packets.length === 2000, 60_000)
    end([client])
  },

  async 'three hundred connections that take over one identifier'(port) {
    const clients = open(port, 300)
    for (const client of clients)
      client.send({ cmd: 'connect', clientId: 'one', clean: false, keepalive: 0 } as never, makeSubscribe({ one: 1 }))
    await until(() => clients.filter((client) => !client.isClosed()).length === 1, 30_000)
    const [last] = clients.filter((client) => !client.isClosed())
    await last!.ping()
    end([last!, await connect(port, 'one')])
  },
}

/** The names of the cases. */
export const abuses = Object.keys(cases)

/** What a case did to the others: the slowest CONNECT of one that comes meanwhile, and how much memory has grown. */
export type AbuseReport = { name: string; connectMaxMs: number; connects: number; grownMib: number }

/** Runs one case against a broker, while others connect, publish and leave again and again. */
export async function runAbuse(broker: BrokerProcess, name: string): Promise<AbuseReport> {
  const before = broker.memoryMib()
  const stopping = new AbortController()
  const probing = probe(broker.port, stopping.signal)
  probing.catch(() => {})
  try {
    await cases[name]!(broker.port)
  } finally {
    stopping.abort()
  }
  const latencies = await probing
  return {
    name,
    connectMaxMs: Math.max(...latencies),
    connects: latencies.length,
    grownMib: broker.memoryMib() - before,
  }
}

async function probe(port: number, stopping: AbortSignal): Promise<number[]> {
  const latencies: number[] = []
  while (latencies.length === 0 || !stopping.aborted) {
    const begun = performance.now()
    const client = openRawClient(port)
    await client.connect({ clientId: 'probe' })
    latencies.push(performance.now() - begun)
    client.send(makePublish('probe', 'x', 1))
    await client.next('puback')
    client.end()
    await setTimeout(20)
  }
  return latencies
}

function open(port: number, count: number): RawClient[] {
  return Array.from({ length: count }, () => openRawClient(port))
}

async function connect(port: number, clientId: string, options: object = {}): Promise<RawClient> {
  const client = openRawClient(port)
  const { returnCode } = await client.connect({ clientId, ...options })
  check(returnCode === 0, `${clientId} is let in`)
  return client
}

function connectAll(port: number, count: number, name: string): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => connect(port, `${name}-${i}`)))
}

function end(clients: readonly RawClient[]) {
  for (const client of clients) client.end()
}

function check(isTrue: boolean, what: string) {
  if (!isTrue) throw new Error(`not so: ${what}`)
}
