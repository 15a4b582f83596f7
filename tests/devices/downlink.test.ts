import fc from 'fast-check'
import { expect, test } from 'vitest'
import { models } from '../../devices/catalogue.ts'
import { compileCommandEncoder, type EncodedCommand } from '../../devices/downlink.ts'
import { readLampOrder } from '../../simulators/lamp.ts'

const encode = (model: string, data: unknown): EncodedCommand | null =>
  compileCommandEncoder(models.get(model)!)?.(data) ?? null

const hexOf = (encoded: EncodedCommand | null) =>
  encoded !== null && 'bytes' in encoded ? [Buffer.from(encoded.bytes).toString('hex'), encoded.port] : encoded

test('a lamp is told a level, or to go by its own programme', () => {
  expect(hexOf(encode('parvis-light-300', { dimming_level: 40 }))).toEqual(['0150', 10])
  expect(hexOf(encode('parvis-light-300', { dimming_level: null }))).toEqual(['01ff', 10])
  const refused = (data: unknown) => (encode('parvis-light-300', data) as { error: { en: string } }).error.en
  expect(refused({})).toBe('dimming_level: it is missing')
  expect(refused({ dimming_level: 101 })).toBe('dimming_level: expected 0 to 100')
  expect(refused({ dimming_level: Number.NaN })).toBe('dimming_level: expected 0 to 100')
  expect(refused({ dimming_level: '40' })).toBe('dimming_level: expected 0 to 100')
  expect(refused({ dimming_level: 1, tilt: 2 })).toBe('tilt: this model takes dimming_level')
  expect(refused([])).toBe('dimming_level: expected an object')
})

test('a model that reads JSON takes it, one that sends frames takes none', () => {
  expect(hexOf(encode('generic-json', { on: true }))).toEqual([Buffer.from('{"on":true}').toString('hex'), null])
  expect(encode('linky-tic', {})).toBeNull()
  expect(encode('parvis-fill-100', {})).toBeNull()
})

test('what a lamp is told is what it does, to half a percent', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 100, noNaN: true }), (level) => {
      const encoded = encode('parvis-light-300', { dimming_level: level }) as { bytes: Uint8Array }
      expect(Math.abs(readLampOrder('parvis-light-300', encoded.bytes)!.level! - level)).toBeLessThanOrEqual(0.25)
    }),
  )
  expect(readLampOrder('parvis-light-300', Uint8Array.of(2, 80))).toBeNull()
  expect(readLampOrder('parvis-light-300', Uint8Array.of(1))).toBeNull()
  expect(readLampOrder('parvis-fill-100', Uint8Array.of(1, 80))).toBeNull()
})
