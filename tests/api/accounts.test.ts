import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest'
import { limitSignIns } from '../../api/attempts.ts'
import { checkAudit } from '../../inventory/audit-check.ts'
import { sessionLimits } from '../../inventory/sessions.ts'
import { openSignIn, readFirstLink } from '../../inventory/sign-in.ts'
import { nobodysPassword } from '../../store/passwords.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

let api: TestApi

const password = 'lampadaire bleu sous la pluie'
const other = 'fontaine verte au bout du quai'
const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0'

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

/** A browser: it keeps its cookie. */
function openBrowser(remoteAddress = '192.0.2.10') {
  let cookie: string | undefined
  return {
    get cookie() {
      return cookie
    },
    set cookie(value) {
      cookie = value
    },
    async call(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', url: string, payload?: object) {
      const response = await api.app.inject({
        method,
        url: `/api/v1${url}`,
        remoteAddress,
        headers: { 'sec-fetch-site': 'same-origin', 'user-agent': agent, 'accept-language': 'en' },
        ...(cookie === undefined ? {} : { cookies: { parvis: cookie } }),
        ...(payload === undefined ? {} : { payload }),
      })
      const set = response.cookies.find(({ name }) => name === 'parvis')
      if (set !== undefined) cookie = set.value === '' ? undefined : set.value
      return {
        status: response.statusCode,
        body: response.body === '' ? null : response.json(),
        headers: response.headers,
      }
    },
    signIn(login: string, chosen = password) {
      return this.call('POST', '/session', { login, password: chosen })
    },
  }
}

const linkOf = (address: string) => new URL(address).hash.replace('#link=', '')

async function addPerson(login: string, fields: object = {}) {
  const { status, body } = await api.call('admin', 'POST', '/accounts', {
    login,
    name: `Personne ${login}`,
    role: 'technician',
    ...fields,
  })
  expect(status).toBe(201)
  const browser = openBrowser()
  const entered = await browser.call('POST', '/links/password', { link: linkOf(body.link), password })
  expect(entered.status).toBe(200)
  return { id: body.id as string, browser }
}

describe('the first administrator', () => {
  it('is made by the link that the server prints, once', async () => {
    const link = (await readFirstLink(api.registry))!
    expect(await readFirstLink(api.registry)).toBe(link)
    const browser = openBrowser()
    expect((await browser.call('POST', '/links/read', { link: 'x'.repeat(43) })).body.code).toBe('bad_link')
    expect((await browser.call('POST', '/links/read', { link })).body).toEqual({ for: 'first_admin' })
    const person = { link, login: 'chef', name: 'Dominique Chef' }
    const weak = await browser.call('POST', '/links/first-admin', { ...person, password: 'admin' })
    expect([weak.status, weak.body.code, weak.body.detail]).toEqual([422, 'weak_password', expect.stringMatching(/15/)])
    const two = await Promise.all(
      [openBrowser(), browser].map((each, i) =>
        each.call('POST', '/links/first-admin', { ...person, login: `chef${i}`, password }),
      ),
    )
    expect(two.map((each) => each.status).sort()).toEqual([200, 410])
    const made = two.find((each) => each.status === 200)!
    expect(made.body).toMatchObject({ role: 'admin', name: 'Dominique Chef', services: null })
    expect(await readFirstLink(api.registry)).toBeNull()
    expect((await openBrowser().call('POST', '/links/read', { link })).status).toBe(410)
  })

  it('stays, or another one does', async () => {
    const { body } = await api.call('admin', 'GET', '/accounts')
    const [chief] = body.items
    for (const changes of [{ role: 'viewer' }, { disabled: true }])
      expect((await api.call('admin', 'PATCH', `/accounts/${chief.id}`, changes)).body.code).toBe('last_admin')
    // One who has never chosen a password cannot take over.
    const second = await api.call('admin', 'POST', '/accounts', { login: 'adjointe', name: 'A', role: 'admin' })
    expect((await api.call('admin', 'PATCH', `/accounts/${chief.id}`, { role: 'viewer' })).status).toBe(409)
    await openBrowser().call('POST', '/links/password', { link: linkOf(second.body.link), password })
    expect((await api.call('admin', 'PATCH', `/accounts/${chief.id}`, { disabled: true })).status).toBe(200)
    expect((await api.call('admin', 'PATCH', `/accounts/${chief.id}`, { disabled: false })).status).toBe(200)
  })
})

