import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto'
import { z } from 'zod'
import { foldLogin, loginSchema, personNameSchema } from '../domain/account.ts'
import { Problem } from '../domain/problem.ts'
import { type Role, roles } from '../domain/role.ts'
import type { Access } from '../store/access.ts'
import { type Change, mutate, type RegistryTransaction } from '../store/registry.ts'
import type { AccountTable } from '../store/registry-tables.ts'
import { parseInput } from './input.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'
import { servicesSchema } from './tokens.ts'

/** A person who signs in, as the audit knows it: without the password and its hash. Times are UTC epoch ms. */
export type Account = {
  id: string
  login: string
  name: string
  role: Role
  /** The services to which it is limited; null for all. */
  services: string[] | null
  /** The language that the person chose; null for that of the browser. */
  language: 'fr' | 'en' | null
  createdAt: number
  /** Null until the person has chosen a password. */
  passwordSetAt: number | null
  /** Until when a one-time link may be used to choose a password; null without one. */
  linkExpiresAt: number | null
  disabledAt: number | null
}

/** An account in the list, with what is no change of it. */
export type ListedAccount = Account & { lastSignInAt: number | null }

/** What an account is made from. */
export const newAccountSchema = z.strictObject({
  login: loginSchema,
  name: personNameSchema,
  role: z.enum(roles),
  services: servicesSchema.nullable().default(null),
})
export type NewAccount = z.input<typeof newAccountSchema>

/** What an administrator may change of one. */
export const accountChangesSchema = z
  .strictObject({
    login: loginSchema,
    name: personNameSchema,
    role: z.enum(roles),
    services: servicesSchema.nullable(),
    disabled: z.boolean(),
  })
  .partial()
export type AccountChanges = z.input<typeof accountChangesSchema>

/** How long a one-time link may be used: a weekend lies between giving and using it. */
const linkMaxAgeMs = 72 * 3_600_000

/**
 * Adds an account, and the one-time link by which its person chooses a password: nobody else ever knows it. Throws
 * Problem `bad_request`, also for an administrator who is limited, or `already_exists` for a login that is taken.
 */
export async function addAccount(access: Access, input: NewAccount): Promise<{ account: Account; link: string }> {
  const { login, name, role, services } = parseInput(newAccountSchema, input)
  checkLimits(role, services)
  const link = newLink()
  const account = await mutate(access, async (change) => {
    const row = newRow({ login, name, role, services }, change.revision)
    row.link_hash = hashLink(link)
    row.link_expires_at = Date.now() + linkMaxAgeMs
    return insertAccount(change, row)
  })
  return { account, link }
}

/** An account that nobody can sign in to yet. */
export function newRow(
  { login, name, role, services }: Pick<Account, 'login' | 'name' | 'role' | 'services'>,
  revision: number,
): AccountTable {
  return {
    id: randomUUIDv7(),
    login,
    login_key: foldLogin(login),
    name,
    role,
    services: writeServices(services),
    language: null,
    password: null,
    password_set_at: null,
    link_hash: null,
    link_expires_at: null,
    disabled_at: null,
    last_sign_in_at: null,
    created_at: Date.now(),
    revision,
  }
}

/** Throws Problem `already_exists` for a login that is taken. */
export async function insertAccount({ trx, record }: Change, row: AccountTable): Promise<Account> {
  await checkLoginIsFree(trx, row)
  await trx.insertInto('accounts').values(row).execute()
  const account = toAccount(row)
  record('account', row.id, null, account)
  return account
}

/** Throws Problem `not_found`. */
export async function getAccount({ registry }: Access, id: string): Promise<ListedAccount> {
  const row = await registry.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return toListed(row)
}

/** The account that goes by a login. Throws Problem `not_found`. */
export async function findAccount({ registry }: Access, login: string): Promise<ListedAccount> {
  const key = foldLogin(login)
  const row = await registry.selectFrom('accounts').selectAll().where('login_key', '=', key).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', login)
  return toListed(row)
}

/** The accounts in the order of their logins, disabled ones too. */
export async function listAccounts(access: Access, { limit, cursor }: PageRequest): Promise<Page<ListedAccount>> {
  let query = access.registry.selectFrom('accounts').selectAll()
  if (cursor !== undefined) query = query.where('login_key', '>', decodeCursor(cursor))
  const rows = await query
    .orderBy('login_key')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => row.login_key, toListed)
}

/**
 * Changes an account. A change of what it may do ends its sessions. Throws Problem `not_found`, `bad_request`,
 * `already_exists` for a login that is taken, `last_admin` when nobody could administer any more.
 */
