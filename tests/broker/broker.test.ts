import * as net from 'node:net'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { generate } from 'mqtt-packet'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { registryAccess } from '../../broker/access.ts'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { coversFilter, matchesTopic } from '../../broker/topic.ts'
import { addDevice, renewSecret, revokeDevice, updateDevice } from '../../inventory/devices.ts'
import { addIntegration, renewIntegrationSecret } from '../../inventory/integrations.ts'
import { systemAccess } from '../../store/access.ts'
import { type Journal, type NewUplink, openJournal } from '../../store/journal.ts'
import { openJournalReader } from '../../store/journal-reader.ts'
import { openRegistry, type Registry } from '../../store/registry.ts'
import { makeFolder } from '../support/platform.ts'
import { noteRealPackage } from '../support/real-parts.ts'
import { until } from '../support/until.ts'

let folder: ReturnType<typeof makeFolder>
let registry: Registry
let journal: Journal
let broker: Broker
let secret: string
let integrationSecret: string
// While a test holds the journal back, what is appended waits here.
let held: { uplink: NewUplink; appended(error: Error | null): void }[] | null
const clients: MqttClient[] = []
noteRealPackage('mqtt')
noteRealPackage('ws')

beforeEach(async () => {
  folder = makeFolder()
  registry = await openRegistry({ dataDir: folder.path, database: 'sqlite' })
  ;({ secret } = await addDevice(systemAccess(registry, 'test'), { id: 'probe', model: 'generic-json' }))
  await addDevice(systemAccess(registry, 'test'), { id: 'other', model: 'generic-json' })
  ;({ secret: integrationSecret } = await addIntegration(systemAccess(registry, 'test'), {
    name: 'network',
    format: 'chirpstack-v4',
    topics: ['application/#'],
  }))
  held = null
  journal = await openJournal({
    folder: `${folder.path}/journal`,
    maxBytes: 64 << 20,
    maxDays: 1,
    confirmedSeq: () => 0,
    log: () => {},
  })
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    wsPort: 0,
    maxPacketBytes: 100_000,
    access: registryAccess(registry, () => {}),
    journal: {
      append: (uplink, appended) =>
        held === null
          ? journal.append(uplink, appended)
          : void held.push({ uplink, appended: (error) => appended(error, uplink) }),
    },
    log: () => {},
  })
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  await broker.close()
  await journal.close()
  await registry.destroy()
  folder.remove()
})

function connect(options: IClientOptions = {}): Promise<MqttClient> {
  const url = `mqtt://127.0.0.1:${broker.ports.mqtt}`
  const client = mqtt.connect(url, {
    clientId: 'probe',
    username: 'probe',
    password: secret,
    reconnectPeriod: 0,
    ...options,
  })
  clients.push(client)
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client))
    client.once('error', reject)
  })
}

async function refusalOf(options: IClientOptions): Promise<number> {
  return connect(options).then(
    () => 0,
    (error: Error & { code: number }) => error.code,
  )
}

function journaled(): string[] {
  const reader = openJournalReader(`${folder.path}/journal`, { afterSeq: 0 })
  const uplinks = reader.read()
  reader.close()
  return uplinks.map((each) => `${each.topic} ${Buffer.from(each.payload)}`)
}

function releaseHeld() {
  const waiting = held ?? []
  held = null
  for (const { uplink, appended } of waiting) journal.append(uplink, appended)
}