describe('an account', () => {
  it('is added with a link by which its person alone chooses the password', async () => {
    const made = await api.call('admin', 'POST', '/accounts', {
      login: 'Lea@Ville.example',
      name: 'Léa',
      role: 'viewer',
      services: ['Propreté'],
    })
    expect([made.status, made.headers.location]).toEqual([201, `/api/v1/accounts/${made.body.id}`])
    expect(made.body).toMatchObject({ passwordSetAt: null, lastSignInAt: null, services: ['Propreté'] })
    const link = linkOf(made.body.link)
    const browser = openBrowser()
    expect((await browser.call('POST', '/links/read', { link })).body).toEqual({
      for: 'password',
      login: 'Lea@Ville.example',
      name: 'Léa',
    })
    const weak = await browser.call('POST', '/links/password', { link, password: 'lea@ville.example' })
    expect(weak.body.code).toBe('weak_password')
    const entered = await browser.call('POST', '/links/password', { link, password })
    expect(entered.body).toEqual({
      role: 'viewer',
      name: 'Léa',
      services: ['Propreté'],
      login: 'Lea@Ville.example',
      language: 'en',
    })
    expect((await browser.call('POST', '/links/password', { link, password: other })).body.code).toBe('bad_link')
    expect((await openBrowser().signIn(' LEA@ville.EXAMPLE ')).status).toBe(200)
    const { body } = await api.call('admin', 'GET', `/accounts/${made.body.id}`)
    expect([body.linkExpiresAt, body.passwordSetAt, body.lastSignInAt]).toEqual([
      null,
      expect.stringMatching(/Z$/),
      expect.stringMatching(/Z$/),
    ])
  })

  it.each([
    [{ login: 'chef0x y', name: 'A', role: 'viewer' }, 400, 'bad_request'],
    [{ login: 'x', name: 'A', role: 'viewer' }, 400, 'bad_request'],
    [{ login: 'nouveau', name: '', role: 'viewer' }, 400, 'bad_request'],
    [{ login: 'nouveau', name: 'A', role: 'emperor' }, 400, 'bad_request'],
    [{ login: 'nouveau', name: 'A', role: 'admin', services: ['Voirie'] }, 400, 'bad_request'],
    [{ login: 'nouveau', name: 'A', role: 'viewer', password }, 400, 'bad_request'],
    [{ login: 'LEA@VILLE.EXAMPLE', name: 'A', role: 'viewer' }, 409, 'already_exists'],
  ])('as %j is refused', async (input, status, code) => {
    const answer = await api.call('admin', 'POST', '/accounts', input)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('that is limited to a service sees what belongs to it, and itself', async () => {
    const { browser } = await addPerson('limitee', { role: 'manager', services: ['Propreté'] })
    await api.call('admin', 'POST', '/assets', { id: 'ours', kind: 'bench', label: 'a', service: 'Propreté' })
    await api.call('admin', 'POST', '/assets', { id: 'theirs', kind: 'bench', label: 'b', service: 'Voirie' })
    const { body } = await browser.call('GET', '/assets')
    expect(body.items.map((each: { id: string }) => each.id)).toEqual(['ours'])
    expect((await browser.call('GET', '/account')).body).toMatchObject({ login: 'limitee', services: ['Propreté'] })
    expect((await browser.call('PATCH', '/account', { language: 'fr' })).body.language).toBe('fr')
    expect((await browser.call('GET', '/session')).body.language).toBe('fr')
    expect((await browser.call('GET', '/accounts')).status).toBe(403)
    const history = await api.call('admin', 'GET', '/assets/ours/history')
    expect(history.body.items[0].actor.kind).toBe('token')
    await browser.call('PATCH', '/assets/ours', { label: 'Banc' })
    const changed = await api.call('admin', 'GET', '/assets/ours/history')
    expect(changed.body.items[0].actor).toMatchObject({ kind: 'account', name: 'Personne limitee' })
  })

  it('changes in its own hands only with the present password', async () => {
    const { browser } = await addPerson('mathieu')
    const elsewhere = openBrowser()
    await elsewhere.signIn('mathieu')
    const change = (current: string, chosen: string) =>
      browser.call('PUT', '/account/password', { current, password: chosen })
    expect((await change(other, other)).body.code).toBe('wrong_password')
    expect((await change(password, 'court')).body.code).toBe('weak_password')
    const before = browser.cookie
    expect((await change(password, other)).status).toBe(204)
    expect(browser.cookie).not.toBe(before)
    expect((await browser.call('GET', '/session')).status).toBe(200)
    expect((await elsewhere.call('GET', '/session')).status).toBe(401)
    browser.cookie = before
    expect((await browser.call('GET', '/session')).status).toBe(401)
    expect((await elsewhere.signIn('mathieu')).status).toBe(401)
    expect((await elsewhere.signIn('mathieu', other)).status).toBe(200)
  })

  it('is reset by a link that expires and replaces the one before; the password stays until then', async () => {
    const { id, browser } = await addPerson('oublieux')
    const first = await api.call('admin', 'POST', `/accounts/${id}/link`)
    const second = await api.call('admin', 'POST', `/accounts/${id}/link`)
    expect((await openBrowser().signIn('oublieux')).status).toBe(200)
    const use = (body: { link: string }) =>
      openBrowser().call('POST', '/links/password', { link: linkOf(body.link), password: other })
    expect((await use(first.body)).status).toBe(410)
    const late = Date.parse(second.body.linkExpiresAt) + 1
    vi.useFakeTimers({ now: late, toFake: ['Date'] })
    try {
      expect((await use(second.body)).status).toBe(410)
      vi.setSystemTime(late - 2)
      expect((await use(second.body)).status).toBe(200)
    } finally {
      vi.useRealTimers()
    }
    expect((await browser.call('GET', '/session')).status).toBe(401)
    expect((await openBrowser().signIn('oublieux')).status).toBe(401)
    expect((await openBrowser().signIn('oublieux', other)).status).toBe(200)
  })

  it.each([[{ role: 'viewer' }], [{ services: ['Voirie'] }], [{ disabled: true }]])(
    'loses its sessions at once by %j, and its streams within a second',
    async (changes) => {
      const { id, browser } = await addPerson(`change-${Object.keys(changes)[0]}`)
      const stream = api.app.inject({
        url: '/api/v1/status/assets/stream',
        cookies: { parvis: browser.cookie! },
      })
      expect((await browser.call('GET', '/session')).status).toBe(200)
      await api.call('admin', 'PATCH', `/accounts/${id}`, { name: 'Autre nom' })
      expect((await browser.call('GET', '/session')).body.name).toBe('Autre nom')
      await api.call('admin', 'PATCH', `/accounts/${id}`, changes)
      expect((await browser.call('GET', '/session')).status).toBe(401)
      // It ends: nothing else would end it here.
      expect((await stream).statusCode).toBe(200)
      const again = await openBrowser().signIn(`change-${Object.keys(changes)[0]}`)
      expect(again.status).toBe('disabled' in changes ? 401 : 200)
    },
  )

  it('that is disabled has no link either', async () => {
    const { id } = await addPerson('partie')
    const { body } = await api.call('admin', 'POST', `/accounts/${id}/link`)
    await api.call('admin', 'PATCH', `/accounts/${id}`, { disabled: true })
    expect((await api.call('admin', 'POST', `/accounts/${id}/link`)).body.code).toBe('bad_request')
    await api.call('admin', 'PATCH', `/accounts/${id}`, { disabled: false })
    expect((await openBrowser().call('POST', '/links/read', { link: linkOf(body.link) })).status).toBe(410)
  })
})

describe('a session of an account', () => {
  it('is listed to its own person and ended by it, and by nobody else', async () => {
    const { browser } = await addPerson('nomade')
    const second = openBrowser('192.0.2.11')
    await second.signIn('nomade')
    const { body } = await second.call('GET', '/account/sessions')
    expect(body.items).toHaveLength(2)
    expect(body.items.find((each: { isThis: boolean }) => each.isThis)).toMatchObject({ address: '192.0.2.11', agent })
    const first = body.items.find((each: { isThis: boolean }) => !each.isThis)
    const stranger = await addPerson('etrangere')
    expect((await stranger.browser.call('DELETE', `/account/sessions/${first.id}`)).status).toBe(404)
    expect((await second.call('DELETE', `/account/sessions/${first.id}`)).status).toBe(204)
    expect((await browser.call('GET', '/session')).status).toBe(401)
    await browser.signIn('nomade')
    expect((await browser.call('DELETE', '/account/sessions')).status).toBe(204)
    expect((await second.call('GET', '/session')).status).toBe(401)
    expect((await browser.call('GET', '/session')).status).toBe(200)
    expect((await api.call('viewer', 'GET', '/account/sessions')).status).toBe(404)
  })

  it('is never the one that a browser came with, and ends with it', async () => {
    await addPerson('fixe')
    const browser = openBrowser()
    const planted = 'A'.repeat(43)
    browser.cookie = planted
    await browser.signIn('fixe')
    const first = browser.cookie!
    expect(first).not.toBe(planted)
    await browser.signIn('fixe')
    expect(browser.cookie).not.toBe(first)
    const thief = openBrowser()
    thief.cookie = first
    expect((await thief.call('GET', '/session')).status).toBe(401)
    thief.cookie = planted
    expect((await thief.call('GET', '/session')).status).toBe(401)
    const kept = browser.cookie!
    await browser.call('DELETE', '/session')
    thief.cookie = kept
    expect((await thief.call('GET', '/session')).status).toBe(401)
  })

  it('expires when it is not used, and at last also when it is', async () => {
    await addPerson('patiente')
    const { maxIdleMs, maxAgeMs } = sessionLimits.account
    const start = Date.now()
    vi.useFakeTimers({ now: start, toFake: ['Date'] })
    try {
      const idle = openBrowser()
      await idle.signIn('patiente')
      const used = openBrowser()
      await used.signIn('patiente')
      for (let time = start; time < start + maxAgeMs; time += maxIdleMs - 120_000) {
        vi.setSystemTime(time)
        expect((await used.call('GET', '/session')).status, new Date(time).toISOString()).toBe(200)
      }
      expect((await idle.call('GET', '/session')).status).toBe(401)
      vi.setSystemTime(start + maxAgeMs + 1)
      expect((await used.call('GET', '/session')).status).toBe(401)
      await used.signIn('patiente')
      expect((await used.call('GET', '/account/sessions')).body.items).toHaveLength(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is one of a bounded number', async () => {
    const { id } = await addPerson('infatigable')
    const { registry } = api
    const row = await registry.selectFrom('sessions').selectAll().where('account_id', '=', id).executeTakeFirstOrThrow()
    const more = Array.from({ length: 150 }, (_, i) => ({
      ...row,
      id: `s${i}`,
      hash: `h${i}`,
      used_at: row.used_at + i,
    }))
    await registry.insertInto('sessions').values(more).execute()
    await openBrowser().signIn('infatigable')
    const left = await registry.selectFrom('sessions').select('id').where('account_id', '=', id).execute()
    expect(left).toHaveLength(100)
    expect(left.map((each) => each.id)).toEqual(expect.arrayContaining(['s149', 's51']))
  })
})

describe('signing in', () => {
  it('says the same of an account that is there, disabled, without password, or not there', async () => {
    await addPerson('presente')
    const { id } = await addPerson('absente')
    await api.call('admin', 'PATCH', `/accounts/${id}`, { disabled: true })
    await api.call('admin', 'POST', '/accounts', { login: 'invitee', name: 'I', role: 'viewer' })
    const answers = []
    for (const [login, tried] of [
      ['presente', other],
      ['absente', password],
      ['invitee', password],
      ['personne', password],
    ] as const) {
      const { status, body, headers } = await openBrowser('192.0.2.20').signIn(login, tried)
      const { date: _, ...told } = headers
      answers.push({ status, body, told })
    }
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'bad_credentials' } })
    expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1)
  })

  it('judges a password of the same cost whether the account is there or not', async () => {
    const judged: string[] = []
    const signIn = openSignIn(api.registry, async (_, stored) => {
      judged.push(stored)
      return true
    })
    const visitor = { address: '192.0.2.1', agent: '' }
    expect(await signIn.byPassword('presente', password, visitor)).not.toBeNull()
    for (const login of ['personne', 'invitee', 'absente'])
      expect(await signIn.byPassword(login, password, visitor)).toBeNull()
    expect(judged.map((each) => each.split('$').slice(0, 4).join('$'))).toEqual(
      Array(4).fill('$argon2id$v=19$m=19456,t=2,p=1'),
    )
    expect(judged.slice(1, 3)).toEqual([nobodysPassword, nobodysPassword])
  })

  it('is limited by account and address, the same for one that does not exist, also with the right password', async () => {
    await addPerson('visee')
    for (const login of ['visee', 'personne']) {
      const browser = openBrowser(login === 'visee' ? '192.0.2.30' : '192.0.2.31')
      for (let i = 0; i < 10; i++) expect((await browser.signIn(login, other)).status).toBe(401)
      const refused = await browser.signIn(login)
      expect([login, refused.status, refused.body.code]).toEqual([login, 429, 'too_many_requests'])
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(800)
    }
    expect((await openBrowser('192.0.2.32').signIn('visee')).status).toBe(200)
  })

  it('is not limited by what was right', async () => {
    const browser = openBrowser('192.0.2.40')
    for (let i = 0; i < 12; i++) expect((await browser.signIn('presente')).status).toBe(200)
  })

  it('does not let many tries at once pass', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 30 }, () =>
        openBrowser('192.0.2.50')
          .signIn('presente', other)
          .then((each) => each.status),
      ),
    )
    expect(statuses.filter((each) => each === 401)).toHaveLength(10)
  })
})

