import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limitAttempts, toNetwork } from '../../api/attempts.ts'
import { roleAllows, roles } from '../../domain/role.ts'
import { addToken, revokeToken } from '../../inventory/tokens.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

type Operation = {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  url: string
  role: string
  body: string | undefined
}

let api: TestApi
let operations: Operation[]

beforeAll(async () => {
  api = await openTestApi()
  const document = (await api.app.inject('/api/openapi.json')).json()
  operations = Object.entries<Record<string, Record<string, unknown>>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase() as Operation['method'],
      url: path.replace(/\{\w+\}/g, 'some-id'),
      role: operation['x-role'] as string,
      body: Object.keys((operation.requestBody as { content?: object })?.content ?? {})[0],
    })),
  )
})

afterAll(() => api.close())

async function callAs(token: string | undefined, { method, url, body }: Operation) {
  const response = await api.app.inject({
    method,
    url,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': body }),
    },
    ...(body === undefined ? {} : { payload: '{}' }),
    remoteAddress: '192.0.2.1',
  })
  return response.statusCode
}

describe('every route', () => {
  it('is in the document, with a policy', () => {
    expect(operations.length).toBeGreaterThan(35)
    for (const { method, url, role } of operations) expect([...roles, 'public'], `${method} ${url}`).toContain(role)
  })

  it('answers 401 without a token, and with a wrong one, unless it is public', async () => {
    for (const operation of operations.filter((each) => each.role !== 'public')) {
      const what = `${operation.method} ${operation.url}`
      expect(await callAs(undefined, operation), what).toBe(401)
    }
    expect(await callAs(`parvis_${'x'.repeat(43)}`, operations.find((each) => each.role === 'viewer')!)).toBe(401)
  })

  it('that changes something is closed to viewers, their own account apart', async () => {
    const mutating = operations.filter(
      ({ method, role, url }) =>
        method !== 'GET' && role !== 'public' && !url.startsWith('/api/v1/account/') && url !== '/api/v1/account',
    )
    expect(mutating.length).toBeGreaterThan(15)
    for (const operation of mutating) {
      expect(await callAs(api.tokens.viewer, operation), `${operation.method} ${operation.url}`).toBe(403)
    }
  })

  it('answers 403 to each lesser role, and something else to each that may', async () => {
    for (const operation of operations.filter((each) => each.role !== 'public' && !each.url.endsWith('/stream')))
      for (const role of roles) {
        const status = await callAs(api.tokens[role], operation)
        const what = `${role}: ${operation.method} ${operation.url}`
        if (roleAllows(role, operation.role as (typeof roles)[number])) expect([401, 403], what).not.toContain(status)
        else expect(status, what).toBe(403)
      }
  })

  it('cannot be added without a policy', async () => {
    const { default: fastify } = await import('fastify')
    const { installAccess } = await import('../../api/access.ts')
    const app = fastify()
    installAccess(app, { config: api.config } as never)
    expect(() => app.get('/open', async () => 'open')).toThrow(/no policy/)
    await app.close()
  })
})

describe('a token', () => {
  it('is of no use once it is revoked', async () => {
    const { id, token } = await addToken(api.access, { role: 'viewer' })
    const headers = { authorization: `Bearer ${token}` }
    expect((await api.app.inject({ url: '/api/v1/devices', headers })).statusCode).toBe(200)
    await revokeToken(api.access, id)
    const response = await api.app.inject({ url: '/api/v1/devices', headers })
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toBe('Bearer')
  })

  it.each(['Basic eA==', 'Bearer', 'Bearer a b', ''])('shown as %j is refused', async (authorization) => {
    expect((await api.call(null, 'GET', '/devices', undefined, { authorization })).status).toBe(401)
  })

  it('that is wrong too often makes its address wait, while right ones pass', async () => {
    const remoteAddress = '192.0.2.77'
    const ask = (token: string, address = remoteAddress) =>
      api.app.inject({ url: '/api/v1/devices', headers: { authorization: `Bearer ${token}` }, remoteAddress: address })
    for (let i = 0; i < 20; i++) expect((await ask('wrong')).statusCode).toBe(401)
    const refused = await ask('wrong')
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'too_many_requests'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await ask(api.tokens.viewer)).statusCode).toBe(200)
    expect((await ask('wrong', '192.0.2.78')).statusCode).toBe(401)
  })
})

