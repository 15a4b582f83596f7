import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatCsvLine, parseNumber, readTable } from '../../inventory/csv.ts'
import { refusal } from '../support/registry.ts'

async function rows(file: string | Uint8Array) {
  const { lines } = await readTable(file)
  return lines.map(({ cells }) => Object.fromEntries(cells))
}

test('separators, quotes, line ends and empty lines', async () => {
  const expected = [{ a: '1', b: 'x;y' }, { a: '2' }]
  expect(await rows('a;b\n1;"x;y"\n2;\n')).toEqual(expected)
  expect(await rows('a,b\r\n1,x;y\r\n\r\n2,\r\n')).toEqual(expected)
  expect(await rows('a\tb\n1\tx;y\n2\t')).toEqual(expected)
  expect(await rows('a,b\n1,"line\nbreak ""quoted"""')).toEqual([{ a: '1', b: 'line\nbreak "quoted"' }])
})

test('encodings', async () => {
  const text = 'id;label\n1;Éclairage – 5 €\n'
  const expected = [{ id: '1', label: 'Éclairage – 5 €' }]
  const windows1252 = Buffer.from(text.replace('€', '\x80').replace('–', '\x96'), 'latin1')
  expect(await rows(Buffer.from(text))).toEqual(expected)
  expect(await rows(Buffer.from(`\uFEFF${text}`))).toEqual(expected)
  expect(await rows(`\uFEFF${text}`)).toEqual(expected)
  expect(await rows(windows1252)).toEqual(expected)
  expect(await rows(Buffer.from(`\uFEFF${text}`, 'utf16le'))).toEqual(expected)
})

test('bad lines are told by their number in the file', async () => {
  const { lines, errors } = await readTable('a,b\n1,2\n\n1,2,3\n1\n4,5,\n6,7\n')
  expect(lines.map((each) => each.line)).toEqual([2, 6, 7])
  expect(errors.map((each) => each.line)).toEqual([4, 5])
  const broken = await readTable('a,b\n1,2\n3,"open\n')
  expect(broken.errors).toMatchObject([
    { line: 3, message: { en: expect.stringContaining('quotation mark'), fr: expect.stringContaining('guillemet') } },
  ])
})

test('what is no table is refused', async () => {
  expect(await refusal(readTable(''))).toBe('bad_request')
  expect(await refusal(readTable('\n\n'))).toBe('bad_request')
  expect(await refusal(readTable('a,a\n1,2'))).toBe('bad_request')
})

test('numbers as people write them', () => {
  const numbers = {
    '47,75': 47.75,
    '-7.3': -7.3,
    '1 234,5': 1234.5,
    '1\u202F234\u00A0567': 1_234_567,
    '1e3': 1000,
    '+5': 5,
  }
  for (const [text, number] of Object.entries(numbers)) expect([text, parseNumber(text)]).toEqual([text, number])
  for (const text of ['', '1,234.5', '12 34', '0x10', 'NaN', 'Infinity', '1e400', '5 m', '1,2,3'])
    expect([text, parseNumber(text)]).toEqual([text, null])
})

test('what is written is read back, whatever it is', async () => {
  const text = fc.string({ unit: 'grapheme' }).map((each) => each.replace(/\p{C}/gu, '').trim())
  const cell = fc.oneof(
    text,
    fc.tuple(fc.constantFrom('=', "'=", "''@", '＝', "'"), text).map((each) => each.join('')),
  )
  await fc.assert(
    fc.asyncProperty(cell, cell, fc.double({ noNaN: true, noDefaultInfinity: true }), async (a, b, number) => {
      const [row] = await rows(formatCsvLine(['id', 'a', 'b', 'number']) + formatCsvLine(['1', a, b, number]))
      expect([row!.a ?? '', row!.b ?? '', Number(row!.number)]).toEqual([a, b, number === 0 ? 0 : number])
    }),
    { numRuns: 300 },
  )
})

test('no text of an export is run as a formula; numbers stay numbers', () => {
  expect(formatCsvLine(['=1+1', '+3', '-x', '@y', '\tz', 'a=b', -5.5, true, null])).toBe(
    `'=1+1,'+3,'-x,'@y,"'\tz",a=b,-5.5,true,\n`,
  )
})
