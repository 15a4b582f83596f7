import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headOf, splitRecords, toBadLines } from '../../dashboards/web/src/pages/import/csv-file.ts'
import { readTable } from '../../inventory/csv.ts'

const cell = fc.oneof(
  fc.stringMatching(/^[a-z0-9é ]{0,8}$/),
  fc.constantFrom('"a;b"', '"deux\nlignes"', '"un ""mot"" cité"', '"\r\n"'),
)

test('records stand on the lines that the API names', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { maxLength: 20 }), async (rows) => {
      const text = ['a;b', ...rows.map(([a, b]) => `x${a.startsWith('"') ? '' : a};${b}`), ''].join('\r\n')
      const { lines } = await readTable(text)
      const records = splitRecords(text).slice(1)
      expect(records.map(({ line }) => line)).toEqual(lines.map(({ line }) => line))
    }),
  )
})

test('bad lines are given as they stand, with what is wrong, and no formula', () => {
  const file = 'id;nom\r\na;1\r\nb;"x\ny"\r\nc;3\r\n'
  const errors = [
    { path: 'line 4, nom', line: 4, column: 'nom', message: 'trop "long"' },
    { path: 'line 4', line: 4, message: 'autre' },
    { path: 'line 5', line: 5, message: '=1+1' },
  ]
  expect(toBadLines(file, ';', errors, ({ message }) => message, 'À corriger')).toBe(
    'id;nom;"À corriger"\r\nb;"x\ny";"trop ""long"" ; autre"\r\nc;3;"\'=1+1"\r\n',
  )
})

test('the head of a large file ends with a whole line, in UTF-16 too', async () => {
  const text = `id;nom\n${'élément;1\n'.repeat(20_000)}`
  const wide = new Blob([Buffer.from(`\ufeff${text}`, 'utf16le')])
  for (const [file, encoding] of [
    [new Blob([text]), 'utf-8'],
    [wide, 'utf-16le'],
  ] as const) {
    const head = new TextDecoder(encoding, { fatal: true }).decode(await (await headOf(file)).arrayBuffer())
    expect(head.length).toBeLessThan(text.length)
    expect(head.endsWith('élément;1\n')).toBe(true)
  }
})
