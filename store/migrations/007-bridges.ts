import type { Transaction } from 'kysely'

/** What integrations sign with, sealed; and the bridges that fetch from other brokers. */
export async function up({ schema }: Transaction<unknown>): Promise<void> {
  await schema.alterTable('integrations').addColumn('sealed_secret', 'text').execute()
  await schema
    .createTable('bridges')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('integration', 'text', (c) => c.notNull().references('integrations.name'))
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('topics', 'text', (c) => c.notNull())
    .addColumn('qos', 'integer', (c) => c.notNull())
    .addColumn('client_id', 'text', (c) => c.notNull())
    .addColumn('user_name', 'text')
    .addColumn('sealed_password', 'text')
    .addColumn('ca', 'text')
    .addColumn('insecure', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
}
