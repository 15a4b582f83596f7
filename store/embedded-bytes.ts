/* Bytes, and the numbers in them, as the embedded store writes and reads them (docs/embedded-store.md). */

/** Bytes that are written one after another; they grow by themselves, and are used again after `take`. */
export type Sink = { bytes: Uint8Array; view: DataView; at: number }

export function createSink(): Sink {
  const bytes = new Uint8Array(1 << 16)
  return { bytes, view: new DataView(bytes.buffer), at: 0 }
}

/** Makes room for `count` more bytes. */
export function reserve(sink: Sink, count: number): void {
  if (sink.at + count <= sink.bytes.length) return
  const bytes = new Uint8Array(Math.max(sink.bytes.length * 2, sink.at + count))
  bytes.set(sink.bytes)
  sink.bytes = bytes
  sink.view = new DataView(bytes.buffer)
}

/** What was written since the sink was empty, as bytes of their own. */
export function take(sink: Sink): Uint8Array {
  const taken = sink.bytes.slice(0, sink.at)
  sink.at = 0
  return taken
}

/** Bytes that are read one after another. */
export type Source = { bytes: Uint8Array; view: DataView; at: number }

/** Begins to read bytes at a place. */
export function openSource(bytes: Uint8Array, at = 0): Source {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at }
}

/** Writes a whole number from 0 to 2 ** 53, seven bits a byte, the lowest first; the caller has reserved 8 bytes. */
export function writeVarint(sink: Sink, value: number): void {
  const { bytes } = sink
  let large = value
  for (; large > 0x7fff_ffff; large = Math.floor(large / 0x80)) bytes[sink.at++] = (large % 0x80) | 0x80
  let left = large | 0
  for (; left >= 0x80; left >>>= 7) bytes[sink.at++] = (left & 0x7f) | 0x80
  bytes[sink.at++] = left
}

/** How many bytes `writeVarint` takes. */
export function countVarint(value: number): number {
  let bytes = 1
  for (let left = value; left >= 0x80; left >>>= 7) bytes++
  return bytes
}

export function readVarint(source: Source): number {
  const { bytes } = source
  let byte = bytes[source.at++]!
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
    if (source.at >= bytes.length) throw new RangeError('a number goes on behind the end')
    byte = bytes[source.at++]!
    value += (byte & 0x7f) * factor
  }
  return value
}

/** Signed numbers as unsigned ones, small ones small: 0, -1, 1, -2... become 0, 1, 2, 3... */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

export function unzigzag(value: number): number {
  if (value <= 0x7fff_ffff) return (value >>> 1) ^ -(value & 1)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
