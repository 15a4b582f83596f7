import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { simulate } from '../simulators/simulate.ts'
import { type Mosquitto, startMosquitto } from './support/mosquitto.ts'
import { freePort, makeFolder, type Platform, parvis, startPlatform } from './support/platform.ts'
import { until } from './support/until.ts'

/*
 * Commands on their way through the whole platform: to devices of their own connection, through network servers that
 * connect to us, and through a bridge to a real Mosquitto; and what becomes of them.
 */

const folder = makeFolder()
const dataDir = join(folder.path, 'data')
let platform: Platform
let mosquitto: Mosquitto
let ports: { http: number; mqtt: number }
let token = ''
const secrets: Record<string, string> = {}
const open: MqttClient[] = []

const codec = `
  function decodeUplink(input) { return { data: { level: input.bytes[0] } } }
  function encodeDownlink(input) {
    if (typeof input.data.valve !== 'number') return { errors: ['valve: a number is wanted'] }
    return { bytes: [0xa0, input.data.valve], fPort: 15 }
  }`

beforeAll(async () => {
  mosquitto = await startMosquitto(join(folder.path, 'mosquitto'))
  ports = { http: await freePort(), mqtt: await freePort() }
  mkdirSync(dataDir)
  platform = await startPlatform({ dataDir, ports })
  token = (await parvis<{ token: string }>(dataDir, 'token', 'create', '--role', 'admin')).token
  const file = (name: string) => join(folder.path, name)
  writeFileSync(file('codec.js'), codec)
  writeFileSync(file('table.json'), JSON.stringify({ fields: [{ path: 'level', quantity: 'fill_level' }] }))
  const files = ['--codec', file('codec.js'), '--table', file('table.json')]
  await parvis(dataDir, 'model', 'add', 'valve', '--label', 'Vanne', ...files)
  await addDevice('lamp', 'parvis-light-300')
}, 60_000)

afterAll(async () => {
  await Promise.all(open.map((client) => client.endAsync(true)))
  await platform?.stop()
  await mosquitto?.kill()
  folder.remove()
})

type Told = { id: string; state: string; detail: string | null; payloadHex: string; fPort: number | null }
type Answer = { status: number; body: Told & { code?: string; items: Told[]; acknowledgedBy: string | null } }

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${platform.httpUrl}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'accept-language': 'en',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

async function addDevice(id: string, model: string): Promise<void> {
  const made = await call('POST', '/devices', { id, model })
  secrets[id] = (made.body as unknown as { secret: string }).secret
}

async function command(deviceId: string, body: object): Promise<Told> {
  const answer = await call('POST', `/devices/${deviceId}/commands`, body)
  expect([answer.status, answer.body.code]).toEqual([201, undefined])
  return answer.body
}

const stateOf = async (deviceId: string, id: string) => (await call('GET', `/devices/${deviceId}/commands/${id}`)).body

async function reaches(deviceId: string, id: string, state: string): Promise<Answer['body']> {
  await until(async () => (await stateOf(deviceId, id)).state === state, 20_000)
  return stateOf(deviceId, id)
}

/** A client that keeps what it gets; a silent one acknowledges nothing. */
async function connect(
  name: string,
  topic: string,
  options: { qos?: 0 | 1; isSilent?: boolean; clean?: boolean } = {},
) {
  const { qos = 1, clean = true } = options
  const got: IPublishPacket[] = []
  const client = await connectAsync(`mqtt://127.0.0.1:${ports.mqtt}`, {
    clientId: name,
    username: name,
    password: secrets[name]!,
    reconnectPeriod: 0,
    clean,
    protocolVersion: 4,
  })
  // An acknowledgement that is never given.
  if (options.isSilent === true) client.handleMessage = () => {}
  open.push(client)
  client.on('packetreceive', (packet) => packet.cmd === 'publish' && got.push(packet))
  await client.subscribeAsync(topic, { qos })
  return { client, got, payloads: () => got.map(({ payload }) => Buffer.from(payload as Buffer).toString('hex')) }
}

async function addIntegration(name: string, format: string, topics: string): Promise<void> {
  const made = await parvis<{ secret: string }>(
    dataDir,
    'integration',
    'add',
    name,
    '--format',
    format,
    '--topics',
    topics,
  )
  secrets[name] = made.secret
}

