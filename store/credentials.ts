import { barredLifeCycles } from '../domain/asset.ts'
import { inParts, type Registry, readRevision } from './registry.ts'
import type { StoredSecret } from './secrets.ts'

/** What the broker knows a client by. `topics` are an integration's topic filters; a device has its own subtree. */
export type Credential = {
  kind: 'device' | 'integration'
  name: string
  secret: StoredSecret
  revoked: boolean
  /** The revision that made the secret: who is connected from before it is so with another one. */
  secretRevision: number
  topics: readonly string[]
}

/**
 * The credentials of some MQTT user names, in one short query of each table; a name that nobody has is absent. Device
 * ids and integration names share one name space.
 */
export async function readCredentials(registry: Registry, names: readonly string[]): Promise<Map<string, Credential>> {
  const found = new Map<string, Credential>()
  for (const part of inParts(names)) {
    const devices = await registry
      .selectFrom('devices')
      .select(['id', 'secret', 'life_cycle', 'secret_revision'])
      .where('id', 'in', part)
      .execute()
    for (const row of devices)
      found.set(row.id, {
        kind: 'device',
        name: row.id,
        secret: row.secret,
        revoked: barredLifeCycles.includes(row.life_cycle),
        secretRevision: Number(row.secret_revision),
        topics: [],
      })
    const integrations = await registry
      .selectFrom('integrations')
      .select(['name', 'secret', 'topics', 'revoked_at', 'revision'])
      .where('name', 'in', part)
      .execute()
    for (const row of integrations)
      found.set(row.name, {
        kind: 'integration',
        name: row.name,
        secret: row.secret,
        revoked: row.revoked_at !== null,
        // Nothing else of an integration changes while it is good.
        secretRevision: Number(row.revision),
        topics: JSON.parse(row.topics) as string[],
      })
  }
  return found
}

/**
 * The names of devices, integrations and models that were added, changed or removed after a revision, and the revision to ask
 * from next time. Start with `readRevision`. Nothing is missed; a name may be told twice.
 */
export async function readChanges(
  registry: Registry,
  since: number,
): Promise<{ revision: number; devices: string[]; integrations: string[]; models: string[] }> {
  // The counter first: what is committed after it is read is told now or the next time, or both times.
  const revision = await readRevision(registry)
  if (revision === since) return { revision, devices: [], integrations: [], models: [] }
  const devices = await registry.selectFrom('devices').select('id').where('revision', '>', since).execute()
  const integrations = await registry.selectFrom('integrations').select('name').where('revision', '>', since).execute()
  const models = await registry.selectFrom('device_models').select('id').where('revision', '>', since).execute()
  const removals = await registry.selectFrom('removals').select(['kind', 'id']).where('revision', '>', since).execute()
  const gone = (kind: string) => removals.filter((row) => row.kind === kind).map((row) => row.id)
  return {
    revision,
    devices: [...new Set([...devices.map((row) => row.id), ...gone('device')])],
    integrations: [...new Set([...integrations.map((row) => row.name), ...gone('integration')])],
    models: [...new Set([...models.map((row) => row.id), ...gone('model')])],
  }
}
