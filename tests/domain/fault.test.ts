import { describe, expect, test } from 'vitest'
import { deadLetterReasons, type FaultCode, fault, faultReason, faultText, faultTexts } from '../../domain/fault.ts'
import { maxQuoteLength } from '../../domain/text.ts'

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort()

describe('the table of faults', () => {
  for (const [code, { reason, fr, en }] of Object.entries(faultTexts))
    test(`${code} says the same in both languages, for a reason that exists`, () => {
      expect(placeholders(fr)).toEqual(placeholders(en))
      expect(deadLetterReasons).toContain(reason)
      expect(fr).toMatch(/[.…]$/)
      expect(en).toMatch(/[.…]$/)
      expect(fr).not.toBe(en)
    })

  for (const code of Object.keys(faultTexts) as FaultCode[])
    test(`${code} is told without a hole when its params are given`, () => {
      const params = Object.fromEntries(placeholders(faultTexts[code].en).map((name) => [name, 'x']))
      for (const language of ['fr', 'en'] as const)
        expect(faultText(fault(code, params), language)).not.toMatch(/[{}]\w/)
    })
})

test('the reason is that of the table', () => {
  expect(faultReason(fault('wrong_length'))).toBe('bad_frame')
})

test('quantities and units are told as people say them', () => {
  const params = { quantity: 'temperature', value: 300, unit: 'Cel', min: -90, max: 200 }
  expect(faultText(fault('out_of_range', params), 'fr')).toBe(
    'Température (temperature) : 300 °C est hors de la plage de −90 à 200.',
  )
  expect(faultText(fault('out_of_range', { ...params, quantity: 'lift_count', unit: '1' }), 'en')).toBe(
    'Lifts (lift_count): 300 is outside the range from −90 to 200.',
  )
  expect(faultText(fault('unknown_quantity', { quantity: '__proto__', where: ' (#2)' }), 'en')).toBe(
    'The quantity "__proto__" is unknown (#2).',
  )
})

test('which item of an array is meant is left out where there is none', () => {
  expect(faultText(fault('bad_time'), 'en')).toMatch(/1970\.$/)
})

test('a text of a payload is cut when it is kept, and freed of control characters when it is told', () => {
  const kept = fault('unknown_quantity', { quantity: 'x'.repeat(1e6) })
  expect(String(kept.params!.quantity)).toHaveLength(maxQuoteLength)
  const told = faultText(fault('unknown_quantity', { quantity: 'a\u0000b\n\u202ec\ud800' }), 'en')
  expect(told).toBe('The quantity "a�b��c�" is unknown.')
  // A param that looks like a placeholder stays a text.
  expect(faultText(fault('unknown_quantity', { quantity: '{where}' }), 'en')).toBe('The quantity "{where}" is unknown.')
})
