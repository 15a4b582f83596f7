import { closeSync, fdatasyncSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Uplink } from '../domain/uplink.ts'
import { decodeRecord, findMarker } from './journal-record.ts'
import { type JournalPlace, listSegments, type Segment } from './journal-segment.ts'

/**
 * What a reader met that was not right: `regions` of bytes that were no record though good ones follow, and
 * `lostUplinks`, how many acknowledged uplinks are missing by the count of their `seq`.
 */
export type Damage = { regions: number; lostUplinks: number }

const chunkBytes = 1 << 20

/**
 * Reads the journal forward, from behind `afterSeq`, which it looks for unless the caller knows a place that is not past
 * it; the files may be written meanwhile. With `sync`, what it gives has been made durable first: for a reader in another
 * process than the writer, which does not know what was acknowledged. Bytes that are no record are passed over and counted
 * in `damage`, the good records behind them are read.
 */
export function openJournalReader(
  folder: string,
  options: { afterSeq: number; from?: JournalPlace | null; sync?: boolean; onDamage?: (text: string) => void },
) {
  let afterSeq = options.afterSeq
  const damage: Damage = { regions: 0, lostUplinks: 0 }
  let current: { segment: Segment; file: number; offset: number } | null = null
  // While true the reader is looking for a good record behind bad bytes that began at `badFrom` of the segment.
  let badFrom = -1
  let hasMore = false
  // Read, and not given yet: what stands at the offset of the current segment.
  let kept: Buffer | null = null

  function openNext(): boolean {
    const segments = listSegments(folder)
    const next =
      current === null
        ? (segments.findLast((each) => each.firstSeq <= afterSeq + 1) ?? segments[0])
        : nextSegment(current.segment)
    if (next === undefined) return false
    close()
    const offset = next.path === options.from?.path ? options.from.offset : 0
    try {
      current = { segment: next, file: openSync(next.path, 'r'), offset }
    } catch (error) {
      // The writer dropped it, as old and stored, between the listing and now: the next listing goes without it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return openNext()
    }
    badFrom = -1
    if (afterSeq > 0) countLost(next.previousSeq)
    // Between two segments `seq` may jump: what was refused, or torn at a crash, was never acknowledged.
    afterSeq = Math.max(afterSeq, next.firstSeq - 1)
    return true
  }

  // Counts the uplinks that were acknowledged up to `seq` and were not read.
  function countLost(seq: number) {
    if (seq <= afterSeq) return
    damage.lostUplinks += seq - afterSeq
    options.onDamage?.(`${seq - afterSeq} acknowledged uplinks are missing, seq ${afterSeq + 1} to ${seq}`)
    afterSeq = seq
  }

  /** The next uplinks, at most about `limit` and a megabyte of them, in the order of `seq`; none when there are none yet. */
  function read(limit = 2000): Uplink[] {
    const uplinks: Uplink[] = []
    hasMore = false
    while (uplinks.length === 0) {
      if (current === null && !openNext()) return uplinks
      const { segment, file, offset } = current!
      const following = nextSegment(segment)
      const size = fstatSync(file).size
      if (offset < size) {
        const buffer = takeKept(size - offset, segment) ?? readChunk(file, offset, size, segment)
        const consumed = take(buffer, size - offset, segment, following, uplinks, limit)
        current!.offset += consumed
        if (uplinks.length === limit) kept = buffer.subarray(consumed)
        if (consumed > 0) {
          hasMore = current!.offset < size
          continue
        }
      }
      // Nothing more can be read of this segment now: the bytes left, if any, are the beginning of a record that is
      // being written, or, where a newer segment exists, of one that was refused.
      if (following === undefined) return uplinks
      countLost(following.previousSeq)
      if (!openNext()) return uplinks
    }
    return uplinks
  }

  function nextSegment(segment: Segment): Segment | undefined {
    return listSegments(folder).find((each) => each.firstSeq > segment.firstSeq)
  }

  // What is left of a chunk, while a whole record is: what comes behind may have been half written when it was read.
  function takeKept(available: number, segment: Segment): Buffer | null {
    const left = kept
    kept = null
    return left !== null && decodeRecord(left, 0, segment.key, available).kind === 'record' ? left : null
  }

  // Reads a chunk that holds at least one whole record, if the file does.
  function readChunk(file: number, offset: number, size: number, segment: Segment): Buffer {
    let bytes = Math.min(chunkBytes, size - offset)
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(bytes)
      const length = readSync(file, buffer, 0, bytes, offset)
      const read = buffer.subarray(0, length)
      const isWhole = length === size - offset || decodeRecord(read, 0, segment.key, size - offset).kind !== 'short'
      if (isWhole) {
        if (options.sync === true) fdatasyncSync(file)
        return read
      }
      bytes = Math.min(bytes * 4, size - offset)
    }
  }

  // Takes records from a chunk; returns how many bytes are done with.
  function take(
    buffer: Buffer,
    available: number,
    segment: Segment,
    following: Segment | undefined,
    uplinks: Uplink[],
    limit: number,
  ): number {
    let at = 0
    while (at < buffer.length && uplinks.length < limit) {
      const found = decodeRecord(buffer, at, segment.key, available - at)
      if (found.kind === 'record') {
        if (badFrom >= 0) {
          damage.regions++
          options.onDamage?.(`bytes that are no record in ${segment.path}, from ${badFrom} to ${current!.offset + at}`)
          badFrom = -1
        }
        at = found.end
        const { seq } = found.uplink
        // A record that was written but refused: the following segment says what was acknowledged before it.
        if (following !== undefined && seq > following.previousSeq) continue
        if (seq <= afterSeq) continue
        countLost(seq - 1)
        afterSeq = seq
        uplinks.push(found.uplink)
        continue
      }
      if (found.kind === 'short' && at > 0) break
      const next = findMarker(buffer, at + 1, segment.key)
      const wasBadFrom = badFrom
      if (found.kind === 'bad' && badFrom < 0) badFrom = current!.offset + at
      if (next >= 0) at = next
      else {
        // No marker in the rest of the chunk: go on behind it, but for the bytes that may begin one. At the end of the
        // file stay, since what is being written may stand there.
        if (available === buffer.length) badFrom = wasBadFrom
        else at = Math.max(at, buffer.length - 3)
        break
      }
    }
    return at
  }

  function close() {
    if (current !== null) closeSync(current.file)
    current = null
    kept = null
  }

  return {
    read,
    close,
    damage,
    /** Whether the last `read` left bytes behind in the segment that it read. */
    get hasMore() {
      return hasMore
    },
    /** The `seq` up to which everything was read or counted as lost. */
    get position() {
      return afterSeq
    },
  }
}

export type JournalReader = ReturnType<typeof openJournalReader>
