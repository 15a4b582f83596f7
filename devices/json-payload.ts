import { defineQuantity, type Quantity, type QuantityDefinition, stateValue } from '../domain/quantity.ts'
import { parseTime } from '../domain/time.ts'
import { addFault, type FaultList } from './fault-list.ts'

/** Deepest nesting of a JSON payload. What devices send is far from it, and a deeper one costs time for nothing. */
export const maxJsonDepth = 64

// The last millisecond of the year 9999, as far as RFC 3339 goes.
const maxTimeMs = 253_402_300_799_999

const openBrace = 0x7b
const openBracket = 0x5b
const closeBrace = 0x7d
const closeBracket = 0x5d
const quote = 0x22
const backslash = 0x5c

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whether a payload's first character, after white space and a byte order mark, opens a JSON object or array. */
export function looksLikeJson(payload: Uint8Array): boolean {
  let at = payload[0] === 0xef && payload[1] === 0xbb && payload[2] === 0xbf ? 3 : 0
  while (payload[at] === 0x20 || payload[at] === 0x09 || payload[at] === 0x0a || payload[at] === 0x0d) at++
  return payload[at] === openBrace || payload[at] === openBracket
}

/** The value of a JSON payload, or undefined with a fault: empty, not UTF-8, nested too deep, not JSON. */
export function parseJsonPayload(payload: Uint8Array, faults: FaultList): unknown {
  if (payload.length === 0) {
    addFault(faults, 'empty')
    return undefined
  }
  if (payload.length > maxJsonDepth && isTooDeep(payload)) {
    addFault(faults, 'too_deep', { limit: maxJsonDepth })
    return undefined
  }
  let text: string
  try {
    text = utf8.decode(payload)
  } catch {
    addFault(faults, 'not_utf8')
    return undefined
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    addFault(faults, 'not_json', { error: (error as Error).message })
    return undefined
  }
}

// JSON.parse takes a quarter of a second for a nesting of a million, which a message of 2 MB can hold: so the brackets
// are counted first, on the bytes, which UTF-8 allows since its other bytes are all above 0x7f.
function isTooDeep(payload: Uint8Array): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < payload.length; at++) {
    const byte = payload[at]
    if (inString) {
      if (byte === backslash) at++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === openBrace || byte === openBracket) {
      depth++
      if (depth > maxJsonDepth) return true
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return false
}

/** Whether a JSON value is an object, and neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The time of a JSON value: RFC 3339 with its offset, or epoch milliseconds up to the year 9999 (a fraction is cut).
 * Null for anything else.
 */
export function readTime(value: unknown): number | null {
  if (typeof value === 'string') return parseTime(value)
  if (typeof value === 'number' && value >= 0 && value <= maxTimeMs) return Math.trunc(value)
  return null
}

/**
 * The number of a quantity's JSON value: a number, or the name or label of a state. Undefined with a fault for anything
 * else; `where` tells which item of an array is meant. Range and existence of a numbered state are judged later.
 */
export function readValue(quantity: Quantity, value: unknown, where: string, faults: FaultList): number | undefined {
  // Adding 0 makes a plain 0 of -0, which would be told as "-0".
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0
  const { states } = defineQuantity(quantity)
  if (typeof value === 'string' && states !== undefined) {
    const state = stateValue(quantity, value) ?? labelledState(states, value)
    if (state !== undefined) return state
    addFault(faults, 'unknown_state', { quantity, value, states: states.map((each) => each.name).join(', '), where })
    return undefined
  }
  addFault(faults, 'not_a_number', { quantity, value: describeValue(value), where })
  return undefined
}

function labelledState(states: NonNullable<QuantityDefinition['states']>, text: string): number | undefined {
  if (text.length > 64) return undefined
  const wanted = text.toLowerCase()
  return states.find(
    ({ name, label }) => name === wanted || label.fr.toLowerCase() === wanted || label.en.toLowerCase() === wanted,
  )?.value
}

// What the message gives instead of a number, in JSON's own words; never the inside of an object, which may be huge.
function describeValue(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`
  if (Array.isArray(value)) return '[…]'
  if (typeof value === 'object' && value !== null) return '{…}'
  return String(value)
}

/** Which item of an array a fault is about, for its text: ` (#2)` for the second, nothing for a lone object. */
export function tellItem(index: number, isArray: boolean): string {
  return isArray ? ` (#${index + 1})` : ''
}
