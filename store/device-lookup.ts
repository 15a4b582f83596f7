import { inParts, type Registry } from './registry.ts'

/** What ingest knows of a device: which codec reads it. */
export type KnownDevice = { id: string; model: string; lifeCycle: string }

/** What ingest knows of an integration: which format opens its messages. */
export type KnownIntegration = { name: string; format: string; topics: readonly string[] }

/** The devices of these ids; one that is not registered is absent. */
export async function readDevices(registry: Registry, ids: readonly string[]): Promise<Map<string, KnownDevice>> {
  const found = new Map<string, KnownDevice>()
  for (const part of inParts(ids)) {
    const rows = await registry
      .selectFrom('devices')
      .select(['id', 'model', 'life_cycle'])
      .where('id', 'in', part)
      .execute()
    for (const row of rows) found.set(row.id, { id: row.id, model: row.model, lifeCycle: row.life_cycle })
  }
  return found
}

/** All integrations, revoked ones too: what they published before is still to be read. */
export async function readIntegrations(registry: Registry): Promise<Map<string, KnownIntegration>> {
  const rows = await registry.selectFrom('integrations').select(['name', 'format', 'topics']).execute()
  return new Map(
    rows.map((row) => [row.name, { name: row.name, format: row.format, topics: JSON.parse(row.topics) as string[] }]),
  )
}
