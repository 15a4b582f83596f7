import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFolder, type Platform, startPlatform } from './support/platform.ts'
import { databaseOf } from './support/registry.ts'
import { until } from './support/until.ts'

const run = promisify(execFile)
const folder = makeFolder()
const cli = join(import.meta.dirname, '..', 'cli', 'parvis.ts')
let env: Record<string, string>
let platform: Platform
let token: string

beforeAll(async () => {
  env = { PARVIS_REGISTRY: await databaseOf(folder.path) }
  platform = await startPlatform({ dataDir: folder.path, env })
  token = (await parvis<{ token: string }>('token', 'create', '--role', 'technician')).token
})
afterAll(async () => {
  await platform?.kill()
  folder.remove()
})

async function parvis<Answer>(...args: string[]): Promise<Answer> {
  const { stdout } = await run(process.execPath, [cli, ...args, '--json'], {
    cwd: folder.path,
    env: { PATH: process.env.PATH, PARVIS_DATA_DIR: folder.path, ...env },
  })
  return JSON.parse(stdout) as Answer
}

async function get<Answer>(path: string): Promise<Answer> {
  const answer = await fetch(`${platform.httpUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })
  return (await answer.json()) as Answer
}

test('the platform takes in what a device says, tells of its asset, and shuts out what is revoked', async () => {
  const { secret } = await parvis<{ secret: string }>('device', 'add', 'probe', '--model', 'generic-json')
  await parvis(
    'asset',
    'add',
    'bin',
    '--kind',
    'waste_container',
    '--label',
    'Conteneur',
    '--reason',
    'mise en service',
  )
  await parvis(
    'install',
    'probe',
    'bin',
    '--at',
    '2026-01-01T00:00:00Z',
    '--calibration',
    '{"fill":{"emptyM":2,"fullM":0}}',
  )
  const client = await connectAsync(`mqtt://127.0.0.1:${platform.mqttPort}`, {
    clientId: 'probe',
    username: 'probe',
    password: secret,
    reconnectPeriod: 0,
  })
  await client.publishAsync('devices/probe/up', '{"readings":{"distance":1.5}}', { qos: 1 })
  const latest = async () => (await get<{ items: { quantity: string; value: number }[] }>('/assets/bin/latest')).items
  await until(async () => (await latest()).length === 2)
  expect((await latest()).map((each) => [each.quantity, each.value])).toEqual([
    ['distance', 1.5],
    ['fill_level', 25],
  ])
  const state = async () => (await get<{ items: { state: string }[] }>('/status/assets')).items[0]?.state
  await until(async () => (await state()) === 'working')
  const closed = new Promise((resolve) => client.once('close', () => resolve('closed')))
  await parvis('device', 'revoke', 'probe')
  expect(await closed).toBe('closed')
  const { items } = await get<{ items: { reason: string | null; kind: string }[] }>('/assets/bin/history')
  expect(items.map((each) => [each.kind, each.reason])).toEqual([
    ['installation', null],
    ['asset', 'mise en service'],
  ])
  const report = await parvis<{ isSound: boolean; audit: { entries: number; head: { hash: string } } }>('verify')
  expect([report.isSound, report.audit.entries]).toEqual([true, 5])
  expect(await parvis('verify', '--head', report.audit.head.hash)).toMatchObject({ isSound: true })
})
