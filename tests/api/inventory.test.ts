import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { models } from '../../devices/catalogue.ts'
import { fault } from '../../domain/fault.ts'
import { openTestApi, type TestApi } from '../support/api.ts'
import { until } from '../support/until.ts'

let api: TestApi

beforeEach(async () => {
  api = await openTestApi()
})

afterEach(() => api.close())

async function addProbe(id = 'probe-1') {
  const { status, body } = await api.call('manager', 'POST', '/devices', { id, model: 'generic-json' })
  expect(status, JSON.stringify(body)).toBe(201)
  return body
}

async function addBin(id = 'bin-1', more = {}) {
  const { status, body } = await api.call('manager', 'POST', '/assets', {
    id,
    kind: 'waste_container',
    label: `Conteneur ${id}`,
    ...more,
  })
  expect(status, JSON.stringify(body)).toBe(201)
  return body
}

describe('devices', () => {
  it('are registered, read, changed and removed', async () => {
    const { secret, ...device } = await addProbe()
    expect(device).toEqual({
      id: 'probe-1',
      model: 'generic-json',
      label: null,
      expectedIntervalS: null,
      lifeCycle: 'active',
      service: null,
      learnedIntervalS: null,
      effectiveIntervalS: models.get('generic-json')!.expectedIntervalS,
      lastSeenAt: null,
      secretSetAt: expect.stringMatching(/Z$/),
    })
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect((await api.call('viewer', 'GET', '/devices/probe-1')).body).toEqual(device)
    const changed = await api.call('technician', 'PATCH', '/devices/probe-1', { label: 'Sonde', lifeCycle: 'revoked' })
    expect(changed.body).toEqual({ ...device, label: 'Sonde', lifeCycle: 'revoked' })
    const removed = await api.call('manager', 'DELETE', '/devices/probe-1')
    expect([removed.status, removed.body]).toEqual([204, ''])
    expect((await api.call('viewer', 'GET', '/devices/probe-1')).status).toBe(404)
  })

  it('tell how often they are expected, and when they were heard', async () => {
    await addProbe()
    await api.registry
      .insertInto('learned_intervals')
      .values({ device_id: 'probe-1', interval_s: 120, learned_at: 0 })
      .execute()
    const { headers } = await api.call('viewer', 'GET', '/devices/probe-1')
    api.ingestFile.exec(`INSERT INTO activity (device_id, last_seen_at, seq) VALUES ('probe-1', 1000, 1)`)
    const heard = await api.call('viewer', 'GET', '/devices/probe-1')
    const told = { learnedIntervalS: 120, effectiveIntervalS: 120, lastSeenAt: '1970-01-01T00:00:01.000Z' }
    expect(heard.body).toMatchObject(told)
    expect((await api.call('viewer', 'GET', '/devices')).body.items).toEqual([heard.body])
    // Being heard is no change of the device.
    expect(heard.headers.etag).toBe(headers.etag)
    const { body } = await api.call('technician', 'PATCH', '/devices/probe-1', { expectedIntervalS: 900 })
    expect(body).toMatchObject({ ...told, expectedIntervalS: 900, effectiveIntervalS: 900 })
  })

  it('get another secret, told once', async () => {
    const { secret } = await addProbe()
    const { status, body } = await api.call('technician', 'POST', '/devices/probe-1/secret')
    expect([status, body.id, body.secret === secret]).toEqual([200, 'probe-1', false])
    const chosen = await api.call('technician', 'POST', '/devices/probe-1/secret', { secret: 'a secret of a person' })
    expect(chosen.body.secret).toBe('a secret of a person')
    expect((await api.call('technician', 'POST', '/devices/probe-1/secret', { secret: 'short' })).status).toBe(422)
    expect((await api.call('technician', 'POST', '/devices/nothing/secret')).status).toBe(404)
    expect((await api.call('viewer', 'GET', '/devices/probe-1')).body).not.toHaveProperty('secret')
  })

  it('that were heard before they were registered are listed, and adopted', async () => {
    const hear = (seq: number, deviceId: string, payload: string, topic?: string) =>
      api.keepDeadLetter({
        seq,
        deviceId,
        reason: 'unknown_device',
        faults: [fault('unknown_device', { deviceId })],
        payload,
        topic: topic ?? `devices/${deviceId}/up`,
        receivedAt: seq * 1000,
      })
    hear(1, 'first', '{"readings":{"fill_level":1}}')
    hear(2, 'second', 'no model sends this')
    hear(3, 'first', '{"readings":{"fill_level":2}}')
    hear(4, 'third', '{"readings":{"fill_level":3}}')
    api.keepDeadLetter({ seq: 5, deviceId: 'fourth', reason: 'bad_json', faults: [fault('empty')] })
    await addProbe('third')
    const { body } = await api.call('viewer', 'GET', '/devices/to-adopt?limit=1')
    expect(body.items).toEqual([
      {
        id: 'first',
        integration: null,
        topic: 'devices/first/up',
        letters: 2,
        firstHeardAt: '1970-01-01T00:00:01.000Z',
        lastHeardAt: '1970-01-01T00:00:03.000Z',
        suggestedModel: 'generic-json',
      },
    ])
    const rest = await api.call('viewer', 'GET', `/devices/to-adopt?limit=1&cursor=${body.next}`)
    expect([rest.body.items, rest.body.next]).toEqual([
      [expect.objectContaining({ id: 'second', suggestedModel: null })],
      null,
    ])
    const adopt = (id: string, more = {}) =>
      api.call('manager', 'POST', `/devices/${id}/adopt`, { model: 'generic-json', ...more })
    const adopted = await adopt('first', { label: 'Sonde' })
    expect([adopted.status, adopted.headers.location]).toEqual([201, '/api/v1/devices/first'])
    expect(adopted.body).toMatchObject({ id: 'first', label: 'Sonde', secret: expect.stringMatching(/^[\w-]{43}$/) })
    const replay = await api.call('viewer', 'GET', `/replays/${adopted.body.replayId}`)
    expect(replay.body).toMatchObject({
      deviceId: 'first',
      from: '1970-01-01T00:00:01.000Z',
      to: '1970-01-01T00:00:03.001Z',
    })
    expect((await api.call('viewer', 'GET', '/devices/to-adopt')).body.items).toHaveLength(1)
    expect((await adopt('first')).body).toMatchObject({ status: 409, code: 'already_exists' })
    expect((await adopt('fourth')).body).toMatchObject({ status: 404, code: 'not_found' })
    expect((await adopt('second', { model: 'nothing' })).body.code).toBe('unknown_model')
  })

  it('have ids that may need percent-encoding', async () => {
    for (const id of ['sonde n° 7 à l’école', '100%', 'a?b&c=d', '😀'.repeat(128)]) {
      const created = await api.call('manager', 'POST', '/devices', { id, model: 'generic-json' })
      expect(created.status, id).toBe(201)
      const { status, body } = await api.call('viewer', 'GET', String(created.headers.location).replace('/api/v1', ''))
      expect([status, body.id]).toEqual([200, id])
    }
  })

  it('are refused when the id is taken, the model unknown or the secret weak', async () => {
    await addProbe()
    const add = async (body: object) => (await api.call('manager', 'POST', '/devices', body)).body.code
    expect(await add({ id: 'probe-1', model: 'generic-json' })).toBe('already_exists')
    expect(await add({ id: 'probe-2', model: 'nothing' })).toBe('unknown_model')
    expect(await add({ id: 'probe-2', model: 'generic-json', secret: 'short' })).toBe('weak_secret')
    expect(await add({ id: 'probe-2', model: 'generic-json', colour: 'red' })).toBe('bad_request')
  })

  it('come in pages', async () => {
    for (const id of ['c', 'a', 'b']) await addProbe(id)
    const first = await api.call('viewer', 'GET', '/devices?limit=2')
    expect(first.body.items.map((device: { id: string }) => device.id)).toEqual(['a', 'b'])
    const second = await api.call('viewer', 'GET', `/devices?limit=2&cursor=${first.body.next}`)
    expect(second.body.items.map((device: { id: string }) => device.id)).toEqual(['c'])
    expect(second.body.next).toBeNull()
  })

  it('tell the newest reading of each series', async () => {
    await addProbe()
    const time = Date.parse('2026-03-01T08:00:00Z')
    await api.store([
      { deviceId: 'probe-1', channel: '', quantity: 'fill_level', value: 70, observedAt: time },
      { deviceId: 'probe-1', channel: '', quantity: 'fill_level', value: 72.5, observedAt: time + 60_000 },
      { deviceId: 'probe-2', channel: '', quantity: 'fill_level', value: 1, observedAt: time },
    ])
    const { status, body } = await api.call('viewer', 'GET', '/devices/probe-1/latest')
    expect(status).toBe(200)
    expect(body).toEqual({
      items: [
        {
          deviceId: 'probe-1',
          channel: '',
          quantity: 'fill_level',
          value: 72.5,
          unit: '%',
          observedAt: '2026-03-01T08:01:00.000Z',
          receivedAt: '2026-03-01T08:01:00.000Z',
        },
      ],
      next: null,
    })
    expect((await api.call('viewer', 'GET', '/devices/probe-9/latest')).status).toBe(404)
  })
})