test('everything that was done to accounts is in the audit, and no password, link or hash', async () => {
  const report = await checkAudit(api.access)
  expect(report.found).toEqual([])
  const rows = await api.registry.selectFrom('audit_rows').selectAll().where('kind', '=', 'account').execute()
  expect(rows.length).toBeGreaterThan(20)
  const written = JSON.stringify(rows)
  const accounts = await api.registry.selectFrom('accounts').selectAll().execute()
  const secrets = accounts.flatMap(({ password: hash, link_hash }) => [hash, link_hash]).filter((each) => each !== null)
  expect(secrets.length).toBeGreaterThan(10)
  for (const secret of [...secrets, password, other]) expect(written).not.toContain(secret)
  expect(api.log.join('')).not.toContain(password)
})

describe('limitSignIns', () => {
  it('keeps one address from trying many accounts, and many addresses from trying one', () => {
    let time = 0
    const limit = limitSignIns(() => time)
    const waits = (count: number, address: (i: number) => string, login: (i: number) => string) =>
      Array.from({ length: count }, (_, i) => limit.begin(address(i), login(i)).waitMs)
    expect(
      waits(
        21,
        () => '192.0.2.1',
        (i) => `a${i}`,
      ).map((wait) => wait > 0),
    ).toEqual([...Array(20).fill(false), true])
    expect(
      waits(
        101,
        (i) => `198.51.100.${i}`,
        () => 'b',
      ).filter((wait) => wait > 0),
    ).toEqual([3_600_000])
    time = 3_600_000
    expect(limit.begin('198.51.100.1', 'b').waitMs).toBe(0)
  })
})
