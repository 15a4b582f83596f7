import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Quantity } from '../../domain/quantity.ts'
import { tellFillRate, tellRise } from '../../inventory/figure-table.ts'
import { addToken } from '../../inventory/tokens.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const now = Date.now()

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
  const add = async (id: string, kind: string, rest: object = {}) => {
    const asset = { id, kind, label: `Le ${id}`, service: 'Propreté', ...rest }
    expect((await api.call('manager', 'POST', '/assets', asset)).status).toBe(201)
  }
  const hang = async (deviceId: string, assetId: string, rest: object = {}) => {
    await api.call('manager', 'POST', '/devices', { id: deviceId, model: 'generic-json' })
    const installedAt = new Date(now - 400 * dayMs).toISOString()
    const installation = { deviceId, assetId, installedAt, ...rest }
    expect((await api.call('manager', 'POST', '/installations', installation)).status).toBe(201)
  }
  for (const id of ['slow', 'fast', 'swapped', 'bare']) await add(id, 'waste_container')
  await add('=far', 'waste_container', { label: '=1+1', service: 'Voirie' })
  await hang('p-slow', 'slow')
  await hang('p-fast', 'fast')
  await hang('p-old', 'swapped', { removedAt: new Date(now - 10 * hourMs).toISOString() })
  await hang('p-new', 'swapped', { installedAt: new Date(now - 10 * hourMs).toISOString() })
  await hang('p-far', '=far')
  await add('bay-1', 'parking_bay')
  await add('bay-2', 'parking_bay')
  await hang('b-1', 'bay-1')
  await hang('b-2', 'bay-2')
  for (const i of [1, 2]) {
    await add(`meter-${i}`, 'energy_meter')
    await hang(`m-${i}`, `meter-${i}`)
  }
  // Noon in June on the equator: the sun is up, whatever the day this runs.
  await add('lamp', 'street_light', { latitude: 0, longitude: 0 })
  await hang('l-1', 'lamp')
  const noon = Date.UTC(2026, 5, 10, 12)
  await api.store([
    { deviceId: 'l-1', channel: '', quantity: 'lamp_state', value: 1, observedAt: noon },
    ...hourly('p-slow', 'fill_level', (hour) => 40 + hour / 24),
    ...hourly('p-fast', 'fill_level', (hour) => (hour < 24 ? 60 + hour : 10 + hour)),
    ...hourly('p-old', 'fill_level', () => 20),
    ...hourly('p-new', 'fill_level', () => 90),
    ...hourly('p-far', 'fill_level', () => 99),
    ...hourly('m-1', 'energy_active_import', (hour) => 5000 + 100 * hour),
    ...hourly('m-2', 'energy_active_import', (hour) => 10 * hour),
    ...hourly('b-1', 'occupancy', () => 1),
    ...hourly('b-2', 'occupancy', (hour) => (hour < 36 ? 1 : 0)),
  ])
  await api.fold()
})
afterAll(() => api.close())

/** Two days of readings, one an hour, the last of them now. */
function hourly(deviceId: string, quantity: Quantity, valueAt: (hour: number) => number) {
  return Array.from({ length: 49 }, (_, hour) => ({
    ...{ deviceId, channel: '', quantity, value: valueAt(hour), observedAt: now - (48 - hour) * hourMs },
  }))
}

type Figures = Record<string, { value: number; observedAt: string | null } | null>
const list = async (query: string) => {
  const { status, body } = await api.call('viewer', 'GET', `/figures/assets?${query}`)
  return { status, body, ids: (body.items as { assetId: string }[] | undefined)?.map((each) => each.assetId) }
}
const figuresOf = async (id: string, kind = 'waste_container') => {
  const { items } = (await list(`kind=${kind}&limit=500`)).body
  return (items as { assetId: string; figures: Figures }[]).find((each) => each.assetId === id)!.figures
}

