import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxFaultsPerUplink } from '../../devices/fault-list.ts'
import { maxJsonDepth } from '../../devices/json-payload.ts'
import { decodeParvisJson, encodeParvisJson } from '../../devices/parvis-json.ts'
import type { Decoding, Fault } from '../../domain/fault.ts'
import { quantityNames } from '../../domain/quantity.ts'
import { maxReadingsPerUplink } from '../../domain/uplink.ts'
import { receivedAt } from './examples.ts'

function decode(payload: string | Uint8Array): Decoding {
  return decodeParvisJson(typeof payload === 'string' ? Buffer.from(payload) : payload, { receivedAt })
}

const codes = (faults: readonly Fault[]) => faults.map((fault) => fault.code)

describe('bad input', () => {
  test('a nesting of 1,000,000 is refused before it is parsed, wherever it stands', () => {
    const arrays = '['.repeat(1e6) + ']'.repeat(1e6)
    for (const deep of [arrays, '{"a":'.repeat(3e5), `{"readings":{"co2":${arrays}}}`])
      expect(decode(deep)).toEqual({ readings: [], faults: [{ code: 'too_deep', params: { limit: maxJsonDepth } }] })
  })

  test('brackets inside texts do not count as nesting, nor do closed ones', () => {
    const text = JSON.stringify({ readings: { co2: `"${'[{'.repeat(100)}\\` } })
    expect(codes(decode(text).faults)).toEqual(['not_a_number'])
    expect(codes(decode(`[${'[],'.repeat(100)}{"readings":{"co2":1}}]`).faults)).toHaveLength(maxFaultsPerUplink + 1)
  })

  test('a deep value that is allowed is told without its inside', () => {
    const depth = maxJsonDepth - 2
    const { faults } = decode(`{"readings":{"co2":${'['.repeat(depth)}${']'.repeat(depth)}}}`)
    expect(faults).toEqual([{ code: 'not_a_number', params: { quantity: 'co2', value: '[…]', where: '' } }])
  })

  test('10,000 keys: the good are kept, twenty faults are told and the others counted', () => {
    const readings = { co2: 600, ...Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key_${i}`, i])) }
    const decoding = decode(JSON.stringify({ readings }))
    expect(decoding.readings).toEqual([{ channel: '', quantity: 'co2', value: 600 }])
    expect(decoding.faults).toHaveLength(maxFaultsPerUplink + 1)
    expect(decoding.faults.at(-1)).toEqual({ code: 'more_faults', params: { count: 10_000 - maxFaultsPerUplink } })
  })

  test('10,000 keys beside the readings', () => {
    const item = {
      ...Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key_${i}`, i])),
      readings: { co2: 1 },
    }
    const decoding = decode(JSON.stringify(item))
    expect(decoding.readings).toHaveLength(1)
    expect(decoding.faults.at(-1)).toEqual({ code: 'more_faults', params: { count: 10_000 - maxFaultsPerUplink } })
  })

  test('1 MB of junk, and a fault that stays small', () => {
    const junk = Uint8Array.from({ length: 1e6 }, (_, i) => (i * 7919) % 251)
    expect(codes(decode(junk).faults)).toEqual(['not_utf8'])
    expect(codes(decode('x'.repeat(1e6)).faults)).toEqual(['not_json'])
    const { faults } = decode(JSON.stringify({ readings: { ['y'.repeat(1e6)]: 1, co2: 'z'.repeat(1e6) } }))
    expect(codes(faults)).toEqual(['unknown_quantity', 'not_a_number'])
    expect(JSON.stringify(faults).length).toBeLessThan(1000)
  })

  test('a million items are not all read', () => {
    const decoding = decode(`[${'1,'.repeat(999_999)}1]`)
    expect(decoding.faults).toHaveLength(maxFaultsPerUplink + 1)
    expect(decoding.faults.at(-1)).toEqual({
      code: 'more_faults',
      params: { count: maxReadingsPerUplink - maxFaultsPerUplink + 1 },
    })
  })

  test('UTF-8 is judged strictly, and a good message after a bad one is good', () => {
    for (const hex of ['c0af', 'eda080', 'f4908080', 'ff', 'e282'])
      expect(codes(decode(Buffer.from(`227b${hex}7d22`, 'hex')).faults)).toEqual(['not_utf8'])
    expect(decode('{"readings":{"co2":600}}').readings).toHaveLength(1)
  })

  test('values that are no numbers', () => {
    for (const value of ['null', 'true', '"12"', '{}', '[1]', '1e400', '-1e400', '"\\ud800"'])
      expect(codes(decode(`{"readings":{"co2":${value}}}`).faults), value).toEqual(['not_a_number'])
  })

  test('shapes that are no readings', () => {
    const cases: [string, string][] = [
      ['[]', 'no_readings'],
      ['{}', 'no_readings'],
      ['{"readings":{}}', 'no_readings'],
      ['{"readings":null}', 'no_readings'],
      ['{"readings":[1]}', 'no_readings'],
      ['null', 'not_object'],
      ['[[]]', 'not_object'],
      ['"readings"', 'not_object'],
      ['NaN', 'not_json'],
      [' ', 'not_json'],
    ]
    for (const [text, code] of cases) expect(codes(decode(text).faults), text).toEqual([code])
  })

  test('a payload that says __proto__ changes nothing outside itself', () => {
    const { readings, faults } = decode('{"__proto__":{"readings":{"co2":1},"channel":"x"},"constructor":1}')
    expect(readings).toEqual([])
    expect(codes(faults)).toEqual(['unknown_key', 'unknown_key', 'no_readings'])
    expect(({} as Record<string, unknown>).channel).toBeUndefined()
  })

  test('times that cannot be told leave no reading at a wrong one', () => {
    for (const time of [
      '"2026-03-01T08:00:00"',
      '"2026-02-30T08:00:00Z"',
      '-1',
      '1e400',
      '1e15',
      'true',
      '{}',
      '"1e3"',
    ])
      expect(decode(`{"observedAt":${time},"readings":{"co2":1}}`), time).toEqual({
        readings: [],
        faults: [{ code: 'bad_time', params: { where: '' } }],
      })
    expect(decode('{"observedAt":1772348400123.9,"readings":{"co2":1}}').readings[0]!.observedAt).toBe(1772348400123)
  })

  test('channels that cannot be one', () => {
    for (const channel of [1, true, {}, 'x'.repeat(65), 'a\u0000b', 'a\nb'])
      expect(codes(decode(JSON.stringify({ channel, readings: { co2: 1 } })).faults)).toEqual(['bad_channel'])
    expect(decode(JSON.stringify({ channel: 'é'.repeat(64), readings: { co2: 1 } })).readings).toHaveLength(1)
  })

  test('never throws, and gives numbers and known quantities only, whatever comes', () => {
    const item = fc.record(
      {
        observedAt: fc.oneof(
          fc.jsonValue(),
          fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        ),
        channel: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
        readings: fc.oneof(
          fc.dictionary(
            fc.oneof(fc.constantFrom(...quantityNames), fc.string()),
            fc.oneof(fc.double(), fc.jsonValue()),
          ),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    )
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.oneof(item, fc.array(fc.oneof(item, fc.jsonValue()))).map((value) => Buffer.from(JSON.stringify(value))),
    )
    fc.assert(
      fc.property(payload, (bytes) => {
        const { readings, faults } = decode(bytes)
        for (const { quantity, value, observedAt } of readings) {
          expect(quantityNames).toContain(quantity)
          expect(Number.isFinite(value)).toBe(true)
          if (observedAt !== undefined) expect(Number.isSafeInteger(observedAt)).toBe(true)
        }
        expect(readings.length + faults.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })
})

describe('limits', () => {
  test(`${maxReadingsPerUplink} readings are taken; those after are not, and it is said`, () => {
    const items = Array.from({ length: maxReadingsPerUplink / 2 }, (_, i) => ({
      observedAt: receivedAt - i,
      readings: { co2: 600, temperature: 20 },
    }))
    const whole = decode(JSON.stringify(items))
    expect([whole.readings.length, whole.faults]).toEqual([maxReadingsPerUplink, []])
    for (const more of [[{ readings: { co2: 1 } }], [{ readings: { co2: 1, temperature: 2 } }, 7]]) {
      const over = decode(JSON.stringify([...items, ...more]))
      expect(over.readings).toHaveLength(maxReadingsPerUplink)
      expect(over.faults).toEqual([{ code: 'too_many_readings', params: { limit: maxReadingsPerUplink } }])
    }
  })

  test('the limit also cuts within one object', () => {
    const items = Array.from({ length: maxReadingsPerUplink - 1 }, () => ({ readings: { co2: 600 } }))
    const { readings, faults } = decode(JSON.stringify([...items, { readings: { co2: 1, temperature: 2, pm10: 3 } }]))
    expect(readings).toHaveLength(maxReadingsPerUplink)
    expect(codes(faults)).toEqual(['too_many_readings'])
  })
})

test('states are taken by name and by label in both languages, whatever the case', () => {
  const words = ['fault', 'en défaut', 'EN DÉFAUT', 'Fault', '2']
  for (const [index, word] of words.entries()) {
    const { readings, faults } = decode(JSON.stringify({ readings: { lamp_state: word } }))
    if (index < 4) expect(readings).toEqual([{ channel: '', quantity: 'lamp_state', value: 2 }])
    else expect(faults).toMatchObject([{ code: 'unknown_state', params: { value: '2', states: 'off, on, fault' } }])
  }
})

test('what is encoded decodes to the same readings', () => {
  const reading = fc.record(
    {
      channel: fc.string({ maxLength: 8 }),
      quantity: fc.constantFrom(...quantityNames),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      observedAt: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    },
    { requiredKeys: ['channel', 'quantity', 'value'] },
  )
  const selector = (r: { channel: string; quantity: string; observedAt?: number }) =>
    `${r.observedAt} ${r.quantity} ${r.channel}`
  const readings = fc.uniqueArray(reading, { minLength: 1, maxLength: 30, selector })
  fc.assert(
    fc.property(readings, (wanted) => {
      const decoding = decode(encodeParvisJson(wanted))
      expect(decoding.faults).toEqual([])
      const sorted = (list: typeof wanted) => [...list].sort((a, b) => (selector(a) < selector(b) ? -1 : 1))
      expect(sorted(decoding.readings)).toEqual(sorted(wanted))
    }),
  )
})
