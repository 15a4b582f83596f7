import { z } from 'zod'
import { foldLogin, languageSchema } from '../../domain/account.ts'
import { Problem } from '../../domain/problem.ts'
import { formatTime } from '../../domain/time.ts'
import {
  changePassword,
  chooseLanguage,
  endOtherSessions,
  endOwnSession,
  getOwnAccount,
  listSessions,
} from '../../inventory/own-account.ts'
import { refuseForNow, setSessionCookie, visitorOf } from '../access.ts'
import type { Routes } from '../context.ts'
import { idParams, timeOut, wholeList } from '../shapes.ts'
import { accountSchema, tellAccount } from './accounts.ts'

const tags = ['access']

const sessionInfoSchema = z
  .object({
    id: z.string(),
    address: z.string(),
    agent: z.string().describe('What the browser says that it is.'),
    createdAt: timeOut,
    usedAt: timeOut.describe('To the minute.'),
    expiresAt: timeOut,
    isThis: z.boolean().describe('Whether it is the one that asks.'),
  })
  .meta({ id: 'SessionInfo' })

const passwordIn = z.string().min(1).max(1024)

/** What people see and change of their own account. */
export const ownAccountRoutes: Routes = (api, context) => {
  api.get(
    '/account',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'One’s own account',
        description: 'A token has none: 404.',
        response: { 200: accountSchema },
      },
    },
    async (request) => tellAccount(await getOwnAccount(request.access)),
  )

  api.patch(
    '/account',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Choose the language of the pages',
        body: z.strictObject({ language: languageSchema.nullable() }),
        response: { 200: accountSchema },
      },
    },
    async (request) => {
      await chooseLanguage(request.access, request.body.language)
      return tellAccount(await getOwnAccount(request.access))
    },
  )

  api.put(
    '/account/password',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Change one’s own password',
        description: 'Ends all sessions of the account; a browser that asks is signed in anew.',
        body: z.strictObject({ current: passwordIn, password: passwordIn }),
        response: { 204: z.undefined().describe('It is changed.') },
      },
    },
    async (request, reply) => {
      const { caller, access } = request
      const attempt = context.signInAttempts.begin(request.ip, foldLogin(caller!.login ?? ''))
      if (attempt.waitMs > 0) return refuseForNow(reply, attempt.waitMs)
      const opened = await changePassword(access, request.body, visitorOf(request)).catch((error) => {
        if (!(error instanceof Problem) || error.code !== 'wrong_password') attempt.forgive()
        throw error
      })
      attempt.forgive()
      setSessionCookie(request, reply, context.config, opened)
      request.log.info({ address: request.ip, account: caller!.id }, 'password changed')
      reply.code(204)
    },
  )

  api.get(
    '/account/sessions',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'The browsers in which one is signed in',
        response: { 200: z.object({ items: z.array(sessionInfoSchema), next: z.null() }) },
      },
    },
    async (request) => {
      const sessions = await listSessions(request.access)
      return wholeList(
        sessions.map(({ createdAt, usedAt, expiresAt, ...session }) => ({
          ...session,
          createdAt: formatTime(createdAt),
          usedAt: formatTime(usedAt),
          expiresAt: formatTime(expiresAt),
          isThis: session.id === request.caller!.sessionId,
        })),
      )
    },
  )

  api.delete(
    '/account/sessions',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'End all of one’s other sessions',
        response: { 204: z.undefined().describe('They have ended.') },
      },
    },
    async (request, reply) => {
      await endOtherSessions(request.access, request.caller!.sessionId)
      reply.code(204)
    },
  )

  api.delete(
    '/account/sessions/:id',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'End one of one’s own sessions',
        params: idParams,
        response: { 204: z.undefined().describe('It has ended.') },
      },
    },
    async (request, reply) => {
      await endOwnSession(request.access, request.params.id)
      reply.code(204)
    },
  )
}
