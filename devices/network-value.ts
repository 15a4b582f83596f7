import { parseTime } from '../domain/time.ts'
import { readTime } from './json-payload.ts'

const numberPattern = /^[+-]?\d{1,15}(?:\.\d{1,15})?$/

// Below this a number is seconds: as milliseconds it would be in 1973, as seconds the other would be in the year 5138.
const millisecondsFrom = 1e11

/** A number that a network tells as a number or as the text of one; undefined for anything else. */
export function readNetworkNumber(value: unknown): number | undefined {
  // Adding 0 makes a plain 0 of -0.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : undefined
  return typeof value === 'string' && numberPattern.test(value) ? Number(value) + 0 : undefined
}

/**
 * A time that a network tells: RFC 3339, or seconds or milliseconds since 1970, as a number or as the text of one. Null
 * for anything else.
 */
export function readNetworkTime(value: unknown): number | null {
  const number = readNetworkNumber(value)
  if (number === undefined) return typeof value === 'string' ? parseTime(value) : null
  return readTime(number < millisecondsFrom ? number * 1000 : number)
}
