import { z } from 'zod'
import { roles } from '../../domain/role.ts'
import { formatTime } from '../../domain/time.ts'
import { addToken, listTokens, revokeToken, servicesSchema, type TokenInfo } from '../../inventory/tokens.ts'
import type { Routes } from '../context.ts'
import { idParams, pageOf, pageQuery, tellTime, timeOut } from '../shapes.ts'

const tags = ['access']

const tokenSchema = z
  .object({
    id: z.string(),
    role: z.enum(roles),
    name: z.string().nullable(),
    services: z.array(z.string()).nullable().describe('To which it is limited; null for all.'),
    createdAt: timeOut,
    revokedAt: timeOut.nullable(),
  })
  .meta({ id: 'Token' })

export const tokenRoutes: Routes = (api) => {
  api.get(
    '/tokens',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Tokens, in the order in which they were made, without their secrets',
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(tokenSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listTokens(request.access, request.query)
      return { items: items.map(tellToken), next }
    },
  )

  api.post(
    '/tokens',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Make a token',
        description:
          'Answers the token itself, this one time. With `services` it sees what belongs to them, and nothing else.',
        body: z.strictObject({
          role: z.enum(roles),
          name: z.string().max(120).nullable().optional(),
          services: servicesSchema.nullable().optional(),
        }),
        response: { 201: z.object({ id: z.string(), token: z.string() }) },
      },
    },
    async (request, reply) => {
      reply.code(201)
      return addToken(request.access, request.body)
    },
  )

  api.delete(
    '/tokens/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'End a token',
        params: idParams,
        response: { 204: z.undefined().describe('It has ended.') },
      },
    },
    async (request, reply) => {
      await revokeToken(request.access, request.params.id)
      reply.code(204)
    },
  )
}

function tellToken(token: TokenInfo): z.infer<typeof tokenSchema> {
  return { ...token, createdAt: formatTime(token.createdAt), revokedAt: tellTime(token.revokedAt) }
}
