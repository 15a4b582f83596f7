import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readRoleState } from '../store/role-state.ts'
import { makeFolder, type Platform, parvis, parvisText, startPlatform } from './support/platform.ts'
import { mountSmallDisk, type SmallDisk } from './support/small-disk.ts'
import { until } from './support/until.ts'

let folder: ReturnType<typeof makeFolder>
let disk: SmallDisk | undefined
let platform: Platform | undefined
let client: MqttClient | undefined

beforeEach(() => {
  folder = makeFolder()
  disk = mountSmallDisk(folder.path, 64)
})
afterEach(async () => {
  client?.end(true)
  await platform?.kill()
  disk?.unmount()
  folder.remove()
})

type Health = { status: number; text: string }

async function readHealth(): Promise<Health> {
  const answer = await fetch(`${platform!.httpUrl}/health`, { headers: { 'accept-language': 'en' } })
  return { status: answer.status, text: await answer.text() }
}

/** Publishes reading after reading, each with a time of its own; sends again what has no acknowledgement yet. */
function publishEndlessly(port: number, secret: string) {
  const sent = new Set<string>()
  const acknowledged = new Set<string>()
  let next = Date.now() - 86_400_000
  client = mqtt.connect({ port, clientId: 'probe', username: 'probe', password: secret, reconnectPeriod: 100 })
  client.on('error', () => {})
  function publish() {
    const observedAt = next++
    const key = new Date(observedAt).toISOString()
    sent.add(key)
    const payload = { observedAt, readings: { fill_level: observedAt % 100, temperature: 20 } }
    client!.publish('devices/probe/up', JSON.stringify(payload), { qos: 1 }, (error) => {
      if (error != null) return
      acknowledged.add(key)
      publish()
    })
  }
  for (let i = 0; i < 50; i++) publish()
  return { sent, acknowledged }
}

test('a full disk refuses, says why, and heals by itself: what was acknowledged is stored, once', {
  timeout: 120_000,
}, async () => {
  const dataDir = folder.path
  const { secret } = await parvis<{ secret: string }>(dataDir, 'device', 'add', 'probe', '--model', 'generic-json')
  platform = await startPlatform({ dataDir, env: { PARVIS_LOG_LEVEL: 'error' } })
  const { sent, acknowledged } = publishEndlessly(platform.mqttPort, secret)
  await until(() => acknowledged.size > 1000)

  disk!.fill()
  // The journal refuses. Ingest says so too when it still has something to store, and no room left in its log.
  await until(async () => (await readHealth()).text.includes('broker: the disk is full'), 30_000)
  expect((await readHealth()).status).toBe(503)
  const before = acknowledged.size
  await new Promise<void>((resolve) => client!.once('close', () => resolve()))

  disk!.free()
  await until(async () => (await readHealth()).status === 200, 30_000)
  await until(() => acknowledged.size > before + 1000, 30_000)
  await client!.endAsync()
  await until(() => {
    const { journal_last_seq: last } = readRoleState(dataDir, 'broker').counters
    return last !== undefined && (readRoleState(dataDir, 'ingest').counters.cursor ?? 0) >= last
  }, 30_000)

  const stored = (await parvisText(dataDir, 'export', 'readings'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { observedAt: string; quantity: string })
    .map(({ observedAt, quantity }) => `${quantity} ${observedAt}`)
  const keys = new Set(stored)
  expect(stored.length).toBe(keys.size)
  expect([...acknowledged].filter((key) => !keys.has(`fill_level ${key}`) || !keys.has(`temperature ${key}`))).toEqual(
    [],
  )
  expect([...keys].filter((key) => !sent.has(key.split(' ')[1]!))).toEqual([])
  expect(await parvis(dataDir, 'verify')).toMatchObject({ isSound: true })
})
