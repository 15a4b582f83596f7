import * as net from 'node:net'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { generate, type Packet, parser } from 'mqtt-packet'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Access } from '../../broker/access.ts'
import { type Broker, startBroker } from '../../broker/broker.ts'
import type { Appended, NewUplink } from '../../store/journal.ts'
import { noteRealPackage } from '../support/real-parts.ts'
import { until } from '../support/until.ts'

noteRealPackage('mqtt')

// Everyone may do everything: what is tested here is by which way a message goes.
const access: Access = {
  authenticate: async (clientId) => ({ kind: 'anyone', name: clientId, topics: ['#'] }),
  watch: () => () => {},
}

let broker: Broker
let journaled: string[]
let waiting: (() => void)[]
let error: Error | null
const clients: MqttClient[] = []

beforeEach(async () => {
  journaled = []
  waiting = []
  error = null
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    maxPacketBytes: 100_000,
    access,
    journal: { append },
    log: () => {},
  })
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  await broker.close()
})

// A journal whose groups are what came within one turn of the event loop.
function append<Appendee extends NewUplink>(uplink: Appendee, appended: Appended<Appendee>) {
  waiting.push(() => {
    if (error === null) journaled.push(`${uplink.topic} ${Buffer.from(uplink.payload)}`)
    appended(error, uplink)
  })
  if (waiting.length === 1)
    setImmediate(() => {
      for (const each of waiting.splice(0)) each()
    })
}

async function connect(clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { clientId, reconnectPeriod: 0, ...options })
  clients.push(client)
  await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject))
  return client
}

function gather(client: MqttClient): string[] {
  const heard: string[] = []
  client.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
  return heard
}

const qos1 = { qos: 1 } as const

describe('a publish of QoS 1', () => {
  test('is heard by whoever subscribes, also after the first went to the journal alone', async () => {
    const [publisher, subscriber] = [await connect('publisher'), await connect('subscriber')]
    await publisher.publishAsync('bins/1', 'before', qos1)
    const heard = gather(subscriber)
    await subscriber.subscribeAsync('bins/+', qos1)
    await publisher.publishAsync('bins/1', 'during', qos1)
    await publisher.publishAsync('lamps/1', 'elsewhere', qos1)
    await until(() => heard.length === 1)
    await subscriber.unsubscribeAsync('bins/+')
    await publisher.publishAsync('bins/1', 'after', qos1)
    expect(heard).toEqual(['bins/1 during'])
    expect(journaled).toEqual(['bins/1 before', 'bins/1 during', 'lamps/1 elsewhere', 'bins/1 after'])
  })

  test('is kept for a session that is away', async () => {
    const publisher = await connect('publisher')
    await publisher.publishAsync('bins/1', 'before', qos1)
    const subscriber = await connect('subscriber', { clean: false })
    await subscriber.subscribeAsync('bins/#', qos1)
    await subscriber.endAsync()
    await publisher.publishAsync('bins/1', 'while away', qos1)
    const again = mqtt.connect(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { clientId: 'subscriber', clean: false })
    clients.push(again)
    const heard = gather(again)
    await until(() => heard.length === 1)
    expect(heard).toEqual(['bins/1 while away'])
  })

  test('that is retained is retained, and another beside it is not', async () => {
    const publisher = await connect('publisher')
    await publisher.publishAsync('bins/1', 'kept', { ...qos1, retain: true })
    await publisher.publishAsync('bins/1', 'gone', qos1)
    const subscriber = await connect('subscriber')
    const heard = gather(subscriber)
    await subscriber.subscribeAsync('bins/1', qos1)
    await until(() => heard.length > 0)
    expect(heard).toEqual(['bins/1 kept'])
  })

  test('that cannot be journaled closes the connection, and is not acknowledged', async () => {
    const publisher = await connect('publisher')
    await publisher.publishAsync('bins/1', 'good', qos1)
    error = new Error('full')
    const closed = new Promise<void>((resolve) => publisher.once('close', () => resolve()))
    let isAcknowledged = false
    publisher.publish('bins/1', 'bad', qos1, (failure) => {
      isAcknowledged = failure == null && publisher.connected
    })
    await closed
    expect(isAcknowledged).toBe(false)
    expect(journaled).toEqual(['bins/1 good'])
  })
})

test('acknowledgements come in the order of arrival, by whichever way a message goes [MQTT-4.6.0-2]', async () => {
  const socket = net.connect(broker.ports.mqtt, '127.0.0.1')
  const packets: Packet[] = []
  const parse = parser().on('packet', (packet) => packets.push(packet))
  socket.on('data', (bytes: Buffer) => parse.parse(bytes))
  socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'raw', clean: true }))
  await until(() => packets.length === 1)
  // What is retained goes by aedes, the others do not.
  const sent = [false, false, true, false, true, true, false].map((retain, i) => ({ retain, messageId: i + 1 }))
  socket.write(
    Buffer.concat(
      sent.map((each) =>
        generate({ cmd: 'publish', topic: 'bins/1', payload: `${each.messageId}`, dup: false, qos: 1, ...each }),
      ),
    ),
  )
  await until(() => packets.length === 1 + sent.length)
  socket.destroy()
  expect(journaled).toEqual(sent.map(({ messageId }) => `bins/1 ${messageId}`))
  expect(packets.slice(1).map(({ cmd, messageId }) => `${cmd} ${messageId}`)).toEqual(
    sent.map(({ messageId }) => `puback ${messageId}`),
  )
})
