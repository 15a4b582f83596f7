import mqtt from 'mqtt'
import { expect, test } from 'vitest'
import { openIngestReader } from '../store/ingest-reader.ts'
import { readRoleState } from '../store/role-state.ts'
import { makeFolder, type Platform, parvis, parvisText, startPlatform } from './support/platform.ts'
import { noteRealPackage } from './support/real-parts.ts'
import { until } from './support/until.ts'

const uplinks = 12_000
const readingsPerUplink = 5
const longMs = 120_000

test('a replay with --replace that kill -9 cuts short goes on after the start, and loses nothing', {
  timeout: longMs,
}, async () => {
  noteRealPackage('mqtt')
  const folder = makeFolder()
  const dataDir = folder.path
  const { secret } = await parvis<{ secret: string }>(dataDir, 'device', 'add', 'probe', '--model', 'generic-json')
  const { token } = await parvis<{ token: string }>(dataDir, 'token', 'create', '--role', 'technician')
  let platform: Platform = await startPlatform({ dataDir })
  const sent = await publish(platform.mqttPort, secret)
  const lastSeq = () => readRoleState(dataDir, 'broker').counters.journal_last_seq ?? 0
  const cursor = () => readRoleState(dataDir, 'ingest').counters.cursor ?? 0
  await until(() => lastSeq() >= uplinks && cursor() >= lastSeq(), longMs)

  const answer = await fetch(`${platform.httpUrl}/api/v1/replays`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ deviceId: 'probe', from: new Date(Date.now() - 86_400_000).toISOString(), replace: true }),
  })
  expect(answer.status).toBe(202)
  const { id } = (await answer.json()) as { id: string }
  const reader = openIngestReader(dataDir)
  const state = () => reader.replay(id)
  await until(() => (state()?.uplinks ?? 0) > 0, longMs)
  await platform.kill()
  // The kill fell inside: what was removed is not all back.
  expect(state()?.state).toBe('running')
  expect((await readBack(dataDir)).size).toBeLessThan(sent.size)

  platform = await startPlatform({ dataDir })
  await until(() => state()?.state === 'done', longMs)
  reader.close()
  await platform.stop()
  expect(await readBack(dataDir)).toEqual(sent)
  folder.remove()
})

/** Publishes uplinks of several readings each; answers every reading by its time. */
async function publish(port: number, password: string): Promise<Map<string, number>> {
  const client = await mqtt.connectAsync({ port, clientId: 'probe', username: 'probe', password })
  const start = Date.now() - 3_600_000
  const sent = new Map<string, number>()
  const acknowledged: Promise<unknown>[] = []
  for (let i = 0; i < uplinks; i++) {
    const messages = Array.from({ length: readingsPerUplink }, (_, n) => {
      const observedAt = start + i * readingsPerUplink + n
      const value = (observedAt * 7) % 100
      sent.set(new Date(observedAt).toISOString(), value)
      return { observedAt, readings: { fill_level: value } }
    })
    acknowledged.push(client.publishAsync('devices/probe/up', JSON.stringify(messages), { qos: 1 }))
  }
  await Promise.all(acknowledged)
  await client.endAsync()
  return sent
}

async function readBack(dataDir: string): Promise<Map<string, number>> {
  const text = await parvisText(dataDir, 'export', 'readings')
  const lines = text.split('\n').filter((line) => line !== '')
  const readings = lines.map((line) => JSON.parse(line) as { observedAt: string; value: number })
  return new Map(readings.map(({ observedAt, value }) => [observedAt, value]))
}
