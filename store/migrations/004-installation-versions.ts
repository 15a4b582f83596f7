import type { Transaction } from 'kysely'

/**
 * What was known before: a correction moves the version that it supersedes here. Installations carry a calibration, and
 * the time at which they were written down by its name.
 */
export async function up({ schema }: Transaction<unknown>): Promise<void> {
  await schema.alterTable('installations').renameColumn('created_at', 'recorded_at').execute()
  await schema.alterTable('installations').addColumn('calibration', 'text').execute()
  await schema
    .createTable('installation_versions')
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull().references('devices.id'))
    .addColumn('asset_id', 'text', (c) => c.notNull().references('assets.id'))
    .addColumn('channel', 'text')
    .addColumn('installed_at', 'bigint', (c) => c.notNull())
    .addColumn('removed_at', 'bigint')
    .addColumn('calibration', 'text')
    .addColumn('recorded_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('superseded_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('installation_versions_key', ['id', 'revision'])
    .execute()
  for (const column of ['device_id', 'asset_id'])
    await schema.createIndex(`installation_versions_by_${column}`).on('installation_versions').column(column).execute()
}
