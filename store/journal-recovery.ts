import * as fs from 'node:fs/promises'
import { decodeRecord, findMarker } from './journal-record.ts'
import type { Segment } from './journal-segment.ts'

/** The `seq` of a segment's last good record (0 when it has none), and how many bytes behind that are no record. */
export type SegmentEnd = { lastSeq: number; tornBytes: number }

/** Where a segment ends. */
export async function readSegmentTail(segment: Segment): Promise<SegmentEnd> {
  return findEnd(await fs.readFile(segment.path), segment)
}

/**
 * Where a segment ends, for the writer that goes on behind it. What it holds is made durable: records that were written
 * but not yet acknowledged at a crash are kept.
 */
export async function recoverSegment(segment: Segment): Promise<SegmentEnd> {
  const file = await fs.open(segment.path, 'r+')
  try {
    await file.datasync()
    return findEnd(await file.readFile(), segment)
  } finally {
    await file.close()
  }
}

function findEnd(buffer: Buffer, { key }: Segment): SegmentEnd {
  let at = 0
  let end = 0
  let lastSeq = 0
  while (at >= 0 && at < buffer.length) {
    const found = decodeRecord(buffer, at, key, buffer.length - at)
    if (found.kind === 'record') {
      lastSeq = found.uplink.seq
      at = found.end
      end = at
    } else at = findMarker(buffer, at + 1, key)
  }
  return { lastSeq, tornBytes: buffer.length - end }
}
