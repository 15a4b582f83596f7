import type { Transaction } from 'kysely'

/** Who changed what, when and why: entries that are chained by their hashes, and the rows of each. */
export async function up({ schema }: Transaction<unknown>): Promise<void> {
  await schema
    .createTable('audit_entries')
    .addColumn('revision', 'bigint', (c) => c.primaryKey())
    .addColumn('recorded_at', 'bigint', (c) => c.notNull())
    .addColumn('actor_kind', 'text', (c) => c.notNull())
    .addColumn('actor_id', 'text', (c) => c.notNull())
    .addColumn('actor_name', 'text')
    .addColumn('reason', 'text')
    .addColumn('row_count', 'integer', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .execute()
  await schema
    .createTable('audit_rows')
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('object_id', 'text', (c) => c.notNull())
    .addColumn('before', 'text')
    .addColumn('after', 'text')
    .addPrimaryKeyConstraint('audit_rows_key', ['revision', 'position'])
    .execute()
  await schema.createIndex('audit_rows_by_object').on('audit_rows').columns(['object_id', 'kind', 'revision']).execute()
}
