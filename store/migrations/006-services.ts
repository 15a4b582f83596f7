import type { Transaction } from 'kysely'

/** To which services a token is limited, and which service a device belongs to. */
export async function up({ schema }: Transaction<unknown>): Promise<void> {
  await schema.alterTable('tokens').addColumn('services', 'text').execute()
  await schema.alterTable('devices').addColumn('service', 'text').execute()
  await schema.createIndex('devices_by_service').on('devices').columns(['service', 'id']).execute()
}
