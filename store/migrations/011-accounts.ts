import type { Transaction } from 'kysely'

/** People who sign in, and the browsers in which someone is signed in. */
export async function up({ schema }: Transaction<unknown>): Promise<void> {
  await schema
    .createTable('accounts')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('login', 'text', (c) => c.notNull())
    .addColumn('login_key', 'text', (c) => c.notNull().unique())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('services', 'text')
    .addColumn('language', 'text')
    .addColumn('password', 'text')
    .addColumn('password_set_at', 'bigint')
    .addColumn('link_hash', 'text', (c) => c.unique())
    .addColumn('link_expires_at', 'bigint')
    .addColumn('disabled_at', 'bigint')
    .addColumn('last_sign_in_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createTable('sessions')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('hash', 'text', (c) => c.notNull().unique())
    .addColumn('account_id', 'text', (c) => c.references('accounts.id'))
    .addColumn('token_id', 'text', (c) => c.references('tokens.id'))
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('agent', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('used_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('sessions_by_account').on('sessions').column('account_id').execute()
  await schema.createIndex('sessions_by_token').on('sessions').column('token_id').execute()
}
