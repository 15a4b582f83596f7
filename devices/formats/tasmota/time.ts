import { parseCivilTime, parseTime } from '../../../domain/time.ts'
import type { OpenContext } from '../../model.ts'

// A device that has not heard of the time yet counts from 1970.
const clocklessYear = /^(19\d\d|200\d)-/

/**
 * The time that Tasmota tells: its wall clock without a zone, or with one by its settings. Undefined when it has none,
 * null when the text is no time.
 */
export function readTasmotaTime(told: unknown, { zone, receivedAt }: OpenContext): number | null | undefined {
  if (told === undefined || told === null) return undefined
  if (typeof told !== 'string') return null
  if (clocklessYear.test(told)) return undefined
  return parseTime(told) ?? parseCivilTime(told, zone, receivedAt)
}
