import { z } from 'zod'
import { roles } from '../../domain/role.ts'
import { checkSameOrigin, checkToken, clearSessionCookie, isFromBrowser, setSessionCookie } from '../access.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'

const tags = ['access']

const sessionSchema = z
  .object({ role: z.enum(roles), name: z.string().nullable(), language: z.enum(['fr', 'en']) })
  .meta({ id: 'Session' })

export const sessionRoutes: Routes = (api, context) => {
  const { config } = context

  api.get(
    '/session',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'Who is signed in', response: { 200: sessionSchema } },
    },
    async (request) => {
      const { role, name } = request.caller!
      return { role, name, language: languageOf(request, config) }
    },
  )

  api.post(
    '/session',
    {
      config: { role: 'public' },
      schema: {
        tags,
        summary: 'Sign a browser in',
        description: 'Exchanges a token for a cookie that scripts cannot read and other sites cannot use.',
        body: z.strictObject({ token: z.string().max(256) }),
        response: { 200: sessionSchema },
      },
    },
    async (request, reply) => {
      // Another site could otherwise sign a reader in under a token of its own.
      if (isFromBrowser(request)) checkSameOrigin(request, config)
      const { role, name } = await checkToken(request.body.token, request, reply, context)
      setSessionCookie(request, reply, config, request.body.token)
      return { role, name, language: languageOf(request, config) }
    },
  )

  api.delete(
    '/session',
    {
      config: { role: 'public' },
      schema: { tags, summary: 'Sign a browser out', response: { 204: z.undefined().describe('Signed out.') } },
    },
    async (request, reply) => {
      if (isFromBrowser(request)) checkSameOrigin(request, config)
      clearSessionCookie(request, reply, config)
      reply.code(204)
    },
  )
}
