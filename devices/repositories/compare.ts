import { isObject } from '../json-payload.ts'
import { toBytes } from './published.ts'

// What the catalogues write where a value changes from run to run.
const placeholders = new Set(['XXXX-XX-XXTXX:XX:XX.XXXZ', 'SKIP_NUMBER'])
// Sums of floats may end differently in the last digit in another engine.
const tolerance = 1e-9

/**
 * Whether a codec answered what its example says. The order of keys does not count; an absent list of errors or
 * warnings is an empty one; of data that comes with errors only the errors count; a bare answer is its data; a date
 * may be written in another zone. Both come from JSON, where NaN and infinity are null.
 */
export function isAsPublished(operation: string, expected: unknown, answer: unknown): boolean {
  return operation === 'encodeDownlink'
    ? isDownlink(toParts(expected, 'bytes'), toParts(answer, 'bytes'))
    : isData(toParts(expected, 'data'), toParts(answer, 'data'))
}

type Parts = Record<string, unknown>

const partNames = ['data', 'bytes', 'errors', 'warnings', 'fPort']

function toParts(value: unknown, bare: 'data' | 'bytes'): Parts {
  if (isObject(value) && partNames.some((name) => Object.hasOwn(value, name)) && Object.keys(value).length <= 4)
    return value
  return value === undefined || value === null ? {} : { [bare]: value }
}

function isData(expected: Parts, answer: Parts): boolean {
  if (!isSame(toList(expected.errors), toList(answer.errors))) return false
  if (toList(expected.errors).length > 0 && (expected.data === undefined || answer.data === undefined)) return true
  return isSame(toList(expected.warnings), toList(answer.warnings)) && isSame(expected.data, answer.data)
}

function isDownlink(expected: Parts, answer: Parts): boolean {
  if (!isSame(toList(expected.errors), toList(answer.errors))) return false
  if (toList(expected.errors).length > 0 && expected.bytes === undefined) return true
  // Some examples name no port, or leave the warnings to the reader.
  return (
    isSame(toBytes(expected.bytes) ?? [], toBytes(answer.bytes) ?? []) &&
    (typeof expected.fPort !== 'number' || isSame(expected.fPort, answer.fPort)) &&
    (expected.warnings === undefined || isSame(toList(expected.warnings), toList(answer.warnings)))
  )
}

function toList(value: unknown): unknown[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]
}

function isSame(expected: unknown, answer: unknown): boolean {
  if (typeof expected === 'string' && placeholders.has(expected)) return true
  if (typeof expected === 'number') {
    // JSON knows no NaN: the codec's is null by now, YAML's `.nan` is not yet.
    if (!Number.isFinite(expected)) return answer === null
    if (typeof answer !== 'number') return false
    return Math.abs(expected - answer) <= tolerance * Math.max(1, Math.abs(expected))
  }
  if (typeof expected === 'string') return expected === answer || isSameTime(expected, answer)
  if (Array.isArray(expected))
    return (
      Array.isArray(answer) &&
      expected.length === answer.length &&
      expected.every((each, index) => isSame(each ?? null, answer[index]))
    )
  if (!isObject(expected)) return expected === answer
  if (!isObject(answer)) return false
  const keys = Object.keys(expected).filter((key) => expected[key] !== undefined)
  return (
    keys.length === Object.keys(answer).length &&
    keys.every((key) => Object.hasOwn(answer, key) && isSame(expected[key], answer[key]))
  )
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d/

function isSameTime(expected: string, answer: unknown): boolean {
  if (typeof answer !== 'string' || !timePattern.test(expected) || !timePattern.test(answer)) return false
  const time = Date.parse(expected)
  return !Number.isNaN(time) && time === Date.parse(answer)
}
