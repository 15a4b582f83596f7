import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chooseLanguage } from '../../api/language.ts'
import { limits } from '../../api/limits.ts'
import { problems } from '../../domain/problem.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

describe('a refusal', () => {
  it('is a problem document', async () => {
    const { status, headers, body } = await api.call('viewer', 'GET', '/devices/nobody', undefined, {
      'accept-language': 'en',
    })
    expect(status).toBe(404)
    expect(headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(headers['content-language']).toBe('en')
    expect(body).toEqual({
      type: 'urn:parvis:problem:not_found',
      title: 'There is no such object',
      status: 404,
      code: 'not_found',
      detail: 'nobody',
    })
  })

  it('is told in French when nothing else is asked for', async () => {
    const { body } = await api.call('viewer', 'GET', '/devices/nobody')
    expect(body.title).toBe('Cet objet n’existe pas')
  })

  it('names the bad fields, in the reader’s language', async () => {
    const ask = async (language: string) =>
      (await api.call('manager', 'POST', '/devices', { id: 'a/b', model: 7 }, { 'accept-language': language })).body
    const english = await ask('en')
    expect(english.code).toBe('bad_request')
    expect(english.errors).toEqual([
      { path: 'id', message: 'expected 1 to 128 characters, without / + # or control characters' },
      { path: 'model', message: 'Invalid input: expected string, received number' },
    ])
    const french = await ask('fr')
    expect(french.errors[1].message).toMatch(/chaîne de caractères/)
    expect(french.detail).toMatch(/^id : de 1 à 128 caractères.* ; model : .*chaîne de caractères/)
  })

  it('of an address that does not exist is not_found, with or without a token', async () => {
    for (const role of [null, 'admin'] as const)
      for (const method of ['GET', 'POST'] as const) {
        const { status, body } = await api.call(role, method, '/nothing')
        expect([status, body.code]).toEqual([404, 'not_found'])
      }
  })

  it('of a method names those that there are', async () => {
    const { status, headers, body } = await api.call('admin', 'PUT', '/devices', '{')
    expect([status, body.code]).toEqual([405, 'method_not_allowed'])
    expect(headers.allow).toBe('GET, HEAD, POST')
    const one = await api.call('admin', 'POST', '/devices/d1')
    expect(one.headers.allow).toBe('DELETE, GET, HEAD, PATCH')
  })

  it.each([
    ['malformed JSON', '{"id": ', 400, 'bad_request'],
    ['no JSON at all', '', 400, 'bad_request'],
    ['a poisoned prototype', '{"id": "a", "model": "generic-json", "__proto__": {"admin": true}}', 400, 'bad_request'],
    ['JSON that is deep', `${'['.repeat(100_000)}`, 400, 'bad_request'],
    ['more than it takes', JSON.stringify({ id: 'x'.repeat(limits.maxJsonBytes) }), 413, 'payload_too_large'],
  ])('of a body with %s', async (_, payload, expected, code) => {
    const { status, body } = await api.call('admin', 'POST', '/devices', payload, {
      'content-type': 'application/json',
    })
    expect([status, body.code]).toEqual([expected, code])
  })

  it('of a content type that a route does not take', async () => {
    const { status, body } = await api.call('admin', 'POST', '/devices', 'id,model', { 'content-type': 'text/csv' })
    expect([status, body.code]).toEqual([415, 'unsupported_media_type'])
  })

  it('of a path that is no address', async () => {
    const { status, body } = await api.call('admin', 'GET', '/devices/%E0%A4%A')
    expect([status, body.code]).toEqual([400, 'bad_request'])
  })

  it('of a parameter that does not exist', async () => {
    const { status, body } = await api.call('viewer', 'GET', '/devices?modle=x')
    expect([status, body.code]).toEqual([400, 'bad_request'])
    expect(body.detail).toContain('modle')
  })

  it.each(['limit=0', 'limit=501', 'limit=ten', 'cursor=%00', 'cursor=bm90IG91cnM!'])(
    'of a list asked for with %s',
    async (query) => {
      const { status, body } = await api.call('viewer', 'GET', `/devices?${query}`)
      expect([status, body.code]).toEqual([400, 'bad_request'])
    },
  )
})

describe('a failure', () => {
  it('is told by an id alone, under which the log has the rest', async () => {
    const broken = await openTestApi()
    // The table goes away under the running API, as nothing of its own would do.
    await broken.registry.schema.dropTable('devices').execute()
    const { status, body } = await broken.call('viewer', 'GET', '/devices', undefined, { 'accept-language': 'en' })
    expect(status).toBe(500)
    expect(Object.keys(body).sort()).toEqual(['code', 'instance', 'status', 'title', 'type'])
    expect(JSON.stringify(body)).not.toMatch(/table|SQL/)
    const id = body.instance.replace('urn:uuid:', '')
    const logged = broken.log.find((line) => line.includes(id))
    expect(logged).toContain('no such table')
    await broken.close()
  })
})

describe('docs/errors.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8')

  it('has every problem, as the table has it', () => {
    const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \| (.+?) \| (.+?) \|$/gm)].map(
      ([, code, status, en, fr]) => [code!, { status: Number(status), fr, en }] as const,
    )
    expect(rows.map(([code]) => code)).toEqual(Object.keys(problems))
    expect(Object.fromEntries(rows)).toEqual(problems)
  })
})

describe('chooseLanguage', () => {
  it.each([
    [undefined, 'fr', 'fr'],
    ['', 'en', 'en'],
    ['en', 'fr', 'en'],
    ['en-GB,en;q=0.9,fr;q=0.8', 'fr', 'en'],
    ['de, fr;q=0.5, en;q=0.9', 'fr', 'en'],
    ['de', 'en', 'en'],
    ['*', 'en', 'en'],
    ['fr;q=0, en;q=0.1', 'fr', 'en'],
    ['FR-ch', 'en', 'fr'],
    [';;q=,,=', 'fr', 'fr'],
  ] as const)('of %j with %s to fall back on is %s', (header, fallback, chosen) => {
    expect(chooseLanguage(header, fallback)).toBe(chosen)
  })
})
