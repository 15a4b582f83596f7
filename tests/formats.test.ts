import { createHmac } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'cborg'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formats } from '../devices/catalogue.ts'
import { ticChecksum } from '../devices/models/linky-tic/decode.ts'
import { makeFolder, type Platform, parvis, startPlatform } from './support/platform.ts'
import { until } from './support/until.ts'

/*
 * Messages as each network's documentation shapes them, on their way through the whole platform: published by the
 * network server under its credential, or pushed over HTTP, to readings of the asset on which the device stands.
 */

const now = Math.floor(Date.now() / 1000) * 1000 - 60_000
const iso = new Date(now).toISOString()
const frame = '019c96007b0257'
const frameBase64 = Buffer.from(frame, 'hex').toString('base64')
// What the frame of the fill-level probe parvis-fill-100 holds.
const fromFrame = readFillReadings()

type Message = {
  format: string
  model: string
  deviceId: string
  topic: string
  payload: object | string | Uint8Array
  /** Some of the readings, as `{channel} quantity`: value. */
  wanted: Record<string, number>
  /** A message that is a dead letter, with its reason. */
  bad: { topic?: string; payload: object | string; reason: string }
}

const civil = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Paris', dateStyle: 'short', timeStyle: 'medium' })
  .format(now)
  .replace(' ', 'T')

