import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { journalFolder } from '../../store/journal.ts'
import { openJournalReader } from '../../store/journal-reader.ts'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { freePort, makeFolder, type Platform, parvis, parvisText, startPlatform } from '../support/platform.ts'
import { until } from '../support/until.ts'

/*
 * A bridge against a real Mosquitto with TLS, a password and a persistent session, both sides killed: nothing lost and
 * nothing twice. "Twice" has two meanings, both held to here: a reading is stored once, and a message that Mosquitto
 * hands over is journaled once, also when its acknowledgement was lost with a process.
 */

const folder = makeFolder()
const dataDir = join(folder.path, 'data')
let mosquitto: Mosquitto
let platform: Platform
let token = ''
let publisher: MqttClient
let sent = 0
const base = Date.now() - 3_600_000

beforeAll(async () => {
  mosquitto = await startMosquitto(join(folder.path, 'mosquitto'), ['max_inflight_messages 500'])
  const ports = { http: await freePort(), mqtt: await freePort() }
  mkdirSync(dataDir)
  platform = await startPlatform({ dataDir, ports })
  token = (await parvis<{ token: string }>(dataDir, 'token', 'create', '--role', 'admin')).token
  await parvis(dataDir, 'integration', 'add', 'net', '--format', 'generic-json', '--topics', 'net/#')
  await parvis(dataDir, 'device', 'add', 'probe', '--model', 'generic-json')
  publisher = await openPublisher()
}, 60_000)

afterAll(async () => {
  await publisher?.endAsync(true)
  await platform?.stop()
  await mosquitto?.kill()
  folder.remove()
})

type Status = { state: string; detail: string | null; qos: number | null; journaled: number; received: number }

const addOptions = () => [
  '--integration',
  'net',
  '--topics',
  'net/#',
  '--user',
  mosquitto.user,
  '--url',
  `mqtts://localhost:${mosquitto.port}`,
]

test('says why it cannot connect: a wrong password, a certificate of nobody, nobody there', async () => {
  await parvis(dataDir, 'bridge', 'add', 'wrong', ...addOptions(), '--password', 'guess', '--ca', mosquitto.caFile)
  await parvis(dataDir, 'bridge', 'add', 'untrusted', ...addOptions(), '--password', mosquitto.password)
  await parvis(
    dataDir,
    'bridge',
    'add',
    'nobody',
    '--integration',
    'net',
    '--topics',
    'net/#',
    '--url',
    'mqtt://127.0.0.1:1',
  )
  const details = {
    wrong: /refuse le nom d’utilisateur|non autorisé/,
    untrusted: /a échoué : .*certificat/,
    nobody: /personne n’écoute/,
  }
  for (const [name, detail] of Object.entries(details))
    await until(async () => detail.test((await statusOf(name)).detail ?? ''), 20_000)
  const health = (await (await fetch(`${platform.httpUrl}/health`)).json()) as { bridges: Record<string, object> }
  expect(Object.keys(health.bridges).sort()).toEqual(['nobody', 'untrusted', 'wrong'])
  for (const name of Object.keys(details)) await parvis(dataDir, 'bridge', 'remove', name)
})

test('fetches what is published there, and tells no password', async () => {
  const added = await parvisText(
    dataDir,
    'bridge',
    'add',
    'far',
    ...addOptions(),
    '--password',
    mosquitto.password,
    '--ca',
    mosquitto.caFile,
    '--json',
  )
  expect(added).not.toContain(mosquitto.password)
  await untilConnected()
  expect((await statusOf('far')).qos).toBe(1)
  await publish(200)
  await expectAllOnce()
})

test('nothing is lost and nothing twice when Parvis is killed, again and again, while messages come', async () => {
  for (let i = 0; i < 2; i++) {
    const publishing = publish(1500)
    await until(async () => (await statusOf('far')).received > 100)
    await platform.kill()
    platform = await startPlatform({ dataDir, ports: portsOf(platform) })
    await publishing
  }
  await expectAllOnce()
}, 90_000)

