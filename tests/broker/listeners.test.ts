import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import mqtt, { type IClientOptions } from 'mqtt'
import { generate } from 'mqtt-packet'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWebSocketStream, WebSocket } from 'ws'
import { ensureDebianPackage } from '../support/debian.ts'
import { makeFolder } from '../support/platform.ts'
import { startOpenBroker } from '../support/raw-client.ts'
import { noteRealPackage } from '../support/real-parts.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const folder = makeFolder()
const certFile = join(folder.path, 'cert.pem')
const keyFile = join(folder.path, 'key.pem')
let plain: Awaited<ReturnType<typeof startOpenBroker>>
let secure: Awaited<ReturnType<typeof startOpenBroker>>
let publishWithMosquitto: string

beforeAll(async () => {
  noteRealPackage('mqtt')
  publishWithMosquitto = await ensureDebianPackage('mosquitto-clients', 'mosquitto_pub')
  const openssl = await ensureDebianPackage('openssl', 'openssl')
  await run(openssl, [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', keyFile, '-out', certFile],
  ])
  plain = await startOpenBroker({ wsPort: 0 })
  secure = await startOpenBroker({ tlsPort: 0, wsPort: 0, tls: { certFile, keyFile } })
})
afterAll(async () => {
  await plain?.close()
  await secure?.close()
  folder.remove()
})

// Subscribes, publishes, and answers what came back: one way there and one back.
async function echo(url: string, options: IClientOptions = {}): Promise<string> {
  const client = mqtt.connect(url, { reconnectPeriod: 0, ...options })
  try {
    const received = new Promise<string>((resolve, reject) => {
      client.on('message', (_topic, payload) => resolve(String(payload)))
      client.on('error', reject)
    })
    const sent = client
      .subscribeAsync('a/b', { qos: 1 })
      .then(() => client.publishAsync('a/b', 'x'.repeat(200_000), { qos: 1 }))
    return (await Promise.all([received, sent]))[0]
  } finally {
    client.end(true)
  }
}

const whole = 'x'.repeat(200_000)

test('MQTT over TCP', async () => {
  expect(await echo(`mqtt://127.0.0.1:${plain.broker.ports.mqtt}`)).toBe(whole)
})

test('MQTT.js over WebSocket, which sends a packet in many messages', async () => {
  expect(await echo(`ws://127.0.0.1:${plain.broker.ports.ws}`)).toBe(whole)
})

test('over TLS, and only for who trusts the certificate', async () => {
  const url = `mqtts://localhost:${secure.broker.ports.tls}`
  expect(await echo(url, { ca: secureCertificate() })).toBe(whole)
  await expect(echo(url)).rejects.toThrow(/certificate/)
})

test('over secure WebSocket', async () => {
  const wsOptions = { ca: secureCertificate() }
  expect(await echo(`wss://localhost:${secure.broker.ports.ws}`, { wsOptions })).toBe(whole)
})

test('mosquitto_pub with --cafile', async () => {
  const port = String(secure.broker.ports.tls)
  const arguments_ = ['-h', 'localhost', '-p', port, '--cafile', certFile, '-q', '2', '-t', 'lamp', '-m', 'on']
  await run(publishWithMosquitto, arguments_)
  expect(secure.journal.at(-1)).toMatchObject({ topic: 'lamp', payload: Buffer.from('on') })
})

test('several packets in one message, and one packet in many', async () => {
  const webSocket = new WebSocket(`ws://127.0.0.1:${plain.broker.ports.ws}`, ['mqtt'])
  const stream = createWebSocketStream(webSocket)
  let received = ''
  stream.on('data', (bytes: Buffer) => {
    received += bytes.toString('hex')
  })
  const ping = generate({ cmd: 'pingreq' })
  const connect = generate({ cmd: 'connect', clientId: 'pieces', clean: true, keepalive: 0 })
  for (const byte of connect) stream.write(Buffer.of(byte))
  stream.write(Buffer.concat(Array.from({ length: 50 }, () => ping)))
  await until(() => received === `20020000${'d000'.repeat(50)}`)
  stream.destroy()
})

test('another subprotocol, text, and plain HTTP are refused', async () => {
  const url = `127.0.0.1:${plain.broker.ports.ws}`
  const other = new WebSocket(`ws://${url}`, ['chat'])
  await expect(new Promise((_, reject) => other.once('error', reject))).rejects.toThrow()
  const answer = await fetch(`http://${url}/`)
  expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket'])
  // [MQTT-6.0.0-1]: what is not binary closes the connection.
  const text = new WebSocket(`ws://${url}`, ['mqtt'])
  const closed = new Promise((resolve) => text.once('close', resolve))
  text.once('open', () => text.send('hello'))
  await closed
})

test('a message that is larger than a CONNECT is cut off before it is whole', async () => {
  const webSocket = new WebSocket(`ws://127.0.0.1:${plain.broker.ports.ws}`, ['mqtt'])
  const closed = new Promise((resolve) => webSocket.once('close', resolve))
  webSocket.on('error', () => {})
  webSocket.once('open', () => webSocket.send(Buffer.alloc(1 << 20, 0x10)))
  await closed
})

test('a port that is taken fails the start, and leaves nothing listening', async () => {
  const taken = plain.broker.ports.mqtt
  await expect(startOpenBroker({ wsPort: taken })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

function secureCertificate(): string {
  return readFileSync(certFile, 'utf8')
}
