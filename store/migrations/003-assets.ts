import { sql, type Transaction } from 'kysely'

/** More of an asset: its condition and dates; and the inventory numbers that were ever used, which are never used again. */
export async function up(trx: Transaction<unknown>): Promise<void> {
  const { schema } = trx
  for (const column of ['condition', 'acquired_on', 'commissioned_on', 'warranty_until', 'disposed_on'])
    await schema.alterTable('assets').addColumn(column, 'text').execute()
  for (const column of ['kind', 'service', 'district'])
    await schema.createIndex(`assets_by_${column}`).on('assets').columns([column, 'id']).execute()
  await schema
    .createTable('inventory_numbers')
    .addColumn('number', 'text', (c) => c.primaryKey())
    .addColumn('asset_id', 'text', (c) => c.notNull())
    .addColumn('first_used_at', 'bigint', (c) => c.notNull())
    .execute()
  await sql`insert into inventory_numbers (number, asset_id, first_used_at)
    select inventory_number, min(id), min(created_at) from assets
    where inventory_number is not null group by inventory_number`.execute(trx)
}
