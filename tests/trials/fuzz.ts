import { generate, type Packet } from 'mqtt-packet'
import type { BrokerProcess } from '../support/broker-process.ts'
import { seededRandom } from '../support/random.ts'
import { makePublish, makeSubscribe, openRawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

/*
 * A fuzzer that knows how packets are made: valid ones of every kind, in an order that a client could send them in, some
 * of them bent. What connection number n of a seed sends is the same every time: a crash names both.
 */

/** What a run found. Memory in MiB, at the beginning and after each tenth of the packets. */
export type FuzzReport = { seed: number; packets: number; connections: number; crashes: number; memoryMib: number[] }

const atOnce = 16
const packetsPerConnection = 60

type Random = () => number

/** Sends at least so many packets, and sees that the broker still serves. Throws with seed and connection when it does not. */
export async function runFuzz(
  broker: BrokerProcess,
  options: { seed: number; packets: number; log?(line: string): void },
): Promise<FuzzReport> {
  const { seed } = options
  let packets = 0
  let connections = 0
  const memoryMib: number[] = []

  async function work() {
    while (packets < options.packets) {
      const number = connections++
      if (!broker.isAlive())
        throw new Error(`the broker ended: seed ${seed}, at most ${atOnce} before connection ${number}`)
      // In two steps: what the others count meanwhile is not to be lost.
      const sent = await sendSession(broker.port, makeSession(seed, number))
      packets += sent
      if (memoryMib.length <= (packets / options.packets) * 10) {
        memoryMib.push(Math.round(broker.memoryMib()))
        options.log?.(`${packets} packets, ${connections} connections, ${memoryMib.at(-1)} MiB`)
      }
    }
  }

  await Promise.all(Array.from({ length: atOnce }, work))
  const witness = openRawClient(broker.port)
  await witness.connect({ clientId: 'witness' })
  await witness.ping()
  witness.end()
  return { seed, packets, connections, crashes: broker.isAlive() ? 0 : 1, memoryMib }
}

/** The packets of one connection, as bytes. */
export function makeSession(seed: number, number: number): Buffer[] {
  const random = seededRandom(seed * 1_000_003 + number)
  const connect = generate(makeConnect(random))
  const session = [random() < 0.1 ? bend(connect, random) : connect]
  // Most sessions are bent late, so that what is behind a CONNECT is reached too.
  const valid = Math.floor(random() * packetsPerConnection)
  for (let i = 0; i < packetsPerConnection; i++) {
    const bytes = generate(makePacket(random))
    session.push(i < valid || random() < 0.7 ? bytes : bend(bytes, random))
  }
  return session
}

// Sends it in chunks that do not heed packets' ends, and waits until the broker has seen to it all.
async function sendSession(port: number, session: readonly Buffer[]): Promise<number> {
  const client = openRawClient(port)
  const bytes = Buffer.concat([...session])
  const middle = Math.floor(bytes.length / 3)
  client.send(bytes.subarray(0, middle), bytes.subarray(middle))
  client.socket.end()
  await until(client.isClosed, 60_000)
  return session.length
}

function makeConnect(random: Random): Packet {
  const will = {
    topic: makeTopic(random),
    payload: Buffer.from('gone'),
    qos: pick([0, 1, 2], random),
    retain: random() < 0.3,
  }
  const clean = random() < 0.9
  return {
    cmd: 'connect',
    clientId: clean && random() < 0.05 ? '' : `fuzz-${Math.floor(random() * 100)}`,
    clean,
    keepalive: pick([0, 1, 60, 65_535], random),
    ...(random() < 0.3 ? { will } : {}),
    ...(random() < 0.3 ? { username: 'u', password: Buffer.from('p') } : {}),
  } as Packet
}

function makePacket(random: Random): Packet {
  const messageId = 1 + Math.floor(random() ** 3 * 65_535)
  const filters = Array.from({ length: 1 + Math.floor(random() ** 3 * 20) }, () => makeFilter(random))
  const subscriptions = Object.fromEntries(filters.map((filter) => [filter, pick([0, 1, 2] as const, random)]))
  // What is retained is sent to all who subscribe later: a little of it, or they would do nothing but read.
  const retain = random() < 0.1
  const payload = Buffer.alloc(Math.floor(random() ** 6 * (retain ? 20 : 2000)), 'x')
  return pick<() => Packet>(
    [
      () => makePublish(makeTopic(random), payload, pick([0, 1, 2], random), { messageId, retain }),
      () => makePublish(makeTopic(random), payload, pick([1, 2], random), { messageId, dup: true }),
      () => makeSubscribe(subscriptions, messageId),
      () => ({ cmd: 'unsubscribe', messageId, unsubscriptions: filters }),
      () => ({ cmd: pick(['puback', 'pubrec', 'pubrel', 'pubcomp'] as const, random), messageId }),
      () => ({ cmd: 'pingreq' }),
      () => (random() < 0.1 ? { cmd: 'disconnect' } : { cmd: 'pingreq' }),
    ],
    random,
  )()
}

const levels = ['a', 'b', '', 'été', '🗑', '__proto__', 'constructor', '$SYS', '$share', 'x'.repeat(200)]

function makeTopic(random: Random): string {
  const topic = Array.from({ length: 1 + Math.floor(random() ** 8 * 40) }, () => pick(levels, random)).join('/')
  return topic === '' ? 'a' : topic
}

function makeFilter(random: Random): string {
  const topic = makeTopic(random).split('/')
  const wild = topic.map((level) => (random() < 0.2 ? '+' : level))
  return [...wild, ...(random() < 0.3 ? ['#'] : [])].join('/')
}

// One of what goes wrong: a bit, a byte, a length, a piece left out, doubled or from elsewhere, other flags.
function bend(bytes: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * bytes.length)
  const byte = Math.floor(random() * 256)
  const bent = Buffer.from(bytes)
  return pick<() => Buffer>(
    [
      () => {
        bent[at]! ^= 1 << (byte & 7)
        return bent
      },
      () => {
        bent[at] = pick([0, 0x7f, 0x80, 0xff, 0xc0, byte], random)
        return bent
      },
      () => {
        bent[0] = byte
        return bent
      },
      () => {
        bent[1] = byte
        return bent
      },
      () => bytes.subarray(0, at),
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + (byte & 3)))]),
      () => Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + (byte & 7), byte), bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, 1), Buffer.from([0xff, 0xff, 0xff, byte]), bytes.subarray(2)]),
    ],
    random,
  )()
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)]!
}
