import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numberTypes } from '../../devices/binary-frame.ts'
import { models } from '../../devices/catalogue.ts'
import { compileDecoder, compileEncoder } from '../../devices/codec.ts'
import type { DeviceModel, FieldType, PayloadDefinition } from '../../devices/model.ts'
import type { DecodedReading } from '../../domain/fault.ts'
import { defineQuantity } from '../../domain/quantity.ts'
import { receivedAt } from './examples.ts'

function modelOf(payload: PayloadDefinition): DeviceModel {
  return {
    id: 'test-model',
    vendor: 'Test',
    label: { fr: 'Essai', en: 'Test' },
    assetKinds: ['other'],
    expectedIntervalS: 60,
    quantities: ['temperature'],
    payload,
  }
}

const nameOf = (reading: { quantity: string; channel?: string }) => `${reading.quantity} ${reading.channel ?? ''}`

/** Readings that a device of a table could have: each field with a value that its quantity and its number can hold. */
function readingsOf(payload: PayloadDefinition): fc.Arbitrary<{ reading: DecodedReading; resolution: number }[]> {
  if (payload.format !== 'binary' && payload.format !== 'json') throw new Error('no field table')
  const fields = payload.fields.flatMap((field) => {
    if (!('quantity' in field)) return []
    const { quantity, scale = 1, offset = 0 } = field
    const { min, max, kind, states, decimals } = defineQuantity(quantity)
    let [low, high] = [min, max]
    if ('type' in field) {
      const type = numberTypes[field.type]
      const [rawLow, rawHigh] = field.bits === undefined ? [type.min, type.max] : [0, 2 ** field.bits[1] - 1]
      // The ends may be the code for "missing": one step inside is a value for sure.
      low = Math.max(low, (rawLow + 1) * scale + offset)
      high = Math.min(high, (rawHigh - 1) * scale + offset)
    }
    const value =
      kind === 'state'
        ? fc.constantFrom(...states!.map((state) => state.value))
        : kind === 'counter' && decimals === 0
          ? fc.integer({ min: Math.ceil(low), max: Math.floor(Math.min(high, Number.MAX_SAFE_INTEGER)) })
          : fc.double({ min: low, max: high, noNaN: true })
    const isNamed = 'channelPath' in field
    const channel = isNamed ? 'TAG1' : (field.channel ?? '')
    const resolution = 'type' in field ? scale / 2 + 1e-9 : 1e-9
    return [
      fc.option(
        value.map((each) => ({ reading: { channel, quantity, value: each }, resolution })),
        { nil: null },
      ),
    ]
  })
  return fc.tuple(...fields).map((all) => all.filter((each) => each !== null))
}

describe('round trip', () => {
  for (const [id, model] of models) {
    if (model.payload.format !== 'binary' && model.payload.format !== 'json') continue
    const decode = compileDecoder(model)
    const encode = compileEncoder(model)
    test(`${id}: random readings survive encode and decode within their resolution`, () => {
      fc.assert(
        fc.property(readingsOf(model.payload), (given) => {
          fc.pre(given.length > 0)
          const payload = encode(given.map((each) => each.reading))
          if (model.payload.format === 'binary') expect(payload).toHaveLength(model.payload.bytes)
          const { readings, faults } = decode(payload, { receivedAt })
          expect(faults).toEqual([])
          const decoded = new Map(readings.map((reading) => [nameOf(reading), reading.value]))
          // A field without a code for "missing" is sent as 0; all fields of the catalogue have one.
          expect([...decoded.keys()].sort()).toEqual(given.map((each) => nameOf(each.reading)).sort())
          for (const { reading, resolution } of given) {
            const error = Math.abs(decoded.get(nameOf(reading))! - reading.value)
            expect(error, nameOf(reading)).toBeLessThanOrEqual(resolution + Math.abs(reading.value) * 1e-11)
          }
          // What was decoded is what the payload says: sent again, it is the same payload.
          expect(encode(readings)).toEqual(payload)
        }),
      )
    })
  }

  test('time and channel of a JSON message come back, several in one payload', () => {
    const model = models.get('parvis-lift-200')!
    const readings: DecodedReading[] = [
      { channel: '', quantity: 'lift_count', value: 9, observedAt: 1000 },
      { channel: 'A1', quantity: 'weight', value: 12.345, observedAt: 1000 },
      { channel: 'B2', quantity: 'weight', value: 3, observedAt: 1000 },
      { channel: 'B2', quantity: 'weight', value: 4, observedAt: 2000 },
    ]
    const decoding = compileDecoder(model)(compileEncoder(model)(readings), { receivedAt })
    expect(decoding).toEqual({ readings, faults: [] })
  })
})