describe('who may connect', () => {
  test('bad credentials are answered with return code 4', async () => {
    expect(await refusalOf({ password: 'wrong' })).toBe(4)
    expect(await refusalOf({ username: 'nobody', clientId: 'nobody' })).toBe(4)
    expect(await refusalOf({ username: undefined, password: undefined })).toBe(4)
  })

  test('a client id that is not bound to the credential with 2', async () => {
    expect(await refusalOf({ clientId: 'other' })).toBe(2)
    const network = { username: 'network', password: integrationSecret }
    expect(await refusalOf({ ...network, clientId: 'networked' })).toBe(2)
    expect(await refusalOf({ ...network, clientId: 'network/1' })).toBe(0)
  })

  test('a revoked device with 5, and one that is connected is disconnected', async () => {
    const client = await connect()
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    await revokeDevice(systemAccess(registry, 'test'), 'probe')
    await closed
    expect(await refusalOf({})).toBe(5)
  })

  test('a device that got another secret is disconnected, and comes back with that one alone', async () => {
    const client = await connect()
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    const renewed = await renewSecret(systemAccess(registry, 'test'), 'probe')
    await closed
    expect(await refusalOf({})).toBe(4)
    const again = await connect({ password: renewed.secret })
    // What else is changed of it does not end its connection.
    await updateDevice(systemAccess(registry, 'test'), 'probe', { label: 'Sonde' })
    await again.publishAsync('devices/probe/up', '{}', { qos: 1 })
    expect(again.connected).toBe(true)
  })

  test('a device that connects right after it was added stays connected', async () => {
    const access = systemAccess(registry, 'test')
    for (let i = 0; i < 3; i++) {
      const added = await addDevice(access, { id: `new-${i}`, model: 'generic-json' })
      const client = await connect({ clientId: `new-${i}`, username: `new-${i}`, password: added.secret })
      // Once another is disconnected, the broker has heard of the change that added this one.
      const other = await addDevice(access, { id: `other-${i}`, model: 'generic-json' })
      const witness = await connect({ clientId: `other-${i}`, username: `other-${i}`, password: other.secret })
      const closed = new Promise<void>((resolve) => witness.once('close', () => resolve()))
      await revokeDevice(access, `other-${i}`)
      await closed
      expect(client.connected).toBe(true)
    }
  })

  test('so is an integration that got another secret', async () => {
    const network = { clientId: 'network', username: 'network' }
    const client = await connect({ ...network, password: integrationSecret })
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    const renewed = await renewIntegrationSecret(systemAccess(registry, 'test'), 'network')
    await closed
    expect(await refusalOf({ ...network, password: integrationSecret })).toBe(4)
    await connect({ ...network, password: renewed.secret })
  })

  test('over WebSocket too', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${broker.ports.ws}`, ['mqtt'])
    let received = Buffer.alloc(0)
    socket.on('message', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
    })
    await new Promise((resolve) => socket.once('open', resolve))
    const credentials = { clientId: 'probe', username: 'probe', password: Buffer.from(secret) }
    socket.send(generate({ cmd: 'connect', ...credentials, clean: true, keepalive: 0 }))
    await until(() => received.toString('hex') === '20020000')
    const topic = 'devices/probe/up'
    socket.send(generate({ cmd: 'publish', topic, payload: 'ws', qos: 1, messageId: 9, dup: false, retain: false }))
    await until(() => received.toString('hex') === '2002000040020009')
    socket.close()
    expect(journaled()).toEqual(['devices/probe/up ws'])
  })
})

describe('what a client may do', () => {
  test.each(['devices/other/up', 'devices/probe/down', '$SYS/x', 'devices/probe/up/x'])(
    'a forbidden PUBLISH to %s closes the connection, and nothing is journaled',
    async (topic) => {
      const client = await connect()
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      client.publish(topic, 'x', { qos: 1 }, () => {})
      await closed
      expect(journaled()).toEqual([])
    },
  )

  test('a forbidden SUBSCRIBE is answered with 0x80, its own subtree is granted', async () => {
    const client = await connect()
    for (const filter of [
      '#',
      '+/probe/down',
      'devices/+/down',
      'devices/other/down',
      '$SYS/#',
      '$share/g/devices/probe/down',
    ])
      await expect(client.subscribeAsync(filter)).rejects.toThrow()
    expect((await client.subscribeAsync('devices/probe/#'))[0]!.qos).toBe(0)
  })

  test('an integration publishes on its own filters only', async () => {
    const options = { username: 'network', password: integrationSecret, clientId: 'network' }
    const client = await connect(options)
    await client.publishAsync('application/1/device/2/event/up', '{}', { qos: 1 })
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    client.publish('devices/probe/up', '{}', { qos: 1 }, () => {})
    await closed
    expect(journaled()).toEqual(['application/1/device/2/event/up {}'])
  })

  test('topic filters: what a covered filter takes, the wider one takes', () => {
    expect(matchesTopic('a/+/c', 'a/b/c')).toBe(true)
    expect(matchesTopic('a/#', 'a')).toBe(true)
    expect(matchesTopic('#', '$SYS/x')).toBe(false)
    expect(coversFilter('application/#', 'application/+/event/up')).toBe(true)
    expect(coversFilter('application/+/event', 'application/#')).toBe(false)
    expect(coversFilter('#', '$SYS/#')).toBe(false)
  })
})

describe('acknowledgement', () => {
  test('PUBACK comes after the journal has the message, and not before', async () => {
    const client = await connect()
    held = []
    let isAcknowledged = false
    const published = client.publishAsync('devices/probe/up', 'x', { qos: 1 }).then(() => {
      isAcknowledged = true
    })
    await until(() => held?.length === 1)
    expect(isAcknowledged).toBe(false)
    releaseHeld()
    await published
    expect(journaled()).toEqual(['devices/probe/up x'])
  })

  test('a QoS 2 duplicate in one chunk is journaled once [MQTT-4.3.3]', async () => {
    const socket = net.connect(broker.ports.mqtt, '127.0.0.1')
    const publish = {
      cmd: 'publish',
      topic: 'devices/probe/up',
      payload: 'once',
      qos: 2,
      messageId: 7,
      retain: false,
    } as const
    socket.write(
      generate({
        cmd: 'connect',
        clientId: 'probe',
        username: 'probe',
        password: Buffer.from(secret),
        clean: true,
        keepalive: 0,
      }),
    )
    let received = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer<ArrayBuffer>) => {
      received = Buffer.concat([received, bytes])
    })
    await until(() => received.length === 4)
    socket.write(Buffer.concat([generate({ ...publish, dup: false }), generate({ ...publish, dup: true })]))
    await until(() => received.length === 12)
    socket.destroy()
    expect(received.subarray(4).toString('hex')).toBe('5002000750020007')
    expect(journaled()).toEqual(['devices/probe/up once'])
  })

  test('a journal that refuses closes the connection, and nothing is acknowledged', async () => {
    const client = await connect()
    held = []
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    let isAcknowledged = false
    client.publish('devices/probe/up', 'x', { qos: 1 }, (error) => {
      isAcknowledged = error == null && client.connected
    })
    await until(() => held?.length === 1)
    held[0]!.appended(new Error('full'))
    await closed
    expect(isAcknowledged).toBe(false)
  })

  test('a client that floods while the disk waits is read no further than its bound, and loses nothing', async () => {
    const messages = 5000
    const client = await connect()
    held = []
    const published = Promise.all(
      Array.from({ length: messages }, (_, i) => client.publishAsync('devices/probe/up', `${i}`, { qos: 1 })),
    )
    await until(() => (held?.length ?? 0) >= 100)
    await new Promise((resolve) => setImmediate(resolve))
    expect(held.length).toBeLessThan(messages)
    releaseHeld()
    await published
    expect(journal.counters.uplinks).toBe(messages)
  })
})

describe('limits', () => {
  test.each([
    ['a first packet over 4 KB', Buffer.from([0x10, 0xff, 0x7f])],
    ['a remaining length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])],
  ])('%s closes the connection before its body comes', async (_, bytes) => {
    const socket = net.connect(broker.ports.mqtt, '127.0.0.1')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.write(bytes)
    await closed
  })

  test('a packet over the limit closes the connection, and nothing is journaled', async () => {
    const client = await connect()
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    client.publish('devices/probe/up', Buffer.alloc(200_000), { qos: 1 }, () => {})
    await closed
    expect(journaled()).toEqual([])
  })

  test('more than a hundred filters are refused one by one, however many come in one packet', async () => {
    const client = await connect({ clean: false })
    const filters = Array.from({ length: 4000 }, (_, i) => `devices/probe/${i}`)
    const socket = (client as unknown as { stream: net.Socket }).stream
    let granted: number[] = []
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'suback') granted = packet.granted as number[]
    })
    socket.write(
      generate({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos: 0 })) }),
    )
    await until(() => granted.length === filters.length)
    expect(granted.filter((code) => code !== 0x80).length).toBe(100)
  })
})
