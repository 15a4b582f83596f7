import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { models } from '../../devices/catalogue.ts'
import { fault } from '../../domain/fault.ts'
import { addDevice } from '../../inventory/devices.ts'
import { addIntegration } from '../../inventory/integrations.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

const source = `function decodeUplink(input) {
  return { data: { temp: input.bytes[0] / 10, mode: 'eco' } }
}`

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: unknown) =>
  api.call(method === 'DELETE' ? 'manager' : 'technician', method, url, body)

describe('models', () => {
  it('lists those of Parvis and those made here in one list, page by page', async () => {
    for (const id of ['acme-b', 'acme-a', 'zeta'])
      expect((await call('POST', '/models', { id, label: `Sonde ${id}`, source })).status).toBe(201)
    const seen: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
      const { body } = await call('GET', `/models?limit=4${cursor}`)
      expect(body.items.length).toBeLessThanOrEqual(4)
      seen.push(...body.items.map(({ id }: { id: string }) => id))
      next = body.next
    }
    expect(seen).toEqual([...models.keys(), 'acme-a', 'acme-b', 'zeta'])
    // A page that ends with the last of Parvis's own goes on with the registry's.
    const first = await call('GET', `/models?limit=${models.size}`)
    const second = await call('GET', `/models?cursor=${encodeURIComponent(first.body.next)}`)
    expect(second.body.items.map(({ id }: { id: string }) => id)).toEqual(['acme-a', 'acme-b', 'zeta'])
    const own = await call('GET', '/models?origin=own&q=sonde%20acme')
    expect(own.body.items).toMatchObject([
      { id: 'acme-a', origin: 'own', label: { fr: 'Sonde acme-a', en: 'Sonde acme-a' } },
      { id: 'acme-b' },
    ])
    const builtIn = await call('GET', '/models?origin=parvis&q=luminaire')
    expect(builtIn.body).toMatchObject({ items: [{ id: 'parvis-light-300', origin: 'parvis' }], next: null })
    expect((await call('GET', '/models?cursor=nonsense')).status).toBe(400)
    expect((await api.call(null, 'GET', '/models')).status).toBe(401)
  })

  it('tells one of either kind, changes those made here, and keeps those in use', async () => {
    expect((await call('GET', '/models/parvis-light-300')).body).toMatchObject({ origin: 'parvis', table: null })
    const table = { fields: [{ path: 'temp', quantity: 'temperature' }], ignored: ['mode'] }
    const changed = await call('PATCH', '/models/acme-a', { table })
    expect(changed.body).toMatchObject({ version: 2, table, quantities: ['temperature'] })
    expect((await call('GET', '/models/acme-a')).body).toEqual(changed.body)
    expect((await call('PATCH', '/models/generic-json', { label: 'x' })).body.code).toBe('builtin_model')
    await addDevice(api.access, { id: 'uses-zeta', model: 'zeta' })
    expect((await call('DELETE', '/models/zeta')).body.code).toBe('in_use')
    expect((await call('DELETE', '/models/acme-b')).status).toBe(204)
    expect((await call('GET', '/models/acme-b')).status).toBe(404)
    expect((await call('POST', '/models', { id: 'acme-a', label: 'again' })).body.code).toBe('already_exists')
    const bad = { fields: [{ path: 'temp', quantity: 'temperature', unit: 'm' }] }
    expect((await call('PATCH', '/models/acme-a', { table: bad })).body.code).toBe('bad_request')
  })

  it('tries a model on a payload, as it stands and as a draft', async () => {
    const stored = await call('POST', '/models/acme-a/try', { hex: 'd7' })
    expect(stored.body).toMatchObject({
      readings: [{ quantity: 'temperature', value: 21.5, unit: 'Cel', channel: '', observedAt: null }],
      faults: [],
      answer: { data: { temp: 21.5, mode: 'eco' } },
      unmapped: [],
    })
    const draft = await call('POST', '/models/acme-a/try', { hex: 'd7', table: { fields: [] } })
    expect(draft.body).toMatchObject({
      readings: [],
      unmapped: ['temp', 'mode'],
      suggestion: { fields: [{ path: 'temp', quantity: 'temperature' }] },
    })
    const otherSource = source.replace('/ 10', '* 100')
    const wrong = await call('POST', '/models/acme-a/try', { hex: 'd7', source: otherSource })
    expect(wrong.body).toMatchObject({ readings: [], faults: [expect.stringContaining('21\u202f500')] })
    expect((await call('POST', '/models/acme-a/try', { hex: 'd7' })).body.readings).toHaveLength(1)
    expect((await call('POST', '/models/acme-a/try', {})).body.code).toBe('bad_request')
    expect((await call('POST', '/models/nobody/try', { hex: 'd7' })).status).toBe(404)
    expect((await api.call('viewer', 'POST', '/models/acme-a/try', { hex: 'd7' })).status).toBe(403)
    const own = await call('POST', '/models/parvis-bay-700/try', { hex: 'd7', table: { fields: [] } })
    expect(own.body.code).toBe('builtin_model')
  })

  it('tries what no model has yet', async () => {
    const table = { fields: [{ path: 'temp', quantity: 'temperature' }], ignored: ['mode'] }
    const byCodec = await call('POST', '/models/try', { hex: 'd7', source, table })
    expect(byCodec.body).toMatchObject({ readings: [{ value: 21.5 }], faults: [] })
    const byTable = await call('POST', '/models/try', {
      json: { air: { t: 70.7 } },
      table: { fields: [{ path: 'air.t', quantity: 'temperature', unit: '[degF]' }] },
    })
    expect(byTable.body.readings).toMatchObject([{ quantity: 'temperature', value: 21.5 }])
    expect((await call('POST', '/models/try', { hex: 'd7' })).body.code).toBe('bad_request')
    const normalizing = `${source}
      function normalizeUplink(input) { return { data: { air: { temperature: input.data.temp } } } }`
    const normalized = await call('POST', '/models/try', { hex: 'd7', source: normalizing })
    expect(normalized.body.readings).toMatchObject([{ quantity: 'temperature', value: 21.5 }])
  })
})

