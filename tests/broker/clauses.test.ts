import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makePublish, makeSubscribe, type RawClient, startOpenBroker } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

/* The clauses of MQTT 3.1.1 that aedes alone does not keep, by their numbers, on the wire. */

let open: Awaited<ReturnType<typeof startOpenBroker>>
beforeAll(async () => {
  open = await startOpenBroker()
})
afterAll(() => open.close())

async function connected(options: Record<string, unknown> = {}): Promise<RawClient> {
  const client = open.open()
  expect((await client.connect(options)).returnCode).toBe(0)
  return client
}

// Text as MQTT's strings: two bytes of length, and UTF-8, in hexadecimal.
function string(text: string | Buffer): string {
  const bytes = Buffer.from(text)
  return `${bytes.length.toString(16).padStart(4, '0')}${bytes.toString('hex')}`
}

function packet(first: string, body: string): string {
  const bytes = body.replaceAll(' ', '').length / 2
  const length = bytes < 128 ? [bytes] : [(bytes % 128) | 0x80, bytes >> 7]
  return `${first}${Buffer.from(length).toString('hex')}${body}`
}

const mqtt = `${string('MQTT')} 04`
const keepAlive = '0000'
const id = string('raw')
const connect = (flags: string, rest: string, protocol = mqtt) =>
  packet('10', `${protocol} ${flags} ${keepAlive} ${rest}`)

describe('CONNECT', () => {
  test.each([
    ['[MQTT-3.1.0-1] another packet first', 'c000'],
    ['[MQTT-2.2.2-2] flags in its fixed header', connect('02', id).replace('10', '11')],
    ['[MQTT-3.1.2-1] another protocol', connect('02', id, `${string('HTTP')} 04`)],
    ['[MQTT-3.1.2-3] the reserved flag', connect('03', id)],
    ['[MQTT-3.1.2-11] a will QoS without a will', connect('0a', id)],
    ['[MQTT-3.1.2-11] will retain without a will', connect('22', id)],
    ['[MQTT-3.1.2-14] a will of QoS 3', connect('1e', `${id}${string('t')}${string('m')}`)],
    ['[MQTT-3.1.2-9] a will without its message', connect('06', `${id}${string('t')}`)],
    ['[MQTT-4.7.3-1] an empty will topic', connect('06', `${id}${string('')}${string('m')}`)],
    ['[MQTT-4.7.1-1] a will topic with a wildcard', connect('06', `${id}${string('a/#')}${string('m')}`)],
    ['[MQTT-3.1.2-22] a password without a user name', connect('42', `${id}${string('p')}`)],
    ['[MQTT-3.1.2-18] a user name that no flag announces', connect('02', `${id}${string('u')}`)],
    ['[MQTT-3.1.2-19] a user name that is not there', connect('82', id)],
    ['[MQTT-3.1.3-3] no identifier', connect('02', '')],
    ['[MQTT-1.5.3-2] U+0000 in the identifier', connect('02', string('a\0b'))],
    ['[MQTT-1.5.3-1] a surrogate in the identifier', connect('02', string(Buffer.from('61eda08062', 'hex')))],
    ['[MQTT-1.5.3-1] an overlong form in the user name', connect('82', `${id}${string(Buffer.from('c0af', 'hex'))}`)],
    ['[1.5.3] a control character in the identifier', connect('02', string('a\x1fb'))],
    ['[1.5.3] a control character of two bytes', connect('02', string('a\u0085b'))],
    ['[2.2.3] a length of five bytes', '10ffffffff01'],
  ])('%s closes the connection without an answer', async (_, bytes) => {
    const client = open.open()
    client.send(bytes)
    await client.closed()
    expect(client.bytes()).toBe('')
  })

  test.each([
    ['[MQTT-3.1.2-2] level 5', connect('02', id, `${string('MQTT')} 05`), '20020001'],
    ['[MQTT-3.1.2-2] level 3 of MQTT', connect('02', id, `${string('MQTT')} 03`), '20020001'],
    ['[MQTT-3.1.2-2] a bridge bit in the level', connect('02', id, `${string('MQTT')} 84`), '20020001'],
    ['[MQTT-3.1.3-8] no identifier and clean session 0', connect('00', string('')), '20020002'],
    ['MQTT 3.1 without an identifier', connect('02', string(''), `${string('MQIsdp')} 03`), '20020002'],
  ])('%s is answered, and closed', async (_, bytes, answer) => {
    const client = open.open()
    client.send(bytes)
    await client.closed()
    expect(client.bytes()).toBe(answer)
  })

  test.each([
    ['[MQTT-3.1.3-6] no identifier and clean session 1', connect('02', string(''))],
    ['an identifier that is not ASCII', connect('02', string('capteur été 🗑'))],
    ['[MQTT-1.5.3-3] U+FEFF is a character like others', connect('02', string('\ufeffraw'))],
    ['MQTT 3.1', connect('02', id, `${string('MQIsdp')} 03`)],
    ['a will of QoS 2, retained', connect('36', `${id}${string('t')}${string('')}`)],
    ['an empty user name and a password with any bytes', connect('c2', `${id}${string('')}${string('\0')}`)],
  ])('%s is accepted', async (_, bytes) => {
    const client = open.open()
    client.send(bytes)
    expect((await client.next('connack')).returnCode).toBe(0)
    client.end()
  })

  test('[MQTT-3.1.0-2] a second one closes the connection', async () => {
    const client = await connected()
    client.send(connect('02', id))
    await client.closed()
  })

  test('[MQTT-3.1.4-5] what follows it at once is handled once it is accepted', async () => {
    const client = open.open()
    client.send(connect('02', id), makePublish('a', 'early', 1), { cmd: 'pingreq' })
    await client.next('pingresp')
    await client.next('puback')
    client.end()
  })
})

