import { sql, type Transaction } from 'kysely'

/**
 * More in a row of the status: installation, life cycle, last proof of existence. The rows are folded anew; they are
 * read by their key alone, so that the indexes beside it go. Intervals that were learned; documents and photos.
 */
export async function up(trx: Transaction<unknown>): Promise<void> {
  const { schema } = trx
  await schema.dropIndex('status_by_kind').execute()
  await schema.dropIndex('status_by_place').execute()
  await sql`delete from status`.execute(trx)
  await sql`update status_cursor set activity_seq = 0, revision = 0, folded_at = 0`.execute(trx)
  await schema.alterTable('status').addColumn('installation_id', 'text').execute()
  await schema
    .alterTable('status')
    .addColumn('life_cycle', 'text', (c) => c.notNull().defaultTo(''))
    .execute()
  await schema.alterTable('status').addColumn('proof', 'text').execute()
  await schema.alterTable('status').addColumn('proof_at', 'bigint').execute()
  await schema
    .createTable('learned_intervals')
    .addColumn('device_id', 'text', (c) => c.primaryKey())
    .addColumn('interval_s', 'integer', (c) => c.notNull())
    .addColumn('learned_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createTable('documents')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('asset_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('media_type', 'text', (c) => c.notNull())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('caption', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text')
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('documents_by_asset').on('documents').columns(['asset_id', 'id']).execute()
  await schema.createIndex('documents_by_revision').on('documents').column('revision').execute()
}
