import { type Kysely, sql, type Transaction } from 'kysely'

/**
 * The registry's migrations, in order; each one stays as it was once it has been released. They are written with
 * Kysely's schema builder, so that they run on every database that the registry may stand in.
 */
const migrations: readonly { name: string; up(trx: Transaction<unknown>): Promise<void> }[] = [
  { name: '001-first', up: createFirst },
]

/**
 * Brings the schema up to date, in one transaction: it is done wholly or not at all, and a second process that starts
 * meanwhile waits, and then finds nothing left to do. Throws when the registry was written by a newer Parvis.
 */
export async function migrate(registry: Kysely<unknown>): Promise<void> {
  await registry.transaction().execute(async (trx) => {
    await trx.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('version', 'integer', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .execute()
    const { rows } = await sql<{ version: number | null }>`select max(version) as version from migrations`.execute(trx)
    const version = Number(rows[0]?.version ?? 0)
    if (version > migrations.length)
      throw new Error(
        `the registry was written by a newer Parvis (schema ${version}, this one knows ${migrations.length})`,
      )
    for (const [i, migration] of migrations.entries()) {
      if (i < version) continue
      await migration.up(trx)
      await sql`insert into migrations (version, name) values (${i + 1}, ${migration.name})`.execute(trx)
    }
  })
}

async function createFirst(trx: Transaction<unknown>): Promise<void> {
  const { schema } = trx
  await schema
    .createTable('change_counter')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await sql`insert into change_counter (id, revision) values (1, 0)`.execute(trx)

  await schema
    .createTable('devices')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('label', 'text')
    .addColumn('expected_interval_s', 'integer')
    .addColumn('life_cycle', 'text', (c) => c.notNull())
    .addColumn('secret', 'text', (c) => c.notNull())
    .addColumn('search', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('devices_by_revision').on('devices').columns(['revision', 'id']).execute()

  await schema
    .createTable('assets')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('label', 'text', (c) => c.notNull())
    .addColumn('inventory_number', 'text')
    .addColumn('latitude', 'double precision')
    .addColumn('longitude', 'double precision')
    .addColumn('address', 'text')
    .addColumn('district', 'text')
    .addColumn('commune', 'text')
    .addColumn('service', 'text')
    .addColumn('parent_id', 'text', (c) => c.references('assets.id'))
    .addColumn('life_cycle', 'text', (c) => c.notNull())
    .addColumn('attributes', 'text', (c) => c.notNull())
    .addColumn('search', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('assets_by_revision').on('assets').columns(['revision', 'id']).execute()
  await schema.createIndex('assets_by_parent').on('assets').column('parent_id').execute()

  await schema
    .createTable('installations')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('device_id', 'text', (c) => c.notNull().references('devices.id'))
    .addColumn('asset_id', 'text', (c) => c.notNull().references('assets.id'))
    .addColumn('channel', 'text')
    .addColumn('installed_at', 'bigint', (c) => c.notNull())
    .addColumn('removed_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addCheckConstraint('installations_forward', sql`removed_at is null or removed_at > installed_at`)
    .execute()
  for (const column of ['device_id', 'asset_id', 'installed_at', 'removed_at', 'revision'])
    await schema.createIndex(`installations_by_${column}`).on('installations').column(column).execute()

  await schema
    .createTable('tokens')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('name', 'text')
    .addColumn('hash', 'text', (c) => c.notNull().unique())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revoked_at', 'bigint')
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()

  await schema
    .createTable('integrations')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('format', 'text', (c) => c.notNull())
    .addColumn('topics', 'text', (c) => c.notNull())
    .addColumn('secret', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revoked_at', 'bigint')
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('integrations_by_revision').on('integrations').columns(['revision', 'name']).execute()

  await schema
    .createTable('removals')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('removed_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('removals_key', ['kind', 'id'])
    .execute()
  await schema.createIndex('removals_by_revision').on('removals').column('revision').execute()

  await schema
    .createTable('status')
    .addColumn('asset_id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('label', 'text', (c) => c.notNull())
    .addColumn('service', 'text')
    .addColumn('district', 'text')
    .addColumn('latitude', 'double precision')
    .addColumn('longitude', 'double precision')
    .addColumn('search', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('last_seen_at', 'bigint')
    .addColumn('silent_at', 'bigint')
    .addColumn('attention_at', 'bigint')
    .addColumn('battery', 'double precision')
    .addColumn('attentions', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text')
    .execute()
  // Counts are told from this index alone.
  await schema
    .createIndex('status_by_kind')
    .on('status')
    .columns(['kind', 'state', 'silent_at', 'attention_at', 'asset_id'])
    .execute()
  await schema.createIndex('status_by_place').on('status').columns(['latitude', 'longitude', 'asset_id']).execute()
  await schema
    .createTable('status_cursor')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('activity_seq', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('folded_at', 'bigint', (c) => c.notNull())
    .execute()
  await sql`insert into status_cursor (id, activity_seq, revision, folded_at) values (1, 0, 0, 0)`.execute(trx)

  await schema
    .createTable('requests')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
}