describe('GET /figures/assets', () => {
  it('tells the newest reading, the rate between emptyings and the time until full', async () => {
    const fast = await figuresOf('fast')
    expect(fast.fill_level).toMatchObject({ value: 58, observedAt: new Date(now).toISOString() })
    expect(fast.fill_rate!.value).toBeCloseTo(24, 0)
    expect(fast.hours_until_full!.value).toBeCloseTo(42, 0)
    expect((await figuresOf('slow')).fill_rate!.value).toBeCloseTo(1, 1)
  })

  it('reads through swaps: each device for its own time', async () => {
    const { fill_level, fill_rate } = await figuresOf('swapped')
    expect(fill_level!.value).toBe(90)
    // The rise from 20 to 90 is there only because both devices are read.
    expect(fill_rate!.value).toBeGreaterThan(20)
  })

  it('of what nobody knows says so, and puts it last in every order', async () => {
    expect((await figuresOf('bare')).fill_level).toBeNull()
    expect((await list('kind=waste_container&sort=-fill_level')).ids).toEqual([
      '=far',
      'swapped',
      'fast',
      'slow',
      'bare',
    ])
    expect((await list('kind=waste_container&sort=fill_level')).ids).toEqual([
      'slow',
      'fast',
      'swapped',
      '=far',
      'bare',
    ])
  })

  it('counts the day’s work, lists it, and comes in pages', async () => {
    const { body, ids } = await list('kind=waste_container&task=to_empty&sort=-fill_level')
    expect(body.tasks).toEqual([expect.objectContaining({ code: 'to_empty', count: 2 })])
    expect([body.total, ids]).toEqual([5, ['=far', 'swapped']])
    expect(body.figures[0]).toMatchObject({ name: 'fill_level', known: 4, unit: '%' })
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const page = await list(`kind=waste_container&sort=-fill_level&limit=2&cursor=${cursor}`.replace(/&cursor=$/, ''))
      seen.push(...page.ids!)
      if (page.body.next === null) break
      cursor = page.body.next
    }
    expect(seen).toEqual(['=far', 'swapped', 'fast', 'slow', 'bare'])
  })

  it('finds bays that are never left, and lamps that burn by day', async () => {
    expect((await list('kind=parking_bay&task=overstay')).ids).toEqual(['bay-1'])
    expect((await figuresOf('bay-1', 'parking_bay')).occupied_share!.value).toBe(100)
    // Free for the last twelve hours, of the twenty-four to forty-eight since yesterday began.
    const { value } = (await figuresOf('bay-2', 'parking_bay')).occupied_share!
    expect(value > 45 && value < 80).toBe(true)
    expect((await list('kind=street_light&task=lit_by_day')).ids).toEqual(['lamp'])
    // The sun stands over the tropic of Cancer, 23 degrees from the equator's zenith.
    expect((await figuresOf('lamp', 'street_light')).sun_height!.value).toBeCloseTo(67, 0)
  })

  it('refuses an order or a task that there is not', async () => {
    expect((await list('kind=waste_container&sort=co2')).status).toBe(400)
    expect((await list('kind=waste_container&task=to_air')).status).toBe(400)
  })

  it('tells who is limited to a service of that service alone', async () => {
    const { token } = await addToken(api.access, { role: 'viewer', services: ['Voirie'] })
    const headers = { authorization: `Bearer ${token}` }
    const { body } = await api.call(null, 'GET', '/figures/assets?kind=waste_container', undefined, headers)
    expect([body.total, body.items.map((each: { assetId: string }) => each.assetId)]).toEqual([1, ['=far']])
    const line = await api.call(
      null,
      'GET',
      '/readings/assets?kind=waste_container&quantity=fill_level',
      undefined,
      headers,
    )
    expect([line.body.assets, line.body.points.at(-1)[1]]).toEqual([1, 99])
  })
})

describe('GET /exports/figures', () => {
  it('has every row in the order of the list, and no formula', async () => {
    const { body, headers } = await api.call('viewer', 'GET', '/exports/figures?kind=waste_container&sort=-fill_level')
    const lines = (body as string).trim().split('\n')
    expect(headers['content-disposition']).toContain('waste_container.csv')
    expect(lines[0]).toBe('id,label,district,service,state,lastSeenAt,fill_level,fill_rate,hours_until_full')
    expect(lines[1]).toMatch(/^'=far,'=1\+1,,Voirie,never_seen,,99,/)
    expect(lines).toHaveLength(6)
  })
})

describe('GET /readings/assets', () => {
  it('folds all assets of a filter into one line, and says of how many it is', async () => {
    const { body } = await api.call(
      'viewer',
      'GET',
      `/readings/assets?kind=parking_bay&quantity=occupancy&window=1h&from=${new Date(now - 40 * hourMs).toISOString()}`,
    )
    expect(body.assets).toBe(2)
    expect(body.points.at(2)).toEqual([expect.any(String), 1, 2])
    expect(body.points.at(-1)).toEqual([expect.any(String), 0.5, 2])
    const sum = await api.call(
      'viewer',
      'GET',
      '/readings/assets?kind=parking_bay&quantity=occupancy&window=1h&fold=sum',
    )
    expect(sum.body.points.at(-1)[1]).toBe(1)
  })

  it('tells what counters rose by, window by window, the first one included', async () => {
    const line = async (rest: string) => {
      const url = `/readings/assets?kind=energy_meter&quantity=energy_active_import&aggregate=rise&window=1h&${rest}`
      return (await api.call('viewer', 'GET', url)).body
    }
    const body = await line(`fold=sum&from=${new Date(now - 5 * hourMs).toISOString()}`)
    // Two meters: one rises by 100 an hour, one by 10.
    expect(body.points.slice(0, 4).map(([, value]: [string, number]) => value)).toEqual([110, 110, 110, 110])
    expect(body.points[0][2]).toBe(2)
  })

  it('refuses what would be too much', async () => {
    const { status } = await api.call(
      'viewer',
      'GET',
      '/readings/assets?kind=bench&quantity=occupancy&window=1m&from=2020-01-01T00:00:00Z',
    )
    expect(status).toBe(400)
  })
})

describe('a rate and a rise', () => {
  it('of any steady filling is its slope, however often it is emptied', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 3, noNaN: true }), fc.integer({ min: 30, max: 90 }), (slope, full) => {
        let level = 0
        const points = Array.from({ length: 72 }, (_, i): [number, number] => {
          level = level >= full ? 0 : level + slope
          return [i * hourMs, level]
        })
        expect(tellFillRate(points)!).toBeCloseTo(slope * 24, 6)
      }),
    )
  })

  it('of counters is what they rose by, the total alone where there is one, and no fall is told', () => {
    const series = (channel: string, values: number[]) => ({
      ...{ deviceId: 'm', channel, quantity: 'energy_active_import' as const },
      points: values.map((value, i): [number, number] => [i, value]),
    })
    expect(tellRise([series('', [5, 9, 12]), series('1', [0, 100])])).toBe(7)
    expect(tellRise([series('1', [1, 2]), series('2', [1, 4])])).toBe(4)
    expect(tellRise([series('', [5, 9, 2, 3])])).toBe(5)
    expect(tellRise([series('', [5])])).toBeNull()
  })
})