describe('assets and installations', () => {
  it('are added, read, changed and removed', async () => {
    const asset = await addBin('bin-1', { latitude: 47.75, longitude: 7.34, attributes: { volumeL: 3000 } })
    expect(asset).toMatchObject({ id: 'bin-1', lifeCycle: 'in_service', parentId: null, attributes: { volumeL: 3000 } })
    const { body } = await api.call('manager', 'PATCH', '/assets/bin-1', { district: 'Centre' })
    expect(body).toEqual({ ...asset, district: 'Centre' })
    await api.fold()
    expect((await api.call('viewer', 'GET', '/assets?q=centre')).body.items).toEqual([body])
    expect((await api.call('viewer', 'GET', '/assets?kind=bench')).body.items).toEqual([])
    expect((await api.call('manager', 'DELETE', '/assets/bin-1')).status).toBe(204)
  })

  it('put readings of the past on the asset that they belong to', async () => {
    await addProbe('old')
    await addProbe('new')
    await addBin()
    const at = (hour: number) => Date.parse('2026-03-02T00:00:00Z') + hour * 3_600_000
    await api.store([
      { deviceId: 'old', channel: '', quantity: 'fill_level', value: 10, observedAt: at(1) },
      { deviceId: 'old', channel: '', quantity: 'fill_level', value: 99, observedAt: at(3) },
      { deviceId: 'new', channel: '', quantity: 'fill_level', value: 98, observedAt: at(1) },
      { deviceId: 'new', channel: '', quantity: 'fill_level', value: 20, observedAt: at(3) },
    ])
    const installed = await api.call('technician', 'POST', '/installations', {
      deviceId: 'old',
      assetId: 'bin-1',
      installedAt: '2026-03-02T01:00:00+01:00',
    })
    expect([installed.status, installed.body.installedAt]).toEqual([201, '2026-03-02T00:00:00.000Z'])
    const swapped = await api.call('technician', 'POST', '/installations/swap', {
      oldDeviceId: 'old',
      newDeviceId: 'new',
      at: '2026-03-02T02:00:00Z',
    })
    expect(swapped.body.removed[0]).toMatchObject({ deviceId: 'old', removedAt: '2026-03-02T02:00:00.000Z' })
    expect(swapped.body.installed[0]).toMatchObject({ deviceId: 'new', assetId: 'bin-1', removedAt: null })

    const series = await api.call(
      'viewer',
      'GET',
      '/assets/bin-1/readings?from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00Z',
    )
    expect(series.status, JSON.stringify(series.body)).toBe(200)
    expect(
      series.body.series.map((each: { deviceId: string; points: unknown }) => [each.deviceId, each.points]),
    ).toEqual([
      ['new', [['2026-03-02T03:00:00.000Z', 20]]],
      ['old', [['2026-03-02T01:00:00.000Z', 10]]],
    ])
    const latest = await api.call('viewer', 'GET', '/assets/bin-1/latest')
    expect(latest.body.items).toMatchObject([{ deviceId: 'new', value: 20, unit: '%' }])
    const listed = await api.call('viewer', 'GET', '/assets/bin-1/installations?limit=1')
    expect(listed.body.items).toEqual(swapped.body.removed)
    const rest = await api.call('viewer', 'GET', `/assets/bin-1/installations?limit=1&cursor=${listed.body.next}`)
    expect(rest.body).toEqual({ items: swapped.body.installed, next: null })
    const ofDevice = await api.call('viewer', 'GET', '/installations?deviceId=new')
    expect(ofDevice.body.items).toEqual(swapped.body.installed)

    const { id } = swapped.body.installed[0]
    const ended = await api.call('technician', 'PATCH', `/installations/${id}`, { removedAt: '2026-03-02T03:00:00Z' })
    expect(ended.body.removedAt).toBe('2026-03-02T03:00:00.000Z')
    const after = await api.call('viewer', 'GET', '/assets/bin-1/latest')
    expect(after.body.items).toMatchObject([{ deviceId: 'old', value: 10 }])
  })

  it('are refused where they overlap', async () => {
    await addProbe()
    await addBin('bin-1')
    await addBin('bin-2')
    const body = { deviceId: 'probe-1', assetId: 'bin-1', installedAt: '2026-03-01T00:00:00Z' }
    expect((await api.call('technician', 'POST', '/installations', body)).status).toBe(201)
    const second = await api.call('technician', 'POST', '/installations', { ...body, assetId: 'bin-2' })
    expect([second.status, second.body.code]).toEqual([409, 'overlapping_installation'])
    const bad = await api.call('technician', 'POST', '/installations', { ...body, installedAt: '2026-03-01' })
    expect([bad.status, bad.body.errors[0].path]).toEqual([400, 'installedAt'])
  })
})

