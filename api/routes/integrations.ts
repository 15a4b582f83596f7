import { z } from 'zod'
import { formatTime } from '../../domain/time.ts'
import {
  addIntegration,
  getIntegration,
  type Integration,
  listIntegrations,
  newIntegrationSchema,
  revokeIntegration,
} from '../../inventory/integrations.ts'
import type { Routes } from '../context.ts'
import { idParams, pageOf, pageQuery, tellTime, timeOut } from '../shapes.ts'

const tags = ['access']

const integrationSchema = z
  .object({
    name: z.string(),
    format: z.string(),
    topics: z.array(z.string()),
    createdAt: timeOut,
    revokedAt: timeOut.nullable(),
  })
  .meta({ id: 'Integration' })

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
  const { createdAt, revokedAt } = integration
  return { ...integration, createdAt: formatTime(createdAt), revokedAt: tellTime(revokedAt) }
}
