import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatTime, parseCivilTime, parseTime, timeSchema } from '../../domain/time.ts'

const anyTime = fc.integer({ min: Date.parse('0001-01-01T00:00:00Z'), max: Date.parse('9999-12-31T00:00:00Z') })
const two = (number: number) => String(number).padStart(2, '0')

describe('parseTime', () => {
  test('reads back what formatTime tells', () => {
    fc.assert(fc.property(anyTime, (time) => parseTime(formatTime(time)) === time))
  })

  test('the same moment with any offset is the same time', () => {
    const offset = fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 })
    fc.assert(
      fc.property(anyTime, offset, (time, minutes) => {
        const local = formatTime(time + minutes * 60_000).slice(0, -1)
        const size = Math.abs(minutes)
        const text = `${local}${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
        fc.pre(/^\d{4}-/.test(local))
        expect(parseTime(text)).toBe(time)
      }),
    )
  })

  const good: [string, string][] = [
    ['2026-03-01T08:00:00Z', '2026-03-01T08:00:00.000Z'],
    ['2026-03-01t08:00:00z', '2026-03-01T08:00:00.000Z'],
    ['2026-03-01 08:00:00+01:00', '2026-03-01T07:00:00.000Z'],
    ['2026-03-01T08:00:00-00:30', '2026-03-01T08:30:00.000Z'],
    ['2026-03-01T08:00:00.1Z', '2026-03-01T08:00:00.100Z'],
    ['2026-03-01T08:00:00.999999999Z', '2026-03-01T08:00:00.999Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['0050-01-01T00:00:00Z', '0050-01-01T00:00:00.000Z'],
  ]
  for (const [text, wanted] of good)
    test(`${text} is ${wanted}`, () => {
      expect(formatTime(parseTime(text)!)).toBe(wanted)
    })

  const bad = [
    '',
    '2026-03-01',
    '2026-03-01T08:00:00',
    '2026-03-01T08:00Z',
    '2026-3-1T08:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-13-10T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:61Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+01:60',
    '2026-01-01T00:00:00+0100',
    '+002026-01-01T00:00:00Z',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
    '1772348400000',
    '２０２６-01-01T00:00:00Z',
  ]
  for (const text of bad)
    test(`${JSON.stringify(text)} is no time`, () => {
      expect(parseTime(text)).toBeNull()
    })
})

test('the schema of a request gives the time, or says what it wants', () => {
  expect(timeSchema.parse('1970-01-01T01:00:01+01:00')).toBe(1000)
  expect(timeSchema.safeParse('yesterday').error!.issues[0]!.message).toContain('RFC 3339')
})

describe('a wall-clock time without offset', () => {
  const zone = 'Europe/Paris'
  const read = (text: string, near = 0) => {
    const time = parseCivilTime(text, zone, near)
    return time === null ? null : formatTime(time)
  }

  test('is read in the zone, in winter and in summer', () => {
    expect(read('2026-01-15T12:00:00')).toBe('2026-01-15T11:00:00.000Z')
    expect(read('2026-07-15 12:00:00.25')).toBe('2026-07-15T10:00:00.250Z')
  })

  test('that the clock tells twice is the one nearer to when it came', () => {
    const first = Date.parse('2025-10-26T00:30:00Z')
    expect(read('2025-10-26T02:30:00', first + 60_000)).toBe('2025-10-26T00:30:00.000Z')
    expect(read('2025-10-26T02:30:00', first + 3_660_000)).toBe('2025-10-26T01:30:00.000Z')
  })

  test('that the clock skips is as one that was not set forward would tell it', () => {
    expect(read('2026-03-29T02:30:00')).toBe('2026-03-29T01:30:00.000Z')
  })

  test('is nothing else', () => {
    for (const text of ['2026-02-30T12:00:00', '2026-01-15T24:00:00', '2026-01-15', '2026-01-15T12:00:00Z', ''])
      expect(read(text), text).toBeNull()
  })
})
