import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { languageSchema } from '../../domain/account.ts'
import { roles } from '../../domain/role.ts'
import { formatTime } from '../../domain/time.ts'
import {
  type Account,
  accountChangesSchema,
  addAccount,
  changeAccount,
  getAccount,
  type ListedAccount,
  listAccounts,
  makeLink,
  newAccountSchema,
} from '../../inventory/accounts.ts'
import type { Routes } from '../context.ts'
import { idParams, pageOf, pageQuery, tellTime, timeOut } from '../shapes.ts'

const tags = ['access']

/** An account, in the API's words. */
export const accountSchema = z
  .object({
    id: z.string(),
    login: z.string(),
    name: z.string(),
    role: z.enum(roles),
    services: z.array(z.string()).nullable().describe('To which it is limited; null for all.'),
    language: languageSchema.nullable(),
    createdAt: timeOut,
    passwordSetAt: timeOut.nullable().describe('Null until its person has chosen a password.'),
    linkExpiresAt: timeOut.nullable().describe('Until when its one-time link may be used; null without one.'),
    disabledAt: timeOut.nullable(),
    lastSignInAt: timeOut.nullable(),
  })
  .meta({ id: 'Account' })

const linkSchema = z.object({
  link: z.string().describe('The address to hand to the person; it is told this one time.'),
  linkExpiresAt: timeOut,
})

export const accountRoutes: Routes = (api, { config }) => {
  api.get(
    '/accounts',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'People who may sign in, by user name',
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(accountSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listAccounts(request.access, request.query)
      return { items: items.map(tellAccount), next }
    },
  )

  api.post(
    '/accounts',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Add an account',
        description:
          'Answers the one-time link by which its person chooses a password. With `services` it sees what belongs to them, and nothing else.',
        body: newAccountSchema,
        response: { 201: accountSchema.extend(linkSchema.shape) },
      },
    },
    async (request, reply) => {
      const { account, link } = await addAccount(request.access, request.body)
      reply.code(201).header('location', `/api/v1/accounts/${account.id}`)
      return { ...tellAccount({ ...account, lastSignInAt: null }), ...tellLink(request, account, link) }
    },
  )

  api.get(
    '/accounts/:id',
    {
      config: { role: 'admin' },
      schema: { tags, summary: 'One account', params: idParams, response: { 200: accountSchema } },
    },
    async (request) => tellAccount(await getAccount(request.access, request.params.id)),
  )

  api.patch(
    '/accounts/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Change an account',
        description: 'Its sessions end when its role or its services change, or when it is disabled.',
        params: idParams,
        body: accountChangesSchema,
        response: { 200: accountSchema },
      },
    },
    async (request) => {
      await changeAccount(request.access, request.params.id, request.body)
      return tellAccount(await getAccount(request.access, request.params.id))
    },
  )

  api.post(
    '/accounts/:id/link',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Make a one-time link to choose a new password',
        description: 'The one that was made before is void. The present password stays good until the link is used.',
        params: idParams,
        response: { 201: linkSchema },
      },
    },
    async (request, reply) => {
      const { account, link } = await makeLink(request.access, request.params.id)
      reply.code(201)
      return tellLink(request, account, link)
    },
  )

  // What stands behind # is never sent: no log and no other site ever reads the link.
  function tellLink(request: FastifyRequest, { linkExpiresAt }: Account, link: string): z.infer<typeof linkSchema> {
    const origin = config.PARVIS_PUBLIC_URL?.replace(/\/+$/, '') ?? `${request.protocol}://${request.host}`
    return { link: `${origin}/#link=${link}`, linkExpiresAt: formatTime(linkExpiresAt!) }
  }
}

export function tellAccount(account: ListedAccount): z.infer<typeof accountSchema> {
  const { createdAt, passwordSetAt, linkExpiresAt, disabledAt, lastSignInAt } = account
  return {
    ...account,
    createdAt: formatTime(createdAt),
    passwordSetAt: tellTime(passwordSetAt),
    linkExpiresAt: tellTime(linkExpiresAt),
    disabledAt: tellTime(disabledAt),
    lastSignInAt: tellTime(lastSignInAt),
  }
}
