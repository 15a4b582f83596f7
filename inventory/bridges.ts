import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { deviceIdSchema } from '../domain/id.ts'
import { say } from '../domain/issue.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { mutate, type Registry } from '../store/registry.ts'
import type { BridgeTable } from '../store/registry-tables.ts'
import { openVault } from '../store/vault.ts'
import { parseInput } from './input.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'

/** A client of ours at another broker: what it subscribes to there are an integration's messages. The password is kept sealed. */
export type Bridge = {
  name: string
  integration: string
  url: string
  topics: string[]
  qos: 0 | 1
  clientId: string
  userName: string | null
  hasPassword: boolean
  ca: string | null
  insecure: boolean
  createdAt: number
}

/** What the broker needs to run one. */
export type BridgeSettings = Omit<Bridge, 'hasPassword' | 'createdAt'> & { password: string | null }

/** Most bridges of one installation, and most topic filters of one. */
export const maxBridges = 100
const maxTopics = 50
const maxCaBytes = 64 * 1024

const urlSchema = z
  .string()
  .max(512)
  .refine(isBridgeUrl, {
    error: say({
      fr: 'mqtts://hôte:8883 ou mqtt://hôte:1883, sans utilisateur, mot de passe ni chemin',
      en: 'expected mqtts://host:8883 or mqtt://host:1883, without user, password or path',
    }),
  })

// What another broker takes as a filter, `$share/...` too.
const filterSchema = z
  .string()
  .min(1)
  .max(1024)
  .refine(isFilter, {
    error: say({
      fr: 'un filtre de sujets MQTT, comme v3/+/devices/+/up',
      en: 'expected an MQTT topic filter, such as v3/+/devices/+/up',
    }),
  })

const pemSchema = z
  .string()
  .max(maxCaBytes)
  .regex(/-----BEGIN CERTIFICATE-----/, {
    error: say({ fr: 'des certificats au format PEM', en: 'expected certificates in PEM' }),
  })

/** What a bridge is made from. */
export const newBridgeSchema = z.strictObject({
  name: deviceIdSchema,
  integration: deviceIdSchema,
  url: urlSchema,
  topics: z.array(filterSchema).min(1).max(maxTopics),
  qos: z.union([z.literal(0), z.literal(1)]).default(1),
  clientId: z.string().min(1).max(128).optional(),
  userName: z.string().max(1024).nullable().default(null),
  password: z.string().max(4096).nullable().default(null),
  ca: pemSchema.nullable().default(null),
  insecure: z.boolean().default(false),
})
export type NewBridge = z.input<typeof newBridgeSchema>

/** What may be changed of one, while it runs. A password that is not given stays. */
export const bridgeChangesSchema = z.strictObject({
  url: urlSchema.optional(),
  topics: z.array(filterSchema).min(1).max(maxTopics).optional(),
  qos: z.union([z.literal(0), z.literal(1)]).optional(),
  clientId: z.string().min(1).max(128).optional(),
  userName: z.string().max(1024).nullable().optional(),
  password: z.string().max(4096).nullable().optional(),
  ca: pemSchema.nullable().optional(),
  insecure: z.boolean().optional(),
})
export type BridgeChanges = z.infer<typeof bridgeChangesSchema>

/** Adds a bridge; the broker connects it within a second. Throws Problem `bad_request`, `not_found`, `already_exists`. */
export async function addBridge(access: Access, input: NewBridge): Promise<Bridge> {
  const { password, topics, ca, ...given } = parseInput(newBridgeSchema, input)
  return mutate(access, async ({ trx, revision, record }) => {
    const integration = await trx
      .selectFrom('integrations')
      .select('revoked_at')
      .where('name', '=', given.integration)
      .executeTakeFirst()
    if (integration === undefined || integration.revoked_at !== null) throw new Problem('not_found', given.integration)
    const names = await trx.selectFrom('bridges').select('name').execute()
    if (names.some(({ name }) => name === given.name)) throw new Problem('already_exists', given.name)
    if (names.length >= maxBridges)
      throw new Problem('bad_request', {
        fr: `il y a déjà ${maxBridges} ponts, le plus qu’il puisse y en avoir`,
        en: `there are ${maxBridges} bridges, the most there may be`,
      })
    const row: BridgeTable = {
      name: given.name,
      integration: given.integration,
      url: given.url,
      topics: JSON.stringify(topics),
      qos: given.qos,
      client_id: given.clientId ?? `parvis-${randomBytes(6).toString('hex')}`,
      user_name: given.userName,
      sealed_password: seal(access.registry, given.name, password),
      ca,
      insecure: given.insecure ? 1 : 0,
      created_at: Date.now(),
      revision,
    }
    await trx.insertInto('bridges').values(row).execute()
    const bridge = toBridge(row)
    record('bridge', bridge.name, null, bridge)
    return bridge
  })
}

