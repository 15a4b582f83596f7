import type { DeadLetterReason, Fault } from '../domain/fault.ts'
import type { Access } from '../store/access.ts'
import type { DeadLetter } from '../store/ingest-file.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import { inParts } from '../store/registry.ts'
import { openView, type View } from './view.ts'

/** Dead letters with one cause: reason, what was wrong first, its quantity, and the model of the devices. */
export type LetterGroup = {
  reason: DeadLetterReason
  code: string
  quantity: string | null
  model: string | null
  count: number
  devices: string[]
  deviceCount: number
  firstAt: number
  lastAt: number
  newestId: string
  /** What was wrong with the newest of them. */
  faults: Fault[]
}

/** Devices that a group names; the others are counted. */
const namedDevices = 20

/** Groups whose newest letter is looked up; hundreds of causes are not read by anyone. */
const describedGroups = 200

/** The dead letters that may be seen, grouped by reason, model and what was wrong; the largest group first. */
export async function groupDeadLetters(access: Access, reader: IngestReader): Promise<LetterGroup[]> {
  const view = await openView(access)
  const found = reader.deadLetterGroups().filter(({ deviceId, lastAt }) => view.seesMessage(deviceId, lastAt))
  const models = await readModelsOf(access, found)
  const groups = new Map<string, LetterGroup>()
  for (const { deviceId, reason, code, quantity, count, firstAt, lastAt, seq } of found) {
    const model = deviceId === null ? null : (models.get(deviceId) ?? null)
    const key = JSON.stringify([reason, code, quantity, model])
    const group = groups.get(key)
    if (group === undefined) {
      const devices = deviceId === null ? [] : [deviceId]
      groups.set(key, {
        reason,
        code,
        quantity,
        model,
        count,
        devices,
        deviceCount: devices.length,
        firstAt,
        lastAt,
        newestId: String(seq),
        faults: [],
      })
      continue
    }
    group.count += count
    group.firstAt = Math.min(group.firstAt, firstAt)
    if (lastAt > group.lastAt) {
      group.lastAt = lastAt
      group.newestId = String(seq)
    }
    if (deviceId === null) continue
    group.deviceCount++
    if (group.devices.length < namedDevices) group.devices.push(deviceId)
  }
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count)
  for (const group of sorted.slice(0, describedGroups)) {
    const [newest] = reader.deadLetters({ limit: 1, before: Number(group.newestId) + 1 })
    if (newest !== undefined && String(newest.seq) === group.newestId) group.faults = newest.faults
  }
  return sorted
}

/** Which dead letters: of a reason, a device, a model, or with a fault first; `before` is the `seq` of the last seen one. */
export type LetterFilter = {
  limit: number
  before?: number | undefined
  reason?: string | undefined
  deviceId?: string | undefined
  model?: string | undefined
  code?: string | undefined
}

const lettersPerQuery = 501

/** The dead letters that `view` shows, newest first. */
export async function listDeadLetters(
  access: Access,
  reader: IngestReader,
  view: View,
  { limit, before, model, ...filter }: LetterFilter,
): Promise<DeadLetter[]> {
  const seen: DeadLetter[] = []
  const size = model === undefined ? Math.min(limit, lettersPerQuery) : lettersPerQuery
  let last = before
  while (seen.length < limit) {
    const found = reader.deadLetters({ ...filter, limit: size, before: last })
    const models = model === undefined ? null : await readModelsOf(access, found)
    for (const letter of found)
      if (
        view.seesMessage(letter.deviceId, letter.receivedAt) &&
        (models === null || models.get(letter.deviceId ?? '') === model)
      )
        seen.push(letter)
    if (found.length < size) break
    last = found.at(-1)!.seq
  }
  return seen.slice(0, limit)
}

async function readModelsOf(
  access: Access,
  letters: readonly { deviceId: string | null }[],
): Promise<Map<string, string>> {
  const models = new Map<string, string>()
  for (const part of inParts([...new Set(letters.flatMap(({ deviceId }) => deviceId ?? []))]))
    for (const { id, model } of await access.registry
      .selectFrom('devices')
      .select(['id', 'model'])
      .where('id', 'in', part)
      .execute())
      models.set(id, model)
  return models
}