describe('status', () => {
  it('tells how assets are, in lists, counts and maps', async () => {
    await addProbe()
    await addBin('bin-1', { latitude: 47.75, longitude: 7.34, service: 'Propreté' })
    await addBin('bin-2', { latitude: 48.5, longitude: 7.7 })
    await addBin('bin-3')
    await api.call('technician', 'POST', '/installations', { deviceId: 'probe-1', assetId: 'bin-1' })
    const now = Date.now()
    await api.store([{ deviceId: 'probe-1', channel: '', quantity: 'battery_level', value: 80, observedAt: now }])
    api.ingestFile
      .prepare('INSERT INTO activity (device_id, last_seen_at, seq) VALUES (?, ?, ?)')
      .run('probe-1', now, 1)
    await api.fold()

    const rows = (await api.call('viewer', 'GET', '/status/assets')).body.items
    expect(rows.map((row: { assetId: string; state: string }) => [row.assetId, row.state])).toEqual([
      ['bin-1', 'working'],
      ['bin-2', 'never_seen'],
      ['bin-3', 'never_seen'],
    ])
    expect(rows[0]).toMatchObject({ battery: 80, deviceId: 'probe-1', lastSeenAt: new Date(now).toISOString() })
    expect((await api.call('viewer', 'GET', '/status/assets/counts')).body.items).toEqual([
      { kind: 'waste_container', state: 'never_seen', count: 2 },
      { kind: 'waste_container', state: 'working', count: 1 },
    ])
    const map = await api.call('viewer', 'GET', '/status/assets.geojson?bbox=7.2,47.7,7.4,47.8')
    expect(map.headers['content-type']).toMatch(/^application\/geo\+json/)
    expect(map.body.features).toMatchObject([{ id: 'bin-1', geometry: { type: 'Point', coordinates: [7.34, 47.75] } }])
    const working = await api.call('viewer', 'GET', '/status/assets?state=working&service=Propret%C3%A9&q=conteneur')
    expect(working.body.items).toHaveLength(1)
  })

  it.each(['1,2,3', '1,2,3,4,5', 'a,b,c,d', '7,48,8,47', '7,47,181,48', ',,,'])('refuses the box %s', async (bbox) => {
    const { status, body } = await api.call('viewer', 'GET', `/status/assets?bbox=${bbox}`)
    expect([status, body.errors[0].path]).toEqual([400, 'bbox'])
  })
})

