import { z } from 'zod'
import { formats } from '../../devices/catalogue.ts'
import { formatTime } from '../../domain/time.ts'
import {
  addIntegration,
  getIntegration,
  type Integration,
  listIntegrations,
  newIntegrationSchema,
  renewIntegrationSecret,
  revokeIntegration,
} from '../../inventory/integrations.ts'
import type { Routes } from '../context.ts'
import { idParams, labelSchema, pageOf, pageQuery, tellTime, timeOut, wholeList } from '../shapes.ts'

const tags = ['access']

const integrationSchema = z
  .object({
    name: z.string(),
    format: z.string(),
    topics: z.array(z.string()),
    createdAt: timeOut,
    secretSetAt: timeOut.nullable().describe('When its secret was renewed; null for the one that it was added with.'),
    revokedAt: timeOut.nullable(),
  })
  .meta({ id: 'Integration' })

const formatSchema = z.object({ id: z.string(), label: labelSchema }).meta({ id: 'Format' })

export const integrationRoutes: Routes = (api) => {
  api.get(
    '/integrations',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Network servers that publish for devices, by name',
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(integrationSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listIntegrations(request.access, request.query)
      return { items: items.map(tellIntegration), next }
    },
  )

  api.post(
    '/integrations',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Add an integration',
        description:
          'Answers its `secret`, this one time; Parvis generates it when none is given. Its name is its user name at the MQTT broker.',
        body: newIntegrationSchema,
        response: { 201: integrationSchema.extend({ secret: z.string() }) },
      },
    },
    async (request, reply) => {
      const { integration, secret } = await addIntegration(request.access, request.body)
      reply.code(201).header('location', `/api/v1/integrations/${encodeURIComponent(integration.name)}`)
      return { ...tellIntegration(integration), secret }
    },
  )

  api.get(
    '/integrations/:id',
    {
      config: { role: 'admin' },
      schema: { tags, summary: 'One integration', params: idParams, response: { 200: integrationSchema } },
    },
    async (request) => tellIntegration(await getIntegration(request.access, request.params.id)),
  )

  api.post(
    '/integrations/:id/secret',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Give an integration another secret',
        description:
          'Answers it, this one time; Parvis generates it when none is given. The old one is of no use from then on, and clients that are connected with it are disconnected within a second.',
        params: idParams,
        body: newIntegrationSchema.pick({ secret: true }).nullish(),
        response: { 200: integrationSchema.extend({ secret: z.string() }) },
      },
    },
    async (request) => {
      const { integration, secret } = await renewIntegrationSecret(
        request.access,
        request.params.id,
        request.body ?? {},
      )
      return { ...tellIntegration(integration), secret }
    },
  )

  api.get(
    '/formats',
    {
      config: { role: 'public' },
      schema: {
        tags,
        summary: 'The formats in which integrations publish',
        response: { 200: z.object({ items: z.array(formatSchema), next: z.null() }) },
      },
    },
    async () => wholeList([...formats.values()].map(({ id, label }) => ({ id, label }))),
  )

  api.delete(
    '/integrations/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'End the credential of an integration',
        description: 'Its clients are disconnected. The name stays taken.',
        params: idParams,
        response: { 204: z.undefined().describe('It has ended.') },
      },
    },
    async (request, reply) => {
      await revokeIntegration(request.access, request.params.id)
      reply.code(204)
    },
  )
}

function tellIntegration(integration: Integration): z.infer<typeof integrationSchema> {
  const { createdAt, secretSetAt, revokedAt } = integration
  return {
    ...integration,
    createdAt: formatTime(createdAt),
    secretSetAt: tellTime(secretSetAt),
    revokedAt: tellTime(revokedAt),
  }
}
