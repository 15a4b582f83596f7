import { timingSafeEqual } from 'node:crypto'
import { foldLogin, loginSchema, personNameSchema } from '../domain/account.ts'
import { judgePassword } from '../domain/password.ts'
import { Problem } from '../domain/problem.ts'
import { openAccess } from '../store/access.ts'
import { hashPassword, nobodysPassword, verifyPassword } from '../store/passwords.ts'
import { mutate, type Registry, type RegistryTransaction } from '../store/registry.ts'
import type { AccountTable } from '../store/registry-tables.ts'
import { openVault } from '../store/vault.ts'
import { hasAdmin, hashLink, insertAccount, newRow, toAccount } from './accounts.ts'
import { parseInput } from './input.ts'
import { endSession, type Holder, type OpenedSession, openSession, type Visitor } from './sessions.ts'
import { verifyToken } from './tokens.ts'

/** Signing in, for those of whom nothing is known yet. */
export type SignIn = {
  /** Null for a token that is not known. */
  byToken(token: string, visitor: Visitor): Promise<OpenedSession | null>
  /** Null for a wrong pair, without saying what is wrong, and after the same time whether the account exists or not. */
  byPassword(login: string, password: string, visitor: Visitor): Promise<OpenedSession | null>
  /** What a one-time link is good for; null for one that is not. */
  readLink(link: string): Promise<LinkUse | null>
  /**
   * Makes the first administrator. Null for a link that is not the one that was printed, or is not needed any more.
   * Throws Problem `bad_request`, `weak_password`, `already_exists`.
   */
  asFirstAdmin(
    link: string,
    person: { login: string; name: string; password: string },
    visitor: Visitor,
  ): Promise<OpenedSession | null>
  /** Sets the password that the link of an account is for, and ends its sessions. Null for a link that is not good. */
  byLink(link: string, password: string, visitor: Visitor): Promise<OpenedSession | null>
  /** Ends the session of a cookie. */
  end(value: string): Promise<void>
}

export type LinkUse = { for: 'first_admin' } | { for: 'password'; login: string; name: string }

/**
 * The one-time link that makes the first administrator: the same at each start, so that any of those that were printed
 * works; null once there is one. It is derived from the key in the data folder, and stored nowhere.
 */
export async function readFirstLink(registry: Registry): Promise<string | null> {
  return (await hasAdmin(registry)) ? null : openVault(registry.dataDir).derive('first administrator')
}

/** Opens the door of a registry. `verify` is what judges passwords. */
export function openSignIn(registry: Registry, verify = verifyPassword): SignIn {
  return {
    async byToken(token, visitor) {
      const found = await verifyToken(registry, token)
      if (found === null) return null
      const holder: Holder = { kind: 'token', ...found, login: null, language: null }
      return registry.transaction().execute((trx) => openSession(trx, holder, visitor))
    },

    async byPassword(login, password, visitor) {
      const row = await registry
        .selectFrom('accounts')
        .selectAll()
        .where('login_key', '=', foldLogin(login))
        .executeTakeFirst()
      const isRight = await verify(password, row?.password ?? nobodysPassword)
      if (!isRight || row === undefined) return null
      return enter(registry, row, visitor)
    },

    async readLink(link) {
      if (await isFirstLink(registry, link)) return { for: 'first_admin' }
      const row = await findLink(registry, link)
      return row === undefined ? null : { for: 'password', login: row.login, name: row.name }
    },

    async asFirstAdmin(link, { login, name, password }, visitor) {
      if (!(await isFirstLink(registry, link))) return null
      const person = { login: parseInput(loginSchema, login), name: parseInput(personNameSchema, name) }
      const stored = await judgeAndHash(password, person)
      const made = newRow({ ...person, role: 'admin', services: null }, 0)
      const account = await mutate(actingAs(registry, made), async (change) => {
        // Of two who use the link at once, one is the first.
        if (await hasAdmin(change.trx)) return null
        const row = { ...made, password: stored, password_set_at: Date.now(), revision: change.revision }
        await insertAccount(change, row)
        return row
      })
      return account && enter(registry, account, visitor)
    },

    async byLink(link, password, visitor) {
      const row = await findLink(registry, link)
      if (row === undefined) return null
      const stored = await judgeAndHash(password, row)
      const account = await mutate(actingAs(registry, row), async ({ trx, revision, record }) => {
        const before = await findLink(trx, link)
        if (before === undefined) return null
        const chosen = { password: stored, password_set_at: Date.now(), link_hash: null, link_expires_at: null }
        await trx
          .updateTable('accounts')
          .set({ ...chosen, revision })
          .where('id', '=', before.id)
          .execute()
        await trx.deleteFrom('sessions').where('account_id', '=', before.id).execute()
        const after = { ...before, ...chosen }
        record('account', before.id, toAccount(before), toAccount(after))
        return after
      })
      return account && enter(registry, account, visitor)
    },

    end: (value) => endSession(registry, value),
  }
}

/** What to keep of a password that is being chosen. Throws Problem `weak_password`. */
export async function judgeAndHash(password: string, person: { name: string; login: string }): Promise<string> {
  const fault = judgePassword(password, person)
  if (fault !== null) throw new Problem('weak_password', fault)
  return hashPassword(password)
}

/**
 * Opens a session to an account whose password was right a moment ago. The row is written to first: a change of the
 * password, or the end of the account, is either seen here, or waits and then ends this session too.
 */
export function enter(
  registry: Registry,
  { id, password }: Pick<AccountTable, 'id' | 'password'>,
  visitor: Visitor,
): Promise<OpenedSession | null> {
  return registry.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('accounts')
      .set({ last_sign_in_at: Date.now() })
      .where('id', '=', id)
      .where('password', '=', password)
      .where('disabled_at', 'is', null)
      .returningAll()
      .executeTakeFirst()
    if (row === undefined) return null
    const { login, role, name, services, language } = toAccount(row)
    return openSession(trx, { kind: 'account', id, role, name, services, login, language }, visitor)
  })
}

async function isFirstLink(registry: Registry, link: string): Promise<boolean> {
  const first = await readFirstLink(registry)
  return first !== null && timingSafeEqual(Buffer.from(hashLink(first)), Buffer.from(hashLink(link)))
}

function findLink(registry: Registry | RegistryTransaction, link: string): Promise<AccountTable | undefined> {
  return registry
    .selectFrom('accounts')
    .selectAll()
    .where('link_hash', '=', hashLink(link))
    .where('link_expires_at', '>', Date.now())
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
}

// Who uses a link acts as the account that it is for.
function actingAs(registry: Registry, { id, name }: Pick<AccountTable, 'id' | 'name'>) {
  return openAccess(registry, { kind: 'account', id, name })
}
