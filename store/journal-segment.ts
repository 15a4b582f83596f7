import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { SegmentKey } from './journal-record.ts'

/**
 * A file of the journal. Its name says all that must survive damage to its bytes: the first `seq` that it may hold, the
 * last one that was acknowledged before it (so that a reader knows what is missing, and passes over records that were
 * written but refused), and its key.
 */
export type Segment = { path: string; firstSeq: number; previousSeq: number; key: SegmentKey }

/** A place between two records of a segment, in bytes from its beginning. */
export type JournalPlace = { path: string; offset: number }

const namePattern = /^(\d{16})-(\d{16})-([0-9a-f]{8})([0-9a-f]{8})\.journal$/

/** A new segment of a folder, not yet a file. */
export function nameSegment(folder: string, firstSeq: number, previousSeq: number): Segment {
  const key = randomBytes(8)
  const name = `${pad(firstSeq)}-${pad(previousSeq)}-${key.toString('hex')}.journal`
  return { path: join(folder, name), firstSeq, previousSeq, key: toKey(key.toString('hex')) }
}

/** The segments of a folder, oldest first; none of one that is not there yet. Other files are passed over. */
export function listSegments(folder: string): Segment[] {
  const segments: Segment[] = []
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const match = namePattern.exec(name)
    if (match === null) continue
    segments.push({
      path: join(folder, name),
      firstSeq: Number(match[1]),
      previousSeq: Number(match[2]),
      key: toKey(match[3]! + match[4]!),
    })
  }
  return segments.sort((a, b) => a.firstSeq - b.firstSeq || a.previousSeq - b.previousSeq)
}

function toKey(hex: string): SegmentKey {
  return { marker: Number.parseInt(hex.slice(0, 8), 16), crcStart: Number.parseInt(hex.slice(8), 16) }
}

function pad(seq: number): string {
  return String(seq).padStart(16, '0')
}