describe('a device of its own connection', () => {
  test('gets a command when it listens, and acknowledges it', async () => {
    const asked = await command('lamp', { data: { dimming_level: 40 } })
    expect(asked).toMatchObject({ state: 'queued', payloadHex: '0150', fPort: 10, acknowledgedBy: null })
    const lamp = await connect('lamp', 'devices/lamp/down')
    const done = await reaches('lamp', asked.id, 'acknowledged')
    expect(lamp.payloads()).toEqual(['0150'])
    expect(lamp.got[0]).toMatchObject({ topic: 'devices/lamp/down', qos: 1, retain: false })
    expect(done).toMatchObject({
      acknowledgedBy: 'device',
      attempts: 1,
      integration: null,
      data: { dimming_level: 40 },
    })
    // It listens already: the next ones come at once, in their order.
    const ids: string[] = []
    for (const hex of ['01ff', '0100']) ids.push((await command('lamp', { hex })).id)
    for (const id of ids) await reaches('lamp', id, 'acknowledged')
    expect(lamp.payloads()).toEqual(['0150', '01ff', '0100'])
    await lamp.client.endAsync()
    const { body } = await call('GET', '/devices/lamp/commands?state=acknowledged')
    expect(body.items.map(({ id }) => id)).toEqual([...ids.reverse(), asked.id])
    const listed = await parvis<{ items: Told[] }>(dataDir, 'device', 'commands', 'lamp')
    expect(listed.items.map(({ id }) => id)).toEqual(body.items.map(({ id }) => id))
  })

  test('gets it again when it did not acknowledge, also after both are killed', async () => {
    const first = await connect('lamp', 'devices/lamp/#', { isSilent: true })
    const { id } = await command('lamp', { data: { dimming_level: 60 } })
    await reaches('lamp', id, 'sent')
    first.client.stream.destroy()
    await platform.kill()
    platform = await startPlatform({ dataDir, ports })
    expect((await stateOf('lamp', id)).state).toBe('sent')
    const second = await connect('lamp', 'devices/lamp/#')
    expect(await reaches('lamp', id, 'acknowledged')).toMatchObject({ attempts: 2 })
    expect(second.payloads()).toEqual(['0178'])
    await second.client.endAsync()
  }, 60_000)

  test('that keeps a session gets it when it comes back, and one with QoS 0 once, without an answer', async () => {
    const first = await connect('lamp', 'devices/lamp/down', { clean: false })
    await first.client.endAsync()
    const { id } = await command('lamp', { hex: '0102' })
    const back = await connectAsync(`mqtt://127.0.0.1:${ports.mqtt}`, {
      clientId: 'lamp',
      username: 'lamp',
      password: secrets.lamp!,
      clean: false,
      reconnectPeriod: 0,
    })
    await reaches('lamp', id, 'acknowledged')
    await back.endAsync()
    const deaf = await connect('lamp', 'devices/lamp/down', { qos: 0 })
    const sent = await command('lamp', { hex: '0104' })
    const told = await reaches('lamp', sent.id, 'sent')
    expect(told).toMatchObject({ endedAt: expect.any(String), attempts: 1 })
    await until(() => deaf.payloads().length === 1)
    await deaf.client.endAsync()
  })

  test('nothing of it is journaled', async () => {
    const { body } = await call('GET', '/dead-letters')
    expect(body.items).toEqual([])
  })
})

describe('what is refused, and what ends', () => {
  test('bad values, too many, too late, nobody’s device', async () => {
    const refused = async (path: string, body: unknown) => {
      const { status, body: told } = await call('POST', path, body)
      return [status, told.code, told.detail]
    }
    const lamp = '/devices/lamp/commands'
    expect(await refused(lamp, { data: { dimming_level: 140 } })).toEqual([
      422,
      'not_encodable',
      'dimming_level: expected 0 to 100',
    ])
    expect(await refused(lamp, { data: { level: 40 } })).toEqual([
      422,
      'not_encodable',
      'level: this model takes dimming_level',
    ])
    expect((await refused(lamp, { data: { dimming_level: 4 }, hex: '00' })).slice(0, 2)).toEqual([400, 'bad_request'])
    expect((await refused(lamp, { hex: '0' })).slice(0, 2)).toEqual([400, 'bad_request'])
    const longAgo = '2020-01-01T00:00:00Z'
    expect((await refused(lamp, { hex: '00', expiresAt: longAgo })).slice(0, 2)).toEqual([400, 'bad_request'])
    expect((await refused('/devices/nobody/commands', { hex: '00' }))[0]).toBe(404)
    await addDevice('meter', 'linky-tic')
    expect((await refused('/devices/meter/commands', { data: {} })).slice(0, 2)).toEqual([422, 'not_encodable'])
    for (let i = 0; i < 20; i++) await command('meter', { hex: '00' })
    expect((await refused('/devices/meter/commands', { hex: '00' })).slice(0, 2)).toEqual([409, 'too_many_commands'])
    const [waiting] = (await call('GET', '/devices/meter/commands?state=queued')).body.items
    const cancelled = await call('DELETE', `/devices/meter/commands/${waiting!.id}`)
    expect(cancelled.body).toMatchObject({ state: 'expired', detail: 'cancelled' })
    expect((await call('DELETE', `/devices/meter/commands/${waiting!.id}`)).body.code).toBe('in_use')
    const expiresAt = new Date(Date.now() + 2000).toISOString()
    const short = await command('meter', { hex: '00', expiresAt })
    expect(await reaches('meter', short.id, 'expired')).toMatchObject({ detail: 'the device did not listen in time' })
  })
})

