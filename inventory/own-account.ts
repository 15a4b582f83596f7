import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { verifyPassword } from '../store/passwords.ts'
import { type Account, changeRow, getAccount, type ListedAccount } from './accounts.ts'
import { type OpenedSession, type Session, sessionLimits, toSession, type Visitor } from './sessions.ts'
import { enter, judgeAndHash } from './sign-in.ts'

/*
 * What people see and change of their own account, whatever they are limited to. A token has none: Problem `not_found`.
 */

export async function getOwnAccount(access: Access): Promise<ListedAccount> {
  return getAccount({ ...access, registry: whole(access) }, ownId(access))
}

/** Chooses the language of the pages. */
export async function chooseLanguage(access: Access, language: 'fr' | 'en' | null): Promise<Account> {
  return changeRow(access, ownId(access), async (before) => ({ ...before, language }))
}

/**
 * Changes the own password, ends all of the account's sessions, and opens a new one for who asks. Throws Problem
 * `wrong_password`, `weak_password`.
 */
export async function changePassword(
  access: Access,
  { current, password }: { current: string; password: string },
  visitor: Visitor,
): Promise<OpenedSession> {
  const id = ownId(access)
  const row = await whole(access).selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  if (row.password === null || !(await verifyPassword(current, row.password))) throw new Problem('wrong_password')
  const stored = await judgeAndHash(password, row)
  await changeRow(access, id, async (before, { all }) => {
    // Someone was quicker, and the password that was shown is not the present one any more.
    if (before.password !== row.password) throw new Problem('wrong_password')
    await all.deleteFrom('sessions').where('account_id', '=', id).execute()
    return { ...before, password: stored, password_set_at: Date.now(), link_hash: null, link_expires_at: null }
  })
  const opened = await enter(whole(access), { id, password: stored }, visitor)
  if (opened === null) throw new Problem('bad_credentials')
  return opened
}

/** The browsers in which one is signed in, the one that was used last first. */
export async function listSessions(access: Access): Promise<Session[]> {
  const now = Date.now()
  const rows = await whole(access)
    .selectFrom('sessions')
    .selectAll()
    .where('account_id', '=', ownId(access))
    .where('expires_at', '>', now)
    .where('used_at', '>', now - sessionLimits.account.maxIdleMs)
    .orderBy('used_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
  return rows.map(toSession)
}

/** Ends one of one's own sessions. Throws Problem `not_found`. */
export async function endOwnSession(access: Access, sessionId: string): Promise<void> {
  const { numDeletedRows } = await whole(access)
    .deleteFrom('sessions')
    .where('account_id', '=', ownId(access))
    .where('id', '=', sessionId)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw new Problem('not_found', sessionId)
}

/** Ends all of one's own sessions but one. */
export async function endOtherSessions(access: Access, sessionId: string | null): Promise<void> {
  await whole(access)
    .deleteFrom('sessions')
    .where('account_id', '=', ownId(access))
    .where('id', '!=', sessionId ?? '')
    .execute()
}

function ownId({ actor }: Access): string {
  if (actor.kind === 'account') return actor.id
  throw new Problem('not_found', { fr: 'un jeton n’a pas de compte', en: 'a token has no account' })
}

// Scope shows no accounts to those who are limited; every question here names its own.
function whole({ registry }: Access): Access['registry'] {
  return Object.assign(registry.withoutPlugins(), { dataDir: registry.dataDir })
}
