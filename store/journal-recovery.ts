import * as fs from 'node:fs/promises'
import { decodeRecord, findMarker } from './journal-record.ts'
import type { Segment } from './journal-segment.ts'

/**
 * Where a segment ends: the `seq` of its last good record (0 when it has none) and how many bytes behind that are no
 * record. What it holds is made durable: records that were written but not yet acknowledged at a crash are kept.
 */
export async function readSegmentEnd(segment: Segment): Promise<{ lastSeq: number; tornBytes: number }> {
  const file = await fs.open(segment.path, 'r+')
  try {
    await file.datasync()
    const buffer = await file.readFile()
    let at = 0
    let end = 0
    let lastSeq = 0
    while (at >= 0 && at < buffer.length) {
      const found = decodeRecord(buffer, at, segment.key, buffer.length - at)
      if (found.kind === 'record') {
        lastSeq = found.uplink.seq
        at = found.end
        end = at
      } else at = findMarker(buffer, at + 1, segment.key)
    }
    return { lastSeq, tornBytes: buffer.length - end }
  } finally {
    await file.close()
  }
}
