import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formats, models } from '../../devices/catalogue.ts'
import { quantities } from '../../domain/quantity.ts'
import { openTestApi, type TestApi } from '../support/api.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterAll(() => api.close())

describe('tokens', () => {
  it('are made, listed without themselves, and ended', async () => {
    const made = await api.call('admin', 'POST', '/tokens', { role: 'technician', name: 'Camion 3' })
    expect([made.status, Object.keys(made.body)]).toEqual([201, ['id', 'token']])
    const headers = { authorization: `Bearer ${made.body.token}` }
    const session = await api.call(null, 'GET', '/session', undefined, headers)
    expect(session.body).toMatchObject({ role: 'technician', name: 'Camion 3', login: null, language: 'fr' })
    const listed = await api.call('admin', 'GET', '/tokens')
    const found = listed.body.items.find((token: { id: string }) => token.id === made.body.id)
    expect(found).toMatchObject({ role: 'technician', name: 'Camion 3', revokedAt: null })
    expect(JSON.stringify(listed.body)).not.toContain(made.body.token)
    expect((await api.call('admin', 'DELETE', `/tokens/${made.body.id}`)).status).toBe(204)
    expect((await api.call(null, 'GET', '/session', undefined, headers)).status).toBe(401)
    expect((await api.call('admin', 'POST', '/tokens', { role: 'emperor' })).status).toBe(400)
    expect((await api.call('admin', 'DELETE', '/tokens/nothing')).status).toBe(404)
  })
})

describe('integrations', () => {
  it('are added, listed without their secrets, and ended', async () => {
    const format = [...formats.keys()][0]!
    const body = { name: 'reseau lora', format, topics: ['application/+/device/+/event/up'] }
    const made = await api.call('admin', 'POST', '/integrations', body)
    expect([made.status, made.headers.location]).toEqual([201, '/api/v1/integrations/reseau%20lora'])
    expect(made.body).toMatchObject({ ...body, revokedAt: null })
    expect(made.body.secret).toMatch(/^[\w-]{43}$/)
    const listed = await api.call('admin', 'GET', '/integrations')
    const { secret: _, ...told } = made.body
    expect(listed.body).toEqual({ items: [told], next: null })
    const renewed = await api.call('admin', 'POST', '/integrations/reseau%20lora/secret')
    expect([renewed.status, renewed.body.secretSetAt]).toEqual([200, expect.stringMatching(/Z$/)])
    expect(renewed.body.secret).not.toBe(made.body.secret)
    const push = async (secret: string) =>
      (await api.call(null, 'POST', '/uplinks/reseau%20lora/x', {}, { authorization: `Bearer ${secret}` })).status
    expect([await push(made.body.secret), await push(renewed.body.secret)]).toEqual([401, 503])
    expect((await api.call('admin', 'DELETE', '/integrations/reseau%20lora')).status).toBe(204)
    const ended = await api.call('admin', 'GET', '/integrations/reseau%20lora')
    expect(ended.body.revokedAt).toMatch(/^\d{4}-.*Z$/)
    expect((await api.call('admin', 'POST', '/integrations/reseau%20lora/secret')).status).toBe(404)
    const again = await api.call('admin', 'POST', '/integrations', { ...body, name: 'b', format: 'smoke' })
    expect([again.status, again.body.code]).toEqual([422, 'unknown_format'])
  })
})

describe('the catalogue', () => {
  it('is told in both languages', async () => {
    const { status, body } = await api.call(null, 'GET', '/quantities')
    expect(status).toBe(200)
    expect(Object.fromEntries(body.items.map(({ name, ...rest }: { name: string }) => [name, rest]))).toEqual(
      quantities,
    )
    const listed = await api.call('viewer', 'GET', '/models')
    expect(listed.body.items.map((model: { id: string }) => model.id)).toEqual([...models.keys()])
    for (const { label, quantities: measured } of listed.body.items) {
      expect(label).toEqual({ fr: expect.stringMatching(/./), en: expect.stringMatching(/./) })
      expect(measured.every((name: string) => name in quantities)).toBe(true)
    }
  })
})