describe('imports', () => {
  const csv = { 'content-type': 'text/csv' }

  it('say what they would do, then do it', async () => {
    const assets = 'id;kind;label\nbin-1;waste_container;École\n'
    const dry = await api.call('manager', 'POST', '/imports/assets?dryRun=true', assets, csv)
    expect([dry.status, dry.body]).toMatchObject([200, { dryRun: true, created: 1, importId: null }])
    expect((await api.call('viewer', 'GET', '/assets')).body.items).toEqual([])
    expect((await api.call('manager', 'POST', '/imports/assets', assets, csv)).body.created).toBe(1)

    const again = await api.call('manager', 'POST', '/imports/assets?wait=false', assets, csv)
    expect([again.status, again.body.state]).toEqual([202, 'queued'])
    const job = async () => (await api.call('manager', 'GET', `/imports/jobs/${again.body.id}`)).body
    await until(async () => (await job()).state === 'done')
    expect((await job()).outcome).toMatchObject({ created: 0, unchanged: 1, importId: null })
    const renamed = 'id;kind;label\nbin-1;waste_container;Mairie\n'
    const refused = await api.call('manager', 'POST', '/imports/assets', renamed, csv)
    expect([refused.status, refused.body.code]).toEqual([409, 'changes_not_allowed'])
    const changed = (await api.call('manager', 'POST', '/imports/assets?allowChanges=true', renamed, csv)).body
    expect(changed.changes[0].fields.label).toEqual({ before: 'École', after: 'Mairie' })
    const undone = await api.call('manager', 'POST', `/imports/${changed.importId}/undo`)
    expect(undone.body).toEqual({ removed: 0, restored: 1 })
    expect((await api.call('manager', 'GET', '/imports')).body.items).toMatchObject([
      { changed: 1, undoneAt: expect.any(String) },
      { created: 1, undoneAt: null },
    ])

    const devices = 'id,model,assetId\nprobe-1,generic-json,bin-1\n'
    const imported = await api.call('manager', 'POST', '/imports/devices', devices, csv)
    expect(imported.body).toMatchObject({ dryRun: false, created: 1, installed: 1, devices: [{ id: 'probe-1' }] })
    expect(imported.body.devices[0].secret).toMatch(/^[\w-]{43}$/)
  })

  it('refuse a file with a bad line whole, and name the line', async () => {
    const file = 'id,kind,label\nbin-1,waste_container,A\nbin-2,spaceship,B\n'
    const { status, body } = await api.call('manager', 'POST', '/imports/assets', file, csv)
    expect([status, body.code, body.errors[0].path]).toEqual([400, 'bad_request', 'line 3, kind'])
    expect((await api.call('viewer', 'GET', '/assets')).body.items).toEqual([])
  })

  it('read the charset that is named, and refuse what is not in it', async () => {
    const file = Buffer.from('id,kind,label\nbin-1,waste_container,\xc9cole\n', 'latin1')
    const latin = { 'content-type': 'text/csv; charset=iso-8859-1' }
    const wrong = { 'content-type': 'text/csv; charset=utf-8' }
    expect((await api.call('manager', 'POST', '/imports/assets', file, wrong)).status).toBe(400)
    expect((await api.call('manager', 'POST', '/imports/assets', file, latin)).status).toBe(200)
    expect((await api.call('viewer', 'GET', '/assets/bin-1')).body.label).toBe('École')
  })

  it('take nothing but CSV', async () => {
    expect((await api.call('manager', 'POST', '/imports/assets', { id: 'bin-1' })).status).toBe(415)
  })
})

