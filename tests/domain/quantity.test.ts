import { describe, expect, test } from 'vitest'
import { defineQuantity, isQuantity, quantityNames, stateValue } from '../../domain/quantity.ts'

const units = [
  '%',
  'm',
  'kg',
  '1',
  'Cel',
  'hPa',
  'lx',
  '[ppm]',
  'ug/m3',
  'dB',
  'W',
  'VA',
  'var',
  'V',
  'A',
  'Hz',
  'Wh',
  'varh',
  'mm',
  'mm/h',
  'm/s',
]
units.push('m3', 'h', 'deg', 'dBm')

describe('the table of quantities', () => {
  for (const name of quantityNames)
    test(`${name} has a unit, a range and labels that fit its kind`, () => {
      const { unit, kind, min, max, decimals, label, states } = defineQuantity(name)
      expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
      expect(units).toContain(unit)
      expect(min).toBeLessThan(max)
      expect(Number.isInteger(decimals) && decimals >= 0).toBe(true)
      expect(label.fr).not.toBe('')
      expect(label.en).not.toBe('')
      if (kind === 'counter') expect(min).toBe(0)
      if (kind !== 'state') return expect(states).toBeUndefined()
      const values = states!.map((state) => state.value)
      expect(values.every(Number.isInteger)).toBe(true)
      expect([Math.min(...values), Math.max(...values)]).toEqual([min, max])
      expect(new Set(values).size).toBe(values.length)
      // A payload may tell a state by its name or its label, whatever the case: no word may mean two states.
      const words = states!.map((state) =>
        [state.name, state.label.fr, state.label.en].map((word) => word.toLowerCase()),
      )
      const meant = new Set(words.flatMap((each) => [...new Set(each)]))
      expect(words.flatMap((each) => [...new Set(each)])).toHaveLength(meant.size)
    })

  test('labels name one quantity each', () => {
    for (const language of ['fr', 'en'] as const)
      expect(new Set(quantityNames.map((name) => defineQuantity(name).label[language])).size).toBe(quantityNames.length)
  })
})

test('names of Object’s own are no quantities', () => {
  for (const name of ['constructor', '__proto__', 'toString', '', 'Temperature']) expect(isQuantity(name)).toBe(false)
  expect(isQuantity('temperature')).toBe(true)
})

test('the states that programs are written against', () => {
  expect(['off', 'on', 'fault'].map((name) => stateValue('lamp_state', name))).toEqual([0, 1, 2])
  expect(['free', 'occupied'].map((name) => stateValue('occupancy', name))).toEqual([0, 1])
  expect(['closed', 'open'].map((name) => stateValue('door_state', name))).toEqual([0, 1])
  expect(stateValue('tariff', 'unknown')).toBe(0)
  expect(defineQuantity('tariff').max).toBe(10)
  expect(stateValue('lamp_state', 'constructor')).toBeUndefined()
  expect(stateValue('temperature', 'on')).toBeUndefined()
})
