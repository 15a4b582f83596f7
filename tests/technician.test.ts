import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, expect, test } from 'vitest'
import { writeFiles } from './support/codecs.ts'
import { makeFolder, type Platform, parvis, startPlatform } from './support/platform.ts'
import { until } from './support/until.ts'

/*
 * As a technician would, by command line alone: a vendor's codec is imported, twenty devices come from a file, their
 * messages through ChirpStack, and those of one that nobody registered, which is adopted; two mappings are found wrong
 * among the dead letters, mended and tried, and a replay brings every reading.
 */

const devices = 20
const folder = makeFolder()
const repository = makeFolder()
let platform: Platform | undefined
afterAll(async () => {
  await platform?.kill()
  folder.remove()
  repository.remove()
})

type Group = { reason: string; model: string; quantity: string; count: number; deviceCount: number; newestId: string }
type Trial = { readings: { quantity: string; value: number }[]; faults: string[]; unmapped: string[] }

const run = <Answer>(...words: string[]) => parvis<Answer>(folder.path, ...words)
const devEui = (i: number) => `70b3d5000000${String(i).padStart(4, '0')}`

test('import, register, push, find, mend, replay', async () => {
  // Hundredths of a degree and millimetres, which its names do not say.
  writeFiles(repository.path, {
    'vendor/index.yaml': 'vendors:\n  - id: acme\n    name: Acme\n',
    'vendor/acme/index.yaml': 'endDevices:\n  - probe\n',
    'vendor/acme/probe.yaml':
      "name: Probe\nfirmwareVersions:\n  - version: '1'\n    profiles:\n      EU863-870: { id: p, codec: probe-codec }\n",
    'vendor/acme/probe-codec.yaml': `uplinkDecoder:
  fileName: probe.js
  examples:
    - description: usual
      input: { fPort: 2, bytes: [0x08, 0x66, 0x05, 0xDC, 0x63] }
      output: { data: { temperature: 2150, distance: 1500, battery: 99, mode: 1 } }
`,
    'vendor/acme/probe.js': `function decodeUplink(input) {
  var b = input.bytes
  return { data: { temperature: (b[0] << 8) | b[1], distance: (b[2] << 8) | b[3], battery: b[4], mode: 1 } }
}`,
  })
  const imported = await run<{ vendors: { kept: { added: number }; unmapped: { names: string[] }[] }[] }>(
    'codec',
    'import',
    repository.path,
  )
  expect(imported.vendors[0]!.kept.added).toBe(1)
  expect(imported.vendors[0]!.unmapped[0]!.names).toEqual(['mode'])
  const model = 'ttn-acme-probe'

  const file = join(folder.path, 'devices.csv')
  writeFileSync(file, `id,model\n${Array.from({ length: devices }, (_, i) => `${devEui(i)},${model}`).join('\n')}\n`)
  await run('device', 'import', file)
  const { secret } = await run<{ secret: string }>(
    'integration',
    'add',
    'lns',
    '--format',
    'chirpstack-v4',
    '--topics',
    'application/#',
  )

  platform = await startPlatform({ dataDir: folder.path })
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${platform.mqttPort}`, {
    clientId: 'lns',
    username: 'lns',
    password: secret,
  })
  const stranger = devices
  for (let i = 0; i <= stranger; i++) {
    const data = Buffer.from([0x08, 0x66, 0x05, 0xdc, 0x63]).toString('base64')
    const message = {
      deduplicationId: `d${i}`,
      time: new Date().toISOString(),
      deviceInfo: { devEui: devEui(i) },
      devAddr: `0000000${i % 10}`,
      fCnt: i + 1,
      fPort: 2,
      data,
      rxInfo: [{ gatewayId: 'g', rssi: -80, snr: 7 }],
    }
    await client.publishAsync(`application/a/device/${devEui(i)}/event/up`, JSON.stringify(message), { qos: 1 })
  }
  await client.endAsync()

  const groups = async () => (await run<{ items: Group[] }>('dead-letter', 'groups')).items
  await until(async () => (await groups()).reduce((sum, each) => sum + each.count, 0) === devices + 1, 30_000)
  const { items: heard } = await run<{ items: object[] }>('device', 'to-adopt')
  expect(heard).toEqual([
    expect.objectContaining({ id: devEui(stranger), integration: 'lns', letters: 1, suggestedModel: null }),
  ])
  await run('device', 'adopt', devEui(stranger), '--model', model)
  await until(async () => (await groups()).every(({ reason }) => reason !== 'unknown_device'), 30_000)
  expect(await run('device', 'to-adopt')).toEqual({ items: [], next: null })
  // On a machine that has no time for them some may have timed out; the replay reads those too.
  const [group, ...others] = (await groups()).sort((a, b) => a.reason.localeCompare(b.reason)).reverse()
  expect(group).toMatchObject({ reason: 'out_of_range', model, quantity: 'temperature' })
  expect(others.filter(({ reason }) => reason !== 'codec_timeout')).toEqual([])
  const letter = group!.newestId
  const before = await run<Trial>('model', 'try', model, '--letter', letter)
  expect(before.faults).toEqual([expect.stringContaining('temperature'), expect.stringContaining('distance')])
  expect(before.readings.map(({ quantity }) => quantity)).toEqual(['battery_level'])
  expect(before.unmapped).toEqual(['mode'])

  await run('model', 'map', model, 'temperature', 'temperature', '--scale', '0.01')
  await run('model', 'map', model, 'distance', 'distance', '--unit', 'mm')
  await run('model', 'ignore', model, 'mode')
  const after = await run<Trial>('model', 'try', model, '--letter', letter)
  expect(after).toMatchObject({ faults: [], unmapped: [] })
  expect(after.readings.map(({ quantity, value }) => [quantity, value]).sort()).toEqual([
    ['battery_level', 99],
    ['distance', 1.5],
    ['temperature', 21.5],
  ])

  expect(await run('replay')).toMatchObject({ uplinks: devices + 1, deadLetters: 0 })
  expect(await groups()).toEqual([])
  const { token } = await run<{ token: string }>('token', 'create', '--role', 'viewer')
  for (let i = 0; i <= stranger; i++) {
    const answer = await fetch(`${platform.httpUrl}/api/v1/devices/${devEui(i)}/latest`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { items } = (await answer.json()) as { items: { quantity: string; value: number }[] }
    expect(Object.fromEntries(items.map(({ quantity, value }) => [quantity, value]))).toMatchObject({
      temperature: 21.5,
      distance: 1.5,
      battery_level: 99,
      rssi: -80,
    })
  }
}, 120_000)
