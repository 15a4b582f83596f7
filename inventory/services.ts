import type { Access } from '../store/access.ts'

/** The services that assets or devices belong to, as far as they may be seen, in the order of the alphabet. */
export async function listServices({ registry }: Access): Promise<string[]> {
  const rows = await registry
    .selectFrom('assets')
    .select('service')
    .where('service', 'is not', null)
    .union(registry.selectFrom('devices').select('service').where('service', 'is not', null))
    .execute()
  return rows.map(({ service }) => service!).sort((a, b) => a.localeCompare(b, 'fr'))
}
