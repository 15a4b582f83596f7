import type { Transaction } from 'kysely'

/** When the secret of an integration was last made; null for the one that it was added with. */
export async function up({ schema }: Transaction<unknown>): Promise<void> {
  await schema.alterTable('integrations').addColumn('secret_set_at', 'bigint').execute()
}
