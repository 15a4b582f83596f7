import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { formatMetrics } from '../../api/health.ts'
import { limits } from '../../api/limits.ts'
import { startApi } from '../../api/start.ts'
import { loadConfig } from '../../config.ts'
import { addAsset } from '../../inventory/assets.ts'
import { checkAudit } from '../../inventory/audit-check.ts'
import { addToken } from '../../inventory/tokens.ts'
import { systemAccess } from '../../store/access.ts'
import { openRegistry } from '../../store/registry.ts'
import { openRoleState, type Role, readRoleState, roles } from '../../store/role-state.ts'
import { openTestApi, type TestApi } from '../support/api.ts'
import { until } from '../support/until.ts'

let api: TestApi

beforeEach(async () => {
  api = await openTestApi()
})

afterEach(() => api.close())

async function tellRoles(
  states: Partial<Record<Role, { ready: boolean; detail?: string; counters?: Record<string, number> }>>,
) {
  for (const role of roles)
    await openRoleState(api.config.PARVIS_DATA_DIR, role).tell({ ready: true, counters: {}, ...states[role] })
}

describe('/health', () => {
  it('is 200 when every role is ready', async () => {
    await tellRoles({})
    const response = await api.app.inject('/health')
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ status: 'ok', roles: { broker: { ready: true }, ingest: { ready: true } } })
  })

  it('is 503 with which role is not, and why', async () => {
    await tellRoles({ broker: { ready: false, detail: 'the disk is full' } })
    const response = await api.app.inject('/health')
    expect(response.statusCode).toBe(503)
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(response.json()).toMatchObject({
      code: 'not_ready',
      status: 503,
      detail: 'broker : the disk is full',
      roles: { broker: { ready: false, detail: 'the disk is full' }, ingest: { ready: true } },
    })
  })

  it('is 503 where nothing was ever started', async () => {
    expect((await api.app.inject('/health')).json().detail).toContain('ingest : pas démarré')
  })
})

describe('/metrics', () => {
  it('has every counter of every role, in the format of Prometheus', async () => {
    await tellRoles({
      broker: { ready: true, counters: { uplinksTotal: 12, clients: 3 } },
      ingest: { ready: false, counters: { deadLettersTotal: 1 } },
    })
    const response = await api.app.inject('/metrics')
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    const lines = response.body.trimEnd().split('\n')
    for (const line of lines)
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|[a-z][a-z0-9_]*(\{role="\w+"\})? -?\d+(\.\d+)?(e-?\d+)?)$/)
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE parvis_broker_uplinks_total counter',
        'parvis_broker_uplinks_total 12',
        '# TYPE parvis_broker_clients gauge',
        'parvis_broker_clients 3',
        'parvis_ingest_dead_letters_total 1',
        'parvis_role_ready{role="broker"} 1',
        'parvis_role_ready{role="ingest"} 0',
      ]),
    )
    const names = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2])
    expect(new Set(names).size).toBe(names.length)
  })

  it('asks for a token from elsewhere, and from behind a proxy', async () => {
    const ask = async (options: object) => (await api.app.inject({ url: '/metrics', ...options })).statusCode
    expect(await ask({ remoteAddress: '192.0.2.1' })).toBe(401)
    expect(await ask({ headers: { 'x-forwarded-for': '127.0.0.1' } })).toBe(401)
    expect(await ask({ headers: { forwarded: 'for=127.0.0.1' } })).toBe(401)
    const headers = { authorization: `Bearer ${api.tokens.viewer}` }
    expect(await ask({ remoteAddress: '192.0.2.1', headers })).toBe(200)
  })

  it('escapes labels and never writes what is no number', () => {
    const metric = { name: 'a', type: 'gauge', help: 'A.', value: Number.NaN, labels: { b: 'say "hi"\n' } } as const
    expect(formatMetrics([metric])).toBe('# HELP a A.\n# TYPE a gauge\na{b="say \\"hi\\"\\n"} 0\n')
  })
})