/** Changes a bridge; the broker connects it anew. Throws Problem `bad_request`, `not_found`, `changed_meanwhile`. */
export async function changeBridge(access: Access, name: string, input: BridgeChanges): Promise<Bridge> {
  const { password, topics, insecure, clientId, userName, ...plain } = parseInput(bridgeChangesSchema, input)
  return mutate(access, async ({ trx, revision, record }) => {
    const row = await trx.selectFrom('bridges').selectAll().where('name', '=', name).executeTakeFirst()
    if (row === undefined) throw new Problem('not_found', name)
    const changed: BridgeTable = {
      ...row,
      ...plain,
      ...(topics === undefined ? {} : { topics: JSON.stringify(topics) }),
      ...(clientId === undefined ? {} : { client_id: clientId }),
      ...(userName === undefined ? {} : { user_name: userName }),
      ...(insecure === undefined ? {} : { insecure: insecure ? 1 : 0 }),
      ...(password === undefined ? {} : { sealed_password: seal(access.registry, name, password) }),
      revision,
    }
    await trx.updateTable('bridges').set(changed).where('name', '=', name).execute()
    const bridge = toBridge(changed)
    record('bridge', name, toBridge(row), bridge)
    return bridge
  })
}

/** Removes a bridge; the broker disconnects it within a second. Throws Problem `not_found`. */
export async function removeBridge(access: Access, name: string): Promise<void> {
  await mutate(access, async ({ trx, record }) => {
    const row = await trx.selectFrom('bridges').selectAll().where('name', '=', name).executeTakeFirst()
    if (row === undefined) throw new Problem('not_found', name)
    await trx.deleteFrom('bridges').where('name', '=', name).execute()
    record('bridge', name, toBridge(row), null)
  })
}

/** Throws Problem `not_found`. */
export async function getBridge(access: Access, name: string): Promise<Bridge> {
  const row = await access.registry.selectFrom('bridges').selectAll().where('name', '=', name).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', name)
  return toBridge(row)
}

/** The bridges in the order of their names. */
export async function listBridges(access: Access, { limit, cursor }: PageRequest): Promise<Page<Bridge>> {
  let query = access.registry.selectFrom('bridges').selectAll()
  if (cursor !== undefined) query = query.where('name', '>', decodeCursor(cursor))
  const rows = await query
    .orderBy('name')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => row.name, toBridge)
}

/** Every bridge with its password, for the broker. Those of a revoked integration are left out. */
export async function readBridgeSettings(registry: Registry): Promise<BridgeSettings[]> {
  const rows = await registry
    .selectFrom('bridges')
    .innerJoin('integrations', 'integrations.name', 'bridges.integration')
    .selectAll('bridges')
    .where('integrations.revoked_at', 'is', null)
    .orderBy('bridges.name')
    .execute()
  return rows.map((row) => {
    const { hasPassword, createdAt, ...settings } = toBridge(row)
    const sealed = row.sealed_password
    return {
      ...settings,
      password: sealed === null ? null : openVault(registry.dataDir).open(sealed, sealedFor(row.name)),
    }
  })
}

function seal(registry: Registry, name: string, password: string | null): string | null {
  return password === null ? null : openVault(registry.dataDir).seal(password, sealedFor(name))
}

function sealedFor(name: string): string {
  return `bridge ${name}`
}

function toBridge(row: BridgeTable): Bridge {
  return {
    name: row.name,
    integration: row.integration,
    url: row.url,
    topics: JSON.parse(row.topics) as string[],
    qos: row.qos,
    clientId: row.client_id,
    userName: row.user_name,
    hasPassword: row.sealed_password !== null,
    ca: row.ca,
    insecure: Boolean(row.insecure),
    createdAt: row.created_at,
  }
}

function isBridgeUrl(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'mqtt:' && url.protocol !== 'mqtts:')) return false
  return url.hostname !== '' && url.username === '' && url.password === '' && ['', '/'].includes(url.pathname)
}

function isFilter(filter: string): boolean {
  const levels = filter.split('/')
  return (
    !/\p{Cc}/u.test(filter) &&
    levels.every((level, i) => level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level))
  )
}
