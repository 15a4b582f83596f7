import { type Device, type NewDevice, newDeviceSchema } from '../domain/asset.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader, UnknownDevice } from '../store/ingest-reader.ts'
import { mutate } from '../store/registry.ts'
import { hashSecret, newSecret } from '../store/secrets.ts'
import { checkModel, insertDevice } from './devices.ts'
import { parseInput } from './input.ts'
import { findIntegration, openEnvelope } from './letters.ts'
import { decodeCursor, encodeCursor, type Page, type PageRequest, wrongCursor } from './page.ts'
import { insertReplay, type ReplayRequest } from './requests.ts'
import { suggestModel } from './suggest-model.ts'

/** A device that nobody registered, known from its dead letters alone. Times are UTC epoch milliseconds. */
export type Foundling = {
  id: string
  /** That handed its messages over; null when it is not known any more. */
  integration: string | null
  topic: string
  letters: number
  firstHeardAt: number
  lastHeardAt: number
  /** Where its newest message can only be of one model. */
  suggestedModel: string | null
}

/**
 * The devices that were heard and are not registered, the one heard last first. They belong to no service: who is limited
 * to services sees none.
 */
export async function listFoundlings(
  access: Access,
  reader: IngestReader,
  { limit, cursor }: PageRequest,
  zone: string,
): Promise<Page<Foundling>> {
  if (access.services !== null) return { items: [], next: null }
  const found: UnknownDevice[] = []
  let before = cursor === undefined ? undefined : readCursor(cursor)
  while (found.length <= limit) {
    const unknown = reader.unknownDevices({ limit: limit + 1, before })
    const known = await readKnown(access, unknown)
    found.push(...unknown.filter((each) => !known.has(each.deviceId)))
    if (unknown.length <= limit) break
    before = unknown.at(-1)!.seq
  }
  const items: Foundling[] = []
  for (const each of found.slice(0, limit)) items.push(await describe(access, reader, each, zone))
  return { items, next: found.length > limit ? encodeCursor(String(found[limit - 1]!.seq)) : null }
}

/**
 * Registers a device that was heard already, and has its dead letters read again. Tells its secret this one time. Throws
 * Problem `already_exists` for one that is registered, `not_found` for one that was never heard, and as `addDevice` does.
 */
export async function adoptDevice(
  access: Access,
  reader: IngestReader,
  input: NewDevice,
): Promise<{ device: Device; secret: string; replay: ReplayRequest }> {
  const { secret: chosen, ...device } = parseInput(newDeviceSchema, input)
  const registered = await access.registry.selectFrom('devices').select('id').where('id', '=', device.id).execute()
  if (registered.length > 0)
    throw new Problem('already_exists', {
      fr: `${device.id} est déjà enregistré`,
      en: `${device.id} is registered already`,
    })
  const [heard] = access.services === null ? reader.unknownDevices({ deviceId: device.id, limit: 1 }) : []
  if (heard === undefined) throw new Problem('not_found', device.id)
  await checkModel(access.registry, device.model)
  const secret = chosen ?? newSecret()
  const stored = await hashSecret(secret, { chosen: chosen !== undefined })
  return mutate(access, async (change) => {
    const added = await insertDevice(access, change, device, stored)
    const span = { from: heard.firstAt, to: heard.lastAt + 1 }
    return {
      device: added,
      secret,
      replay: await insertReplay(change, { ...span, deviceId: device.id, replace: false }),
    }
  })
}

async function readKnown({ registry }: Access, unknown: readonly UnknownDevice[]): Promise<Set<string>> {
  const ids = unknown.map((each) => each.deviceId)
  if (ids.length === 0) return new Set()
  const rows = await registry.selectFrom('devices').select('id').where('id', 'in', ids).execute()
  return new Set(rows.map((row) => row.id))
}

async function describe(
  access: Access,
  reader: IngestReader,
  { deviceId, letters, firstAt, lastAt, seq }: UnknownDevice,
  zone: string,
): Promise<Foundling> {
  const [letter] = reader.deadLetters({ limit: 1, before: seq + 1, deviceId })
  const integration = letter === undefined ? null : await findIntegration(access, letter)
  const envelope = letter === undefined ? null : openEnvelope(integration, letter, zone)
  return {
    id: deviceId,
    integration: integration?.name ?? null,
    topic: letter?.topic ?? '',
    letters,
    firstHeardAt: firstAt,
    lastHeardAt: lastAt,
    suggestedModel: envelope === null ? null : suggestModel(envelope, lastAt),
  }
}

function readCursor(cursor: string): number {
  const seq = Number(decodeCursor(cursor))
  if (!Number.isSafeInteger(seq)) throw wrongCursor()
  return seq
}