describe('numbers of a frame', () => {
  const numbers: [FieldType, hex: string, value: number][] = [
    ['u8', 'fe', 254],
    ['i8', 'fe', -2],
    ['u16be', '0102', 258],
    ['u16le', '0102', 513],
    ['i16be', 'fffe', -2],
    ['i16le', 'feff', -2],
    ['u24be', '010203', 66_051],
    ['u24le', '010203', 197_121],
    ['u32be', 'fffffffe', 4_294_967_294],
    ['u32le', 'feffffff', 4_294_967_294],
    ['i32be', 'fffffffe', -2],
    ['i32le', 'feffffff', -2],
    ['f32be', '3fc00000', 1.5],
    ['f32le', '0000c03f', 1.5],
  ]

  test('every type is in the list below', () => {
    expect(numbers.map(([type]) => type).sort()).toEqual(Object.keys(numberTypes).sort())
  })

  for (const [type, hex, value] of numbers)
    test(`${type} ${hex} is ${value}, and back`, () => {
      const bytes = hex.length / 2
      const model = modelOf({
        format: 'binary',
        bytes: bytes + 1,
        fields: [{ at: 1, type, quantity: 'temperature' }],
      })
      const payload = Uint8Array.from(Buffer.from(`00${hex}`, 'hex'))
      expect(compileDecoder(model)(payload, { receivedAt }).readings[0]!.value).toBe(value)
      expect(compileEncoder(model)([{ channel: '', quantity: 'temperature', value }])).toEqual(payload)
    })

  test('a frame may lie anywhere in a larger buffer', () => {
    const model = models.get('parvis-sound-900')!
    const buffer = Uint8Array.from(Buffer.from('ffff024b00cb4dffff', 'hex'))
    const { readings } = compileDecoder(model)(buffer.subarray(2, 7), { receivedAt })
    expect(readings.map((reading) => reading.value)).toEqual([58.7, 20.3, 77])
  })

  test('bits are taken to the last of 32, and those around them are kept', () => {
    const model = modelOf({
      format: 'binary',
      bytes: 4,
      fields: [
        { at: 0, type: 'u32be', bits: [30, 2], quantity: 'lamp_state', missing: 3 },
        { at: 0, type: 'u32be', bits: [1, 29], quantity: 'pulse_count' },
        { at: 0, type: 'u32be', bits: [0, 1], quantity: 'occupancy' },
      ],
    })
    const payload = Uint8Array.of(0b1000_0000, 0, 0, 0b0000_0111)
    const { readings } = compileDecoder(model)(payload, { receivedAt })
    expect(readings.map((reading) => reading.value)).toEqual([2, 3, 1])
    expect(compileEncoder(model)(readings)).toEqual(payload)
    expect(compileEncoder(model)([])).toEqual(Uint8Array.of(0b1100_0000, 0, 0, 0))
  })

  test('decimals are those that the device means', () => {
    const model = modelOf({
      format: 'binary',
      bytes: 2,
      fields: [
        { at: 0, type: 'u8', quantity: 'temperature', scale: 0.1 },
        { at: 1, type: 'u8', quantity: 'distance', scale: 0.1, offset: -0.7 },
      ],
    })
    const { readings } = compileDecoder(model)(Uint8Array.of(3, 10), { receivedAt })
    expect(readings.map((reading) => reading.value)).toEqual([0.3, 0.3])
  })

  test('a float may be missing as NaN, and one that is not is left to its judge', () => {
    const field = { at: 0, type: 'f32be', quantity: 'temperature' } as const
    const nan = Uint8Array.from(Buffer.from('7fc00000', 'hex'))
    const missing = modelOf({ format: 'binary', bytes: 4, fields: [{ ...field, missing: Number.NaN }] })
    expect(compileDecoder(missing)(nan, { receivedAt }).readings).toEqual([])
    const given = modelOf({ format: 'binary', bytes: 4, fields: [field] })
    expect(compileDecoder(given)(nan, { receivedAt }).readings[0]!.value).toBeNaN()
  })

  test('what does not fit is held at the limit, never at the code for "missing"', () => {
    const model = modelOf({
      format: 'binary',
      bytes: 2,
      fields: [
        { at: 0, type: 'u8', quantity: 'temperature', missing: 0xff },
        { at: 1, type: 'i8', quantity: 'tilt', missing: -0x80 },
      ],
    })
    const encode = (value: number) =>
      compileEncoder(model)([
        { channel: '', quantity: 'temperature', value },
        { channel: '', quantity: 'tilt', value },
      ])
    expect(encode(1e9)).toEqual(Uint8Array.of(254, 127))
    expect(encode(-1e9)).toEqual(Uint8Array.of(0, 0x81))
    expect(encode(Number.NaN)).toEqual(Uint8Array.of(255, 0x80))
  })
})