describe('dead letters of a model', () => {
  const letter = (seq: number, deviceId: string, payload: string, code: 'out_of_range' | 'nothing_mapped') =>
    api.keepDeadLetter({
      seq,
      deviceId,
      payload,
      reason: code === 'out_of_range' ? 'out_of_range' : 'unknown_quantity',
      faults: [
        code === 'out_of_range'
          ? fault('out_of_range', { quantity: 'temperature', value: 215, min: -90, max: 90 })
          : fault('nothing_mapped', { names: 'mode' }),
      ],
      receivedAt: 1_767_225_600_000 + seq,
    })

  beforeAll(async () => {
    const table = { fields: [{ path: 'temp', quantity: 'temperature' }] }
    await call('POST', '/models', { id: 'probe-json', label: 'Sonde', table })
    for (const id of ['probe-1', 'probe-2']) await addDevice(api.access, { id, model: 'probe-json' })
    await addDevice(api.access, { id: 'other', model: 'generic-json' })
    letter(1, 'probe-1', '{"temp":215}', 'out_of_range')
    letter(2, 'probe-2', '{"temp":218}', 'out_of_range')
    letter(3, 'other', '{}', 'nothing_mapped')
    letter(4, 'probe-1', '{"mode":"eco"}', 'nothing_mapped')
  })

  it('groups them by cause and lists one group', async () => {
    const { body } = await call('GET', '/dead-letters/groups')
    expect(body.next).toBeNull()
    expect(body.items).toHaveLength(3)
    expect(body.items[0]).toEqual({
      reason: 'out_of_range',
      code: 'out_of_range',
      quantity: 'temperature',
      model: 'probe-json',
      count: 2,
      devices: ['probe-1', 'probe-2'],
      deviceCount: 2,
      firstAt: '2026-01-01T00:00:00.001Z',
      lastAt: '2026-01-01T00:00:00.002Z',
      newestId: '2',
      detail: expect.stringContaining('temperature'),
    })
    const ids = async (query: string) =>
      (await call('GET', `/dead-letters?${query}`)).body.items.map(({ id }: { id: string }) => id)
    expect(await ids('model=probe-json')).toEqual(['4', '2', '1'])
    expect(await ids('model=probe-json&code=out_of_range')).toEqual(['2', '1'])
    expect(await ids('model=probe-json&deviceId=probe-1&limit=1')).toEqual(['4'])
    expect(await ids('code=nothing_mapped')).toEqual(['4', '3'])
  })

  it('tells the source of a codec, where a model has one', async () => {
    const source = 'function decodeUplink() { return { data: { t: 21 } } }'
    await call('POST', '/models', { id: 'coded', label: 'Sonde', source })
    expect((await call('GET', '/models/coded/codec')).body).toEqual({ source })
    expect((await call('GET', '/models/probe-json/codec')).body).toEqual({ source: null })
    await call('DELETE', '/models/coded')
  })

  it('tries a draft on them, and stores nothing', async () => {
    const table = { fields: [{ path: 'temp', quantity: 'temperature', scale: 0.1 }] }
    const before = await call('POST', '/models/probe-json/try-letters', {})
    expect(before.body).toMatchObject({ tried: 3, readable: 0 })
    const after = await call('POST', '/models/probe-json/try-letters', { table, code: 'out_of_range' })
    expect(after.body).toEqual({
      tried: 2,
      readable: 2,
      items: [
        {
          deadLetterId: '2',
          deviceId: 'probe-2',
          receivedAt: '2026-01-01T00:00:00.002Z',
          readings: [{ channel: '', quantity: 'temperature', value: 21.8, unit: 'Cel', observedAt: null }],
          faults: [],
          unmapped: [],
        },
        expect.objectContaining({ deadLetterId: '1', faults: [] }),
      ],
    })
    expect((await call('GET', '/dead-letters/groups')).body.items).toHaveLength(3)
    expect((await call('POST', '/models/probe-json/try', { deadLetterId: '1', table })).body.readings).toMatchObject([
      { value: 21.5 },
    ])
    expect((await call('POST', '/models/probe-json/try', { deadLetterId: '9' })).status).toBe(404)
  })

  it('opens what a network pushed over HTTP', async () => {
    await addIntegration(api.access, { name: 'lora', format: 'the-things-stack-v3', topics: ['v3/#'] })
    await addDevice(api.access, { id: '70b3d57ed0001234', model: 'probe-json' })
    const message = {
      end_device_ids: { device_id: 'room', dev_eui: '70B3D57ED0001234' },
      uplink_message: { f_port: 1, decoded_payload: { temp: 20 } },
    }
    api.ingestFile
      .prepare(
        `INSERT INTO dead_letters (seq, device_id, client_id, topic, received_at, reason, faults, bytes, payload)
         VALUES (5, '70b3d57ed0001234', 'parvis/internal/1', 'uplinks/lora/up', 1767225600000, 'bad_value', '[]', 1, ?)`,
      )
      .run(Buffer.from(JSON.stringify(message)))
    const tried = await call('POST', '/models/probe-json/try', { deadLetterId: '5' })
    expect(tried.body).toMatchObject({ readings: [{ quantity: 'temperature', value: 20 }], faults: [] })
  })
})
