import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openScriptPool } from '../../devices/scripts/pool.ts'
import { fault } from '../../domain/fault.ts'
import { type Role, roleAllows, roles } from '../../domain/role.ts'
import { addAsset } from '../../inventory/assets.ts'
import { checkAudit } from '../../inventory/audit-check.ts'
import { addCommand } from '../../inventory/commands.ts'
import { addDevice } from '../../inventory/devices.ts'
import { addDocument } from '../../inventory/documents.ts'
import { correctInstallation, install } from '../../inventory/installations.ts'
import { requestReplay } from '../../inventory/requests.ts'
import { addToken } from '../../inventory/tokens.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

/*
 * Whoever is limited to the service "Propreté" against what belongs to another. The routes are taken from the OpenAPI
 * document: one that is added is tried as soon as it is there, and fails until this file knows what it is about.
 */

type Operation = {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  path: string
  role: Role
  name: string
  body: string | undefined
}

// Every object of the other service carries this word, which nothing else does.
const mark = 'zqx'
const png = Buffer.from(
  '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000049454e44ae426082',
  'hex',
)
const theirs: Record<string, string> = { assets: `asset-${mark}`, devices: `device-${mark}` }
const ours: Record<string, string> = { assets: 'asset-ours', devices: 'device-ours' }

/** The nouns of paths that have no objects of services: what they tell is told to all, or to administrators alone. */
const serviceless = [
  'tokens',
  'account',
  'integrations',
  'models',
  'quantities',
  'session',
  'asset-kinds',
  'codecs',
  'bridges',
  'imports',
  'import-profiles',
]

/** What a body has to hold to be judged at all; each names the other service's objects where it may. */
const bodies: Record<string, (ids: Record<string, string>) => unknown> = {
  'PATCH /account': () => ({ language: 'fr' }),
  'PUT /account/password': () => ({ current: 'a', password: 'b' }),
  'POST /assets': () => ({ id: 'new-asset', kind: 'bench', label: 'Banc', parentId: theirs.assets }),
  'PATCH /assets/{id}': () => ({ label: 'Banc' }),
  'POST /assets/{id}/documents': () => png,
  'POST /devices': () => ({ id: 'new-device', model: 'generic-json' }),
  'POST /devices/{id}/adopt': () => ({ model: 'generic-json' }),
  'POST /devices/{id}/secret': () => ({}),
  'PATCH /devices/{id}': () => ({ label: 'Sonde' }),
  'POST /assets/{id}/indexes': () => ({
    quantity: 'energy_active_import',
    kind: 'reading',
    at: '2026-03-01T08:00:00Z',
    value: 1,
  }),
  'POST /devices/{id}/commands': () => ({ hex: '00' }),
  'POST /installations': (ids) => ({ deviceId: ids.devices, assetId: ids.assets }),
  'PATCH /installations/{id}': () => ({ channel: '1' }),
  'POST /installations/swap': (ids) => ({ oldDeviceId: ours.devices, newDeviceId: ids.devices }),
  'POST /replays': (ids) => ({ deviceId: ids.devices }),
  'POST /imports/assets': (ids) => `id,kind,label,service,parentId\nx,bench,Banc,Propreté,${ids.assets}`,
  'PUT /import-profiles/{name}': () => ({ columns: { id: 'Matricule' } }),
  'POST /models': () => ({ id: 'new-model', label: 'Sonde' }),
  'PATCH /models/{id}': () => ({ label: 'Sonde' }),
  'POST /models/try': () => ({ json: {}, table: { fields: [] } }),
  'POST /models/{id}/try': () => ({ json: {} }),
  'POST /models/{id}/try-letters': () => ({}),
  'POST /imports/devices': (ids) => `id,model,assetId\nx,generic-json,${ids.assets}`,
  'POST /imports/assets/preview': (ids) => `id,kind,label,parentId\nx,bench,Banc,${ids.assets}`,
  'POST /imports/devices/preview': (ids) => `id,model,assetId\nx,generic-json,${ids.assets}`,
}

/** What has to be asked to be answered at all; what comes of it are numbers alone. */
const queries: Record<string, string> = { 'GET /readings/assets': '?quantity=temperature&fold=sum' }

