import { randomUUID } from 'node:crypto'
import type { ScriptPool } from '../devices/scripts/pool.ts'
import { type CommandState, commandLimits, type NewCommand } from '../domain/command.ts'
import { type Detail, Problem } from '../domain/problem.ts'
import type { Access, Actor } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import { mutate, type RegistryTransaction } from '../store/registry.ts'
import type { CommandTable } from '../store/registry-tables.ts'
import { encodeCommand, findWay } from './command-way.ts'
import { getDevice } from './devices.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'

/** A command to a device. Times are UTC epoch milliseconds. */
export type DeviceCommand = {
  id: string
  deviceId: string
  state: CommandState
  /** What was asked for; null for raw bytes. */
  data: unknown
  bytes: Uint8Array
  port: number | null
  confirmed: boolean
  /** How often it was handed over. */
  attempts: number
  askedBy: Actor
  reason: string | null
  createdAt: number
  expiresAt: number
  sentAt: number | null
  /** When nothing more was to be waited for. */
  endedAt: number | null
  /** The integration that it went through; null for a device of its own connection, or while it waits. */
  integration: string | null
  acknowledgedBy: 'device' | 'network' | null
  detail: Detail | null
}

/**
 * Encodes a command and writes it down; the API sends it, now or when the device listens. Throws Problem `bad_request`,
 * `not_found`, `no_downlink`, `not_encodable` or `too_many_commands`.
 */
export async function addCommand(
  access: Access,
  { pool, reader }: { pool: ScriptPool; reader: Pick<IngestReader, 'routeOf'> },
  deviceId: string,
  { data, hex, base64, fPort, confirmed, expiresAt: wanted }: NewCommand,
): Promise<DeviceCommand> {
  const device = await getDevice(access, deviceId)
  if (device.lifeCycle === 'revoked')
    throw new Problem('no_downlink', { fr: `${deviceId} est révoqué`, en: `${deviceId} is revoked` })
  const way = await findWay(access.registry, reader, deviceId)
  if ('refused' in way) throw new Problem('no_downlink', way.refused)
  const now = Date.now()
  const expiresAt = wanted ?? now + commandLimits.lifeMs
  if (expiresAt <= now || expiresAt > now + commandLimits.longestLifeMs)
    throw new Problem('bad_request', {
      fr: 'expiresAt : attendu dans l’avenir, 30 jours au plus',
      en: 'expiresAt: expected in the future, 30 days at most',
    })
  const json = data === undefined ? null : JSON.stringify(data)
  if (json !== null && json.length > commandLimits.dataChars) throw new Problem('payload_too_large', 'data')
  const encoded =
    data === undefined
      ? { bytes: hex === undefined ? Buffer.from(base64!, 'base64') : Buffer.from(hex, 'hex'), port: fPort ?? null }
      : await encodeCommand(access.registry, pool, device.model, data, {
          port: fPort,
          takesData: way.format?.takes === 'data',
        })
  if ('error' in encoded) throw new Problem('not_encodable', encoded.error)
  const port = encoded.port ?? fPort ?? null
  if (encoded.bytes.length > commandLimits.bytes)
    throw new Problem('not_encodable', {
      fr: `${encoded.bytes.length} octets, au plus ${commandLimits.bytes}`,
      en: `${encoded.bytes.length} bytes, at most ${commandLimits.bytes}`,
    })
  if (port === null && way.format?.hasPorts === true)
    throw new Problem('bad_request', {
      fr: 'fPort : son réseau demande un port',
      en: 'fPort: its network wants a port',
    })
  const id = randomUUID()
  const command = { id, deviceId, data: data ?? null, bytes: encoded.bytes, port, confirmed }
  if (way.format !== null && way.format.write(command) === null)
    throw new Problem('not_encodable', {
      fr: 'son réseau n’a pas de forme pour cette commande',
      en: 'its network has no form for this command',
    })
  const { kind, id: actorId, name } = access.actor
  return mutate(access, async ({ trx, all, revision, record }) => {
    await checkRoom(all, deviceId, now)
    const row: CommandTable = {
      id,
      device_id: deviceId,
      state: 'queued',
      data: json,
      bytes: Buffer.from(encoded.bytes).toString('base64'),
      port,
      confirmed: confirmed ? 1 : 0,
      attempts: 0,
      actor_kind: kind,
      actor_id: actorId,
      actor_name: name,
      reason: access.reason,
      created_at: now,
      expires_at: expiresAt,
      sent_at: null,
      ended_at: null,
      integration: null,
      acknowledged_by: null,
      answer_seq: null,
      detail: null,
      revision,
    }
    await trx.insertInto('commands').values(row).execute()
    record('command', id, null, toAudit(row))
    return toCommand(row)
  })
}

