import { type Fault, fault } from '../domain/fault.ts'
import type { ModelTable } from '../domain/model-table.ts'
import type { Detail } from '../domain/problem.ts'
import { isObject } from './json-payload.ts'
import { compileTable, type Mapped, toldFault } from './model-table.ts'
import { toBytes } from './repositories/published.ts'
import { poolLimits, type ScriptPool, type TaskOutcome } from './scripts/pool.ts'
import { type Operation, type Script, scriptLimits } from './scripts/sandbox.ts'

/** How a codec wants to be called: `recvTime` as a Date or as text; `data` itself when it encodes. */
export type ScriptDialect = { recvTime?: 'date' | 'text'; isBare?: boolean }

/** A device model whose payload a codec reads, and a table makes readings of what it answers. */
export type ScriptModel = {
  codecs: Readonly<Partial<Record<Operation, Script>>>
  dialect: ScriptDialect
  mapping: ModelTable
}

/** What a decode may know. `patient` waits for its turn as long as it takes; `state` is the codec's own of this device. */
export type ScriptContext = { receivedAt: number; port?: number | undefined; patient?: boolean; state?: unknown }

/** What a decode came to: beside readings and faults, what the codec answered, for people. */
export type ScriptDecoding = Mapped & { answer?: unknown; normalized?: unknown; warnings: string[]; state?: unknown }

/** Largest port of LoRaWAN that a device may use for itself. */
export const maxPort = 223

/** Most bytes of one downlink. */
export const maxDownlinkBytes = 1024

/** A device that speaks without a network tells no port: its codec is asked for the one that most codecs expect. */
const usualPort = 1

/** Prepares a model for its uplinks and downlinks; what comes back never throws. */
export function compileScriptModel(pool: ScriptPool, { codecs, dialect, mapping }: ScriptModel) {
  const map = compileTable(mapping)
  const { decodeUplink, normalizeUplink, encodeDownlink } = codecs
  const keepsState = decodeUplink !== undefined && /\bcontext\b/.test(decodeUplink.source)

  async function decode(payload: Uint8Array, context: ScriptContext): Promise<ScriptDecoding> {
    if (decodeUplink === undefined) return failed(fault('codec_no_function'))
    const { receivedAt, port = usualPort, patient = false } = context
    const run = (script: Script, operation: Operation, input: object) =>
      pool.run({ script, operation, input, receivedAt, patient })
    const outcome = await run(decodeUplink, 'decodeUplink', {
      bytes: [...payload],
      fPort: port,
      recvTime: dialect.recvTime === 'text' ? new Date(receivedAt).toISOString() : receivedAt,
      variables: {},
      ...(keepsState && context.state !== undefined ? { context: context.state } : {}),
    })
    if (!outcome.ok) return failed(toFault(outcome))
    const { answer } = outcome
    const { data, errors, warnings } = readAnswer(answer)
    const state = keepsState && outcome.context !== undefined ? { state: outcome.context } : {}
    if (errors.length > 0) return { ...failed(toldFault(errors)), answer, warnings, ...state }
    if (data === undefined || data === null) return { ...failed(fault('codec_no_data')), answer, warnings, ...state }
    let normalized: unknown
    if (normalizeUplink !== undefined) {
      const told = await run(normalizeUplink, 'normalizeUplink', { data })
      if (told.ok) normalized = readAnswer(told.answer).data
    }
    return { ...map(data, normalized), answer, ...(normalized === undefined ? {} : { normalized }), warnings, ...state }
  }

  /** The bytes and port of a downlink, or why there are none. */
  async function encode(
    data: unknown,
    port: number | undefined,
  ): Promise<{ bytes: Uint8Array; port: number | null } | { error: Detail }> {
    if (encodeDownlink === undefined)
      return { error: { fr: 'son codec ne code pas de commandes', en: 'its codec encodes no downlinks' } }
    const input = {
      data,
      ...(port === undefined ? {} : { fPort: port }),
      variables: {},
      ...(dialect.isBare ? { bare: true } : {}),
    }
    const outcome = await pool.run({
      script: encodeDownlink,
      operation: 'encodeDownlink',
      input,
      receivedAt: Date.now(),
    })
    if (!outcome.ok) return { error: outcome.error }
    const answer = isObject(outcome.answer) ? outcome.answer : {}
    const errors = toTexts(answer.errors)
    if (errors.length > 0) return { error: errors.join('; ') }
    const bytes = toBytes(answer.bytes)
    if (
      bytes === null ||
      bytes.length > maxDownlinkBytes ||
      !bytes.every((each) => Number.isInteger(each) && each >= -128 && each <= 255)
    )
      return { error: { fr: 'son codec n’a pas donné d’octets', en: 'its codec answered no bytes' } }
    const own = Number(answer.fPort ?? port)
    return { bytes: Uint8Array.from(bytes), port: Number.isInteger(own) && own >= 1 && own <= maxPort ? own : null }
  }

  return {
    decode,
    encode,
    /** The readings of what the network's own codec made of a payload, when the payload itself did not come along. */
    map,
    canEncode: encodeDownlink !== undefined,
  }
}

export type CompiledScriptModel = ReturnType<typeof compileScriptModel>

// TS013's answer, or the data itself, as some networks take it too.
function readAnswer(answer: unknown): { data: unknown; errors: string[]; warnings: string[] } {
  if (!isObject(answer)) return { data: answer, errors: [], warnings: [] }
  const isWrapped = ['data', 'errors', 'warnings'].some((key) => Object.hasOwn(answer, key))
  if (!isWrapped) return { data: Object.keys(answer).length === 0 ? undefined : answer, errors: [], warnings: [] }
  return { data: answer.data, errors: toTexts(answer.errors), warnings: toTexts(answer.warnings) }
}

function toTexts(value: unknown): string[] {
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).map((each) =>
    typeof each === 'string' ? each : JSON.stringify(each),
  )
}

function failed(wrong: Fault): ScriptDecoding {
  return { readings: [], faults: [wrong], unmapped: [], warnings: [] }
}

function toFault(outcome: Exclude<TaskOutcome, { ok: true }>): Fault {
  switch (outcome.kind) {
    case 'timeout':
      return fault('codec_timeout', { ms: scriptLimits.deadlineMs })
    case 'suspended':
      return fault('codec_suspended', { count: poolLimits.strikes })
    case 'overloaded':
      return fault('codec_overloaded', { seconds: poolLimits.waitMs / 1000 })
    case 'error':
      return fault('codec_error', { error: outcome.error })
  }
}
