import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { numberTypes } from '../../devices/binary-frame.ts'
import { models } from '../../devices/catalogue.ts'
import { compileDecoder } from '../../devices/codec.ts'
import type { BinaryField } from '../../devices/model.ts'
import { defineQuantity } from '../../domain/quantity.ts'
import {
  bytesOf,
  listFolders,
  modelsFolder,
  readModelExamples,
  receivedAt,
  writeFaults,
  writeReadings,
} from './examples.ts'

// The shortest JSON with a reading is {"readings":{"co2":1}}: a longer frame could be taken for one, or one for it.
const shortestJson = 22

test('every model folder is in the catalogue, and the other way round', () => {
  expect(listFolders(modelsFolder)).toEqual([...models.keys()].sort())
})

for (const [id, model] of models)
  describe(id, () => {
    const examples = readModelExamples(id)
    const decode = compileDecoder(model)

    for (const example of examples)
      test(`${example.sort}: ${example.name}`, () => {
        const decoding = decode(bytesOf(example.payload), { receivedAt })
        expect(writeReadings(decoding.readings)).toEqual(example.readings ?? [])
        expect(writeFaults(decoding.faults, example.faults ?? [])).toEqual(example.faults ?? [])
        for (const { quantity } of decoding.readings) expect(model.quantities).toContain(quantity)
      })

    test('has examples of the three sorts, none without its outcome', () => {
      expect(new Set(examples.map((example) => example.sort))).toEqual(new Set(['success', 'boundary', 'failure']))
      expect(new Set(examples.map((example) => example.name)).size).toBe(examples.length)
      for (const { sort, readings = [], faults = [] } of examples) {
        if (sort === 'failure') expect(faults).not.toEqual([])
        if (sort === 'success') expect([readings.length > 0, faults]).toEqual([true, []])
      }
    })

    test('is told as its README and the rules of the catalogue want it', () => {
      const readme = readFileSync(join(modelsFolder, id, 'README.md'), 'utf8')
      expect(readme).toContain(`\`${id}\``)
      expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)+$/)
      expect(model.label.fr).not.toBe('')
      expect(model.label.en).not.toBe('')
      expect(model.assetKinds.length).toBeGreaterThan(0)
      expect(model.expectedIntervalS).toBeGreaterThan(0)
      const { payload } = model
      if (payload.format === 'parvis') return
      for (const quantity of model.quantities) expect(readme).toContain(`\`${quantity}\``)
      if (payload.format === 'custom') return
      const given = payload.fields.flatMap((field) => ('quantity' in field ? [field.quantity] : []))
      expect(new Set(model.quantities)).toEqual(new Set(given))
      for (const field of payload.fields) {
        const cell =
          'path' in field
            ? `| \`${field.path}\` | \`${field.quantity}\``
            : `| ${field.at} | ${field.type} |${'quantity' in field ? '' : ' |'}`
        expect(readme).toContain(cell)
      }
    })

    test('has a field table without holes in its meaning', () => {
      const { payload } = model
      if (payload.format !== 'binary') return
      const taken = new Set<number>()
      const series = new Set<string>()
      for (const field of payload.fields) {
        expect(field.at + numberTypes[field.type].bytes).toBeLessThanOrEqual(payload.bytes)
        for (const bit of bitsOf(field)) {
          expect(taken.has(bit), `bit ${bit} is read twice`).toBe(false)
          taken.add(bit)
        }
        if (!('quantity' in field)) continue
        const name = `${field.quantity} ${field.channel ?? ''}`
        expect(series.has(name), `${name} is given twice`).toBe(false)
        series.add(name)
        // What cannot be told apart from "missing" must not be a value that the quantity can have.
        if (field.missing !== undefined && defineQuantity(field.quantity).kind === 'state')
          expect(defineQuantity(field.quantity).states!.map((state) => state.value)).not.toContain(field.missing)
      }
      if (payload.bytes >= shortestJson) {
        const marker = payload.fields.find((field) => 'expect' in field && field.at === 0)
        expect(marker).toMatchObject({ type: 'u8' })
        expect([0x20, 0x09, 0x0a, 0x0d, 0x5b, 0x7b, 0xef]).not.toContain((marker as { expect: number }).expect)
      }
    })
  })

function bitsOf(field: BinaryField): number[] {
  const width = numberTypes[field.type].bytes * 8
  const [from, count] = 'bits' in field && field.bits !== undefined ? field.bits : [0, width]
  expect(from + count).toBeLessThanOrEqual(width)
  if (count < width) expect(field.type).toMatch(/^u8$/)
  return Array.from({ length: count }, (_, index) => field.at * 8 + from + index)
}
