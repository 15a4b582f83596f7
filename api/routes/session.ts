import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { foldLogin, languageSchema, loginSchema, personNameSchema } from '../../domain/account.ts'
import { Problem } from '../../domain/problem.ts'
import { roles } from '../../domain/role.ts'
import type { Holder, OpenedSession } from '../../inventory/sessions.ts'
import {
  checkSameOrigin,
  clearSessionCookie,
  isFromBrowser,
  readSessionValue,
  refuseForNow,
  refuseWrong,
  setSessionCookie,
  visitorOf,
} from '../access.ts'
import type { Context, Routes } from '../context.ts'
import { languageOf } from '../errors.ts'

const tags = ['access']

const sessionSchema = z
  .object({
    role: z.enum(roles),
    name: z.string().nullable(),
    services: z.array(z.string()).nullable().describe('To which the caller is limited; null for all.'),
    login: z.string().nullable().describe('Of the account that is signed in; null for a token.'),
    language: languageSchema.describe('The one that the person chose, else that of the request.'),
  })
  .meta({ id: 'Session' })

const passwordIn = z.string().min(1).max(1024)
const linkIn = z.string().min(1).max(256).describe('What stands behind `#link=` in the address.')

/** Sessions, as one's own. */
export const sessionRoutes: Routes = (api, context) => {
  const { config, signIn } = context

  // Another site could otherwise sign a reader in under an account of its own, or out.
  const preValidation = async (request: FastifyRequest) => {
    if (isFromBrowser(request)) checkSameOrigin(request, config)
  }

  api.get(
    '/session',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'Who is signed in', response: { 200: sessionSchema } },
    },
    async (request) => tellSession(request.caller!, request, context),
  )

  api.post(
    '/session',
    {
      config: { role: 'public' },
      preValidation,
      schema: {
        tags,
        summary: 'Sign a browser in',
        description:
          'By user name and password, or by a token. Answers a cookie that scripts cannot read and other sites cannot use. After too many wrong tries 429, with `Retry-After`, for accounts that exist and for others alike.',
        body: z.union([
          z.strictObject({ token: z.string().max(256) }),
          z.strictObject({ login: z.string().max(254), password: passwordIn }),
        ]),
        response: { 200: sessionSchema },
      },
    },
    async (request, reply) => {
      const { body } = request
      if (!('token' in body)) return enter(await signInByPassword(body, request, reply), request, reply)
      const opened = await signIn.byToken(body.token, visitorOf(request))
      return enter(opened ?? refuseWrong(request, reply, context), request, reply)
    },
  )

  api.delete(
    '/session',
    {
      config: { role: 'public' },
      preValidation,
      schema: { tags, summary: 'Sign a browser out', response: { 204: z.undefined().describe('Signed out.') } },
    },
    async (request, reply) => {
      const value = readSessionValue(request, config)
      if (value !== null) await signIn.end(value)
      clearSessionCookie(request, reply, config)
      reply.code(204)
    },
  )

  api.post(
    '/links/read',
    {
      config: { role: 'public' },
      preValidation,
      schema: {
        tags,
        summary: 'What a one-time link is good for',
        body: z.strictObject({ link: linkIn }),
        response: {
          200: z.discriminatedUnion('for', [
            z.object({ for: z.literal('first_admin') }),
            z.object({ for: z.literal('password'), login: z.string(), name: z.string() }),
          ]),
        },
      },
    },
    async (request, reply) =>
      (await signIn.readLink(request.body.link)) ?? refuseWrong(request, reply, context, new Problem('bad_link')),
  )

  api.post(
    '/links/password',
    {
      config: { role: 'public' },
      preValidation,
      schema: {
        tags,
        summary: 'Choose a password by a one-time link',
        description: 'Ends the sessions of the account, and signs this browser in.',
        body: z.strictObject({ link: linkIn, password: passwordIn }),
        response: { 200: sessionSchema },
      },
    },
    async (request, reply) => {
      const { link, password } = request.body
      const opened = await signIn.byLink(link, password, visitorOf(request))
      return enter(opened ?? refuseWrong(request, reply, context, new Problem('bad_link')), request, reply)
    },
  )

  api.post(
    '/links/first-admin',
    {
      config: { role: 'public' },
      preValidation,
      schema: {
        tags,
        summary: 'Make the first administrator',
        description: 'By the link that the server prints as it starts, while there is none. Signs this browser in.',
        body: z.strictObject({ link: linkIn, login: loginSchema, name: personNameSchema, password: passwordIn }),
        response: { 200: sessionSchema },
      },
    },
    async (request, reply) => {
      const { link, ...person } = request.body
      const opened = await signIn.asFirstAdmin(link, person, visitorOf(request))
      return enter(opened ?? refuseWrong(request, reply, context, new Problem('bad_link')), request, reply)
    },
  )

  async function signInByPassword(
    { login, password }: { login: string; password: string },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<OpenedSession> {
    const attempt = context.signInAttempts.begin(request.ip, foldLogin(login))
    if (attempt.waitMs > 0) return refuseForNow(reply, attempt.waitMs)
    const opened = await signIn.byPassword(login, password, visitorOf(request))
    if (opened === null) {
      request.log.warn({ address: request.ip }, 'a wrong user name or password')
      throw new Problem('bad_credentials', {
        fr: 'nom d’utilisateur ou mot de passe incorrect',
        en: 'wrong user name or password',
      })
    }
    attempt.forgive()
    return opened
  }

  // Always a new session, whatever cookie came; the one that it stood for ends.
  async function enter(opened: OpenedSession, request: FastifyRequest, reply: FastifyReply) {
    const before = readSessionValue(request, config)
    if (before !== null) await signIn.end(before)
    setSessionCookie(request, reply, config, opened)
    request.log.info({ address: request.ip, [opened.holder.kind]: opened.holder.id }, 'signed in')
    return tellSession(opened.holder, request, context)
  }
}

/** Who is signed in, in the API's words. */
export function tellSession(
  { role, name, services, login, language }: Holder,
  request: FastifyRequest,
  { config }: Context,
): z.infer<typeof sessionSchema> {
  return { role, name, services, login, language: language ?? languageOf(request, config) }
}
