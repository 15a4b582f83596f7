import type { Client, PublishPacket } from 'aedes'
import { beforeEach, describe, expect, test } from 'vitest'
import { limits } from '../../broker/limits.ts'
import { createSessions } from '../../broker/sessions.ts'

let sessions: ReturnType<typeof createSessions>
let released: string[]
let log: string[]

beforeEach(() => {
  released = []
  log = []
  sessions = createSessions({
    isGranted: () => true,
    isCurrent: () => true,
    onReleased: (clientId) => released.push(clientId),
    onFilter: () => {},
    log: (text) => log.push(text),
  })
})

function client(id: string): Client {
  return { id } as Client
}

function message(
  topic: string,
  payload: string | Buffer,
  brokerCounter = 1,
): PublishPacket & { brokerCounter: number } {
  return { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: true, dup: false, brokerCounter }
}

async function readQueue(id: string): Promise<string[]> {
  const packets = await sessions.persistence.outgoingStream(client(id)).toArray()
  return packets.map((packet) => `${packet.payload}`)
}

async function readRetained(filter: string): Promise<string[]> {
  const packets = await sessions.persistence.createRetainedStreamCombi([filter]).toArray()
  return packets.map((packet) => `${packet.topic} ${packet.payload}`)
}

describe('sessions', () => {
  test('one expires when its client was away for long, its filters and its queue with it', async () => {
    sessions.open('away')
    sessions.open('here')
    for (const id of ['away', 'here'])
      await sessions.persistence.addSubscriptions(client(id), [{ topic: 'a/#', qos: 1 }])
    sessions.leave('away', 1000)
    sessions.expire(1000 + limits.sessionExpiryMs - 1)
    expect(sessions.counters.sessions).toBe(2)
    sessions.expire(1000 + limits.sessionExpiryMs)
    expect(sessions.counters.sessions).toBe(1)
    expect(await sessions.persistence.subscriptionsByTopic('a/b')).toMatchObject([{ clientId: 'here' }])
    expect(await sessions.persistence.subscriptionsByClient({ id: 'away' })).toEqual([])
    expect(released).toEqual(['away'])
  })

  test('who comes back in time keeps it', () => {
    sessions.open('away')
    sessions.leave('away', 1000)
    sessions.open('away')
    sessions.expire(Number.MAX_SAFE_INTEGER)
    expect(sessions.counters.sessions).toBe(1)
  })

  test('past their number, those that were away the longest go', () => {
    for (let i = 0; i < limits.sessionsMax; i++) sessions.open(`client-${i}`)
    sessions.leave('client-7', 1)
    sessions.leave('client-3', 2)
    sessions.open('one')
    expect(sessions.counters.sessions).toBe(limits.sessionsMax)
    expect([sessions.holds('client-7'), sessions.holds('client-3'), sessions.holds('one')]).toEqual([false, true, true])
  })

  test('a queue has an end, and keeps the first', async () => {
    sessions.open('away')
    await sessions.persistence.addSubscriptions(client('away'), [{ topic: 'a', qos: 1 }])
    const subs = await sessions.persistence.subscriptionsByTopic('a')
    for (let i = 0; i < limits.queuedPerClient + 5; i++)
      await sessions.persistence.outgoingEnqueueCombi(subs, message('a', `${i}`, i + 1))
    const queue = await readQueue('away')
    expect([queue.length, queue[0], queue.at(-1)]).toEqual([
      limits.queuedPerClient,
      '0',
      `${limits.queuedPerClient - 1}`,
    ])
  })

  test('a packet identifier is given to one message at a time', async () => {
    sessions.open('away')
    const subs = [{ clientId: 'away', topic: 'a', qos: 1 as const }]
    for (const n of [1, 2]) await sessions.persistence.outgoingEnqueueCombi(subs, message('a', `${n}`, n))
    const sent = [1, 2].map((brokerCounter) => ({ brokerCounter, messageId: 9 }))
    for (const packet of sent) await sessions.persistence.outgoingUpdate(client('away'), packet)
    expect(sent.map(({ messageId }) => messageId)).toEqual([9, 10])
    await sessions.persistence.outgoingClearMessageId(client('away'), { messageId: 9 })
    expect(await readQueue('away')).toEqual(['2'])
  })

  test('what holds a message does not hold the bytes that it came with', async () => {
    sessions.open('away')
    const chunk = Buffer.alloc(1 << 16)
    const packet = { ...message('a', ''), payload: chunk.subarray(10, 20) }
    await sessions.persistence.outgoingEnqueueCombi([{ clientId: 'away', topic: 'a', qos: 1 }], packet)
    await sessions.persistence.storeRetained(packet)
    const [queued] = await sessions.persistence.outgoingStream(client('away')).toArray()
    const [retained] = await sessions.persistence.createRetainedStreamCombi(['a']).toArray()
    for (const kept of [queued, retained]) expect(kept.payload.buffer.byteLength).toBeLessThan(chunk.length)
  })
})

describe('retained messages', () => {
  test('are found by filter, replaced and removed', async () => {
    for (const [topic, payload] of [
      ['a/b', '1'],
      ['a/c', '2'],
      ['$x/b', '3'],
      ['a/b', '4'],
      ['a/c', ''],
    ] as const)
      await sessions.persistence.storeRetained(message(topic, payload))
    expect(await readRetained('#')).toEqual(['a/b 4'])
    expect(await readRetained('+/c')).toEqual([])
    expect(await readRetained('$x/#')).toEqual(['$x/b 3'])
  })

  test('are bounded, each and all together', async () => {
    await sessions.persistence.storeRetained(message('big', 'x'))
    await sessions.persistence.storeRetained(message('big', Buffer.alloc(limits.retainedMessageBytes + 1)))
    expect(await readRetained('big')).toEqual([])
    const count = limits.retainedBytes / limits.retainedMessageBytes
    for (let i = 0; i < count + 3; i++)
      await sessions.persistence.storeRetained(message(`t/${i}`, Buffer.alloc(limits.retainedMessageBytes)))
    expect(sessions.counters).toMatchObject({ retained: count, retainedBytes: limits.retainedBytes })
    expect(log.length).toBe(4)
    await sessions.persistence.storeRetained(message('t/0', ''))
    await sessions.persistence.storeRetained(message('t/new', 'x'))
    expect(await readRetained('t/new')).toEqual(['t/new x'])
  })

  test('of a device that is revoked go with its session, of others not', async () => {
    for (const name of ['probe', 'probe-2']) {
      sessions.open(name)
      await sessions.persistence.storeRetained(message(`devices/${name}/status`, 'on'))
    }
    sessions.open('network/7')
    expect(sessions.holds('probe')).toBe(true)
    sessions.purge('probe')
    sessions.purge('network')
    expect(sessions.holds('probe')).toBe(false)
    expect(await readRetained('#')).toEqual(['devices/probe-2/status on'])
    expect(sessions.counters).toMatchObject({ sessions: 1, retainedBytes: 2 })
  })
})
