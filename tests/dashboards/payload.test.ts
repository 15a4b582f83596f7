import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodePayload, toHexLines, toText } from '../../dashboards/web/src/pages/dead-letters/payload.ts'

test('any bytes come through base64 and the dump as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(8, 16), (bytes, width) => {
      expect(decodePayload(Buffer.from(bytes).toString('base64'))).toEqual(bytes)
      const lines = toHexLines(bytes, width)
      expect(lines.length).toBe(Math.ceil(bytes.length / width))
      const read = lines.flatMap((line) => line.slice(6, 6 + width * 3 - 1).match(/[0-9a-f]{2}/g) ?? [])
      expect(read.map((hex) => Number.parseInt(hex, 16))).toEqual([...bytes])
    }),
  )
})

test('a line of the dump has offset, bytes and printable text', () => {
  expect(toHexLines(Buffer.from('{"a":1}\n\u00e9x'), 8)).toEqual([
    '0000  7b 22 61 22 3a 31 7d 0a  {"a":1}·',
    '0008  c3 a9 78                 ··x',
  ])
})

test('text shows what cannot be seen, and turns no direction', () => {
  expect(toText(Buffer.from('a\tb\nc'))).toBe('a\tb\nc')
  expect(toText(Buffer.from([0, 7, 13, 27, 127]))).toBe('\u2400\u2407\u240d\u241b\u2421')
  expect(toText(Buffer.from('\u202eexe.pdf\u2066\u0085'))).toBe('\ufffdexe.pdf\ufffd\ufffd')
  expect(toText(Buffer.from([0xff, 0x41]))).toBe('\ufffdA')
})