describe('a session', () => {
  const host = 'parvis.test'

  async function signIn(headers: Record<string, string> = {}, env: Record<string, string> = {}) {
    const own = Object.keys(env).length === 0 ? api : await openTestApi(env)
    const response = await own.app.inject({
      method: 'POST',
      url: '/api/v1/session',
      headers: { host, ...headers },
      payload: { token: own.tokens.technician },
    })
    if (own !== api) await own.close()
    return response
  }

  it('is a cookie that scripts cannot read and other sites cannot send', async () => {
    const response = await signIn()
    expect(response.json()).toEqual({
      role: 'technician',
      name: 'a technician',
      services: null,
      login: null,
      language: 'fr',
    })
    const [cookie] = response.cookies as unknown as Record<string, unknown>[]
    expect(cookie).toMatchObject({ name: 'parvis', httpOnly: true, sameSite: 'Strict', path: '/' })
    expect(cookie).not.toHaveProperty('secure')
  })

  it('is kept to https, and to this host, where the address is https', async () => {
    const response = await signIn({}, { PARVIS_PUBLIC_URL: 'https://parvis.test' })
    const [cookie] = response.cookies as unknown as Record<string, unknown>[]
    expect(cookie).toMatchObject({ name: '__Host-parvis', secure: true, httpOnly: true, path: '/' })
    expect(cookie).not.toHaveProperty('domain')
    expect(response.headers['strict-transport-security']).toMatch(/max-age/)
  })

  it('believes a proxy about https only where one is set', async () => {
    const forwarded = { 'x-forwarded-proto': 'https' }
    expect((await signIn(forwarded)).cookies[0]!.name).toBe('parvis')
    expect((await signIn(forwarded, { PARVIS_TRUST_PROXY: 'true' })).cookies[0]!.name).toBe('__Host-parvis')
  })

  it('reads, and changes things from this address only', async () => {
    const cookies = { parvis: (await signIn()).cookies[0]!.value }
    const read = await api.app.inject({ url: '/api/v1/session', cookies, headers: { host } })
    expect(read.json()).toMatchObject({ role: 'technician' })
    const replay = async (headers: Record<string, string>) =>
      (
        await api.app.inject({
          method: 'POST',
          url: '/api/v1/replays',
          cookies,
          headers: { host, ...headers },
          payload: {},
        })
      ).statusCode
    expect(await replay({ 'sec-fetch-site': 'same-origin' })).toBe(202)
    expect(await replay({ origin: `http://${host}` })).toBe(202)
    expect(await replay({})).toBe(403)
    expect(await replay({ 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await replay({ 'sec-fetch-site': 'same-site', origin: `http://${host}` })).toBe(403)
    expect(await replay({ origin: 'http://elsewhere.test' })).toBe(403)
    expect(await replay({ origin: 'null' })).toBe(403)
  })

  it('cannot be begun from another site', async () => {
    expect((await signIn({ 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403)
    expect((await signIn({ origin: 'http://elsewhere.test' })).statusCode).toBe(403)
    expect((await signIn({ origin: `http://${host}` })).statusCode).toBe(200)
  })

  it('refuses a wrong token', async () => {
    const { status, body, headers } = await api.call(null, 'POST', '/session', { token: 'wrong' })
    expect([status, body.code]).toEqual([401, 'bad_credentials'])
    expect(headers).not.toHaveProperty('set-cookie')
  })

  it('holds no token, and a token is no session', async () => {
    const { value } = (await signIn()).cookies[0]!
    expect(value).not.toContain(api.tokens.technician)
    const ask = async (cookie: string) =>
      (await api.app.inject({ url: '/api/v1/session', cookies: { parvis: cookie } })).statusCode
    expect([await ask(value), await ask(api.tokens.technician)]).toEqual([200, 401])
    const asBearer = await api.call(null, 'GET', '/session', undefined, { authorization: `Bearer ${value}` })
    expect(asBearer.status).toBe(401)
  })

  it('ends with its token', async () => {
    const { id, token } = await addToken(api.access, { role: 'viewer' })
    const opened = await api.app.inject({ method: 'POST', url: '/api/v1/session', payload: { token } })
    const cookies = { parvis: opened.cookies[0]!.value }
    const ask = async () => (await api.app.inject({ url: '/api/v1/session', cookies })).statusCode
    expect(await ask()).toBe(200)
    await revokeToken(api.access, id)
    expect(await ask()).toBe(401)
  })

  it('changes nothing for another site, on any route', async () => {
    const opened = await api.app.inject({
      method: 'POST',
      url: '/api/v1/session',
      payload: { token: api.tokens.admin },
    })
    const cookies = { parvis: opened.cookies[0]!.value }
    const mutating = operations.filter(({ method, url }) => method !== 'GET' && !url.includes('/uplinks/'))
    expect(mutating.length).toBeGreaterThan(30)
    for (const { method, url, body } of mutating)
      for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://elsewhere.test' }])
        expect(
          [
            `${method} ${url}`,
            (
              await api.app.inject({
                method,
                url,
                cookies,
                headers: { ...headers, ...(body === undefined ? {} : { 'content-type': body }) },
                ...(body === undefined ? {} : { payload: '{}' }),
              })
            ).statusCode,
          ],
          JSON.stringify(headers),
        ).toEqual([`${method} ${url}`, 403])
    expect((await api.app.inject({ url: '/api/v1/session', cookies })).statusCode).toBe(200)
  })

  it('ends by taking the cookie back', async () => {
    const response = await api.app.inject({ method: 'DELETE', url: '/api/v1/session' })
    expect(response.statusCode).toBe(204)
    const [cookie] = response.cookies as unknown as { name: string; value: string; expires: Date }[]
    expect(cookie).toMatchObject({ name: 'parvis', value: '' })
    expect(cookie!.expires.getTime()).toBe(0)
  })
})

describe('limitAttempts', () => {
  it('lets an address go on after its window', () => {
    let time = 0
    const attempts = limitAttempts({ max: 2, windowMs: 1000, now: () => time })
    expect([1, 2, 3].map(() => attempts.countWrong('192.0.2.1'))).toEqual([0, 0, 1000])
    time = 999
    expect(attempts.countWrong('192.0.2.1')).toBe(1)
    time = 1000
    expect(attempts.countWrong('192.0.2.1')).toBe(0)
  })

  it('remembers a bounded number of addresses', () => {
    const attempts = limitAttempts({ max: 1, maxKeys: 2, now: () => 0 })
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) attempts.countWrong(address)
    expect(attempts.countWrong('192.0.2.3')).toBeGreaterThan(0)
    expect(attempts.countWrong('192.0.2.1')).toBe(0)
  })

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('counts %s as %s', (address, network) => {
    expect(toNetwork(address)).toBe(network)
  })
})
