import { crc32 } from 'node:zlib'
import type { Uplink } from '../domain/uplink.ts'

/*
 * One record of the journal, little endian:
 *
 *   0  u32  marker, the segment's own
 *   4  u32  length of the body
 *   8  f64  seq (an integer below 2^53)
 *  16  f64  receivedAt, UTC epoch ms
 *  24  u32  CRC-32 of bytes 4 to 24 and the body, begun with the segment's own value
 *  28  u16  length of clientId, in bytes
 *  30  u16  length of topic, in bytes
 *  32       clientId, topic, payload
 *
 * The body begins at 28. Marker and beginning of the CRC are random in each segment and stand in its name: a payload
 * that holds bytes like those of a record cannot pass for one when the reader looks for the next good record.
 */
const bodyAt = 28
const textAt = 32

/** Fewest bytes that a record takes. */
export const minRecordBytes = textAt

/** What tells the records of one segment from any other bytes. */
export type SegmentKey = { marker: number; crcStart: number }

/** The bytes that a record of these parts takes. */
export function measureRecord(clientIdBytes: number, topicBytes: number, payloadBytes: number): number {
  return textAt + clientIdBytes + topicBytes + payloadBytes
}

/** Writes a record at `at` of `buffer`, which has room for it, and returns where it ends. */
export function encodeRecord(
  buffer: Buffer,
  at: number,
  key: SegmentKey,
  seq: number,
  uplink: Omit<Uplink, 'seq'>,
): number {
  const clientIdBytes = buffer.write(uplink.clientId, at + textAt, 'utf8')
  const topicBytes = buffer.write(uplink.topic, at + textAt + clientIdBytes, 'utf8')
  const payloadAt = at + textAt + clientIdBytes + topicBytes
  buffer.set(uplink.payload, payloadAt)
  const end = payloadAt + uplink.payload.length
  buffer.writeUInt32LE(key.marker, at)
  buffer.writeUInt32LE(end - at - bodyAt, at + 4)
  buffer.writeDoubleLE(seq, at + 8)
  buffer.writeDoubleLE(uplink.receivedAt, at + 16)
  buffer.writeUInt16LE(clientIdBytes, at + bodyAt)
  buffer.writeUInt16LE(topicBytes, at + bodyAt + 2)
  buffer.writeUInt32LE(checksum(buffer, at, end, key), at + 24)
  return end
}

/**
 * What stands at a place of a buffer: a good record; `bad` bytes; or `short`, the beginning of what may be a record,
 * whose rest is not in the buffer.
 */
export type Found = { kind: 'record'; uplink: Uplink; end: number } | { kind: 'bad' } | { kind: 'short' }

/**
 * Reads the record at `at`. `available` is how many bytes there are in all behind `at`, in the buffer and not yet read:
 * a length beyond it is no length.
 */
export function decodeRecord(buffer: Buffer, at: number, key: SegmentKey, available: number): Found {
  const rest = buffer.length - at
  if (rest < textAt) return available < textAt ? { kind: 'bad' } : { kind: 'short' }
  if (buffer.readUInt32LE(at) !== key.marker) return { kind: 'bad' }
  const bodyBytes = buffer.readUInt32LE(at + 4)
  if (bodyBytes < textAt - bodyAt || bodyAt + bodyBytes > available) return { kind: 'bad' }
  if (bodyAt + bodyBytes > rest) return { kind: 'short' }
  const end = at + bodyAt + bodyBytes
  const payloadAt = at + textAt + buffer.readUInt16LE(at + bodyAt) + buffer.readUInt16LE(at + bodyAt + 2)
  if (payloadAt > end || buffer.readUInt32LE(at + 24) !== checksum(buffer, at, end, key)) return { kind: 'bad' }
  return { kind: 'record', uplink: readUplink(buffer, at), end }
}

/**
 * Adds the uplinks of records that never left the memory of this process, which nothing can have damaged, until there are
 * `limit`; answers where the next record begins.
 */
export function readUplinks(records: Buffer, uplinks: Uplink[], limit: number): number {
  let at = 0
  for (; at < records.length && uplinks.length < limit; at += bodyAt + records.readUInt32LE(at + 4))
    uplinks.push(readUplink(records, at))
  return at
}

function readUplink(buffer: Buffer, at: number): Uplink {
  const end = at + bodyAt + buffer.readUInt32LE(at + 4)
  const topicAt = at + textAt + buffer.readUInt16LE(at + bodyAt)
  const payloadAt = topicAt + buffer.readUInt16LE(at + bodyAt + 2)
  return {
    seq: buffer.readDoubleLE(at + 8),
    clientId: buffer.toString('utf8', at + textAt, topicAt),
    topic: buffer.toString('utf8', topicAt, payloadAt),
    payload: buffer.subarray(payloadAt, end),
    receivedAt: buffer.readDoubleLE(at + 16),
  }
}

/** Where the next marker stands at or behind `from`, or -1. */
export function findMarker(buffer: Buffer, from: number, key: SegmentKey): number {
  const marker = Buffer.alloc(4)
  marker.writeUInt32LE(key.marker)
  return buffer.indexOf(marker, from)
}

function checksum(buffer: Buffer, at: number, end: number, key: SegmentKey): number {
  return crc32(buffer.subarray(at + bodyAt, end), crc32(buffer.subarray(at + 4, at + 24), key.crcStart))
}
