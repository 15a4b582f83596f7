import { models } from '../devices/catalogue.ts'
import { compileDecoder } from '../devices/codec.ts'
import { newFaultList } from '../devices/fault-list.ts'
import { parseJsonPayload } from '../devices/json-payload.ts'
import { compileTable, type Mapped } from '../devices/model-table.ts'
import { toScript } from '../devices/repositories/published.ts'
import { compileScriptModel } from '../devices/script-model.ts'
import type { ScriptPool } from '../devices/scripts/pool.ts'
import { suggestTable } from '../devices/suggest-table.ts'
import type { Fault } from '../domain/fault.ts'
import { emptyTable, type ModelTable } from '../domain/model-table.ts'
import { Problem } from '../domain/problem.ts'
import { judge } from '../domain/validate.ts'
import type { Access } from '../store/access.ts'
import { type KnownModel, readDeviceModels } from '../store/device-models.ts'
import type { DeadLetter } from '../store/ingest-file.ts'
import { findIntegration, openEnvelope } from './letters.ts'
import { listOperations } from './models.ts'

/**
 * A payload to try a model on; `port` is LoRaWAN's, `receivedAt` epoch milliseconds. `decoded` is what the network's own
 * codec made of it, where the payload itself did not come along.
 */
export type Trial = { payload: Uint8Array; port?: number | undefined; receivedAt: number; decoded?: unknown }

/** What is not written down yet: another table, another source. */
export type Draft = { table?: ModelTable | undefined; source?: string | undefined }

/** What a model makes of a payload, as ingest would; and a table for what it says nothing of. */
export type TrialOutcome = {
  readings: Mapped['readings']
  faults: Fault[]
  answer?: unknown
  normalized?: unknown
  warnings: string[]
  unmapped: string[]
  suggestion: ModelTable
}

/**
 * Tries a model on a payload, and stores nothing; a draft alone where `id` is null. Throws Problem `not_found`.
 */
export async function tryModel(
  access: Access,
  pool: ScriptPool,
  id: string | null,
  trial: Trial,
  draft: Draft,
  horizonDays: number,
): Promise<TrialOutcome> {
  const decoded = await decode(access, pool, id, trial, draft)
  const faults = [...decoded.faults]
  const readings = decoded.readings.filter((reading) => {
    const wrong = judge(reading, trial.receivedAt, horizonDays)
    if (wrong !== null) faults.push(wrong)
    return wrong === null
  })
  const { table } = suggestTable(decoded.data === undefined ? [] : [decoded.data], decoded.readings)
  const fields = table.fields.filter(({ path }) => decoded.unmapped.includes(path))
  const { data: _, ...told } = decoded
  return { ...told, readings, faults, suggestion: { ...table, fields } }
}

type Tried = Omit<TrialOutcome, 'suggestion'> & { data?: unknown }

async function decode(
  access: Access,
  pool: ScriptPool,
  id: string | null,
  { payload, port, receivedAt, decoded: given }: Trial,
  { table, source }: Draft,
): Promise<Tried> {
  const builtIn = models.get(id ?? '')
  if (builtIn !== undefined && table === undefined && source === undefined) {
    const { readings, faults } = compileDecoder(builtIn)(payload, {
      receivedAt,
      ...(port === undefined ? {} : { port }),
    })
    return { readings, faults, warnings: [], unmapped: [] }
  }
  const known = id === null ? noModel : (await readDeviceModels(access.registry, [id])).get(id)
  if (known === undefined)
    throw builtIn === undefined ? new Problem('not_found', id!) : new Problem('builtin_model', id!)
  const mapping = table ?? (known.mapping as ModelTable)
  const script = source === undefined ? undefined : toScript(source)
  const codecs =
    script === undefined
      ? known.codecs
      : Object.fromEntries(listOperations(source!).map((operation) => [operation, script]))
  if (given !== undefined) return { ...compileTable(mapping)(given), answer: given, warnings: [], data: given }
  if (codecs.decodeUplink === undefined) {
    const list = newFaultList()
    const data = parseJsonPayload(payload, list)
    if (data === undefined) return { readings: [], faults: list.kept, warnings: [], unmapped: [] }
    return { ...compileTable(mapping)(data), answer: data, warnings: [], data }
  }
  const model = compileScriptModel(pool, { codecs, dialect: known.dialect, mapping })
  const { state: _, ...decoded } = await model.decode(payload, { receivedAt, port })
  const { answer } = decoded
  const data = typeof answer === 'object' && answer !== null && 'data' in answer ? answer.data : answer
  return { ...decoded, data }
}

const noModel: Pick<KnownModel, 'codecs' | 'dialect' | 'mapping'> = { codecs: {}, dialect: {}, mapping: emptyTable }

/** The payload of a dead letter, out of its network's envelope; null when there is none to be read. */
export async function openLetter(access: Access, letter: DeadLetter, zone: string): Promise<Trial | null> {
  const envelope = openEnvelope(await findIntegration(access, letter), letter, zone)
  if (envelope === null) return null
  const { port, observedAt = letter.receivedAt, decoded } = envelope
  if (envelope.payload !== null) return { payload: envelope.payload, port, receivedAt: observedAt }
  if (decoded?.object === undefined) return null
  return { payload: Buffer.from(JSON.stringify(decoded.object)), receivedAt: observedAt, decoded: decoded.object }
}

/** What a model makes of one dead letter; no outcome where its envelope holds no payload that can be read. */
export type LetterTrial = { letter: DeadLetter; outcome: TrialOutcome | null }

/** Most dead letters that are tried at once. */
export const maxLettersTried = 100

/** Tries a model on dead letters, one after the other, and stores nothing. Throws Problem `not_found`. */
export async function tryLetters(
  access: Access,
  pool: ScriptPool,
  id: string,
  letters: readonly DeadLetter[],
  draft: Draft,
  { zone, horizonDays }: { zone: string; horizonDays: number },
): Promise<LetterTrial[]> {
  const tried: LetterTrial[] = []
  for (const letter of letters.slice(0, maxLettersTried)) {
    const trial = await openLetter(access, letter, zone)
    const outcome = trial === null ? null : await tryModel(access, pool, id, trial, draft, horizonDays)
    tried.push({ letter, outcome })
  }
  return tried
}