describe('the pages', () => {
  it('say how to build them when they are not', async () => {
    const response = await api.app.inject('/')
    expect(response.statusCode).toBe(200)
    expect(response.body).toContain('npm run build')
  })

  it('are served with strict headers; what is named by its content is kept for long', async () => {
    const webDir = join(api.folder, 'built')
    mkdirSync(join(webDir, 'assets'), { recursive: true })
    writeFileSync(join(webDir, 'index.html'), '<!doctype html><title>Parvis</title>')
    writeFileSync(join(webDir, 'assets', 'index-3f2a.js'), 'export {}')
    writeFileSync(join(webDir, '.secret'), 'no')
    const built = await openTestApi({}, { webDir })
    const page = await built.app.inject('/')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toMatch(/^text\/html/)
    expect(page.headers['cache-control']).toBe('no-cache')
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toMatch(/^default-src 'self';/)
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    expect(page.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    const script = await built.app.inject('/assets/index-3f2a.js')
    expect(script.headers['content-type']).toMatch(/^(text|application)\/javascript/)
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    for (const path of ['/nothing', '/.secret', '/../registry.sqlite', '/%2e%2e/data/registry.sqlite']) {
      const missing = await built.app.inject(path)
      expect([missing.statusCode, missing.json().code], path).toEqual([404, 'not_found'])
    }
    await built.close()
  })
})

describe('limits', () => {
  let port: number

  beforeEach(async () => {
    await api.app.listen({ host: '127.0.0.1', port: 0 })
    port = (api.app.server.address() as AddressInfo).port
  })

  it('are set: nothing waits for ever, and nothing grows without end', () => {
    const { server } = api.app
    expect(server.requestTimeout).toBe(limits.requestTimeoutMs)
    expect(server.headersTimeout).toBe(limits.headersTimeoutMs)
    expect(server.timeout).toBe(limits.connectionTimeoutMs)
    expect(server.keepAliveTimeout).toBe(limits.keepAliveTimeoutMs)
    expect(server.maxHeadersCount).toBe(limits.maxHeaders)
    expect(server.maxConnections).toBe(limits.maxConnections)
    for (const value of Object.values(limits)) expect(value).toBeGreaterThan(0)
  })

  async function send(bytes: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(bytes)
    return text(socket)
  }

  it.each([
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['a header that is too long', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(limits.maxHeaderBytes)}\r\n\r\n`, 431],
  ])('%s is answered by a problem document', async (_, bytes, status) => {
    const [head, body] = (await send(bytes)).split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(head).toContain('application/problem+json')
    expect(JSON.parse(body!)).toMatchObject({ code: 'bad_request', status })
  })
})

describe('startApi', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'parvis-start-'))
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function configure(name: string, env: Record<string, string> = {}) {
    return loadConfig({ PARVIS_DATA_DIR: join(folder, name), PARVIS_HTTP_PORT: '0', ...env }, folder)
  }

  const options = { logger: pino({ level: 'silent' }) }

  it('listens, tells that it is ready, folds the status, and closes while requests are open', async () => {
    const config = configure('plain')
    const running = await startApi(config, options)
    expect(running.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await until(() => readRoleState(config.PARVIS_DATA_DIR, 'api').ready)

    const registry = await openRegistry({ dataDir: config.PARVIS_DATA_DIR, database: 'sqlite' })
    await addAsset(systemAccess(registry, 'test'), { id: 'bin-1', kind: 'waste_container', label: 'A bin' })
    const { token } = await addToken(systemAccess(registry, 'test'), { role: 'viewer' })
    await registry.destroy()
    const headers = { authorization: `Bearer ${token}` }
    await until(async () => {
      const response = await fetch(`${running.url}/api/v1/status/assets`, { headers })
      return ((await response.json()) as { items: unknown[] }).items.length === 1
    })

    const stream = await fetch(`${running.url}/api/v1/stream`, { headers })
    const told = stream.text()
    await running.close()
    expect(await told).toContain('retry:')
    expect(readRoleState(config.PARVIS_DATA_DIR, 'api')).toMatchObject({
      ready: false,
      detail: { fr: 'arrêté', en: 'stopped' },
    })
    await expect(fetch(running.url)).rejects.toThrow()
  })

  it('says so when its port is taken, and leaves nothing open', async () => {
    const first = await startApi(configure('first'), options)
    const taken = configure('second', { PARVIS_HTTP_PORT: new URL(first.url).port })
    await expect(startApi(taken, options)).rejects.toThrow(/EADDRINUSE/)
    await first.close()
  })

  it('speaks TLS when it has a certificate', async () => {
    const key = join(folder, 'key.pem')
    const cert = join(folder, 'cert.pem')
    execFileSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${cert}`.split(
        ' ',
      ),
      { stdio: 'ignore' },
    )
    const running = await startApi(configure('tls', { PARVIS_TLS_CERT: cert, PARVIS_TLS_KEY: key }), options)
    expect(running.url).toMatch(/^https:/)
    const asked = request(`${running.url}/api/v1/quantities`, { rejectUnauthorized: false }).end()
    const [response] = await once(asked, 'response')
    expect(response.statusCode).toBe(200)
    expect(JSON.parse(await text(response)).items.length).toBeGreaterThan(30)
    await running.close()
  })
})

it('the system tells what it is made of, what waits, and the head of its audit', async () => {
  const { body } = await api.call('admin', 'GET', '/system')
  expect(body).toMatchObject({
    version: '0.1.0',
    nodeVersion: process.versions.node,
    store: 'embedded',
    deadLetters: 0,
  })
  expect(body.disk.totalBytes).toBeGreaterThan(body.disk.freeBytes)
  expect(body.sizes.readings).toBeGreaterThan(0)
  const { head, entries } = await checkAudit(api.access)
  expect(body.audit).toMatchObject({ entries, head })
})