describe('through a network', () => {
  const eui = '70b3d5e75e010203'
  const base = `application/7d3f/device/${eui}`

  test('ChirpStack is handed it by MQTT, and tells what became of it', async () => {
    await addIntegration('lora', 'chirpstack-v4', 'application/#')
    await addDevice(eui, 'valve')
    const network = await connect('lora', 'application/+/device/+/command/down')
    const tell = (event: string, body: object) =>
      network.client.publishAsync(`${base}/event/${event}`, JSON.stringify({ deviceInfo: { devEui: eui }, ...body }), {
        qos: 1,
      })
    await tell('up', { fCnt: 1, fPort: 2, data: 'Cg==', rxInfo: [] })
    await until(async () => (await call('GET', `/devices/${eui}/latest`)).body.items.length > 0, 20_000)

    const wrong = await call('POST', `/devices/${eui}/commands`, { data: { valve: 'open' } })
    expect(wrong.body).toMatchObject({ code: 'not_encodable', detail: 'valve: a number is wanted' })
    const unported = await call('POST', `/devices/${eui}/commands`, { hex: '00' })
    expect(unported.body).toMatchObject({ code: 'bad_request', detail: 'fPort: its network wants a port' })

    const plain = await command(eui, { data: { valve: 7 } })
    const sent = await reaches(eui, plain.id, 'sent')
    expect(sent).toMatchObject({ fPort: 15, payloadHex: 'a007', integration: 'lora', endedAt: null })
    expect(network.got.at(-1)!.topic).toBe(`${base}/command/down`)
    expect(JSON.parse(String(network.got.at(-1)!.payload))).toEqual({
      id: plain.id,
      devEui: eui,
      confirmed: false,
      fPort: 15,
      data: Buffer.from('a007', 'hex').toString('base64'),
    })
    await tell('txack', { queueItemId: plain.id, fCntDown: 3, gatewayId: '0016c001f153a14c' })
    expect(await reaches(eui, plain.id, 'acknowledged')).toMatchObject({ acknowledgedBy: 'network' })

    const confirmed = await command(eui, { hex: '01', fPort: 3, confirmed: true })
    await reaches(eui, confirmed.id, 'sent')
    await tell('txack', { queueItemId: confirmed.id })
    await tell('ack', { queueItemId: confirmed.id, acknowledged: true })
    expect(await reaches(eui, confirmed.id, 'acknowledged')).toMatchObject({ acknowledgedBy: 'device' })
    const unanswered = await command(eui, { hex: '02', fPort: 3, confirmed: true })
    await reaches(eui, unanswered.id, 'sent')
    await tell('ack', { queueItemId: unanswered.id })
    expect(await reaches(eui, unanswered.id, 'failed')).toMatchObject({ detail: 'refused by the network' })

    // While the network is away it waits here, and is handed over once when it is back.
    await network.client.endAsync()
    const waiting = await command(eui, { hex: '03', fPort: 3 })
    const again = await connect('lora', 'application/#')
    await reaches(eui, waiting.id, 'sent')
    await until(() => again.got.length === 1)
    await again.client.endAsync()
    expect((await call('GET', '/dead-letters')).body.items).toEqual([])
  }, 60_000)

  test('The Things Stack through a bridge', async () => {
    await addIntegration('ttn', 'the-things-stack-v3', 'v3/#')
    const ids = { device_id: 'valve-1', dev_eui: '70B3D57ED0001234' }
    await addDevice('70b3d57ed0001234', 'valve')
    const other = await connectAsync(`mqtts://localhost:${mosquitto.port}`, {
      username: mosquitto.user,
      password: mosquitto.password,
      ca: mosquitto.ca,
    })
    open.push(other)
    const pushed: { topic: string; body: { downlinks: { correlation_ids: string[] }[] } }[] = []
    other.on('message', (topic, payload) => pushed.push({ topic, body: JSON.parse(String(payload)) }))
    await other.subscribeAsync('v3/+/devices/+/down/push', { qos: 1 })
    const bridge = ['--integration', 'ttn', '--url', `mqtts://localhost:${mosquitto.port}`, '--ca', mosquitto.caFile]
    const login = ['--user', mosquitto.user, '--password', mosquitto.password]
    const topics = ['--topics', 'v3/+/devices/+/up,v3/+/devices/+/down/#']
    await parvis(dataDir, 'bridge', 'add', 'ttn', ...bridge, ...login, ...topics)
    const tell = (end: string, body: object) =>
      other.publishAsync(`v3/city@ttn/devices/valve-1/${end}`, JSON.stringify({ end_device_ids: ids, ...body }), {
        qos: 1,
      })
    const bridged = () => call('GET', '/bridges').then(({ body }) => body.items as unknown as { status: Told }[])
    await until(async () => (await bridged())[0]!.status.state === 'connected', 20_000)
    await tell('up', { uplink_message: { f_port: 1, f_cnt: 1, frm_payload: 'Cg==' } })
    await until(async () => (await call('GET', '/devices/70b3d57ed0001234/latest')).body.items.length > 0, 20_000)

    const asked = await command('70b3d57ed0001234', { data: { valve: 1 } })
    await reaches('70b3d57ed0001234', asked.id, 'sent')
    await until(() => pushed.length === 1)
    const correlation_ids = [`parvis:command:${asked.id}`]
    expect(pushed[0]).toEqual({
      topic: 'v3/city@ttn/devices/valve-1/down/push',
      body: {
        downlinks: [{ f_port: 15, frm_payload: 'oAE=', confirmed: false, priority: 'NORMAL', correlation_ids }],
      },
    })
    await tell('down/sent', { correlation_ids: ['as:other', ...correlation_ids], downlink_sent: { f_port: 15 } })
    expect(await reaches('70b3d57ed0001234', asked.id, 'acknowledged')).toMatchObject({ acknowledgedBy: 'network' })
    const failing = await command('70b3d57ed0001234', { hex: '00', fPort: 1 })
    await tell('down/failed', {
      downlink_failed: {
        downlink: { correlation_ids: [`parvis:command:${failing.id}`] },
        error: { message_format: 'no device session' },
      },
    })
    expect(await reaches('70b3d57ed0001234', failing.id, 'failed')).toMatchObject({ detail: 'no device session' })
    expect((await call('GET', '/dead-letters')).body.items).toEqual([])
  }, 60_000)

  test('that pushes over HTTP, or has no way back, is told as it is', async () => {
    await addIntegration('sigfox', 'sigfox', 'sigfox/#')
    await addDevice('1a2b3c', 'valve')
    const pushed = await fetch(`${platform.httpUrl}/api/v1/uplinks/sigfox`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secrets.sigfox}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        device: '1A2B3C',
        time: String(Math.floor(Date.now() / 1000)),
        data: '0a',
        seqNumber: '1',
      }),
    })
    expect(pushed.status).toBe(204)
    await until(async () => (await call('GET', '/devices/1a2b3c/latest')).body.items.length > 0, 20_000)
    const { status, body } = await call('POST', '/devices/1a2b3c/commands', { data: { valve: 1 } })
    expect([status, body.code, body.detail]).toEqual([422, 'no_downlink', 'Sigfox takes no commands by MQTT'])
  })
})

