import { expect, test } from 'vitest'
import { isAsPublished } from '../../devices/repositories/compare.ts'
import { checkCodec } from '../../devices/repositories/examples.ts'
import { openRepository } from '../../devices/repositories/repository.ts'
import { makePool, writeFiles } from '../support/codecs.ts'
import { makeFolder } from '../support/registry.ts'
import { actilityFiles, chirpstackFiles, ttnFiles } from '../support/repositories.ts'

async function readAll(files: Record<string, unknown>, inside = '') {
  const folder = makeFolder()
  writeFiles(folder, files)
  const pool = makePool()
  const repository = openRepository(`${folder}/${inside}`, pool)
  if (repository === null) return null
  const vendors = []
  for (const vendor of repository.vendors) vendors.push(await repository.read(vendor))
  const codecs = []
  for (const codec of vendors.flatMap((vendor) => vendor.codecs))
    codecs.push({ codec, check: await checkCodec(pool, codec) })
  return {
    layout: repository.layout,
    models: vendors.flatMap((vendor) => vendor.models.map(({ id, label, codec }) => [id, label, codec.name])),
    problems: vendors.flatMap((vendor) => vendor.problems.map(({ file }) => file)),
    checks: codecs.map(({ codec, check }) => [codec.name, check.counts, check.failures.map(({ name }) => name)]),
    dialects: codecs.filter(({ check }) => check.dialect.recvTime === 'text').map(({ codec }) => codec.name),
  }
}

const all = (total: number, passed = total) => ({ passed, total })

test('The Things Network’s layout', async () => {
  expect(await readAll(ttnFiles)).toEqual({
    layout: 'ttn',
    models: [
      ['ttn-acme-probe', 'Probe', 'acme/probe-codec'],
      ['ttn-acme-probe-1.0', 'Probe (1.0)', 'acme/old-codec'],
      ['ttn-acme-valve', 'Valve', 'acme/valve-codec'],
    ],
    problems: ['acme/lost.yaml'],
    checks: [
      ['acme/probe-codec', { decodeUplink: all(4), normalizeUplink: all(1) }, []],
      ['acme/old-codec', { decodeUplink: all(2, 1) }, ['wrong']],
      ['acme/valve-codec', { decodeUplink: all(1), encodeDownlink: all(2), decodeDownlink: all(1) }, []],
      ['acme/spare-codec', { decodeUplink: all(1) }, []],
    ],
    dialects: [],
  })
})

test('one vendor’s folder of it will do', async () => {
  expect((await readAll(ttnFiles, 'vendor/acme'))?.models.length).toBe(3)
})

test('ChirpStack’s layout, whose tests are JavaScript', async () => {
  expect(await readAll(chirpstackFiles)).toEqual({
    layout: 'chirpstack',
    models: [
      ['chirpstack-acme-probe', 'Probe', 'acme/codecs/probe.js'],
      ['chirpstack-acme-probe-1.0', 'Probe (1.0)', 'acme/codecs/older.js'],
    ],
    problems: ['acme/codecs/test_encode_older.json'],
    checks: [
      ['acme/codecs/older.js', { decodeUplink: all(1) }, []],
      ['acme/codecs/probe.js', { decodeUplink: all(3), encodeDownlink: all(1) }, []],
    ],
    dialects: [],
  })
})

test('Actility’s layouts, newer and older', async () => {
  expect(await readAll(actilityFiles)).toEqual({
    layout: 'actility',
    models: [
      ['actility-acme-older', 'older', 'acme/drivers/older'],
      ['actility-acme-parts', 'Parts', 'acme/drivers/parts'],
      ['actility-acme-probe', 'Probe driver', 'acme/drivers/probe'],
      ['actility-acme-text', 'text', 'acme/drivers/text'],
      ['actility-acme-probe-100', 'Probe 100', 'acme/drivers/probe'],
    ],
    problems: ['acme/drivers/empty'],
    checks: [
      ['acme/drivers/older', { decodeUplink: all(1), encodeDownlink: all(1) }, []],
      ['acme/drivers/parts', { decodeUplink: all(1) }, []],
      ['acme/drivers/probe', { decodeUplink: all(3), encodeDownlink: all(2), decodeDownlink: all(1) }, []],
      ['acme/drivers/text', { decodeUplink: all(1) }, []],
    ],
    dialects: ['acme/drivers/text'],
  })
})

test('a folder of something else is none of them', async () => {
  expect(await readAll({ 'vendor/readme.txt': 'no' })).toBeNull()
})

test('files outside of the folder are not read', async () => {
  const read = await readAll({
    ...ttnFiles,
    'vendor/acme/probe-codec.yaml': 'uplinkDecoder:\n  fileName: ../../../../../../../etc/hostname\n',
  })
  expect(read?.problems).toContain('acme/../../../../../../../etc/hostname')
})

test.each([
  ['the order of keys', { data: { a: 1, b: 2 } }, { data: { b: 2, a: 1 } }, true],
  ['absent lists', { data: { a: 1 } }, { data: { a: 1 }, warnings: [], errors: [] }, true],
  ['the last digit of a float', { data: { a: 0.1 } }, { data: { a: 0.1 + 1e-12 } }, true],
  ['another number', { data: { a: 0.1 } }, { data: { a: 0.1001 } }, false],
  ['-0', { data: { a: -0 } }, { data: { a: 0 } }, true],
  ['NaN as null', { data: { a: Number.NaN } }, { data: { a: null } }, true],
  [
    'a date in another zone',
    { data: { a: '2026-03-01T09:00:00+01:00' } },
    { data: { a: '2026-03-01T08:00:00.000Z' } },
    true,
  ],
  ['another text', { data: { a: 'on' } }, { data: { a: 'off' } }, false],
  ['a number as text', { data: { a: 1 } }, { data: { a: '1' } }, false],
  ['a key more', { data: { a: 1 } }, { data: { a: 1, b: 2 } }, false],
  ['a key less', { data: { a: 1, b: 2 } }, { data: { a: 1 } }, false],
  ['undefined as absent', { data: { a: 1, b: undefined } }, { data: { a: 1 } }, true],
  ['a longer list', { data: [1] }, { data: [1, 2] }, false],
  ['expected errors', { errors: ['bad'] }, { data: {}, errors: ['bad'] }, true],
  ['other errors', { errors: ['bad'] }, { errors: ['worse'] }, false],
  ['errors that nobody expects', { data: { a: 1 } }, { data: { a: 1 }, errors: ['bad'] }, false],
  ['a bare answer', { a: 1 }, { data: { a: 1 } }, true],
  ['nothing', undefined, { data: { a: 1 } }, false],
])('compared: %s', (_, expected, answer, same) => {
  expect(isAsPublished('decodeUplink', expected, answer)).toBe(same)
})

test.each([
  ['hexadecimal', { bytes: '01 0A', fPort: 1 }, { bytes: [1, 10], fPort: 1 }, true],
  ['a Buffer', { bytes: [1] }, { bytes: { type: 'Buffer', data: [1] }, fPort: 2 }, true],
  ['another port', { bytes: [1], fPort: 1 }, { bytes: [1], fPort: 2 }, false],
  ['other bytes', { bytes: [1] }, { bytes: [2] }, false],
])('compared as a downlink: %s', (_, expected, answer, same) => {
  expect(isAsPublished('encodeDownlink', expected, answer)).toBe(same)
})
