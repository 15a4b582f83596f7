import { sql, type Transaction } from 'kysely'

/**
 * Documents are photos or not, and stay listed once they are removed, for the history of their asset. When the secret of
 * a device was last made, as a revision: connections from before it end.
 */
export async function up(trx: Transaction<unknown>): Promise<void> {
  const { schema } = trx
  await schema
    .alterTable('documents')
    .addColumn('kind', 'text', (c) => c.notNull().defaultTo('document'))
    .execute()
  await schema.alterTable('documents').addColumn('removed_at', 'bigint').execute()
  await sql`update documents set kind = 'photo' where media_type like 'image/%'`.execute(trx)
  await schema
    .alterTable('devices')
    .addColumn('secret_revision', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  await schema.alterTable('devices').addColumn('secret_set_at', 'bigint').execute()
}
