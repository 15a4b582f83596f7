import { execFile } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { badInputs } from './support/bad-input.ts'
import { ensureDebianPackage } from './support/debian.ts'
import { makeFolder, type Platform, parvis, startPlatform } from './support/platform.ts'
import { until } from './support/until.ts'

const run = promisify(execFile)
const folder = makeFolder()
let platform: Platform
let token: string
const secrets = new Map<string, string>()

type Item = { quantity: string; channel: string; value: number }

beforeAll(async () => {
  await ensureDebianPackage('mosquitto-clients', 'mosquitto_pub')
  for (const [id, model] of [
    ['probe', 'generic-json'],
    ['linky', 'linky-tic'],
  ] as const) {
    const added = await parvis<{ secret: string }>(folder.path, 'device', 'add', id, '--model', model)
    secrets.set(id, added.secret)
  }
  const network = ['integration', 'add', 'network', '--format', 'generic-json', '--topics', 'lora/#']
  secrets.set('network', (await parvis<{ secret: string }>(folder.path, ...network)).secret)
  await parvis(folder.path, 'asset', 'add', 'bin', '--kind', 'waste_container', '--label', 'Conteneur')
  await parvis(folder.path, 'install', 'probe', 'bin', '--at', '2020-01-01T00:00:00Z')
  token = (await parvis<{ token: string }>(folder.path, 'token', 'create', '--role', 'technician')).token
  platform = await startPlatform({ dataDir: folder.path })
})
afterAll(async () => {
  await platform?.kill()
  folder.remove()
})

async function get<Answer>(path: string): Promise<Answer> {
  const answer = await fetch(`${platform.httpUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })
  return (await answer.json()) as Answer
}

function publish(id: string, ...message: string[]) {
  const port = String(platform.mqttPort)
  const who = ['-i', id, '-u', id, '-P', secrets.get(id)!]
  return run('mosquitto_pub', ['-h', '127.0.0.1', '-p', port, ...who, '-q', '1', '-t', `devices/${id}/up`, ...message])
}

async function readLatest(path: string, quantity: string, channel = ''): Promise<number | undefined> {
  const { items } = await get<{ items: Item[] }>(path)
  return items.find((each) => each.quantity === quantity && each.channel === channel)?.value
}

test('the first start prints a link that makes the first administrator, once', async () => {
  // It is printed once the platform answers, and read here when it has come through the pipe.
  const printed = () => /http:\/\/127\.0\.0\.1:\d+\/#link=([\w-]{43})/.exec(platform.output())
  await until(() => printed() !== null)
  const link = printed()![1]!
  const person = { link, login: 'chef', name: 'Chef', password: 'lampadaire bleu sous la pluie' }
  const headers = { 'content-type': 'application/json' }
  const send = () =>
    fetch(`${platform.httpUrl}/api/v1/links/first-admin`, { method: 'POST', headers, body: JSON.stringify(person) })
  expect((await send()).status).toBe(200)
  expect((await send()).status).toBe(410)
})

test('what mosquitto_pub publishes is at the device and at its asset', async () => {
  await publish('probe', '-m', '{"readings":{"fill_level":72.5}}')
  await until(async () => (await readLatest('/devices/probe/latest', 'fill_level')) === 72.5)
  expect(await readLatest('/assets/bin/latest', 'fill_level')).toBe(72.5)
})

test('a Linky frame too, group by group', async () => {
  const group = (text: string) => {
    const sum = [...text].reduce((total, char) => total + char.charCodeAt(0), 0)
    return `\n${text} ${String.fromCharCode((sum & 0x3f) + 0x20)}\r`
  }
  const frame = join(folder.path, 'frame.bin')
  writeFileSync(frame, `\x02${group('BASE 027986573')}${group('PAPP 01116')}\x03`)
  await publish('linky', '-f', frame)
  await until(async () => (await readLatest('/devices/linky/latest', 'apparent_power')) === 1116)
  expect(await readLatest('/devices/linky/latest', 'energy_active_import')).toBe(27_986_573)
})

// Each is acknowledged, becomes a dead letter with its reason, and leaves the platform as it was.
test.each(badInputs)('bad input: %s', async (_, payload, reason) => {
  const before = (await get<{ items: { id: string }[] }>('/dead-letters?limit=1')).items[0]?.id
  const file = join(folder.path, 'payload.bin')
  writeFileSync(file, payload)
  await publish('probe', ...(payload.length === 0 ? ['-n'] : ['-f', file]))
  await until(async () => (await get<{ items: { id: string }[] }>('/dead-letters?limit=1')).items[0]?.id !== before)
  const [letter] = (
    await get<{ items: { reason: string; detail: string; payload: string }[] }>('/dead-letters?limit=1')
  ).items
  expect(letter!.reason).toBe(reason)
  expect(letter!.detail.length).toBeGreaterThan(10)
  expect(Buffer.from(letter!.payload, 'base64').equals(Buffer.from(payload))).toBe(true)
  expect((await fetch(`${platform.httpUrl}/health`)).status).toBe(200)
})

test('a device that nobody registered, of an integration, is a dead letter that names it', async () => {
  const topic = 'lora/unheard-of/up'
  const who = ['-i', 'network', '-u', 'network', '-P', secrets.get('network')!]
  const where = ['-h', '127.0.0.1', '-p', String(platform.mqttPort)]
  await run('mosquitto_pub', [...where, ...who, '-q', '1', '-t', topic, '-m', '{"readings":{"fill_level":1}}'])
  type Letter = { deviceId: string; reason: string; topic: string; detail: string }
  let letters: Letter[] = []
  await until(async () => {
    letters = (await get<{ items: Letter[] }>('/dead-letters?reason=unknown_device')).items
    return letters.length > 0
  })
  expect(letters).toMatchObject([{ deviceId: 'unheard-of', reason: 'unknown_device', topic }])
  expect(letters[0]!.detail).toContain('unheard-of')
})

test('a replay answers with its counts, and a sound folder verifies', async () => {
  const answer = await parvis<{ uplinks: number }>(folder.path, 'replay', '--device', 'probe')
  expect(answer.uplinks).toBeGreaterThanOrEqual(11)
  expect(await readLatest('/devices/probe/latest', 'fill_level')).toBe(72.5)
})

test('a second start over the same folder says what to do, and does no harm', async () => {
  await expect(startPlatform({ dataDir: folder.path })).rejects.toThrow(
    /ended with 1:\nParvis cannot start: another Parvis .*\. Stop it first, or set PARVIS_DATA_DIR to another folder\.\n$/,
  )
  expect(await readLatest('/devices/probe/latest', 'fill_level')).toBe(72.5)
})

test('SIGTERM ends it with 0, and everything is there at the next start', async () => {
  expect(await platform.stop()).toBe(0)
  // Nothing is left beside the databases that a copy of these files would miss.
  expect(readdirSync(folder.path).filter((name) => /-(wal|shm)$/.test(name))).toEqual([])
  expect(await parvis(folder.path, 'verify')).toMatchObject({ isSound: true })
  platform = await startPlatform({ dataDir: folder.path })
  expect(await readLatest('/assets/bin/latest', 'fill_level')).toBe(72.5)
  expect(existsSync(join(folder.path, 'journal'))).toBe(true)
})
