import { expect, test } from 'vitest'
import { readPayload } from '../../dashboards/web/src/pages/models/payload.ts'
import {
  dataOf,
  listRows,
  setIgnored,
  setQuantity,
  takeSuggestion,
  writePart,
  writeValues,
} from '../../dashboards/web/src/pages/models/table.ts'

test.each([
  ['08 66:05-dc', { kind: 'hex', hex: '086605dc' }],
  ['0x08, 0x66', { kind: 'hex', hex: '0866' }],
  ['CGYF3A==', { kind: 'base64', hex: '086605dc' }],
  ['-_8', { kind: 'base64', hex: 'fbff' }],
  [' {"t": 1} ', { kind: 'json', json: { t: 1 } }],
])('%s is understood as it is pasted', (text, read) => expect(readPayload(text)).toEqual(read))

test.each(['', '{"t": 1', 'é', '"text"', 'abcde'])('%s is no payload', (text) => expect(readPayload(text)).toBeNull())

test('what is said to be base64 is read as that, though it could be hexadecimal', () =>
  expect(readPayload('0866', 'base64')).toEqual({ kind: 'base64', hex: 'd3ceba' }))

const answer = { data: { air: { t: 21, h: null }, list: [{ p: 3 }], note: 'on' }, warnings: [] }

test('an answer is listed by its paths, those of the table first', () => {
  const table = { fields: [{ path: 'gone', quantity: 'distance' as const }], ignored: ['note'] }
  const rows = listRows(table, dataOf(answer))
  expect(rows.map(({ path, value, index, isIgnored }) => [path, value, index, isIgnored])).toEqual([
    ['gone', undefined, 0, false],
    ['air.t', 21, null, false],
    ['air.h', null, null, false],
    ['list.0.p', 3, null, false],
    ['note', 'on', null, true],
  ])
})

test('a path gets a quantity as it is suggested, another one without the old unit, or none', () => {
  const empty = { fields: [], ignored: ['air.t'] }
  const suggestion = { fields: [{ path: 'air.t', quantity: 'temperature' as const, unit: '[degF]' }], ignored: [] }
  const [row] = listRows(empty, dataOf(answer))
  const mapped = setQuantity(empty, row!, 'temperature', suggestion)
  expect(mapped).toEqual({ fields: suggestion.fields, ignored: [] })
  const [known] = listRows(mapped, dataOf(answer))
  expect(setQuantity(mapped, known!, 'distance', null).fields).toEqual([{ path: 'air.t', quantity: 'distance' }])
  expect(setQuantity(mapped, known!, '', null).fields).toEqual([])
  expect(takeSuggestion(mapped, suggestion)).toEqual(mapped)
  expect(setIgnored(setIgnored(empty, 'x', true), 'air.t', false).ignored).toEqual(['x'])
})

test('numbers and texts are written as people do, and refused when they are none', () => {
  const field = { path: 't', quantity: 'lamp_state' as const }
  expect(writePart(field, 'scale', '0,01')).toEqual({ ...field, scale: 0.01 })
  expect(writePart({ ...field, scale: 2 }, 'scale', ' ')).toEqual(field)
  expect(writePart(field, 'scale', '0')).toBeNull()
  expect(writePart(field, 'offset', 'x')).toBeNull()
  expect(writeValues(field, 'on=1, off = 0')).toEqual({ ...field, values: { on: 1, off: 0 } })
  expect(writeValues(field, 'on')).toBeNull()
  expect(writeValues({ ...field, values: { on: 1 } }, '')).toEqual(field)
})