/** Routes that tell the same to everybody. */
const tellsOfNobody = [
  'GET /models',
  'GET /quantities',
  'GET /settings',
  'GET /session',
  'GET /account',
  'GET /account/sessions',
  'GET /asset-kinds',
  'GET /imports',
  'GET /import-profiles',
]

let api: TestApi
let operations: Operation[]
const tokens = {} as Record<'all' | 'limited', Record<Role, string>>

beforeAll(async () => {
  api = await openTestApi()
  const { access } = api
  const pool = openScriptPool({ log: () => {} })
  const now = Date.now()
  for (const [place, service] of [
    [ours, 'Propreté'],
    [theirs, `Voirie ${mark}`],
  ] as const) {
    await addAsset(access, {
      id: place.assets!,
      kind: 'bench',
      label: place.assets!,
      service,
      latitude: 47,
      longitude: 7,
    })
    await addDevice(access, { id: place.devices!, model: 'generic-json', label: place.devices! })
    const { id } = await install(access, {
      deviceId: place.devices!,
      assetId: place.assets!,
      installedAt: now - 9e6,
    })
    await correctInstallation(access, id, { installedAt: now - 8e6 })
    place.installations = id
    place.documents = (await addDocument(access, place.assets!, png, { name: `${place.assets}.png` }, 1e6)).id
    const hex = { hex: '00', confirmed: false }
    place.commands = (await addCommand(access, { pool, reader: api.reader }, place.devices!, hex)).id
    place.replays = (await requestReplay(access, { deviceId: place.devices! })).id
    await api.store([
      { deviceId: place.devices!, channel: '', quantity: 'temperature', value: 12, observedAt: now - 1e6 },
    ])
  }
  api.keepDeadLetter({
    seq: 1,
    deviceId: theirs.devices!,
    reason: 'bad_json',
    faults: [fault('empty')],
    receivedAt: now - 1e6,
  })
  api.keepDeadLetter({
    seq: 2,
    deviceId: ours.devices!,
    reason: 'bad_frame',
    faults: [fault('empty')],
    receivedAt: now - 1e6,
  })
  api.keepDeadLetter({ seq: 3, deviceId: `new-${mark}`, reason: 'unknown_device', faults: [fault('empty')] })
  await api.fold()
  tokens.all = api.tokens
  tokens.limited = { admin: '' } as Record<Role, string>
  for (const role of roles.filter((each) => each !== 'admin'))
    tokens.limited[role] = (await addToken(access, { role, services: ['Propreté'] })).token
  const document = (await api.app.inject('/api/openapi.json')).json()
  operations = Object.entries<Record<string, Record<string, unknown>>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const role = operation['x-role'] as Role | 'public'
      if (role === 'public' || role === 'admin' || path.endsWith('/stream') || !path.startsWith('/api/v1/')) return []
      const shown = path.replace('/api/v1', '')
      return {
        method: method.toUpperCase() as Operation['method'],
        path: shown,
        role,
        name: `${method.toUpperCase()} ${shown}`,
        body: Object.keys((operation.requestBody as { content?: object })?.content ?? {})[0],
      }
    }),
  )
})

afterAll(() => api.close())

async function call(
  who: 'all' | 'limited',
  { method, path, role, name, body }: Operation,
  ids: Record<string, string>,
) {
  const noun = path.split('/')[1]!
  const response = await api.app.inject({
    method,
    url: `/api/v1${path
      .replace('{documentId}', ids.documents ?? 'none')
      .replace('{commandId}', ids.commands ?? 'none')
      .replace(/\{\w+\}/, encodeURIComponent(ids[noun] ?? 'none'))}${queries[name] ?? ''}`,
    headers: {
      authorization: `Bearer ${tokens[who][role]}`,
      'accept-language': 'en',
      ...(body === undefined ? {} : { 'content-type': body }),
    },
    ...(body === undefined ? {} : { payload: bodies[name]!(ids) as object }),
  })
  return { status: response.statusCode, text: response.body }
}

const unknown = {
  assets: 'asset-none',
  devices: 'device-none',
  installations: 'installation-none',
  replays: 'replay-none',
  documents: 'document-none',
  commands: 'command-none',
}
const withId = () => operations.filter((each) => each.path.includes('{'))

