import { STATUS_CODES } from 'node:http'
import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assetSchema, deviceSchema } from '../domain/asset.ts'
import { installationSchema } from '../domain/installation.ts'
import { problems } from '../domain/problem.ts'
import type { Policy } from './access.ts'

/** An RFC 9457 problem document. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(Object.keys(problems) as [keyof typeof problems, ...(keyof typeof problems)[]]),
    detail: z.string().optional(),
    instance: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({
    id: 'Problem',
    description: 'An RFC 9457 problem document. Programs go by `code`; `docs/errors.md` lists them all.',
    examples: [
      { type: 'urn:parvis:problem:not_found', title: 'There is no such object', status: 404, code: 'not_found' },
    ],
  })

z.globalRegistry.add(deviceSchema, {
  id: 'Device',
  examples: [{ id: 'probe-1', model: 'generic-json', label: 'Sonde 1', expectedIntervalS: 3600, lifeCycle: 'active' }],
})
z.globalRegistry.add(assetSchema, {
  id: 'Asset',
  examples: [
    {
      id: 'bin-1',
      kind: 'waste_container',
      label: 'Place de la Réunion',
      inventoryNumber: '2026-0117',
      latitude: 47.7467,
      longitude: 7.3389,
      address: null,
      district: 'Centre',
      commune: 'Mulhouse',
      service: 'Propreté',
      parentId: null,
      lifeCycle: 'in_service',
      condition: 'good',
      acquiredOn: '2024-03-11',
      commissionedOn: '2024-04-02',
      warrantyUntil: '2027-04-02',
      disposedOn: null,
      attributes: { volumeL: 3000 },
    },
  ],
})
z.globalRegistry.add(installationSchema, {
  id: 'Installation',
  examples: [
    {
      id: '019c7a54-7c00-7000-8000-000000000000',
      deviceId: 'probe-1',
      assetId: 'bin-1',
      channel: null,
      installedAt: '2026-03-01T08:00:00.000Z',
      removedAt: null,
      calibration: { fill: { emptyM: 1.8, fullM: 0.3 } },
      recordedAt: '2026-03-01T08:12:30.000Z',
    },
  ],
})

// Swagger UI sets styles on elements as it draws them, and draws its icons from data: addresses; nothing comes from
// elsewhere.
const docsPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const policyTexts: Record<Policy, string> = {
  public: 'Needs no token.',
  viewer: 'Needs the role `viewer`, or a greater one.',
  technician: 'Needs the role `technician`, or a greater one.',
  manager: 'Needs the role `manager`, or `admin`.',
  admin: 'Needs the role `admin`.',
}

/** Describes the routes that follow in `/api/openapi.json` (OpenAPI 3.1), to be tried out at `/api/docs`. */
export async function installOpenapi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Parvis',
        version,
        description: `A city's sensors and its inventory in one place. Times are RFC 3339: any offset in requests, UTC with milliseconds in answers. Lists come in pages: \`limit\` items, and \`next\`, the \`cursor\` of the page after, or null. Errors are RFC 9457 problem documents with a stable \`code\`, in French or English by \`Accept-Language\`. One object is told with its \`ETag\`: a change that names it in \`If-Match\` is refused when the object was changed meanwhile. \`X-Parvis-Reason\` (percent-encoded) says why something is changed, and is kept with the change.`,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: tags.map(([name, description]) => ({ name, description })),
      security: [{ bearer: [] }, { cookie: [] }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A token, for programs.' },
          cookie: {
            type: 'apiKey',
            in: 'cookie',
            name: 'parvis',
            description: 'For browsers, set by `POST /api/v1/session`; `__Host-parvis` where the address is https.',
          },
        },
      },
    },
    transform: describeRoute as SwaggerTransform,
    transformObject: describeSchemas,
  })
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: docsPolicy,
    theme: { title: 'Parvis API' },
    uiConfig: { layout: 'BaseLayout', docExpansion: 'list', tryItOutEnabled: true, defaultModelsExpandDepth: 0 },
  })
}

const tags = [
  ['devices', 'The sensor units, and what they measure.'],
  ['assets', 'The inventoried objects that devices watch.'],
  ['installations', 'Which device was on which asset, and when.'],
  ['status', 'Which assets work, and which need someone.'],
  ['ingest', 'What could not be read, and reading it again.'],
  ['stream', 'Readings as they arrive.'],
  ['files', 'CSV in and out.'],
  ['catalogue', 'The quantities and device models that Parvis knows.'],
  ['access', 'Who may do what.'],
  ['platform', 'Whether Parvis itself is well.'],
] as const

// The schemas that operations refer to; the library also gives each as an input, which hardly any is.
const describeSchemas: SwaggerTransformObject = (document) => {
  const described = jsonSchemaTransformObject(document)
  const { components } = described as { components?: { schemas?: Record<string, unknown> } }
  const text = JSON.stringify(described)
  const used = Object.entries(components?.schemas ?? {}).filter(([id]) => text.includes(`"#/components/schemas/${id}"`))
  return { ...described, components: { ...components, schemas: Object.fromEntries(used) } } as typeof described
}

// What every route has, beside what its schema says: the role that it asks for, and its refusals.
const describeRoute: SwaggerTransform = (document) => {
  const { schema, url } = jsonSchemaTransform(document as Parameters<typeof jsonSchemaTransform>[0])
  const policy = document.route.config?.role
  if (schema === undefined || schema.hide === true || policy === undefined) return { schema, url }
  const responses = (schema.response ?? {}) as Record<string, { description?: string }>
  for (const [status, response] of Object.entries(responses)) response.description ??= STATUS_CODES[status] ?? ''
  return {
    url,
    schema: {
      operationId: nameOperation(document.route.method, url),
      ...schema,
      description: [schema.description, policyTexts[policy]].filter(Boolean).join('\n\n'),
      ...(policy === 'public' ? { security: [] } : {}),
      'x-role': policy,
      response: {
        ...responses,
        default: {
          description: 'A refusal, or a failure.',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    } as typeof schema,
  }
}

// `GET /api/v1/devices/:id/latest` is `getDevicesByIdLatest`: clients that are generated name their functions so.
function nameOperation(method: string | readonly string[], url: string): string {
  const words = url
    .replace('/api/v1', '')
    .replace(/:(\w+)/g, 'by-$1')
    .split(/[^A-Za-z0-9]+/)
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return `${[method].flat()[0]!.toLowerCase()}${name}`
}