describe('what follows', () => {
  const filter = string('a/b')
  test.each([
    ['[MQTT-2.3.1-1] SUBSCRIBE with packet id 0', packet('82', `0000${filter}00`)],
    ['[MQTT-2.3.1-1] PUBLISH of QoS 1 with packet id 0', packet('32', `${filter}0000`)],
    ['[MQTT-2.3.1-1] UNSUBSCRIBE with packet id 0', packet('a2', `0000${filter}`)],
    ['[MQTT-2.3.1-1] PUBACK of packet id 0', '40020000'],
    ['[MQTT-3.3.1-2] DUP with QoS 0', packet('38', filter)],
    ['[MQTT-3.3.1-4] PUBLISH of QoS 3', packet('36', `${filter}0001`)],
    ['[MQTT-3.3.2-2] PUBLISH to a wildcard', packet('30', string('a/+'))],
    ['[MQTT-4.7.3-1] PUBLISH to an empty topic', packet('30', '0000')],
    ['[MQTT-1.5.3-2] PUBLISH with U+0000', packet('30', string('a\0'))],
    ['[MQTT-1.5.3-1] PUBLISH with a surrogate', packet('30', string(Buffer.from('edb080', 'hex')))],
    ['[MQTT-1.5.3-1] PUBLISH with an overlong form', packet('30', string(Buffer.from('e080af', 'hex')))],
    ['PUBLISH whose topic is longer than the packet', packet('30', '00ff61')],
    ['PUBLISH of QoS 1 without a packet id', packet('32', `${filter}00`)],
    ['[MQTT-3.6.1-1] PUBREL with other flags', '60020001'],
    ['PUBREL that is too long', '6203000100'],
    ['[MQTT-3.8.1-1] SUBSCRIBE with other flags', packet('80', `0001${filter}00`)],
    ['[MQTT-3.8.3-3] SUBSCRIBE without filters', packet('82', '0001')],
    ['[MQTT-3.8.3-4] SUBSCRIBE with QoS 3', packet('82', `0001${filter}03`)],
    ['[MQTT-3.8.3-4] SUBSCRIBE with reserved bits', packet('82', `0001${filter}04`)],
    ['SUBSCRIBE without the last QoS', packet('82', `0001${filter}00${filter}`)],
    ['[MQTT-4.7.3-1] SUBSCRIBE to an empty filter', packet('82', '0001000000')],
    ['[MQTT-4.7.1-2] SUBSCRIBE to a/#/b', packet('82', `0001${string('a/#/b')}00`)],
    ['[MQTT-4.7.1-2] SUBSCRIBE to a#', packet('82', `0001${string('a#')}00`)],
    ['[MQTT-4.7.1-3] SUBSCRIBE to a+/b', packet('82', `0001${string('a+/b')}00`)],
    ['[MQTT-1.5.3-2] SUBSCRIBE with U+0000', packet('82', `0001${string('a\0')}00`)],
    ['[MQTT-3.10.3-2] UNSUBSCRIBE without filters', packet('a2', '0001')],
    ['[MQTT-3.10.1-1] UNSUBSCRIBE with other flags', packet('a0', `0001${filter}`)],
    ['PUBLISH to more levels than there may be', packet('30', string('/'.repeat(50)))],
    ['PUBLISH of QoS 1 to more levels than there may be', packet('32', `${string('/'.repeat(120))}0001`)],
    ['PINGREQ with a body', 'c00100'],
    ['[MQTT-3.14.1-1] DISCONNECT with other flags', 'e100'],
    ['what only a server sends: CONNACK', '20020000'],
    ['what only a server sends: SUBACK', '9003000100'],
    ['the reserved type 0', '0000'],
    ['the reserved type 15', 'f000'],
    ['[2.2.3] a length of five bytes', '30ffffffff01'],
  ])('%s closes the connection', async (_, bytes) => {
    const client = await connected()
    const before = open.journal.length
    client.send(bytes)
    await client.closed()
    expect(client.packets).toEqual([])
    expect(open.journal.length).toBe(before)
  })

  test('valid forms of the same stay', async () => {
    const client = await connected()
    client.send(
      packet('82', `0001${string('été/+/#')}02`),
      packet('a2', `0002${string('été/+/#')}`),
      '40020001',
      '62020001',
    )
    client.send(packet('3a', `${string('a/🗑')}0007`), packet('30', `${string('$weather/x')}`.replace('24', '41')))
    await client.ping()
    client.end()
  })

  test('packets in pieces of one byte, and many in one piece', async () => {
    const client = await connected()
    for (const byte of Buffer.from(packet('32', `${string('a/b')}0009${'78'.repeat(200)}`).replaceAll(' ', ''), 'hex'))
      client.send(Buffer.of(byte))
    expect((await client.next('puback')).messageId).toBe(9)
    client.send(...Array.from({ length: 1000 }, (_, i) => makePublish('a/b', `${i}`, 1, { messageId: i + 1 })))
    await until(() => client.packets.length === 1000)
    expect(client.packets.map(({ messageId }) => messageId)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1))
    client.end()
  })

  test('[MQTT-4.6.0-2] what came before a DISCONNECT is acknowledged before the end', async () => {
    const client = await connected()
    client.send(makePublish('a', 'last', 1, { messageId: 5 }), { cmd: 'disconnect' })
    expect((await client.next('puback')).messageId).toBe(5)
    await client.closed()
  })
})