describe('If-Match', () => {
  const change = async (method: 'PATCH' | 'DELETE', url: string, tag: unknown, body?: object) =>
    api.call('admin', method, url, body, { 'if-match': tag })

  it.each([
    ['/assets', { id: 'tagged', kind: 'bench', label: 'Banc' }, { label: 'Banc rouge' }],
    ['/devices', { id: 'tagged', model: 'generic-json' }, { label: 'Sonde' }],
    ['/installations', { deviceId: 'tagged', assetId: 'tagged' }, { channel: '1' }],
  ])('keeps a change of %s from what it was not made for', async (url, body, patch) => {
    if (url === '/installations') {
      await api.call('admin', 'POST', '/assets', { id: 'tagged', kind: 'bench', label: 'Banc' })
      await api.call('admin', 'POST', '/devices', { id: 'tagged', model: 'generic-json' })
    }
    const made = await api.call('admin', 'POST', url, body)
    const address = `${url}/${made.body.id}`
    const first = (await api.call('viewer', 'GET', address)).headers.etag
    expect(first).toBe(made.headers.etag)
    const changed = await change('PATCH', address, `"other", ${first}`, patch)
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(patch)])
    expect(changed.headers.etag).not.toBe(first)
    for (const method of ['PATCH', 'DELETE'] as const)
      for (const stale of [first, `W/${changed.headers.etag}`]) {
        const refused = await change(method, address, stale, method === 'PATCH' ? {} : undefined)
        expect([refused.status, refused.body.code]).toEqual([412, 'changed_meanwhile'])
      }
    expect((await api.call('viewer', 'GET', address)).body).toMatchObject(patch)
    expect((await change('PATCH', address, '*', patch)).status).toBe(200)
    expect((await api.call('admin', 'PATCH', address, patch)).status).toBe(200)
    if (url === '/installations') expect((await change('DELETE', address, '*')).status).toBe(204)
  })
})