describe('someone who is limited to a service', () => {
  it('is tried on every route, and each is known here', () => {
    expect(operations.length).toBeGreaterThan(30)
    for (const { name, path, body } of operations) {
      const noun = path.split('/')[1]!
      const isKnown = noun in theirs || serviceless.includes(noun) || !path.includes('{')
      expect(isKnown, `${name}: which objects of a service has it?`).toBe(true)
      if (body !== undefined && !serviceless.includes(noun))
        expect(Object.keys(bodies), `${name}: what does a body name?`).toContain(name)
    }
  })

  it('is answered of another service’s object what is answered of none', async () => {
    const tried = withId().filter((each) => !serviceless.includes(each.path.split('/')[1]!))
    expect(tried.length).toBeGreaterThan(12)
    for (const operation of tried) {
      const found = await call('limited', operation, theirs)
      const none = await call('limited', operation, unknown)
      const level = (text: string, ids: Record<string, string>) =>
        Object.entries(ids).reduce((told, [noun, id]) => told.replaceAll(id, noun), text)
      expect([operation.name, found.status, level(found.text, theirs)]).toEqual([
        operation.name,
        404,
        level(none.text, unknown),
      ])
    }
  })

  it('is told nothing of another service by any list, while who sees all is told', async () => {
    const lists = operations.filter((each) => each.method === 'GET' && !each.path.includes('{'))
    for (const operation of lists.filter((each) => !tellsOfNobody.includes(each.name))) {
      const whole = await call('all', operation, theirs)
      const isOfMany = /(counts|today)$/.test(operation.path) || operation.name in queries
      expect([operation.name, whole.status, whole.text.includes(mark) || isOfMany]).toEqual([operation.name, 200, true])
      const { status, text } = await call('limited', operation, theirs)
      expect([operation.name, status, text.includes(mark)]).toEqual([operation.name, 200, false])
      expect([operation.name, text !== whole.text, text.length > 20]).toEqual([operation.name, true, true])
    }
  })

  it('finds nothing of another service by naming it in a query', async () => {
    for (const query of [
      `deviceId=${theirs.devices}`,
      `assetId=${theirs.assets}`,
      `q=${mark}`,
      `parentId=${theirs.assets}`,
    ])
      for (const { path } of operations.filter((each) => each.method === 'GET' && !each.path.includes('{'))) {
        const url = `/api/v1${path}?${query}`
        const response = await api.app.inject({ url, headers: { authorization: `Bearer ${tokens.limited.manager}` } })
        if (response.statusCode === 200) expect([url, response.body.includes(mark)]).toEqual([url, false])
        else expect([400, 404], url).toContain(response.statusCode)
      }
  })

  it('cannot lay hands on another service’s objects by naming them in a body', async () => {
    for (const operation of operations.filter((each) => each.body !== undefined && !each.path.includes('{'))) {
      if (serviceless.includes(operation.path.split('/')[1]!) && !operation.name.startsWith('POST /imports')) continue
      const { status, text } = await call('limited', operation, theirs)
      // A new device is theirs alone; a preview reads the file, and nothing else.
      if (operation.name === 'POST /devices' || operation.name.endsWith('/preview')) continue
      expect([operation.name, status === 404 || (status === 400 && text.includes('there is no asset'))]).toEqual([
        operation.name,
        true,
      ])
    }
  })

  it('reads and changes what is its own', async () => {
    for (const operation of withId().filter((each) => ['GET', 'PATCH'].includes(each.method))) {
      if (serviceless.includes(operation.path.split('/')[1]!)) continue
      const { status } = await call('limited', operation, ours)
      expect([operation.name, status]).toEqual([operation.name, 200])
    }
  })

  it('may not give to another service, nor take from it', async () => {
    const as = (method: 'POST' | 'PATCH', url: string, payload: object) =>
      api.call(null, method, url, payload, { authorization: `Bearer ${tokens.limited.manager}` })
    const voirie = { service: 'Voirie' }
    expect((await as('PATCH', `/assets/${ours.assets}`, voirie)).body).toMatchObject({ code: 'forbidden' })
    expect((await as('POST', '/assets', { id: 'a', kind: 'bench', label: 'a', ...voirie })).status).toBe(403)
    expect((await as('POST', '/devices', { id: 'd', model: 'generic-json', ...voirie })).status).toBe(403)
    expect((await as('POST', '/replays', {})).status).toBe(403)
    // Without a name for it, what is new belongs to who made it.
    expect((await as('POST', '/assets', { id: 'a', kind: 'bench', label: 'a' })).body).toMatchObject({
      service: 'Propreté',
    })
    expect((await as('POST', '/devices', { id: 'd', model: 'generic-json' })).body).toMatchObject({
      service: 'Propreté',
    })
    // A device of theirs that hangs here is seen, and not to be changed.
    await addDevice(api.access, { id: 'lent', model: 'generic-json', service: 'Voirie' })
    await install(api.access, { deviceId: 'lent', assetId: 'a' })
    expect((await as('PATCH', '/devices/lent', { label: 'Sonde' })).status).toBe(403)
    // What holds across services is refused without telling more.
    const taken = await as('POST', '/assets', { id: theirs.assets!, kind: 'bench', label: 'b' })
    expect(taken.body).toMatchObject({ code: 'already_exists', detail: theirs.assets })
  })

  it('cannot be an administrator', async () => {
    const { status, body } = await api.call('admin', 'POST', '/tokens', { role: 'admin', services: ['Propreté'] })
    expect([status, body.code]).toEqual([400, 'bad_request'])
    expect(roleAllows('manager', 'admin')).toBe(false)
  })
})