const messages: readonly Message[] = [
  {
    format: 'chirpstack-v4',
    model: 'parvis-fill-100',
    deviceId: '70b3d5e75e010203',
    topic: 'application/7d3f/device/70b3d5e75e010203/event/up',
    payload: {
      deduplicationId: '3ac7e3c4',
      time: iso,
      deviceInfo: { devEui: '70b3d5e75e010203' },
      devAddr: '00189440',
      fCnt: 7,
      fPort: 2,
      data: frameBase64,
      rxInfo: [{ gatewayId: '0016c001f153a14c', rssi: -36, snr: 10.5 }],
    },
    wanted: { ...fromFrame, ' rssi': -36, ' snr': 10.5, ' frame_counter': 7, '0016c001f153a14c rssi': -36 },
    bad: {
      payload: { deviceInfo: { devEui: '70b3d5e75e010203' }, fPort: 2, data: '?', rxInfo: [] },
      reason: 'bad_frame',
    },
  },
  {
    format: 'the-things-stack-v3',
    model: 'generic-json',
    deviceId: '70b3d57ed0001234',
    topic: 'v3/city@ttn/devices/room-12/up',
    payload: {
      end_device_ids: { device_id: 'room-12', dev_eui: '70B3D57ED0001234', dev_addr: '260B1A2C' },
      received_at: iso,
      uplink_message: {
        f_port: 1,
        f_cnt: 8,
        frm_payload: 'AQ==',
        normalized_payload: [{ air: { temperature: 21.5, co2: 812 } }],
        rx_metadata: [{ gateway_ids: { gateway_id: 'library' }, rssi: -71, snr: 9.5 }],
        received_at: iso,
      },
    },
    wanted: { ' temperature': 21.5, ' co2': 812, ' rssi': -71, 'library rssi': -71, ' frame_counter': 8 },
    bad: { payload: { end_device_ids: {}, uplink_message: {} }, reason: 'unknown_device' },
  },
  {
    format: 'thingpark',
    model: 'parvis-fill-100',
    deviceId: '0018b20000000bee',
    topic: 'mqtt/things/0018B20000000BEE/uplink',
    payload: {
      DevEUI_uplink: {
        Time: iso,
        DevEUI: '0018B20000000BEE',
        FPort: '2',
        FCntUp: '1174',
        payload_hex: frame,
        LrrRSSI: '-80.000000',
        LrrSNR: '7.000000',
        Lrrid: '004A18E3',
        Lrrs: { Lrr: [{ Lrrid: '004A18E3', LrrRSSI: '-80.000000', LrrSNR: '7.000000' }] },
      },
    },
    wanted: { ...fromFrame, ' rssi': -80, ' snr': 7, ' frame_counter': 1174 },
    bad: { payload: { DevEUI: '0018B20000000BEE', Time: 'soon', payload_hex: frame }, reason: 'bad_value' },
  },
  {
    format: 'live-objects',
    model: 'parvis-fill-100',
    deviceId: '0018b20000000272',
    topic: 'fifo/parvis',
    payload: {
      metadata: {
        connector: 'lora',
        source: 'urn:lo:nsid:lora:0018B20000000272',
        network: { lora: { devEUI: '0018B20000000272', port: 5, fcnt: 1, rssi: -99, snr: 7, sf: 12 } },
      },
      streamId: 'urn:lo:nsid:lora:0018B20000000272',
      timestamp: iso,
      model: 'lora_v0',
      value: { payload: frame },
    },
    wanted: { ...fromFrame, ' rssi': -99, ' frame_counter': 1 },
    bad: { payload: { streamId: 'urn:lo:nsid:lora:0018B20000000272', value: { payload: '01' } }, reason: 'bad_frame' },
  },
  {
    format: 'kerlink',
    model: 'parvis-fill-100',
    deviceId: '7076ff0056050123',
    topic: 'wanesy/dataUp',
    payload: {
      id: '65e2',
      endDevice: { devEui: '7076FF0056050123', devAddr: '05A1B2C3', cluster: { id: 1 } },
      fPort: 2,
      fCntUp: 6940,
      payload: frameBase64,
      encodingType: 'BASE64',
      recvTime: now,
      gwInfo: [{ gwEui: '7276FF0039030001', rssi: -101, snr: 2.5 }],
    },
    wanted: { ...fromFrame, ' rssi': -101, ' frame_counter': 6940 },
    bad: {
      payload: { endDevice: { devEui: '7076FF0056050123' }, fPort: 2, payload: 'zz', recvTime: now },
      reason: 'bad_frame',
    },
  },
  {
    format: 'sigfox',
    model: 'parvis-fill-100',
    deviceId: '4d1a2b',
    topic: 'sigfox/uplink',
    payload: { device: '4D1A2B', time: String(now / 1000), data: frame, seqNumber: '731' },
    wanted: { ...fromFrame, ' frame_counter': 731 },
    bad: { payload: { device: '4D1A2B', time: '{time}', data: '{data}' }, reason: 'bad_value' },
  },
  {
    format: 'chirpstack-v3',
    model: 'parvis-fill-100',
    deviceId: '70b3d5e75e010209',
    topic: 'application/123/device/70b3d5e75e010209/event/up',
    payload: {
      devEUI: 'cLPV514BAgk=',
      rxInfo: [{ gatewayID: 'ABbAAfFToUw=', rssi: -48, loRaSNR: 9 }],
      adr: true,
      fCnt: 12,
      fPort: 2,
      data: frameBase64,
      publishedAt: iso,
    },
    wanted: { ...fromFrame, ' rssi': -48, ' frame_counter': 12 },
    bad: { payload: '{"devEUI":', reason: 'bad_json' },
  },
  {
    format: 'helium',
    model: 'parvis-fill-100',
    deviceId: '6081f9413229cd42',
    topic: 'helium/1c6f/rx',
    payload: {
      dev_eui: '6081F9413229CD42',
      devaddr: 'A9000048',
      fcnt: 12,
      port: 2,
      payload: frameBase64,
      reported_at: now,
      hotspots: [{ name: 'quiet-grey-owl', rssi: -57, snr: 10.2, spreading: 'SF9BW125' }],
    },
    wanted: { ...fromFrame, ' rssi': -57, ' frame_counter': 12 },
    bad: { payload: '{"dev_eui":', reason: 'bad_json' },
  },
  {
    format: 'tasmota',
    model: 'generic-json',
    deviceId: 'plug-1',
    topic: 'tele/plug-1/SENSOR',
    payload: { Time: civil, ENERGY: { Total: 12.345, Power: 42, Voltage: 231, Current: 0.221, Factor: 0.82 } },
    wanted: { ' energy_active_import': 12_345, ' active_power': 42, ' voltage': 231 },
    bad: { payload: { Time: civil, ENERGY: { Power: 'much' } }, reason: 'bad_value' },
  },
  {
    format: 'tasmota-teleinfo',
    model: 'linky-tic',
    deviceId: 'meter-1',
    topic: 'meter-1/tele/SENSOR',
    payload: {
      Time: civil,
      ENERGY: { Total: 2954.544, Power: 170 },
      TIC: { ADCO: '041900000001', HCHC: 920_750, HCHP: 2_033_794, PTEC: 'HP..', IINST: 1, PAPP: 170 },
    },
    wanted: {
      'hc energy_active_import': 920_750,
      ' energy_active_import': 2_954_544,
      ' tariff': 2,
      ' apparent_power': 170,
    },
    bad: { payload: { TIC: { PTEC: 'XX..' } }, reason: 'bad_frame' },
  },
  {
    format: 'teleinfo2mqtt',
    model: 'linky-tic',
    deviceId: '041900000002',
    topic: 'teleinfo/041900000002',
    payload: { EAST: { raw: '012345678', value: 12_345_678 }, SMAXSN: { raw: '02740', value: 2740, timestamp: {} } },
    wanted: { ' energy_active_import': 12_345_678, 'max apparent_power': 2740 },
    bad: { payload: { hello: 'world' }, reason: 'bad_json' },
  },
  {
    format: 'shelly',
    model: 'generic-json',
    deviceId: 'shellypro3em-a1b2',
    topic: 'shellypro3em-a1b2/status/em:0',
    payload: { id: 0, a_act_power: 951.2, a_voltage: 236.1, a_current: 4.029, total_act_power: 1700.5 },
    wanted: { '1 active_power': 951.2, '1 voltage': 236.1, ' active_power': 1700.5 },
    bad: { topic: 'shellies/shellypro3em-a1b2/emeter/0/power', payload: 'nan', reason: 'bad_value' },
  },
  {
    format: 'zigbee2mqtt',
    model: 'generic-json',
    deviceId: 'linky',
    topic: 'zigbee2mqtt/linky',
    payload: { current_summ_delivered: 12_345.678, apparent_power: 932, rms_current: 4, last_seen: iso },
    wanted: { ' energy_active_import': 12_345_678, ' apparent_power': 932, ' current': 4 },
    bad: { payload: { action: 'single' }, reason: 'bad_json' },
  },
  {
    format: 'wmbusmeters',
    model: 'generic-json',
    deviceId: '21242472',
    topic: 'wmbusmeters/21242472',
    payload: { _: 'telegram', media: 'water', meter: 'izar', id: '21242472', total_m3: 3.488, timestamp: iso },
    wanted: { ' water_volume': 3.488 },
    bad: { payload: { media: 'water', id: '21242472', total_m3: 'full', timestamp: iso }, reason: 'bad_value' },
  },
  {
    format: 'senml',
    model: 'generic-json',
    deviceId: 'urn:dev:ow:10e2073a01080063',
    topic: 'gateway/senml',
    payload: [
      { bn: 'urn:dev:ow:10e2073a01080063:', bt: now / 1000, n: 'temperature', u: 'K', v: 293.65 },
      { n: 'humidity', u: '%RH', v: 41 },
    ],
    wanted: { ' temperature': 20.5, ' relative_humidity': 41 },
    bad: { payload: [{ bn: 'urn:dev:ow:10e2073a01080063:', n: 'temperature', u: 'V', v: 3 }], reason: 'bad_value' },
  },
  {
    format: 'senml',
    model: 'generic-json',
    deviceId: 'board-7',
    topic: 'gateway/cbor',
    payload: encode([
      new Map<number, unknown>([
        [-2, 'board-7:'],
        [-3, now / 1000],
        [0, 'voltage'],
        [1, 'V'],
        [2, 120.1],
      ]),
    ]),
    wanted: { ' voltage': 120.1 },
    bad: { payload: Buffer.from([0x82, 0xa2]).toString('latin1'), reason: 'bad_frame' },
  },
  {
    format: 'generic-json',
    model: 'linky-tic',
    deviceId: 'linky-3',
    topic: 'meters/linky-3/up',
    payload: `\x02${['EAST\t027553175', 'SINSTS1\t00497', 'SINSTS2\t00299', 'URMS3\t231', 'NTARF\t01']
      .map((body) => `\n${body}\t${ticChecksum(`${body}\t`)}\r`)
      .join('')}\x03`,
    wanted: { ' energy_active_import': 27_553_175, '1 apparent_power': 497, '3 voltage': 231, ' tariff': 1 },
    bad: { payload: '\x02\nEAST\t027553175\tZ\r\x03', reason: 'bad_frame' },
  },
]