test('a lamp of the simulated city dims on command, and says so', async () => {
  const stop = new AbortController()
  const running = simulate({
    seed: 5,
    startMs: Date.now() - 3_600_000,
    speed: 1,
    assets: 40,
    httpUrl: platform.httpUrl,
    mqttUrl: `mqtt://127.0.0.1:${ports.mqtt}`,
    token,
    signal: stop.signal,
    log: () => {},
  })
  type Listed = { id: string; value: number; quantity: string }
  const list = async (path: string) => (await call('GET', path)).body.items as unknown as Listed[]
  try {
    const lamps = async () => (await list('/devices?model=parvis-light-300')).filter(({ id }) => id !== 'lamp')
    await until(async () => (await lamps()).length > 0, 30_000)
    const [lamp] = await lamps()
    for (const [data, level] of [
      [{ dimming_level: 35 }, 35],
      [{ dimming_level: 0 }, 0],
    ] as const) {
      const { id } = await command(lamp!.id, { data })
      await reaches(lamp!.id, id, 'acknowledged')
      const told = async () =>
        Object.fromEntries((await list(`/devices/${lamp!.id}/latest`)).map((each) => [each.quantity, each.value]))
      await until(async () => (await told()).dimming_level === level, 20_000)
      expect(await told()).toMatchObject({ lamp_state: level > 0 ? 1 : 0 })
      expect((await told()).active_power! > 0).toBe(level > 0)
    }
  } finally {
    stop.abort()
    await running
  }
}, 90_000)