describe('a swap that is recorded three days late', () => {
  it('moves yesterday’s readings in readings, latest and exports, and the history shows both versions', async () => {
    const now = Date.now()
    const day = 86_400_000
    for (const id of ['old', 'new']) await api.call('admin', 'POST', '/devices', { id, model: 'generic-json' })
    await api.call('admin', 'POST', '/assets', { id: 'bin', kind: 'waste_container', label: 'Conteneur' })
    const at = (time: number) => new Date(time).toISOString()
    const installedAt = at(now - 30 * day)
    const { body } = await api.call('technician', 'POST', '/installations', {
      deviceId: 'old',
      assetId: 'bin',
      installedAt,
      calibration: { fill: { emptyM: 2, fullM: 0 } },
    })
    const reading = { channel: '', quantity: 'distance' as const, observedAt: now - day }
    await api.store([
      { ...reading, deviceId: 'old', value: 2 },
      { ...reading, deviceId: 'new', value: 0.5 },
    ])
    const read = async () => ({
      latest: (await api.call('viewer', 'GET', '/assets/bin/latest')).body.items.map(
        (each: { deviceId: string; value: number }) => [each.deviceId, each.value],
      ),
      readings: (await api.call('viewer', 'GET', `/assets/bin/readings?from=${installedAt}`)).body.series.map(
        (each: { deviceId: string; points: unknown[][] }) => [each.deviceId, each.points[0]![1]],
      ),
      exported: (await api.call('viewer', 'GET', '/exports/readings?format=ndjson&assetId=bin')).body
        .trim()
        .split('\n')
        .map((line: string) => JSON.parse(line))
        .map((each: { deviceId: string; value: number }) => [each.deviceId, each.value]),
    })
    const told = (deviceId: string, ...values: number[]) => {
      const each = values.map((value) => [deviceId, value])
      return { latest: each, readings: each, exported: each }
    }
    expect(await read()).toEqual(told('old', 2, 0))
    const headers = { 'x-parvis-reason': encodeURIComponent('relevé de l’équipe de nuit') }
    const swap = { oldDeviceId: 'old', newDeviceId: 'new', at: at(now - 3 * day) }
    expect((await api.call('technician', 'POST', '/installations/swap', swap, headers)).status).toBe(200)
    expect(await read()).toEqual(told('new', 0.5, 75))
    const { items } = (await api.call('viewer', 'GET', '/assets/bin/history')).body
    expect(items[0]).toMatchObject({
      actor: { kind: 'token', name: 'a technician' },
      reason: 'relevé de l’équipe de nuit',
      kind: 'installation',
      id: body.id,
      before: { deviceId: 'old', removedAt: null },
      after: { deviceId: 'old', removedAt: at(now - 3 * day) },
    })
    expect(items[1]).toMatchObject({ before: null, after: { deviceId: 'new', installedAt: at(now - 3 * day) } })
  })
})
