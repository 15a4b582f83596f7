import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addAsset } from '../../inventory/assets.ts'
import { addDevice } from '../../inventory/devices.ts'
import { importAssets } from '../../inventory/import-assets.ts'
import { install } from '../../inventory/installations.ts'
import { addToken } from '../../inventory/tokens.ts'
import { openTestApi, type TestApi } from '../support/api.ts'
import { ensureDebianPackage } from '../support/debian.ts'
import { formulaStart, injectionNames } from '../support/injection.ts'

let api: TestApi

const awkward = '=HYPERLINK("http://x.test";"€")'

beforeAll(async () => {
  api = await openTestApi()
  const { access } = api
  await addAsset(access, {
    id: 'bin-1',
    kind: 'waste_container',
    label: awkward,
    inventoryNumber: '-2026;1',
    latitude: 47.7467,
    longitude: -7.3389,
    address: '3, rue de la Paix\u2028« Nord »',
    service: 'Propreté',
    commissionedOn: '2024-03-11',
    attributes: { volumeL: 3000, lid: '007', emptied: true, note: '+33 3 89', trim: ' ', dosage: 0.0000001 },
  })
  await addAsset(access, {
    id: 'bench-1',
    kind: 'bench',
    label: 'Banc "du" parc',
    parentId: 'bin-1',
    service: 'Voirie',
  })
  for (let i = 0; i < 1100; i++) {
    const label = `Lampe ${i}`
    await addAsset(access, { id: `lamp-${i}`, kind: 'street_light', label, latitude: 47, longitude: 7 + i / 1e4 })
  }
  await addDevice(access, { id: '@probe', model: 'generic-json', label: '=1+1' })
  await install(access, {
    deviceId: '@probe',
    assetId: 'bin-1',
    installedAt: 1000,
    removedAt: 2000,
    calibration: { fill: { emptyM: 1.8, fullM: 0.3 } },
  })
  await api.fold()
})

afterAll(() => api.close())

const read = (path: string) => api.call('viewer', 'GET', `/exports/${path}`)

