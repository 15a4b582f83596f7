import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadLetterReasons, fault, faultText } from '../../domain/fault.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

let api: TestApi

const faults = [
  fault('out_of_range', { quantity: 'fill_level', value: 250, unit: '%', min: 0, max: 100 }),
  fault('unknown_quantity', { quantity: 'colour' }),
]

beforeAll(async () => {
  api = await openTestApi()
  api.keepDeadLetter({
    seq: 7,
    deviceId: 'probe-1',
    reason: 'out_of_range',
    faults,
    payload: '{"readings":{"fill_level":250,"colour":1}}',
    receivedAt: Date.parse('2026-03-01T08:00:00Z'),
  })
  api.keepDeadLetter({ seq: 9, reason: 'unknown_device', faults: [], topic: 'application/1', payload: '\xff' })
  api.keepDeadLetter({ seq: 12, deviceId: 'probe-1', reason: 'bad_json', faults: [fault('empty')] })
})

afterAll(() => api.close())

const ids = (body: { items: { id: string }[] }) => body.items.map((letter) => letter.id)

describe('GET /dead-letters', () => {
  it('tells what was wrong, in the reader’s language, newest first', async () => {
    const { status, body } = await api.call('viewer', 'GET', '/dead-letters', undefined, { 'accept-language': 'en' })
    expect([status, ids(body), body.next]).toEqual([200, ['12', '9', '7'], null])
    expect(body.items[2]).toMatchObject({
      id: '7',
      reason: 'out_of_range',
      detail: faults.map((each) => faultText(each, 'en')).join(' '),
      deviceId: 'probe-1',
      topic: 'devices/probe-1/up',
      payload: Buffer.from('{"readings":{"fill_level":250,"colour":1}}').toString('base64'),
      receivedAt: '2026-03-01T08:00:00.000Z',
    })
    const french = await api.call('viewer', 'GET', '/dead-letters')
    expect(french.body.items[2].detail).toContain('hors de la plage')
    expect(body.items[1]).toMatchObject({ deviceId: null, topic: 'application/1' })
  })

  it('chooses by device and by reason', async () => {
    expect(ids((await api.call('viewer', 'GET', '/dead-letters?deviceId=probe-1')).body)).toEqual(['12', '7'])
    expect(ids((await api.call('viewer', 'GET', '/dead-letters?reason=unknown_device')).body)).toEqual(['9'])
    expect((await api.call('viewer', 'GET', '/dead-letters?reason=whim')).status).toBe(400)
  })

  it('comes in pages', async () => {
    const first = await api.call('viewer', 'GET', '/dead-letters?limit=2')
    expect(ids(first.body)).toEqual(['12', '9'])
    const second = await api.call('viewer', 'GET', `/dead-letters?limit=2&cursor=${first.body.next}`)
    expect([ids(second.body), second.body.next]).toEqual([['7'], null])
    for (const cursor of ['x', '-1', '1e3', '9'.repeat(16)])
      expect((await api.call('viewer', 'GET', `/dead-letters?cursor=${cursor}`)).body.code).toBe('bad_request')
  })

  it('counts by reason', async () => {
    const { body } = await api.call('viewer', 'GET', '/dead-letters/counts')
    expect(body.items).toEqual([
      { reason: 'bad_json', count: 1 },
      { reason: 'out_of_range', count: 1 },
      { reason: 'unknown_device', count: 1 },
    ])
    for (const { reason } of body.items) expect(deadLetterReasons).toContain(reason)
  })
})

describe('replays', () => {
  it('wait until ingest takes them, then tell how far they are', async () => {
    const asked = await api.call('technician', 'POST', '/replays', {
      from: '2026-03-01T00:00:00+01:00',
      deviceId: 'probe-1',
      replace: true,
    })
    expect(asked.status).toBe(202)
    expect(asked.headers.location).toBe(`/api/v1/replays/${asked.body.id}`)
    expect(asked.body).toMatchObject({
      state: 'queued',
      from: '2026-02-28T23:00:00.000Z',
      to: null,
      deviceId: 'probe-1',
      replace: true,
      uplinks: 0,
      finishedAt: null,
    })
    const read = async () => (await api.call('viewer', 'GET', `/replays/${asked.body.id}`)).body
    expect(await read()).toEqual(asked.body)
    api.ingestFile
      .prepare('INSERT INTO replays VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(asked.body.id, 'done', 40, 38, 2, null, null, Date.parse('2026-03-01T09:00:00Z'))
    expect(await read()).toEqual({
      ...asked.body,
      state: 'done',
      uplinks: 40,
      readings: 38,
      deadLetters: 2,
      finishedAt: '2026-03-01T09:00:00.000Z',
    })
  })

  it('are refused when they make no sense, and unknown when nobody asked', async () => {
    const body = { from: '2026-03-02T00:00:00Z', to: '2026-03-01T00:00:00Z' }
    expect((await api.call('technician', 'POST', '/replays', body)).status).toBe(400)
    expect((await api.call('technician', 'POST', '/replays', { from: 5 })).status).toBe(400)
    expect((await api.call('viewer', 'GET', '/replays/nothing')).status).toBe(404)
  })
})
