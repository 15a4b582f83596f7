import { describe, expect, test } from 'vitest'
import {
  formatAgo,
  formatDateTime,
  formatLength,
  formatMoment,
  formatNumber,
  formatValue,
  isolate,
} from '../../dashboards/web/src/format.ts'
import { tellDetail } from '../../dashboards/web/src/pages/dead-letters/detail.ts'
import { defineQuantity, type Quantity } from '../../domain/quantity.ts'

const fr = { language: 'fr', locale: 'fr-FR' } as const
const en = { language: 'en', locale: 'en-GB' } as const

// Which of Unicode's spaces stands between a number and its unit is the language's affair; that it does not break is ours.
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, '_')

describe('values', () => {
  const cases: [Quantity, number, string, string][] = [
    ['fill_level', 72.5, '72,5_%', '72.5%'],
    ['temperature', -4.25, '−4,3_°C', '−4.3°C'],
    ['co2', 1234, '1_234_ppm', '1,234_ppm'],
    ['active_power', 9999, '9_999_W', '9,999_W'],
    ['active_power', -12_300, '−12,3_kW', '−12.3_kW'],
    ['energy_active_import', 1_234_567, '1_234,6_kWh', '1,234.6_kWh'],
    ['water_volume', 12.3456, '12,346_m³', '12.346_m³'],
    ['tilt', 3, '3°', '3°'],
    ['lift_count', 751, '751', '751'],
    ['power_factor', 0.949, '0,949', '0.949'],
    ['lamp_state', 2, 'en défaut', 'fault'],
    ['occupancy', 0, 'libre', 'free'],
  ]
  test.each(cases)('%s %d', (quantity, value, french, english) => {
    expect(plain(formatValue(value, defineQuantity(quantity), fr))).toBe(french)
    expect(plain(formatValue(value, defineQuantity(quantity), en))).toBe(english)
  })

  test('a state that has no label, and a quantity that is not known, are numbers', () => {
    expect(formatValue(7, defineQuantity('occupancy'), fr)).toBe('7')
    expect(plain(formatValue(1234.5, undefined, fr))).toBe('1_234,5')
  })
})

test('ages and lengths are told in the largest unit that fits', () => {
  const now = Date.UTC(2026, 2, 1, 12)
  expect(plain(formatAgo(now - 61_000, now, fr))).toBe('il y a 1_min')
  expect(formatAgo(now - 3 * 3_600_000 - 1000, now, en)).toBe('3 hr ago')
  expect(formatAgo(now - 86_400_000, now, fr)).toBe('hier')
  // A clock that is ahead tells no future.
  expect(formatAgo(now + 5000, now, en)).toBe('now')
  expect(formatLength(900, fr)).toBe('15 minutes')
  expect(formatLength(7300, en)).toBe('2 hours')
  expect(plain(formatLength(0, fr))).toBe('0_seconde')
})

test('a formatter is kept by its options, not by its language alone', () => {
  expect(formatNumber(0.5, en)).toBe('0.5')
  expect(formatNumber(0.5, en, { style: 'percent' })).toBe('50%')
})

test('times in what is told of a dead letter are written as the reader writes them, and nothing else is', () => {
  const time = formatDateTime(Date.parse('2026-11-25T10:00:00.000Z'), fr)
  expect(tellDetail('co2 : observé à 2026-11-25T10:00:00.000Z, trop tard.', fr)).toBe(
    `co2\u202f: observé à ${time}, trop tard.`,
  )
  expect(tellDetail('"2026-99-99T10:00:00Z" et 2026-11-25', fr)).toBe('"2026-99-99T10:00:00Z" et 2026-11-25')
})

test('a moment is told so that nobody guesses which number is the month', () => {
  const time = new Date(2026, 10, 5, 9, 5).getTime()
  expect(plain(formatMoment(time, fr))).toBe('jeudi 5 novembre 2026 à 09:05')
  expect(formatMoment(time, en, false)).toBe('Thursday, 5 November 2026')
})

test('a name that runs from right to left is isolated in a sentence, whatever marks it bears; another is left as it is', () => {
  expect(isolate('Banc du parc')).toBe('Banc du parc')
  expect(isolate('שלום')).toBe('\u2068שלום\u2069')
  expect(isolate('a\u2069\u202eb')).toBe('\u2068ab\u2069')
})