describe('GET /exports/assets', () => {
  it('as CSV can be imported again, and then changes nothing', async () => {
    const { status, headers, body } = await read('assets')
    expect([status, headers['content-type'], headers['content-disposition']]).toEqual([
      200,
      'text/csv; charset=utf-8',
      'attachment; filename="assets.csv"',
    ])
    const header = body.slice(0, body.indexOf('\n'))
    expect(header).toContain(',disposedOn,attributes.lid,')
    expect(header.replace('attributes.lid,', '')).toContain('attributes.note,attributes.volumeL,attributes')
    const outcome = await importAssets(api.access, body)
    expect(outcome).toMatchObject({ created: 0, changed: 0, unchanged: 1102, installed: 0 })
  })

  it('as CSV holds nothing that a spreadsheet runs', async () => {
    const { body } = await read('assets?q=hyperlink')
    expect(body.split('\n')).toHaveLength(3)
    expect(body).toContain(`"'${awkward.replaceAll('"', '""')}"`)
    expect(body).toContain(`"'-2026;1"`)
    expect(body).toContain(`'+33 3 89`)
    for (const file of ['assets', 'devices', 'installations'])
      expect((await read(file)).body).not.toMatch(/(^|,)"?[=+@]/m)
  })

  it('as GeoJSON holds every asset, those without a position too', async () => {
    const { headers, body } = await read('assets?format=geojson')
    expect(headers['content-type']).toMatch(/^application\/geo\+json/)
    expect(body.features).toHaveLength(1102)
    const [bench, bin] = body.features
    expect(bench).toMatchObject({ type: 'Feature', id: 'bench-1', geometry: null })
    expect(bin.geometry).toEqual({ type: 'Point', coordinates: [-7.3389, 47.7467] })
    expect(bin.properties).toMatchObject({ label: awkward, 'attributes.volumeL': 3000, commissionedOn: '2024-03-11' })
    const few = (await read('assets?format=geojson&kind=street_light&bbox=7,46,7.00095,48')).body
    expect(few.features.map((each: { id: string }) => each.id)).toHaveLength(10)
    expect((await read('assets?format=geojson&kind=fountain')).body).toEqual({
      type: 'FeatureCollection',
      features: [],
    })
  })

  it('is read by GDAL, both ways', async () => {
    const ogrinfo = await ensureDebianPackage('gdal-bin', 'ogrinfo')
    const ask = async (name: string, text: string, ...more: string[]) => {
      const file = join(api.folder, name)
      writeFileSync(file, text)
      return (await promisify(execFile)(ogrinfo, ['-ro', '-al', '-so', ...more, file])).stdout
    }
    const geojson = await ask('assets.geojson', JSON.stringify((await read('assets?format=geojson')).body))
    const csv = await ask(
      'assets.csv',
      (await read('assets')).body,
      ...['-oo', 'X_POSSIBLE_NAMES=longitude', '-oo', 'Y_POSSIBLE_NAMES=latitude', '-oo', 'AUTODETECT_TYPE=YES'],
    )
    for (const told of [geojson, csv]) {
      expect(told).toMatch(/Geometry: Point/)
      expect(told).toMatch(/Feature Count: 1102/)
      expect(told).toMatch(/attributes\.volumeL: Integer/)
      expect(told).toMatch(/Extent: \(-7\.338900, 47\.000000\) - \(7\.109900, 47\.746700\)/)
    }
  }, 300_000)

  it('holds nothing of another service', async () => {
    const { token } = await addToken(api.access, { role: 'viewer', services: ['Voirie'] })
    const headers = { authorization: `Bearer ${token}` }
    const ask = (path: string) => api.app.inject({ url: `/api/v1/exports/${path}`, headers })
    expect((await ask('assets')).body.trim().split('\n')).toHaveLength(2)
    for (const path of ['devices', 'installations']) expect((await ask(path)).body.trim().split('\n')).toHaveLength(1)
  })
})

describe('names that are code elsewhere', () => {
  it('are in every file as they are, and no cell of a table is run as a formula', async () => {
    const odd = await openTestApi()
    // An identifier has no / + # and no direction mark, and at most 128 characters.
    const ids = injectionNames.map((name) =>
      name
        .replace(/[/+#\p{C}]/gu, '')
        .slice(0, 128)
        .trim(),
    )
    for (const [i, label] of injectionNames.entries()) {
      await addAsset(odd.access, { id: `odd-${i}`, kind: 'bench', label, attributes: { [`own${i}`]: label } })
      await addDevice(odd.access, { id: `odd-${i}`, model: 'generic-json', label })
    }
    for (const [i, id] of ids.entries()) {
      await addAsset(odd.access, { id, kind: 'bench', label: id })
      await addDevice(odd.access, { id, model: 'generic-json' })
      await install(odd.access, { deviceId: id, assetId: id, installedAt: 1000 })
      await odd.store([
        { deviceId: id, channel: i === 0 ? '=1' : '', quantity: 'temperature', value: i, observedAt: 2000 },
      ])
    }
    await odd.fold()
    const ask = (path: string) => odd.call('viewer', 'GET', path)
    const table = async (path: string): Promise<Record<string, string>[]> => {
      const cells = parse((await ask(path)).body, { columns: true }) as Record<string, string>[]
      expect(cells.flatMap((row) => Object.values(row)).filter((cell) => formulaStart.test(cell))).toEqual([])
      return cells
    }
    // One apostrophe is what it costs, before what begins as a formula.
    const written = (name: string) => (/^'*[=+\-@\t\r\n＝＋－＠]/.test(name) ? `'${name}` : name)
    const [assets, devices, installations, readings, figures] = await Promise.all(
      ['assets', 'devices', 'installations', 'readings?format=csv']
        .map((path) => `/exports/${path}`)
        .concat('/exports/figures?kind=bench')
        .map(table),
    )
    for (const rows of [assets!, devices!, figures!])
      expect(rows.map((row) => row.label)).toEqual(expect.arrayContaining(injectionNames.map(written)))
    for (const rows of [installations!, readings!])
      expect(rows.map((row) => row.deviceId).sort()).toEqual(ids.map(written).sort())
    const geojson = (await ask('/exports/assets?format=geojson')).body
    expect(geojson.features.map((each: { properties: { label: string } }) => each.properties.label)).toEqual(
      expect.arrayContaining([...injectionNames]),
    )
    const back = await importAssets(odd.access, (await ask('/exports/assets')).body)
    expect(back).toMatchObject({ created: 0, changed: 0, unchanged: injectionNames.length + ids.length })
    await odd.close()
  })
})

describe('devices and installations', () => {
  it('are told a line each', async () => {
    expect((await read('devices')).body.split('\n')).toEqual([
      'id,model,label,lifeCycle,service,expectedIntervalS,learnedIntervalS,effectiveIntervalS,lastSeenAt',
      `'@probe,generic-json,'=1+1,active,,,,3600,`,
      '',
    ])
    const lines = (await read('installations')).body.split('\n')
    expect(lines[0]).toBe('id,deviceId,assetId,channel,installedAt,removedAt,recordedAt,calibration')
    expect(lines[1]).toContain(`'@probe,bin-1,,1970-01-01T00:00:01.000Z,1970-01-01T00:00:02.000Z,`)
    expect(lines[1]).toContain('"{""fill"":{""emptyM"":1.8,""fullM"":0.3}}"')
    expect((await read('installations?asKnownAt=2020-01-01T00:00:00Z')).body.split('\n')).toHaveLength(2)
  })
})