/** The commands to a device, newest first. Throws Problem `not_found`. */
export async function listCommands(
  access: Access,
  deviceId: string,
  { limit, cursor, state }: PageRequest & { state?: CommandState | undefined },
): Promise<Page<DeviceCommand>> {
  await getDevice(access, deviceId)
  let query = access.registry.selectFrom('commands').selectAll().where('device_id', '=', deviceId)
  if (state !== undefined) query = query.where('state', '=', state)
  if (cursor !== undefined) {
    const [createdAt, id] = decodeCursor(cursor).split(' ')
    if (!/^\d{1,15}$/.test(createdAt!) || id === undefined) throw new Problem('bad_request', 'cursor')
    query = query.where((e) =>
      e.or([
        e('created_at', '<', Number(createdAt)),
        e.and([e('created_at', '=', Number(createdAt)), e('id', '<', id)]),
      ]),
    )
  }
  const rows = await query
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => `${row.created_at} ${row.id}`, toCommand)
}

/** One command to a device. Throws Problem `not_found`. */
export async function getCommand(access: Access, deviceId: string, id: string): Promise<DeviceCommand> {
  const row = await access.registry
    .selectFrom('commands')
    .selectAll()
    .where('id', '=', id)
    .where('device_id', '=', deviceId)
    .executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return toCommand(row)
}

/** Takes back a command that still waits here. Throws Problem `not_found`, or `in_use` once it is on its way. */
export async function cancelCommand(access: Access, deviceId: string, id: string): Promise<DeviceCommand> {
  return mutate(access, async ({ trx, revision, record }) => {
    const before = await trx
      .selectFrom('commands')
      .selectAll()
      .where('id', '=', id)
      .where('device_id', '=', deviceId)
      .executeTakeFirst()
    if (before === undefined) throw new Problem('not_found', id)
    if (before.state !== 'queued')
      throw new Problem('in_use', { fr: `la commande est ${before.state}`, en: `the command is ${before.state}` })
    const detail = { fr: 'annulée', en: 'cancelled' }
    const row = await trx
      .updateTable('commands')
      .set({ state: 'expired', ended_at: Date.now(), detail: JSON.stringify(detail), revision })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    record('command', id, toAudit(before), toAudit(row))
    return toCommand(row)
  })
}

// What waits is bounded, for a device and in all; what ended makes room for what comes.
async function checkRoom(trx: RegistryTransaction, deviceId: string, now: number): Promise<void> {
  const count = async (device: string | null) => {
    let query = trx
      .selectFrom('commands')
      .select((e) => e.fn.countAll<number>().as('count'))
      .where('ended_at', 'is', null)
    if (device !== null) query = query.where('device_id', '=', device)
    return Number((await query.executeTakeFirstOrThrow()).count)
  }
  if ((await count(deviceId)) >= commandLimits.openPerDevice)
    throw new Problem('too_many_commands', {
      fr: `${commandLimits.openPerDevice} pour ${deviceId}`,
      en: `${commandLimits.openPerDevice} for ${deviceId}`,
    })
  if ((await count(null)) >= commandLimits.open) throw new Problem('too_many_commands', `${commandLimits.open}`)
  await trx
    .deleteFrom('commands')
    .where('ended_at', '<', now - commandLimits.keptMs)
    .execute()
  const oldest = await trx
    .selectFrom('commands')
    .select('created_at')
    .where('device_id', '=', deviceId)
    .where('ended_at', 'is not', null)
    .orderBy('created_at', 'desc')
    .offset(commandLimits.keptPerDevice - 1)
    .limit(1)
    .executeTakeFirst()
  if (oldest === undefined) return
  await trx
    .deleteFrom('commands')
    .where('device_id', '=', deviceId)
    .where('ended_at', 'is not', null)
    .where('created_at', '<', oldest.created_at)
    .execute()
}

function toAudit(row: CommandTable): object {
  const { bytes, attempts: _, ...command } = toCommand(row)
  return { ...command, bytes: Buffer.from(bytes).toString('hex') }
}

/** A row as a command. */
export function toCommand(row: CommandTable): DeviceCommand {
  return {
    id: row.id,
    deviceId: row.device_id,
    state: row.state,
    data: row.data === null ? null : (JSON.parse(row.data) as unknown),
    bytes: Buffer.from(row.bytes, 'base64'),
    port: row.port,
    confirmed: Boolean(row.confirmed),
    attempts: row.attempts,
    askedBy: { kind: row.actor_kind as Actor['kind'], id: row.actor_id, name: row.actor_name },
    reason: row.reason,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    sentAt: row.sent_at === null ? null : Number(row.sent_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
    integration: row.integration,
    acknowledgedBy: row.acknowledged_by,
    detail: row.detail === null ? null : (JSON.parse(row.detail) as Detail),
  }
}