let platform: Platform
let token = ''
const folder = makeFolder()
const secrets = new Map<string, string>()

beforeAll(async () => {
  platform = await startPlatform({ dataDir: folder.path })
  token = (await parvis<{ token: string }>(folder.path, 'token', 'create', '--role', 'admin')).token
  for (const format of formats.keys()) {
    const body = { name: format, format, topics: topicsOf(format) }
    secrets.set(format, (await call<{ secret: string }>('POST', '/integrations', body)).secret)
  }
  for (const { deviceId, model } of messages) {
    await call('POST', '/devices', { id: deviceId, model })
    await call('POST', '/assets', { id: assetOf(deviceId), kind: 'energy_meter', label: deviceId })
    const installation = { deviceId, assetId: assetOf(deviceId), installedAt: new Date(now - 3_600_000).toISOString() }
    await call('POST', '/installations', installation)
  }
})

afterAll(async () => {
  await platform?.stop()
  folder.remove()
})

test('every format of the catalogue has a message here', () => {
  expect([...new Set(messages.map(({ format }) => format))].sort()).toEqual([...formats.keys()].sort())
})

describe('a message becomes readings of the asset', () => {
  for (const message of messages)
    test(`${message.format}: ${message.topic}`, async () => {
      await publish(message.format, message.topic, bytesOf(message.payload))
      await expectReadings(message)
      await publish(message.format, message.bad.topic ?? message.topic, bytesOf(message.bad.payload))
      const topic = message.bad.topic ?? message.topic
      await until(async () => (await lettersOf(topic)).length > 0)
      expect((await lettersOf(topic))[0]!.reason).toBe(message.bad.reason)
    })
})