describe('delivery', () => {
  test('[MQTT-3.8.4-6] a message comes at the lower of its own QoS and the filter’s, wildcard or not', async () => {
    const subscriber = await connected({ clientId: 'lower' })
    subscriber.send(makeSubscribe({ 'lower/+': 1 }))
    await subscriber.next('suback')
    const publisher = await connected({ clientId: 'publisher' })
    for (const qos of [0, 1, 2] as const) publisher.send(makePublish('lower/a', `${qos}`, qos, { messageId: qos + 1 }))
    await until(() => subscriber.packets.filter(({ cmd }) => cmd === 'publish').length === 3)
    const got = subscriber.packets.map((each) => each.cmd === 'publish' && [String(each.payload), each.qos])
    expect(got.sort()).toEqual([
      ['0', 0],
      ['1', 1],
      ['2', 1],
    ])
  })

  test.each([true, false])(
    '[MQTT-3.3.5-1] of overlapping filters one copy at the highest QoS (clean %s)',
    async (clean) => {
      const subscriber = await connected({ clientId: `overlap-${clean}`, clean })
      subscriber.send(makeSubscribe({ 'over/#': 0, 'over/+': 2, 'over/a': 1 }))
      expect((await subscriber.next('suback')).granted).toEqual([0, 2, 1])
      const publisher = await connected({ clientId: 'publisher' })
      publisher.send(makePublish('over/a', 'x', 2), { cmd: 'pubrel', messageId: 1 })
      expect((await subscriber.next('publish')).qos).toBe(2)
      await publisher.next('pubcomp')
      await subscriber.ping()
      expect(subscriber.packets).toEqual([])
    },
  )

  test('QoS 0 right behind QoS 1 does not displace it', async () => {
    const subscriber = await connected({ clientId: 'order', clean: false })
    subscriber.send(makeSubscribe({ order: 1 }))
    await subscriber.next('suback')
    const publisher = await connected({ clientId: 'publisher' })
    publisher.send(makePublish('order', 'one', 1), makePublish('order', 'nought', 0))
    await until(() => subscriber.packets.length === 2)
    expect(subscriber.packets.map((each) => each.cmd === 'publish' && String(each.payload)).sort()).toEqual([
      'nought',
      'one',
    ])
  })

  test.each([
    ['[MQTT-4.3.2-2] QoS 1 with PUBREC', 1, '50020001'],
    ['[MQTT-4.3.3-2] QoS 2 with PUBACK', 2, '40020001'],
    ['[MQTT-4.3.3-2] QoS 2 with PUBCOMP at once', 2, '70020001'],
  ] as const)('who acknowledges %s is closed', async (_, qos, bytes) => {
    const subscriber = await connected({ clientId: 'wrong' })
    subscriber.send(makeSubscribe({ wrong: 2 }))
    await subscriber.next('suback')
    const publisher = await connected({ clientId: 'publisher' })
    publisher.send(makePublish('wrong', 'x', qos))
    expect((await subscriber.next('publish')).messageId).toBe(1)
    subscriber.send(bytes)
    await subscriber.closed()
  })

  test('[MQTT-4.3.3-2] a QoS 2 duplicate in one chunk is journaled and delivered once', async () => {
    const subscriber = await connected({ clientId: 'once' })
    subscriber.send(makeSubscribe({ once: 0 }))
    await subscriber.next('suback')
    const publisher = await connected({ clientId: 'publisher' })
    publisher.send(makePublish('once', 'x', 2), makePublish('once', 'x', 2, { dup: true }))
    await publisher.next('pubrec')
    await publisher.next('pubrec')
    publisher.send({ cmd: 'pubrel', messageId: 1 })
    await publisher.next('pubcomp')
    await subscriber.next('publish')
    await subscriber.ping()
    expect(subscriber.packets).toEqual([])
    expect(open.journal.filter(({ topic }) => topic === 'once').length).toBe(1)
  })

  test('[MQTT-3.8.4-3] a filter that is taken away and asked for again in one chunk stays', async () => {
    const client = await connected({ clientId: 'again' })
    client.send(makeSubscribe({ again: 1 }), { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['again'] })
    client.send(makeSubscribe({ again: 1 }, 3), makePublish('again', 'x', 0))
    expect(String((await client.next('publish')).payload)).toBe('x')
  })

  test('[MQTT-3.3.1-8] a retained message comes with RETAIN, an empty one removes it [MQTT-3.3.1-10]', async () => {
    const publisher = await connected({ clientId: 'publisher' })
    publisher.send(makePublish('kept/a', 'x', 1, { retain: true }))
    await publisher.next('puback')
    const one = await connected({ clientId: 'one' })
    one.send(makeSubscribe({ 'kept/#': 1 }))
    expect(await one.next('publish')).toMatchObject({ retain: true, qos: 1 })
    publisher.send(makePublish('kept/a', 'y', 0))
    expect((await one.next('publish')).retain).toBe(false)
    publisher.send(makePublish('kept/a', '', 0, { retain: true }))
    await one.next('publish')
    const two = await connected({ clientId: 'two' })
    two.send(makeSubscribe({ 'kept/#': 1 }))
    await two.ping()
    expect(two.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([])
  })

  test('[MQTT-3.1.2-8] a will comes when its client is lost, not after DISCONNECT [MQTT-3.1.2-10]', async () => {
    const witness = await connected({ clientId: 'witness' })
    witness.send(makeSubscribe({ 'will/#': 0 }))
    await witness.next('suback')
    const will = (name: string) => ({
      clientId: name,
      will: { topic: `will/${name}`, payload: 'gone', qos: 1, retain: false },
    })
    const leaving = await connected(will('leaving'))
    leaving.send({ cmd: 'disconnect' })
    await leaving.closed()
    const lost = await connected(will('lost'))
    lost.end()
    expect((await witness.next('publish')).topic).toBe('will/lost')
    // [MQTT-3.1.4-2]: who takes over an identifier ends the connection that had it.
    const first = await connected(will('twice'))
    await connected({ clientId: 'twice' })
    await first.closed()
    expect((await witness.next('publish')).topic).toBe('will/twice')
  })

  test('[MQTT-3.1.2-24] who is silent for one and a half times its keep-alive is closed', async () => {
    const client = await connected({ clientId: 'silent', keepalive: 1 })
    await client.closed()
  })
})

describe('sessions', () => {
  test('[MQTT-3.2.2-2] session present is told also for a session without subscriptions', async () => {
    const options = { clientId: 'session', clean: false }
    const first = open.open()
    expect((await first.connect(options)).sessionPresent).toBe(false)
    first.send({ cmd: 'disconnect' })
    await first.closed()
    const second = open.open()
    expect((await second.connect(options)).sessionPresent).toBe(true)
    // [MQTT-3.1.2-6], [MQTT-3.2.2-1]: clean session 1 ends it.
    const third = open.open()
    expect((await third.connect({ ...options, clean: true })).sessionPresent).toBe(false)
    third.send({ cmd: 'disconnect' })
    await third.closed()
    expect((await open.open().connect(options)).sessionPresent).toBe(false)
  })

  test.each([1, 2] as const)(
    '[MQTT-4.4.0-1] QoS %s comes after a reconnect, again with DUP until it is acknowledged',
    async (qos) => {
      const options = { clientId: `away-${qos}`, clean: false }
      const first = open.open()
      await first.connect(options)
      first.send(makeSubscribe({ [`away/${qos}`]: qos }))
      await first.next('suback')
      first.end()
      const publisher = await connected({ clientId: 'publisher' })
      publisher.send(makePublish(`away/${qos}`, 'x', qos), makePublish(`away/${qos}`, 'nought', 0))
      await publisher.next(qos === 1 ? 'puback' : 'pubrec')
      await publisher.ping()

      const second = open.open()
      await second.connect(options)
      expect(await second.next('publish')).toMatchObject({ dup: false, qos })
      await second.ping()
      expect(second.packets).toEqual([])
      second.end()
      const third = open.open()
      await third.connect(options)
      const again = await third.next('publish')
      expect(again).toMatchObject({ dup: true, qos })
      const { messageId } = again
      if (qos === 2) {
        third.send({ cmd: 'pubrec', messageId })
        expect((await third.next('pubrel')).messageId).toBe(messageId)
        third.end()
        const fourth = open.open()
        await fourth.connect(options)
        expect((await fourth.next('pubrel')).messageId).toBe(messageId)
        fourth.send({ cmd: 'pubcomp', messageId })
        await fourth.ping()
        fourth.end()
      } else {
        third.send({ cmd: 'puback', messageId })
        await third.ping()
        third.end()
      }
      const last = open.open()
      await last.connect(options)
      await last.ping()
      expect(last.packets).toEqual([])
    },
  )

  test('[MQTT-4.3.3-2] QoS 2 of a publisher is journaled once also when it is sent again over another connection', async () => {
    const options = { clientId: 'resender', clean: false }
    const first = open.open()
    await first.connect(options)
    first.send(makePublish('resent', 'x', 2, { messageId: 77 }))
    await first.next('pubrec')
    first.end()
    const second = open.open()
    await second.connect(options)
    second.send(makePublish('resent', 'x', 2, { messageId: 77, dup: true }))
    await second.next('pubrec')
    second.send({ cmd: 'pubrel', messageId: 77 })
    await second.next('pubcomp')
    second.send(makePublish('resent', 'next', 2, { messageId: 77 }))
    await second.next('pubrec')
    const journaled = open.journal.filter(({ topic }) => topic === 'resent').map(({ payload }) => String(payload))
    expect(journaled).toEqual(['x', 'next'])
  })
})

test('[MQTT-4.7.2-1] wildcards take no topic that begins with $, and what the broker says of others is not to be had', async () => {
  const client = await connected({ clientId: 'nosy' })
  client.send(makeSubscribe({ '#': 0, '+/+/new/clients': 0, '$SYS/#': 0, '$SYS/parvis/new/clients': 0 }))
  expect((await client.next('suback')).granted).toEqual([0, 0, 0x80, 0x80])
  await connected({ clientId: 'seen' })
  await client.ping()
  expect(client.packets).toEqual([])
  client.send(makePublish('$SYS/parvis/new/clients', 'x', 0))
  await client.closed()
})
