/*
 * A reader of sealed readings that was written from docs/embedded-store.md alone, and shares nothing with the store: what
 * that document says is enough to read the files in ten years.
 */

export type ReadBlock = { series: number; time: number; value: number; receivedAt: number; seq: number }

type Cursor = { bytes: Uint8Array; at: number }

const dayMs = 86_400_000

/** All readings of a block; `id` is its key. */
export function readBlock(id: bigint, bytes: Uint8Array): ReadBlock[] {
  checkCrc(id, bytes)
  const day = Number(id >> 31n)
  const first = Number(id & 0x7fff_ffffn)
  const cursor: Cursor = { bytes, at: 0 }
  if (bytes[cursor.at++] !== 1) throw new Error('version')
  const found: ReadBlock[] = []
  for (let groups = readNumber(cursor); groups > 0n; groups--) {
    const count = Number(readNumber(cursor))
    const columns = Number(readNumber(cursor))
    const [times, delays, seqs] = [0, 0, 0].map(() => readIntegers(cursor, count)) as [number[], number[], number[]]
    for (let i = 0; i < columns; i++) {
      const series = first + Number(readNumber(cursor))
      const values = readValues(cursor, count)
      for (const [j, value] of values.entries()) {
        const time = day * dayMs + times[j]!
        found.push({ series, time, value, receivedAt: time + delays[j]!, seq: seqs[j]! })
      }
    }
  }
  return found
}

export type ReadHour = {
  time: number
  count: number
  sum: number
  min: number
  max: number
  first: number
  last: number
}

/** The hourly rollups of a chunk of sums, and of its ends where it has any; `id` is the key of both. */
export function readRollups(id: bigint, sums: Uint8Array, ends?: Uint8Array): ReadHour[] {
  const others = new Map(ends && readSegments(id, ends).map((each) => [each.start, each]))
  return readSegments(id, sums).flatMap(({ start, hours, kind, cursor, scale }) => {
    const isSingle = kind >= 64
    const counts = isSingle ? hours.map(() => 1) : readIntegers(cursor, hours.length)
    const told = readIntegers(cursor, hours.length).map((value) => value / scale)
    const other = isSingle ? undefined : others.get(start)!
    const values = other && readIntegers(other.cursor, hours.length * 4).map((value) => value / other.scale)
    return hours.map((hour, i): ReadHour => {
      const end = (n: number) => (values === undefined ? told[i]! : values[n * hours.length + i]!)
      const time = start + hour * 3_600_000
      return { time, count: counts[i]!, sum: told[i]!, min: end(0), max: end(1), first: end(2), last: end(3) }
    })
  })
}

function readSegments(id: bigint, bytes: Uint8Array) {
  checkCrc(id, bytes)
  if (bytes[0] !== 2) throw new Error('version')
  const segments = []
  for (let at = 1; at < bytes.length - 4; at += bytes[at + 1]! + 256 * bytes[at + 2]!) {
    const start = (Number(id >> 31n) * 32 + bytes[at]!) * dayMs
    const marks = bytes[at + 3]! + 256 * bytes[at + 4]! + 65_536 * bytes[at + 5]!
    const hours = Array.from({ length: 24 }, (_, hour) => hour).filter(
      (hour) => Math.floor(marks / 2 ** hour) % 2 === 1,
    )
    const kind = bytes[at + 6]!
    const scale = kind % 64 === 63 ? 1 : 10 ** (kind % 64)
    segments.push({ start, hours, kind, scale, cursor: { bytes, at: at + 7 } })
  }
  return segments
}

export type ReadRow = { series: number; time: number; value: number; receivedAt: number; seq: number }

/** The readings of a fresh row. */
export function readFresh(row: { hour: number; first: number; at: number; seq: number; data: Uint8Array }): ReadRow[] {
  const cursor = { bytes: row.data, at: 0 }
  const time = row.hour * 3_600_000 + row.at
  const found = new Map<number, ReadRow>()
  let delay = 0
  while (cursor.at < row.data.length) {
    const head = Number(readNumber(cursor))
    const kind = head % 16
    if (kind === 14) {
      delay = Number(signed(readNumber(cursor)))
      continue
    }
    const series = row.first + Math.floor(head / 16)
    let value: number
    if (kind === 15) {
      value = new DataView(row.data.buffer, row.data.byteOffset).getFloat64(cursor.at, true)
      cursor.at += 8
    } else value = Number(signed(readNumber(cursor))) / 10 ** kind
    found.set(series, { series, time, value, receivedAt: time + delay, seq: row.seq })
  }
  return [...found.values()]
}

function readNumber(cursor: Cursor): bigint {
  let value = 0n
  for (let shift = 0n; ; shift += 7n) {
    const byte = BigInt(cursor.bytes[cursor.at++]!)
    value |= (byte & 127n) << shift
    if (byte < 128n) return value
  }
}

const signed = (value: bigint) => (value % 2n === 0n ? value / 2n : -(value + 1n) / 2n)

function readIntegers(cursor: Cursor, count: number): number[] {
  const length = Number(readNumber(cursor))
  const end = cursor.at + length
  const head = cursor.bytes[cursor.at++]!
  if (head === 128) {
    const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset)
    const doubles = Array.from({ length: count }, (_, i) => view.getFloat64(cursor.at + 8 * i, true))
    cursor.at = end
    return doubles
  }
  const isSteps = head >= 32
  const width = head % 32
  const begin = isSteps ? signed(readNumber(cursor)) : 0n
  const usual = signed(readNumber(cursor))
  const exceptions = Number(readNumber(cursor))
  const packed = isSteps ? count - 1 : count
  const numbers: bigint[] = []
  for (let i = 0; i < packed; i++) {
    let value = 0n
    for (let bit = 0; bit < width; bit++) {
      const place = i * width + bit
      if ((cursor.bytes[cursor.at + (place >> 3)]! >> (place & 7)) & 1) value |= 1n << BigInt(bit)
    }
    numbers.push(value)
  }
  cursor.at += Math.ceil((packed * width) / 8)
  for (let i = 0, place = 0; i < exceptions; i++) {
    place += Number(readNumber(cursor))
    numbers[place]! += readNumber(cursor) << BigInt(width)
  }
  if (cursor.at !== end) throw new Error('a column has another length')
  const told = numbers.map((value) => usual + signed(value))
  if (!isSteps) return told.map(Number)
  let sum = begin
  return [begin, ...told.map((step) => (sum += step))].map(Number)
}

function readValues(cursor: Cursor, count: number): number[] {
  const kind = cursor.bytes[cursor.at++]!
  if (kind <= 9) return readIntegers(cursor, count).map((value) => value / 10 ** kind)
  const length = Number(readNumber(cursor))
  const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + cursor.at)
  cursor.at += length
  return Array.from({ length: count }, (_, i) =>
    kind === 254 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true),
  )
}

function checkCrc(id: bigint, bytes: Uint8Array): void {
  const key = new DataView(new ArrayBuffer(8))
  key.setBigInt64(0, id, true)
  let crc = 0xffff_ffff
  for (const byte of [...new Uint8Array(key.buffer), ...bytes.subarray(0, -4)]) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  }
  const told = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true)
  if (told !== ~crc >>> 0) throw new Error('checksum')
}