describe('pushed over HTTP', () => {
  const message = {
    end_device_ids: { device_id: 'room-13', dev_eui: '70B3D57ED0005678' },
    uplink_message: {
      f_port: 1,
      f_cnt: 1,
      frm_payload: 'AQ==',
      received_at: iso,
      decoded_payload: { readings: { co2: 500 } },
    },
  }
  const path = '/uplinks/the-things-stack-v3/webhook/up'

  beforeAll(async () => {
    await call('POST', '/devices', { id: '70b3d57ed0005678', model: 'generic-json' })
  })

  test('by secret, by name and secret, by signature: journaled when it is answered', async () => {
    const secret = secrets.get('the-things-stack-v3')!
    const proofs = (body: string): Record<string, string>[] => [
      { authorization: `Bearer ${secret}` },
      { authorization: `Basic ${Buffer.from(`the-things-stack-v3:${secret}`).toString('base64')}` },
      { 'x-parvis-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` },
    ]
    for (const [index] of proofs('').entries()) {
      const body = JSON.stringify({ ...message, uplink_message: { ...message.uplink_message, f_cnt: index + 1 } })
      const before = await lastSeq()
      const response = await push(path, body, { 'content-type': 'application/json', ...proofs(body)[index]! })
      expect(response.status, await response.text()).toBe(204)
      await until(async () => (await lastSeq()) > before)
    }
    const counter = async () =>
      (
        await call<{ items: { quantity: string; value: number }[] }>('GET', '/devices/70b3d57ed0005678/latest')
      ).items.find(({ quantity }) => quantity === 'frame_counter')?.value
    await until(async () => (await counter()) === 3)
  })

  test('a topic in the path, the event of ChirpStack in the query, a body of any type', async () => {
    const secret = secrets.get('chirpstack-v4')!
    const body = JSON.stringify({ time: iso, deviceInfo: { devEui: '70b3d5e75e010203' }, batteryLevel: 87.5 })
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'text/plain' }
    expect((await push('/uplinks/chirpstack-v4?event=status', body, headers)).status).toBe(204)
    await until(async () => (await latestOf('70b3d5e75e010203')).get(' battery_level') === 87.5)
  })

  test('refused, and nothing journaled: no proof, a wrong one, another’s, a signature of another body, too large', async () => {
    const secret = secrets.get('the-things-stack-v3')!
    const body = JSON.stringify(message)
    const wrong: [string, Record<string, string>, number][] = [
      [path, {}, 401],
      [path, { authorization: 'Bearer wrong' }, 401],
      [path, { authorization: `Bearer ${secrets.get('sigfox')}` }, 401],
      [path, { authorization: `Basic ${Buffer.from(`sigfox:${secret}`).toString('base64')}` }, 401],
      [path, { authorization: `Bearer ${token}` }, 401],
      [path, { 'x-parvis-signature': `sha256=${createHmac('sha256', secret).update(`${body} `).digest('hex')}` }, 401],
      [path, { 'x-parvis-signature': 'sha256=00' }, 401],
      ['/uplinks/nobody/up', { authorization: `Bearer ${secret}` }, 401],
      ['/uplinks/the-things-stack-v3/%23', { authorization: `Bearer ${secret}` }, 400],
    ]
    const before = await lastSeq()
    for (const [url, headers, status] of wrong) {
      const response = await push(url, body, headers)
      expect([url, headers, response.status]).toEqual([url, headers, status])
      expect(response.headers.get('content-type')).toBe('application/problem+json')
    }
    const large = await push(path, 'x'.repeat(2 << 20), { authorization: `Bearer ${secret}` })
    expect([large.status, ((await large.json()) as { code: string }).code]).toEqual([413, 'payload_too_large'])
    expect(await lastSeq()).toBe(before)
  })

  test('nobody but Parvis has its name at the broker, and the key is its owner’s alone', async () => {
    const shown = { username: 'parvis/internal', clientId: 'parvis/internal/1', password: secrets.get('sigfox')! }
    await expect(connect(shown)).rejects.toThrow(/4|Bad username or password/i)
    expect(statSync(join(folder.path, 'vault.key')).mode & 0o777).toBe(0o600)
    const registry = readFileSync(join(folder.path, 'registry.sqlite'))
    for (const secret of secrets.values()) expect(registry.includes(secret)).toBe(false)
  })
})

