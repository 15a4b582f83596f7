import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { formats } from '../devices/catalogue.ts'
import { deviceIdSchema } from '../domain/id.ts'
import { say } from '../domain/issue.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { mutate, type Registry } from '../store/registry.ts'
import type { IntegrationTable } from '../store/registry-tables.ts'
import { hashSecret, newSecret, verifySecret } from '../store/secrets.ts'
import { openVault } from '../store/vault.ts'
import { checkNameIsFree } from './devices.ts'
import { parseInput } from './input.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'

/** A network server that publishes for devices. Times are UTC epoch milliseconds. */
export type Integration = {
  name: string
  format: string
  topics: string[]
  createdAt: number
  /** When its secret was renewed; null for the one that it was added with. */
  secretSetAt: number | null
  revokedAt: number | null
}

/** Most topic filters of one integration. */
export const maxTopics = 50

/** An MQTT topic filter (MQTT 3.1.1, 4.7): `+` is a whole level, `#` a whole level and the last. */
export const topicFilterSchema = z
  .string()
  .min(1)
  .max(1024)
  .refine((filter) => isTopicFilter(filter), {
    error: say({
      fr: 'un filtre de sujets MQTT, comme application/+/device/# ; il ne peut prendre ni devices/ ni un sujet en $',
      en: 'expected an MQTT topic filter, such as application/+/device/# ; it may not take in devices/ or $ topics',
    }),
  })

/** What an integration is made from. Without `secret`, Parvis generates one. */
export const newIntegrationSchema = z.strictObject({
  name: deviceIdSchema,
  format: z.string().min(1).max(128),
  topics: z.array(topicFilterSchema).min(1).max(maxTopics),
  secret: z.string().optional(),
})
export type NewIntegration = z.infer<typeof newIntegrationSchema>

/**
 * Adds an integration, and tells its secret this one time. Throws Problem `bad_request`, `unknown_format`,
 * `weak_secret`, or `already_exists` when an integration or a device has that name.
 */
export async function addIntegration(
  access: Access,
  input: NewIntegration,
): Promise<{ name: string; secret: string; integration: Integration }> {
  const { name, format, topics, secret: chosen } = parseInput(newIntegrationSchema, input)
  if (!formats.has(format))
    throw new Problem('unknown_format', {
      fr: `${format} ; les formats sont ${[...formats.keys()].join(', ')}`,
      en: `${format}; the formats are ${[...formats.keys()].join(', ')}`,
    })
  const secret = chosen ?? newSecret()
  const stored = await hashSecret(secret, { chosen: chosen !== undefined })
  const sealed = openVault(access.registry.dataDir).seal(secret, sealedFor(name))
  return mutate(access, async ({ trx, revision, record }) => {
    await checkNameIsFree(trx, name)
    const row: IntegrationTable = {
      name,
      format,
      topics: JSON.stringify(topics),
      secret: stored,
      sealed_secret: sealed,
      secret_set_at: null,
      created_at: Date.now(),
      revoked_at: null,
      revision,
    }
    await trx.insertInto('integrations').values(row).execute()
    const integration = toIntegration(row)
    record('integration', name, null, integration)
    return { name, secret, integration }
  })
}

/** Throws Problem `not_found`. */
export async function getIntegration(access: Access, name: string): Promise<Integration> {
  const row = await access.registry.selectFrom('integrations').selectAll().where('name', '=', name).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', name)
  return toIntegration(row)
}

/** The integrations in the order of their names, revoked ones too. */
export async function listIntegrations(access: Access, { limit, cursor }: PageRequest): Promise<Page<Integration>> {
  let query = access.registry.selectFrom('integrations').selectAll()
  if (cursor !== undefined) query = query.where('name', '>', decodeCursor(cursor))
  const rows = await query
    .orderBy('name')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => row.name, toIntegration)
}

/**
 * Gives an integration another secret, generated or chosen, and tells it this one time: its clients that are connected
 * with the old one are disconnected within a second. Throws Problem `not_found`, also once it is revoked, or `weak_secret`.
 */
export async function renewIntegrationSecret(
  access: Access,
  name: string,
  { secret: chosen }: { secret?: string | undefined } = {},
): Promise<{ integration: Integration; secret: string }> {
  const secret = chosen ?? newSecret()
  const stored = await hashSecret(secret, { chosen: chosen !== undefined })
  const sealed = openVault(access.registry.dataDir).seal(secret, sealedFor(name))
  return mutate(access, async ({ trx, revision, record }) => {
    const row = await trx.selectFrom('integrations').selectAll().where('name', '=', name).executeTakeFirst()
    if (row === undefined || row.revoked_at !== null) throw new Problem('not_found', name)
    const after = { ...row, secret: stored, sealed_secret: sealed, secret_set_at: Date.now(), revision }
    await trx.updateTable('integrations').set(after).where('name', '=', name).execute()
    const integration = toIntegration(after)
    record('integration', name, toIntegration(row), integration)
    return { integration, secret }
  })
}

/** Ends an integration's credential: its clients are disconnected. Throws Problem `not_found`. */
export async function revokeIntegration(access: Access, name: string): Promise<Integration> {
  return mutate(access, async ({ trx, revision, record }) => {
    const row = await trx.selectFrom('integrations').selectAll().where('name', '=', name).executeTakeFirst()
    if (row === undefined) throw new Problem('not_found', name)
    if (row.revoked_at !== null) return toIntegration(row)
    const after = toIntegration({ ...row, revoked_at: Date.now() })
    await trx
      .updateTable('integrations')
      .set({ revoked_at: after.revokedAt, revision })
      .where('name', '=', name)
      .execute()
    record('integration', name, toIntegration(row), after)
    return after
  })
}

/** How a message pushed over HTTP proves that it is the integration's: its secret, or its signature with it. */
export type PushProof = { secret: string } | { signature: string; body: Uint8Array }

/**
 * Whether a message is an integration's: it exists, is not revoked, and the secret is right, or the signature is the
 * HMAC-SHA256 of the body under the secret, in hexadecimal.
 */
export async function verifyPush(registry: Registry, name: string, proof: PushProof): Promise<boolean> {
  const row = await registry
    .selectFrom('integrations')
    .select(['secret', 'sealed_secret', 'revoked_at'])
    .where('name', '=', name)
    .executeTakeFirst()
  if (row === undefined || row.revoked_at !== null) return false
  if ('secret' in proof) return verifySecret(proof.secret, row.secret)
  if (row.sealed_secret === null) return false
  const secret = openVault(registry.dataDir).open(row.sealed_secret, sealedFor(name))
  const expected = createHmac('sha256', secret).update(proof.body).digest()
  const given = Buffer.from(proof.signature, 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function sealedFor(name: string): string {
  return `integration ${name}`
}

// A network server that could publish below `devices/` could speak for every device.
function isTopicFilter(filter: string): boolean {
  if (/\p{Cc}/u.test(filter) || filter.startsWith('$')) return false
  const levels = filter.split('/')
  if (!levels.every((level, i) => level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level)))
    return false
  return !['devices', '+', '#'].includes(levels[0]!)
}

export function toIntegration(row: IntegrationTable): Integration {
  return {
    name: row.name,
    format: row.format,
    topics: JSON.parse(row.topics) as string[],
    createdAt: row.created_at,
    secretSetAt: row.secret_set_at,
    revokedAt: row.revoked_at,
  }
}