describe('JSON or the model’s bytes', () => {
  const model = models.get('parvis-fill-100')!
  const decode = compileDecoder(model)

  test('a frame that begins as JSON does is the frame, by its length', () => {
    const { readings, faults } = decode(Uint8Array.of(0x7b, 0x5b, 1, 0, 2, 0, 3), { receivedAt })
    expect(faults).toEqual([])
    expect(readings).toHaveLength(5)
  })

  test('JSON after white space is JSON, and its faults are JSON’s', () => {
    expect(decode(Buffer.from(' \n[{"readings":{"fill_level":1}}]'), { receivedAt }).readings).toHaveLength(1)
    expect(decode(Buffer.from('{"readings":'), { receivedAt }).faults[0]!.code).toBe('not_json')
    expect(decode(Buffer.from('"readings"'), { receivedAt }).faults[0]!.code).toBe('wrong_length')
  })

  test('no model throws, whatever comes', () => {
    const decoders = [...models.values()].map(compileDecoder)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (payload) => {
          for (const each of decoders) {
            const { readings, faults } = each(payload, { receivedAt })
            for (const reading of readings) expect(typeof reading.value).toBe('number')
            for (const fault of faults) expect(fault.code).not.toBe('codec_error')
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('a decode.ts that breaks its promise makes a fault', () => {
    const broken = modelOf({
      format: 'custom',
      decode() {
        throw new RangeError('offset is out of bounds')
      },
    })
    expect(compileDecoder(broken)(Uint8Array.of(1), { receivedAt })).toEqual({
      readings: [],
      faults: [{ code: 'codec_error', params: { error: 'offset is out of bounds' } }],
    })
  })
})

describe('a table of JSON paths', () => {
  const decode = compileDecoder(
    modelOf({
      format: 'json',
      time: 'meta.at',
      fields: [
        { path: 'air.0.t', quantity: 'temperature', scale: 0.1, offset: -40 },
        { path: 'lamp', quantity: 'lamp_state', values: { burning: 1 } },
      ],
    }),
  )
  const read = (value: unknown) => decode(Buffer.from(JSON.stringify(value)), { receivedAt })

  test('numbers are scaled, texts are looked up, among the states too', () => {
    expect(read({ air: [{ t: 603 }], lamp: 'burning' }).readings.map((each) => each.value)).toEqual([20.3, 1])
    expect(read({ lamp: 'fault' }).readings.map((each) => each.value)).toEqual([2])
    expect(read({ lamp: true }).readings.map((each) => each.value)).toEqual([1])
  })

  test('the time is found at its path; a bad one leaves no reading', () => {
    expect(read({ meta: { at: '1970-01-01T00:00:01Z' }, lamp: 1 }).readings[0]!.observedAt).toBe(1000)
    expect(read({ meta: { at: null }, lamp: 1 }).readings[0]!.observedAt).toBeUndefined()
    expect(read({ meta: { at: 'noon' }, lamp: 1 })).toMatchObject({ readings: [], faults: [{ code: 'bad_time' }] })
  })

  test('own properties only', () => {
    const inherited = compileDecoder(
      modelOf({ format: 'json', fields: [{ path: 'toString', quantity: 'temperature' }] }),
    )
    expect(inherited(Buffer.from('{}'), { receivedAt }).faults[0]!.code).toBe('no_known_field')
    expect(inherited(Buffer.from('{"__proto__":{"x":1}}'), { receivedAt }).faults[0]!.code).toBe('no_known_field')
  })

  test('the project’s own JSON and the device’s may stand in one array', () => {
    const { readings, faults } = read([{ readings: { co2: 600 } }, { lamp: 0 }, { other: 1 }])
    expect(readings.map((each) => each.quantity)).toEqual(['co2', 'lamp_state'])
    expect(faults).toEqual([{ code: 'no_known_field', params: { where: ' (#3)' } }])
  })
})