test('what came while the bridge was away waits at the other side, though that was killed meanwhile', async () => {
  await platform.stop()
  await publish(500)
  await mosquitto.save()
  await mosquitto.kill()
  await mosquitto.start()
  platform = await startPlatform({ dataDir, ports: portsOf(platform) })
  await expectAllOnce()
}, 60_000)

test('connects again to a Mosquitto that was killed and started again', async () => {
  await mosquitto.save()
  await mosquitto.kill()
  await until(async () => (await statusOf('far')).state === 'waiting')
  await mosquitto.start()
  await untilConnected()
  await until(() => publisher.connected, 20_000)
  await publish(500)
  await expectAllOnce()
}, 60_000)

test('is changed and removed while it runs', async () => {
  await call('PATCH', '/bridges/far', { topics: ['elsewhere/#'] })
  await until(
    async () => (await call<{ topics: string[]; status: Status }>('GET', '/bridges/far')).status.received === 0,
    20_000,
  )
  await untilConnected()
  await publisher.publishAsync('net/probe/up', 'not fetched', { qos: 1 })
  await publisher.publishAsync('elsewhere/probe/up', body(sent++), { qos: 1 })
  await expectAllOnce()
  await parvis(dataDir, 'bridge', 'remove', 'far')
  await until(async () => (await call<{ items: unknown[] }>('GET', '/bridges')).items.length === 0)
  await until(async () =>
    /^parvis_broker_bridges_connected 0$/m.test(await (await fetch(`${platform.httpUrl}/metrics`)).text()),
  )
}, 60_000)

function body(index: number): string {
  return JSON.stringify({ observedAt: base + index, readings: { pulse_count: index } })
}

/** Publishes the next messages; each has a time and a value of its own. */
async function publish(count: number) {
  const messages = Array.from({ length: count }, () => body(sent++))
  await Promise.all(messages.map((message) => publisher.publishAsync('net/probe/up', message, { qos: 1 })))
}

async function openPublisher() {
  return connectAsync(`mqtts://localhost:${mosquitto.port}`, {
    username: mosquitto.user,
    password: mosquitto.password,
    ca: mosquitto.ca,
    clientId: 'publisher',
    reconnectPeriod: 200,
  })
}

/** Waits until as many readings are stored as were sent, then counts readings and uplinks one by one. */
async function expectAllOnce() {
  await until(async () => (await readValues()).length >= sent, 40_000)
  const values = (await readValues()).sort((a, b) => a - b)
  expect(values).toEqual(Array.from({ length: sent }, (_, index) => index))
  const uplinks = new Map<string, number>()
  const reader = openJournalReader(journalFolder(dataDir), { afterSeq: 0 })
  for (let batch = reader.read(5000); batch.length > 0; batch = reader.read(5000))
    for (const { clientId, payload } of batch)
      if (clientId.startsWith('net/bridge/')) {
        const text = Buffer.from(payload).toString()
        uplinks.set(text, (uplinks.get(text) ?? 0) + 1)
      }
  reader.close()
  expect([...uplinks].filter(([, times]) => times > 1)).toEqual([])
  expect(uplinks.size).toBe(sent)
}

async function readValues(): Promise<number[]> {
  const values: number[] = []
  let cursor = ''
  for (;;) {
    const from = new Date(base).toISOString()
    const path = `/devices/probe/readings?quantity=pulse_count&from=${from}&limit=500${cursor}`
    const { series, next } = await call<{ series: { points: [string, number][] }[]; next: string | null }>('GET', path)
    values.push(...series.flatMap(({ points }) => points.map(([, value]) => value)))
    if (next === null) return values
    cursor = `&cursor=${encodeURIComponent(next)}`
  }
}

async function statusOf(name: string): Promise<Status> {
  return (await call<{ status: Status }>('GET', `/bridges/${name}`)).status
}

async function untilConnected() {
  await until(async () => (await statusOf('far')).state === 'connected', 40_000)
}

async function call<Answer>(method: string, path: string, json?: unknown): Promise<Answer> {
  const response = await fetch(`${platform.httpUrl}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

function portsOf({ httpUrl, mqttPort }: Platform) {
  return { http: Number(new URL(httpUrl).port), mqtt: mqttPort }
}
