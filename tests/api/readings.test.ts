import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, type TestApi } from '../support/api.ts'

const start = Date.parse('2026-03-01T00:00:00Z')
const minuteMs = 60_000

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
  for (const id of ['probe-1', 'quiet']) await api.call('manager', 'POST', '/devices', { id, model: 'generic-json' })
  await api.store(
    Array.from({ length: 120 }, (_, i) => ({
      deviceId: 'probe-1',
      channel: '',
      quantity: 'temperature' as const,
      value: i,
      observedAt: start + i * minuteMs,
    })),
  )
  await api.store([
    { deviceId: 'probe-1', channel: '2', quantity: 'co2', value: 400, observedAt: start },
    { deviceId: 'probe-1', channel: '', quantity: 'fill_level', value: 5, observedAt: Date.now() - 1000 },
  ])
})

afterAll(() => api.close())

type Answer = {
  series: { deviceId: string; channel: string; quantity: string; unit: string; points: [string, number][] }[]
  next: string | null
  code: string
  errors: { path: string }[]
}

async function read(query: string, id = 'probe-1'): Promise<{ status: number; headers: object; body: Answer }> {
  return api.call('viewer', 'GET', `/devices/${id}/readings?${query}`)
}

const day = 'from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z'

describe('GET /devices/{id}/readings', () => {
  it('tells series with their units, points by time', async () => {
    const { status, headers, body } = await read(`${day}&quantity=co2`)
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' })
    expect(body).toEqual({
      series: [
        {
          deviceId: 'probe-1',
          channel: '2',
          quantity: 'co2',
          unit: '[ppm]',
          points: [['2026-03-01T00:00:00.000Z', 400]],
        },
      ],
      next: null,
    })
  })

  it('takes in from and leaves out to', async () => {
    const { body } = await read('from=2026-03-01T01:01:00%2B01:00&to=2026-03-01T00:03:00Z&quantity=temperature')
    expect(body.series[0]!.points.map(([, value]) => value)).toEqual([1, 2])
  })

  it('goes back a day from now when nothing is said', async () => {
    const { body } = await read('')
    expect(body.series.map((each) => each.quantity)).toEqual(['fill_level'])
    expect((await read('', 'quiet')).body).toEqual({ series: [], next: null })
  })

  it('chooses a channel, the empty one too', async () => {
    expect((await read(`${day}&channel=2`)).body.series.map((each) => each.quantity)).toEqual(['co2'])
    expect((await read(`${day}&channel=`)).body.series.map((each) => each.quantity)).toEqual(['temperature'])
  })

  it('folds windows', async () => {
    const fold = async (query: string) => (await read(`${day}&quantity=temperature&${query}`)).body.series[0]!.points
    expect(await fold('window=1h')).toEqual([
      ['2026-03-01T00:00:00.000Z', 29.5],
      ['2026-03-01T01:00:00.000Z', 89.5],
    ])
    expect(await fold('window=1d&aggregate=max&zone=Europe/Paris')).toEqual([['2026-02-28T23:00:00.000Z', 119]])
    expect(await fold('window=1mo&aggregate=count')).toEqual([['2026-03-01T00:00:00.000Z', 120]])
    expect((await fold('window=15m&aggregate=last')).length).toBe(8)
  })

  it('comes in pages that together are the whole', async () => {
    const whole = (await read(day)).body
    expect(whole.next).toBeNull()
    const points: string[] = []
    let cursor = ''
    for (let pages = 0; pages < 20; pages++) {
      const { body } = await read(`${cursor === '' ? day : ''}&limit=25${cursor}`)
      const count = body.series.reduce((sum, each) => sum + each.points.length, 0)
      expect(count).toBeLessThanOrEqual(25)
      for (const { quantity, points: some } of body.series)
        for (const [time] of some) points.push(`${quantity} ${time}`)
      if (body.next === null) break
      expect(count).toBe(25)
      cursor = `&cursor=${encodeURIComponent(body.next)}`
    }
    expect(points).toEqual(whole.series.flatMap((each) => each.points.map(([time]) => `${each.quantity} ${time}`)))
  })

  it.each([
    ['window', 'window=soon'],
    ['window', 'window=0m'],
    ['window', 'window=1h;drop'],
    ['aggregate', 'window=1h&aggregate=median'],
    ['aggregate', 'aggregate=mean'],
    ['zone', 'window=1d&zone=Mars/Olympus'],
    ['zone', 'window=1d&zone=%2B01:00'],
    ['zone', 'zone=Europe/Paris'],
    ['from', 'from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z'],
    ['from', 'from=2026-03-01'],
    ['to', 'to=yesterday'],
    ['quantity', 'quantity=constructor'],
    ['limit', 'limit=50001'],
    ['limit', 'limit=0'],
    ['cursor', 'cursor=nonsense'],
    ['cursor', `cursor=${Buffer.from('[1,2,"a","","__proto__",3]').toString('base64url')}`],
  ])('refuses a bad %s: %s', async (path, query) => {
    const { status, body } = await read(query)
    expect([status, body.code]).toEqual([400, 'bad_request'])
    expect(body.errors[0]!.path).toBe(path)
  })

  it('does not know what is not there', async () => {
    expect((await read(day, 'nobody')).status).toBe(404)
    expect((await api.call('viewer', 'GET', `/assets/nobody/readings?${day}`)).status).toBe(404)
  })
})

describe('GET /exports/readings', () => {
  it('is CSV, a line each', async () => {
    const { status, headers, body } = await api.call('viewer', 'GET', `/exports/readings?${day}&deviceId=probe-1`)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(headers['content-disposition']).toBe('attachment; filename="readings.csv"')
    const lines = body.split('\n')
    expect(lines[0]).toBe('deviceId,channel,quantity,value,observedAt')
    expect(lines).toHaveLength(123)
    expect(lines).toContain('probe-1,2,co2,400,2026-03-01T00:00:00.000Z')
  })

  it('is NDJSON when asked for', async () => {
    const { headers, body } = await api.call('viewer', 'GET', `/exports/readings?${day}&format=ndjson`)
    expect(headers['content-type']).toBe('application/x-ndjson')
    const readings = body
      .trimEnd()
      .split('\n')
      .map((line: string) => JSON.parse(line))
    expect(readings).toHaveLength(121)
    expect(readings).toContainEqual({
      deviceId: 'probe-1',
      channel: '2',
      quantity: 'co2',
      value: 400,
      observedAt: '2026-03-01T00:00:00.000Z',
    })
  })

  it('is a head alone when there is nothing, and refuses what cannot be', async () => {
    const empty = await api.call('viewer', 'GET', '/exports/readings?deviceId=quiet')
    expect(empty.body).toBe('deviceId,channel,quantity,value,observedAt\n')
    expect((await api.call('viewer', 'GET', '/exports/readings?deviceId=nobody')).status).toBe(404)
    expect((await api.call('viewer', 'GET', '/exports/readings?format=xml')).status).toBe(400)
    expect((await api.call('viewer', 'GET', '/exports/readings?to=1970-01-01T00:00:00Z')).status).toBe(400)
  })
})
