import type { Transaction } from 'kysely'

/** Commands to devices, with who asked and what became of them; the table that stood for them was never written. */
export async function up({ schema }: Transaction<unknown>): Promise<void> {
  await schema.dropTable('commands').execute()
  await schema
    .createTable('commands')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('data', 'text')
    .addColumn('bytes', 'text', (c) => c.notNull())
    .addColumn('port', 'integer')
    .addColumn('confirmed', 'integer', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('actor_kind', 'text', (c) => c.notNull())
    .addColumn('actor_id', 'text', (c) => c.notNull())
    .addColumn('actor_name', 'text')
    .addColumn('reason', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('sent_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('integration', 'text')
    .addColumn('acknowledged_by', 'text')
    .addColumn('answer_seq', 'bigint')
    .addColumn('detail', 'text')
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('commands_by_device').on('commands').columns(['device_id', 'created_at', 'id']).execute()
  await schema.createIndex('commands_by_end').on('commands').columns(['ended_at', 'created_at']).execute()
}