/** The readings of the frame of parvis-fill-100, by its own codec's examples: what the table says of these bytes. */
function readFillReadings(): Record<string, number> {
  type Example = { payload: { hex?: string }; readings?: { channel?: string; quantity: string; value: number }[] }
  const file = join(import.meta.dirname, '../devices/models/parvis-fill-100/examples.json')
  const examples = JSON.parse(readFileSync(file, 'utf8')) as Example[]
  const readings = examples.find(({ payload }) => payload.hex === frame)?.readings ?? []
  return Object.fromEntries(readings.map(({ channel = '', quantity, value }) => [`${channel} ${quantity}`, value]))
}

function topicsOf(format: string): string[] {
  const levels = messages
    .filter((message) => message.format === format)
    .flatMap(({ topic, bad }) => [topic, bad.topic ?? topic])
    .map((topic) => `${topic.split('/')[0]}/#`)
  return [...new Set(levels)]
}

function assetOf(deviceId: string): string {
  return `asset-${deviceId}`
}

function bytesOf(payload: Message['payload']): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload, 'latin1')
  return payload instanceof Uint8Array ? Buffer.from(payload) : Buffer.from(JSON.stringify(payload))
}

function connect(options: { username: string; clientId: string; password: string }) {
  return connectAsync({ host: '127.0.0.1', port: platform.mqttPort, reconnectPeriod: 0, ...options })
}

async function publish(name: string, topic: string, payload: Buffer) {
  const client = await connect({ username: name, clientId: name, password: secrets.get(name)! })
  await client.publishAsync(topic, payload, { qos: 1 })
  await client.endAsync()
}

async function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${platform.httpUrl}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

function push(path: string, body: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${platform.httpUrl}/api/v1${path}`, { method: 'POST', headers, body })
}

type Item = { channel: string; quantity: string; value: number }

async function latestOf(deviceId: string): Promise<Map<string, number>> {
  const path = `/assets/${encodeURIComponent(assetOf(deviceId))}/latest`
  const { items } = await call<{ items: Item[] }>('GET', path)
  return new Map(items.map(({ channel, quantity, value }) => [`${channel} ${quantity}`, value]))
}

async function expectReadings({ deviceId, wanted }: Message) {
  await until(async () => (await latestOf(deviceId)).size >= Object.keys(wanted).length)
  expect(Object.fromEntries(await latestOf(deviceId))).toMatchObject(wanted)
}

async function lettersOf(topic: string) {
  const { items } = await call<{ items: { topic: string; reason: string }[] }>('GET', '/dead-letters?limit=500')
  return items.filter((letter) => letter.topic === topic)
}

async function lastSeq(): Promise<number> {
  const text = await (await fetch(`${platform.httpUrl}/metrics`)).text()
  return Number(/^parvis_broker_journal_last_seq (\d+)$/m.exec(text)![1])
}
