import type { DecodedReading, Fault } from '../domain/fault.ts'
import { fault } from '../domain/fault.ts'
import type { Quantity } from '../domain/quantity.ts'
import type { BinaryField, Encode, FieldType } from './model.ts'
import { compileScale } from './scale.ts'

type NumberType = {
  bytes: number
  min: number
  max: number
  read(view: DataView, at: number): number
  write(view: DataView, at: number, value: number): void
}

/** How each type of number is read and written, and what it can hold. */
export const numberTypes: Readonly<Record<FieldType, NumberType>> = {
  u8: integer(
    1,
    false,
    (v, at) => v.getUint8(at),
    (v, at, n) => v.setUint8(at, n),
  ),
  i8: integer(
    1,
    true,
    (v, at) => v.getInt8(at),
    (v, at, n) => v.setInt8(at, n),
  ),
  u16be: integer(
    2,
    false,
    (v, at) => v.getUint16(at),
    (v, at, n) => v.setUint16(at, n),
  ),
  u16le: integer(
    2,
    false,
    (v, at) => v.getUint16(at, true),
    (v, at, n) => v.setUint16(at, n, true),
  ),
  i16be: integer(
    2,
    true,
    (v, at) => v.getInt16(at),
    (v, at, n) => v.setInt16(at, n),
  ),
  i16le: integer(
    2,
    true,
    (v, at) => v.getInt16(at, true),
    (v, at, n) => v.setInt16(at, n, true),
  ),
  u24be: integer(
    3,
    false,
    (v, at) => v.getUint16(at) * 256 + v.getUint8(at + 2),
    (v, at, n) => {
      v.setUint16(at, Math.floor(n / 256))
      v.setUint8(at + 2, n % 256)
    },
  ),
  u24le: integer(
    3,
    false,
    (v, at) => v.getUint16(at, true) + v.getUint8(at + 2) * 65_536,
    (v, at, n) => {
      v.setUint16(at, n % 65_536, true)
      v.setUint8(at + 2, Math.floor(n / 65_536))
    },
  ),
  u32be: integer(
    4,
    false,
    (v, at) => v.getUint32(at),
    (v, at, n) => v.setUint32(at, n),
  ),
  u32le: integer(
    4,
    false,
    (v, at) => v.getUint32(at, true),
    (v, at, n) => v.setUint32(at, n, true),
  ),
  i32be: integer(
    4,
    true,
    (v, at) => v.getInt32(at),
    (v, at, n) => v.setInt32(at, n),
  ),
  i32le: integer(
    4,
    true,
    (v, at) => v.getInt32(at, true),
    (v, at, n) => v.setInt32(at, n, true),
  ),
  f32be: float(
    (v, at) => v.getFloat32(at),
    (v, at, n) => v.setFloat32(at, n),
  ),
  f32le: float(
    (v, at) => v.getFloat32(at, true),
    (v, at, n) => v.setFloat32(at, n, true),
  ),
}

function integer(bytes: number, signed: boolean, read: NumberType['read'], write: NumberType['write']): NumberType {
  const span = 2 ** (bytes * 8)
  return { bytes, min: signed ? -span / 2 : 0, max: signed ? span / 2 - 1 : span - 1, read, write }
}

function float(read: NumberType['read'], write: NumberType['write']): NumberType {
  return { bytes: 4, min: -3.4028234663852886e38, max: 3.4028234663852886e38, read, write }
}

/** A frame of fixed length, compiled from its field table. */
export type FrameCodec = {
  /** The fault of the first marker that does not match, or null. The payload must have the frame's length. */
  checkMarkers(payload: Uint8Array): Fault | null
  readFields(payload: Uint8Array): DecodedReading[]
  encode: Encode
}

type Value = Exclude<BinaryField, { expect: number }>

/** Compiles the field table of a frame once, so that a decode does nothing but read numbers. */
export function compileFrame(bytes: number, fields: readonly BinaryField[]): FrameCodec {
  const markers = fields.filter((field) => 'expect' in field)
  const values = fields.filter((field): field is Value => !('expect' in field))
  const readers = values.map(compileReader)
  const writers = values.map(compileWriter)
  return {
    checkMarkers(payload) {
      const view = viewOf(payload)
      for (const { at, type, expect } of markers) {
        const found = numberTypes[type].read(view, at)
        if (found !== expect) return fault('wrong_marker', { at, found, expected: expect })
      }
      return null
    },
    readFields(payload) {
      const view = viewOf(payload)
      const readings: DecodedReading[] = []
      for (const read of readers) {
        const reading = read(view)
        if (reading !== null) readings.push(reading)
      }
      return readings
    },
    encode(readings) {
      const payload = new Uint8Array(bytes)
      const view = viewOf(payload)
      for (const { at, type, expect } of markers) numberTypes[type].write(view, at, expect)
      const given = new Map(readings.map((reading) => [seriesName(reading.quantity, reading.channel), reading.value]))
      for (const write of writers) write(view, given)
      return payload
    },
  }
}

function viewOf(payload: Uint8Array): DataView {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
}

function seriesName(quantity: Quantity, channel: string): string {
  return `${quantity} ${channel}`
}

function compileReader(field: Value): (view: DataView) => DecodedReading | null {
  const { at, quantity, channel = '', missing, bits } = field
  const { read } = numberTypes[field.type]
  const { toValue } = compileScale(field.scale, field.offset)
  const step = bits === undefined ? 1 : 2 ** bits[0]
  const span = bits === undefined ? Number.POSITIVE_INFINITY : 2 ** bits[1]
  return (view) => {
    const whole = read(view, at)
    // Division instead of shifts, which would make a negative number of the highest of 32 bits.
    const raw = bits === undefined ? whole : Math.floor(whole / step) % span
    return missing !== undefined && Object.is(raw, missing) ? null : { channel, quantity, value: toValue(raw) }
  }
}

function compileWriter(field: Value): (view: DataView, given: ReadonlyMap<string, number>) => void {
  const { at, missing, bits } = field
  const type = numberTypes[field.type]
  const isFloat = field.type.startsWith('f')
  const { toRaw } = compileScale(field.scale, field.offset)
  const name = seriesName(field.quantity, field.channel ?? '')
  const min = bits === undefined ? type.min : 0
  const max = bits === undefined ? type.max : 2 ** bits[1] - 1
  const step = bits === undefined ? 1 : 2 ** bits[0]
  const toFieldRaw = (value: number | undefined) => {
    if (value === undefined || Number.isNaN(value)) return missing ?? 0
    const raw = isFloat ? toRaw(value) : Math.round(toRaw(value))
    const held = Math.min(max, Math.max(min, raw))
    // A value that falls on the code for "missing" is told as its neighbour, as a device's own limits do.
    return held === missing ? (held === max ? held - 1 : held + 1) : held
  }
  return (view, given) => {
    const raw = toFieldRaw(given.get(name))
    if (bits === undefined) return type.write(view, at, raw)
    // Each bit field of a byte is written by its own: the others' bits are kept.
    const whole = type.read(view, at)
    const before = Math.floor(whole / step) % (max + 1)
    type.write(view, at, whole + (raw - before) * step)
  }
}