export async function changeAccount(access: Access, id: string, input: AccountChanges): Promise<Account> {
  const { login, name, role, services, disabled } = parseInput(accountChangesSchema, input)
  return changeRow(access, id, async (before, { trx }) => {
    const after = {
      ...before,
      login: login ?? before.login,
      login_key: foldLogin(login ?? before.login),
      name: name ?? before.name,
      role: role ?? before.role,
      services: services === undefined ? before.services : writeServices(services),
    }
    if (disabled !== undefined) after.disabled_at = disabled ? (before.disabled_at ?? Date.now()) : null
    // Whoever had the link has nothing to do here while the account is disabled, nor with what it was before.
    if (after.disabled_at !== null) Object.assign(after, { link_hash: null, link_expires_at: null })
    checkLimits(after.role, after.services)
    if (after.login_key !== before.login_key) await checkLoginIsFree(trx, after)
    if (isActiveAdmin(before) && !isActiveAdmin(after)) await checkOtherAdmin(trx, id)
    const mayOther = (['role', 'services', 'disabled_at'] as const).some((field) => after[field] !== before[field])
    if (mayOther) await trx.deleteFrom('sessions').where('account_id', '=', id).execute()
    return after
  })
}

/**
 * Makes the one-time link by which the person of an account chooses a new password; one that was made before is void.
 * The password stays as it is until then. Throws Problem `not_found`, or `bad_request` for a disabled account.
 */
export async function makeLink(access: Access, id: string): Promise<{ account: Account; link: string }> {
  const link = newLink()
  const account = await changeRow(access, id, async (before) => {
    if (before.disabled_at !== null)
      throw new Problem('bad_request', {
        fr: 'ce compte est désactivé : réactivez-le d’abord',
        en: 'this account is disabled: enable it first',
      })
    return { ...before, link_hash: hashLink(link), link_expires_at: Date.now() + linkMaxAgeMs }
  })
  return { account, link }
}

/** Changes the row of an account, and notes it. Throws Problem `not_found`. */
export function changeRow(
  access: Access,
  id: string,
  work: (before: AccountTable, change: Change) => Promise<AccountTable>,
): Promise<Account> {
  return mutate(access, async (change) => {
    const { all, revision, record } = change
    const before = await all.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
    if (before === undefined) throw new Problem('not_found', id)
    const after = await work(before, change)
    const [was, is] = [toAccount(before), toAccount(after)]
    if (JSON.stringify(after) === JSON.stringify(before)) return was
    await all
      .updateTable('accounts')
      .set({ ...after, revision })
      .where('id', '=', id)
      .execute()
    record('account', id, was, is)
    return is
  })
}

/** Whether someone can sign in who may do all. */
export async function hasAdmin(registry: Pick<RegistryTransaction, 'selectFrom'>): Promise<boolean> {
  return (await selectAdmins(registry).executeTakeFirst()) !== undefined
}

/** What a one-time link is known by. */
export function hashLink(link: string): string {
  return createHash('sha256').update(link).digest('hex')
}

function newLink(): string {
  return randomBytes(32).toString('base64url')
}

function checkLimits(role: string, services: unknown): void {
  if (services !== null && role === 'admin')
    throw new Problem('bad_request', {
      fr: 'services : un administrateur ne peut pas être limité à des services',
      en: 'services: an administrator cannot be limited to services',
    })
}

async function checkLoginIsFree(trx: RegistryTransaction, { login, login_key }: AccountTable): Promise<void> {
  const taken = await trx.selectFrom('accounts').select('id').where('login_key', '=', login_key).executeTakeFirst()
  if (taken !== undefined) throw new Problem('already_exists', login)
}

function isActiveAdmin({ role, password, disabled_at }: AccountTable): boolean {
  return role === 'admin' && password !== null && disabled_at === null
}

function selectAdmins(registry: Pick<RegistryTransaction, 'selectFrom'>) {
  return registry
    .selectFrom('accounts')
    .select('id')
    .where('role', '=', 'admin')
    .where('password', 'is not', null)
    .where('disabled_at', 'is', null)
    .limit(1)
}

async function checkOtherAdmin(trx: RegistryTransaction, id: string): Promise<void> {
  if ((await selectAdmins(trx).where('id', '!=', id).executeTakeFirst()) === undefined) throw new Problem('last_admin')
}

export function toAccount(row: AccountTable): Account {
  return {
    id: row.id,
    login: row.login,
    name: row.name,
    role: row.role as Role,
    services: toServices(row.services),
    language: row.language,
    createdAt: row.created_at,
    passwordSetAt: row.password_set_at,
    linkExpiresAt: row.link_expires_at,
    disabledAt: row.disabled_at,
  }
}

function toListed(row: AccountTable): ListedAccount {
  return { ...toAccount(row), lastSignInAt: row.last_sign_in_at }
}

function toServices(text: string | null): string[] | null {
  return text === null ? null : (JSON.parse(text) as string[])
}

function writeServices(services: readonly string[] | null): string | null {
  return services === null ? null : JSON.stringify(services)
}