describe('what every route has changed', () => {
  it('is in the audit', async () => {
    for (const operation of operations.filter((each) => each.method !== 'GET')) await call('all', operation, ours)
    const report = await checkAudit(api.access)
    expect([report.found, report.changes > 15]).toEqual([[], true])
  })
})

describe('a device that goes from one service to another', () => {
  it('is read by each for the time that it hung there', async () => {
    const start = Date.now() - 9e6
    const at = (minutes: number) => start + minutes * 60_000
    const { access } = api
    await addDevice(access, { id: 'wanderer', model: 'generic-json', service: 'Propreté' })
    await addAsset(access, { id: 'first', kind: 'bench', label: 'first', service: 'Propreté' })
    await addAsset(access, { id: 'second', kind: 'bench', label: 'second', service: 'Voirie' })
    await install(access, { deviceId: 'wanderer', assetId: 'first', installedAt: at(10), removedAt: at(20) })
    await install(access, { deviceId: 'wanderer', assetId: 'second', installedAt: at(30) })
    await api.store(
      [5, 15, 25, 35].map((minutes) => ({
        deviceId: 'wanderer',
        channel: '',
        quantity: 'temperature' as const,
        value: minutes,
        observedAt: at(minutes),
      })),
    )
    for (const [seq, minutes] of [5, 15, 25, 35].entries())
      api.keepDeadLetter({
        seq: seq + 10,
        deviceId: 'wanderer',
        reason: 'bad_json',
        faults: [],
        receivedAt: at(minutes),
      })
    const other = (await addToken(access, { role: 'viewer', services: ['Voirie'] })).token
    const read = async (token: string, url: string) =>
      (await api.app.inject({ url: `/api/v1${url}`, headers: { authorization: `Bearer ${token}` } })).body
    const span = `from=${new Date(start).toISOString()}`
    const seen = async (token: string) => {
      const series = JSON.parse(await read(token, `/devices/wanderer/readings?${span}`)).series
      const exported = await read(token, `/exports/readings?format=ndjson&deviceId=wanderer&${span}`)
      const latest = JSON.parse(await read(token, '/devices/wanderer/latest')).items
      const letters = JSON.parse(await read(token, '/dead-letters?deviceId=wanderer')).items
      return {
        readings: series.flatMap((each: { points: [string, number][] }) => each.points.map(([, value]) => value)),
        exported: exported
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).value),
        latest: latest.map((each: { value: number }) => each.value),
        letters: letters.map((each: { id: string }) => [5, 15, 25, 35][Number(each.id) - 10]).reverse(),
      }
    }
    const everything = { readings: [5, 15, 25, 35], exported: [5, 15, 25, 35], latest: [35], letters: [5, 15, 25, 35] }
    expect(await seen(api.tokens.viewer)).toEqual(everything)
    const first = { readings: [5, 15, 25], exported: [5, 15, 25], latest: [25], letters: [5, 15, 25] }
    expect(await seen(tokens.limited.viewer)).toEqual(first)
    expect(await seen(other)).toEqual({ readings: [35], exported: [35], latest: [35], letters: [35] })
  })
})
