import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, type TestApi } from '../support/api.ts'

type Operation = {
  operationId: string
  summary: string
  description: string
  tags: string[]
  security?: object[]
  responses: Record<string, { description: string }>
  'x-role': string
}

let api: TestApi
let document: {
  openapi: string
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
}
let operations: [string, Operation][]

beforeAll(async () => {
  api = await openTestApi()
  document = (await api.app.inject('/api/openapi.json')).json()
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  )
})

afterAll(() => api.close())

describe('/api/openapi.json', () => {
  it('is OpenAPI 3.1', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.components.securitySchemes)).toEqual(['bearer', 'cookie'])
  })

  it('says of every operation what it does, what it asks for and how it refuses', () => {
    const tags = document.tags.map((tag) => tag.name)
    for (const [name, operation] of operations) {
      expect(operation.summary, name).toMatch(/^[A-Z].{5,}[^.]$/)
      expect(operation.description, name).toMatch(/Needs/)
      expect(
        operation.tags.every((tag) => tags.includes(tag)),
        name,
      ).toBe(true)
      expect(operation.responses.default, name).toBeDefined()
      expect(
        Object.keys(operation.responses).some((status) => status.startsWith('2')),
        name,
      ).toBe(true)
      expect(operation.security !== undefined && operation.security.length === 0, name).toBe(
        operation['x-role'] === 'public',
      )
    }
    const ids = operations.map(([, operation]) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has the routes that programs are written against', () => {
    const names = operations.map(([name]) => name.replace('/api/v1', ''))
    expect(names).toEqual(
      expect.arrayContaining([
        'get /devices',
        'post /devices',
        'get /devices/{id}',
        'patch /devices/{id}',
        'delete /devices/{id}',
        'get /devices/{id}/latest',
        'get /devices/{id}/readings',
        'get /assets',
        'post /assets',
        'get /assets/{id}',
        'patch /assets/{id}',
        'delete /assets/{id}',
        'get /assets/{id}/latest',
        'get /assets/{id}/readings',
        'get /assets/{id}/installations',
        'get /installations',
        'post /installations',
        'patch /installations/{id}',
        'post /installations/swap',
        'get /status/assets',
        'get /status/assets/counts',
        'get /status/assets.geojson',
        'get /dead-letters',
        'post /replays',
        'get /replays/{id}',
        'get /stream',
        'get /tokens',
        'post /tokens',
        'get /integrations',
        'post /integrations',
        'get /models',
        'get /quantities',
        'post /imports/assets',
        'post /imports/devices',
        'get /exports/readings',
        'post /session',
        'get /session',
        'delete /session',
        'get /health',
        'get /metrics',
      ]),
    )
  })

  it('refers to nothing that is not there, and keeps nothing that is not used', () => {
    const text = JSON.stringify(document)
    const referred = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!))
    expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort())
  })
})

describe('/api/docs', () => {
  it('asks for nothing from elsewhere', async () => {
    const page = await api.app.inject('/api/docs/')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-security-policy']).toMatch(/default-src 'self'/)
    expect(page.headers['content-security-policy']).not.toMatch(/https?:|script-src/)
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!)
    expect(files.length).toBeGreaterThan(4)
    for (const file of files) {
      expect(file).toMatch(/^\.\//)
      const response = await api.app.inject(`/api/docs/${file}`)
      expect(response.statusCode, file).toBe(200)
    }
    expect(page.body).not.toMatch(/<script(?![^>]*src=)/)
  })
})
