import { mkdirSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { type Detail, tellDetail } from '../domain/problem.ts'
import type { Uplink } from '../domain/uplink.ts'
import { encodeRecord, measureRecord, minRecordBytes } from './journal-record.ts'
import { recoverSegment } from './journal-recovery.ts'
import { type JournalPlace, listSegments, nameSegment, type Segment } from './journal-segment.ts'

/** An uplink on its way into the journal, which gives it its `seq`. */
export type NewUplink = Omit<Uplink, 'seq'>

/** Called with the uplink once it is on disk, or with the reason why it was refused. */
export type Appended<Appendee extends NewUplink = NewUplink> = (error: Error | null, uplink: Appendee) => void

/**
 * A group of records as it was made durable: ingest reads it from memory while it keeps up. `end` is where it ends in the
 * files.
 */
export type Group = { firstSeq: number; lastSeq: number; previousSeq: number; end: JournalPlace; records: Buffer }

/** Why the journal refuses now, or null while it takes uplinks. */
export type Refusal = { since: number; reason: Detail } | null

export type JournalOptions = {
  /** Folder of the segments; made when missing. */
  folder: string
  /** The journal's size in bytes; a segment is an eighth of it, at most 16 MiB. */
  maxBytes: number
  /** How long stored uplinks are kept for replays, in days. */
  maxDays: number
  /** A `seq` that is certainly used up: what ingest has committed. New uplinks come behind it. */
  usedSeq?: number
  /** The last `seq` that the store holds for good. Only segments up to it are ever dropped. */
  confirmedSeq(): number
  /** Gets every group right after it was made durable, before its uplinks' callbacks are called. */
  onCommit?(group: Group): void
  log(level: 'info' | 'warn' | 'error', text: string): void
}

type Pending = { uplink: NewUplink; bytes: number; appended: Appended }
type OpenSegment = { segment: Segment; file: fs.FileHandle; bytes: number; lastSeq: number }

const segmentBytesMax = 16 << 20
const groupBytesMax = 4 << 20
// What waits for the disk; past this the journal refuses rather than grow without bound.
const pendingBytesMax = 64 << 20
// Left free on the disk, so that ingest can still store what the journal holds and thereby free the journal.
const reserveBytes = 4 << 20
// A group of one is written at once: its client may be waiting for it alone. Where more than one came meanwhile, others
// are about to: waiting for them saves an fsync each, and costs latency; so until a group is worth one, within bounds.
const lingerFromUplinks = 2
const worthyUplinks = 128
const lingerMinMs = 2
const lingerMaxMs = 10
const houseKeepingMs = 1000

/**
 * Opens the journal for its one writer. `append` calls back after the fsync of the uplink's group, in the order of
 * arrival. On a failing or full disk it refuses, and takes uplinks again by itself once it can.
 */
export async function openJournal(options: JournalOptions) {
  const { folder, log } = options
  mkdirSync(folder, { recursive: true })
  const segmentBytes = Math.min(segmentBytesMax, Math.floor(options.maxBytes / 8))

  const recovered = await recover(options)
  let nextSeq = recovered.nextSeq
  let acknowledgedSeq = recovered.lastSeq
  let closedBytes = recovered.bytes
  let pending: Pending[] = []
  let pendingBytes = 0
  let open: OpenSegment | null = null
  let refusal: Refusal = null
  let lastGroupUplinks = 0
  let lastTakenAt = 0
  let lingerMs = lingerMinMs
  // One at a time works on the open segment: the writer of groups, or the keeper of the house.
  let isWorking = false
  let work: Promise<void> = Promise.resolve()
  let isClosed = false
  const counters = { uplinks: 0, groups: 0, refused: 0, failures: 0, tornBytes: recovered.tornBytes }

  function append<Appendee extends NewUplink>(uplink: Appendee, appended: Appended<Appendee>) {
    const bytes = measureRecord(
      Buffer.byteLength(uplink.clientId),
      Buffer.byteLength(uplink.topic),
      uplink.payload.length,
    )
    if (isClosed || refusal !== null || pendingBytes + bytes > pendingBytesMax) {
      counters.refused++
      appended(
        new Error(
          refusal === null
            ? isClosed
              ? 'the journal is closed'
              : 'the disk is too slow'
            : tellDetail(refusal.reason, 'en'),
        ),
        uplink,
      )
      return
    }
    pending.push({ uplink, bytes, appended: appended as Appended })
    pendingBytes += bytes
    if (!isWorking) work = writePending()
  }

  async function writePending() {
    isWorking = true
    while (pending.length > 0) {
      if (lastGroupUplinks >= lingerFromUplinks) await delay(lingerMs)
      else await nextTurn()
      const group = takeGroup()
      adaptLinger(group.length)
      let error = await writeGroup(group)
      if (error !== null) {
        counters.failures++
        log('error', `journal: ${error.message}; going on in a new segment`)
        await abandon()
        error = await writeGroup(group)
      }
      if (error === null) for (const each of group) each.appended(null, each.uplink)
      else {
        await abandon()
        refuse(explain(error), group)
      }
    }
    // In the same turn as the test above: what is appended from now on starts the writer again.
    isWorking = false
  }

  function adaptLinger(uplinks: number) {
    const now = performance.now()
    const uplinksPerMs = uplinks / (now - lastTakenAt)
    lingerMs = Math.min(Math.max(worthyUplinks / uplinksPerMs, lingerMinMs), lingerMaxMs)
    lastTakenAt = now
    lastGroupUplinks = uplinks
  }

  function takeGroup(): Pending[] {
    let count = 0
    let bytes = 0
    for (const each of pending) {
      if (count > 0 && bytes + each.bytes > groupBytesMax) break
      bytes += each.bytes
      count++
    }
    const group = pending.slice(0, count)
    pending = pending.slice(count)
    pendingBytes -= bytes
    return group
  }

  async function writeGroup(group: Pending[]): Promise<Error | null> {
    try {
      const bytes = group.reduce((sum, each) => sum + each.bytes, 0)
      await makeRoom(bytes)
      open ??= await openSegment()
      const { segment, file } = open
      const records = Buffer.allocUnsafeSlow(bytes)
      const firstSeq = nextSeq
      let at = 0
      for (const each of group) at = encodeRecord(records, at, segment.key, nextSeq++, each.uplink)
      await writeAll(file, records, open.bytes)
      await file.datasync()
      open.bytes += bytes
      open.lastSeq = nextSeq - 1
      const previousSeq = acknowledgedSeq
      acknowledgedSeq = open.lastSeq
      counters.uplinks += group.length
      counters.groups++
      const end = { path: segment.path, offset: open.bytes }
      options.onCommit?.({ firstSeq, lastSeq: acknowledgedSeq, previousSeq, end, records })
      if (open.bytes >= segmentBytes) await closeSegment()
      return null
    } catch (error) {
      return error as Error
    }
  }

  async function openSegment(): Promise<OpenSegment> {
    const segment = nameSegment(folder, nextSeq, acknowledgedSeq)
    const file = await fs.open(segment.path, 'wx')
    try {
      await syncFolder(folder)
    } catch (error) {
      await file.close()
      throw error
    }
    return { segment, file, bytes: 0, lastSeq: acknowledgedSeq }
  }

  async function closeSegment() {
    if (open === null) return
    closedBytes += open.bytes
    const { file } = open
    open = null
    await file.close()
  }

  // Leaves a segment whose write or fsync failed: after a failed fsync nobody knows which pages are on disk. What it
  // holds beyond its last acknowledged record is passed over by readers, since the next segment's name says so; it is
  // cut off all the same where the disk lets us.
  async function abandon() {
    nextSeq++
    if (open === null) return
    const { file, bytes } = open
    await file.truncate(bytes).catch(() => {})
    await closeSegment().catch(() => {})
  }

  function refuse(reason: Detail, group: Pending[]) {
    if (refusal === null) log('error', `journal: refusing uplinks: ${tellDetail(reason, 'en')}`)
    refusal ??= { since: Date.now(), reason }
    const refused = [...group, ...pending]
    pending = []
    pendingBytes = 0
    counters.refused += refused.length
    for (const each of refused) each.appended(new Error(tellDetail(reason, 'en')), each.uplink)
  }

  // Drops what is stored and old, and what is stored when the room is needed. Throws when there is no room.
  async function makeRoom(bytes: number) {
    if (sizeBytes() + bytes > options.maxBytes) await dropSegments(sizeBytes() + bytes - options.maxBytes)
    if (sizeBytes() + bytes > options.maxBytes)
      throw new Error(`the journal is full (${options.maxBytes} bytes), and the store has not confirmed any of it`)
  }

  function sizeBytes(): number {
    return closedBytes + (open?.bytes ?? 0)
  }

  async function dropSegments(excessBytes: number) {
    const segments = listSegments(folder).filter((each) => each.path !== open?.segment.path)
    const oldest = Date.now() - options.maxDays * 86_400_000
    let freed = 0
    for (const [i, segment] of segments.entries()) {
      const lastSeq = segments[i + 1]?.previousSeq ?? open?.segment.previousSeq ?? acknowledgedSeq
      if (lastSeq > options.confirmedSeq()) break
      const { size, mtimeMs } = await fs.stat(segment.path)
      if (freed >= excessBytes && mtimeMs >= oldest) break
      await fs.unlink(segment.path)
      freed += size
      closedBytes -= size
      log('info', `journal: dropped ${segment.path}, which is stored (${size} bytes)`)
    }
  }

  // While it refuses, the journal tries once a second whether a segment can be written. Otherwise it drops what is old;
  // where the disk is nearly full, what is stored makes room, as at the journal's own limit.
  async function keepHouse() {
    const neededBytes = refusal === null ? reserveBytes : 2 * reserveBytes
    const freeBytes = await readFreeBytes()
    const shortBytes = freeBytes < neededBytes ? 2 * reserveBytes - freeBytes : 0
    await dropSegments(shortBytes)
    const isShort = shortBytes > 0 && (await readFreeBytes()) < neededBytes
    if (refusal === null) {
      if (isShort)
        refuse(
          {
            fr: `le disque est plein (moins de ${reserveBytes} octets libres)`,
            en: `the disk is full (less than ${reserveBytes} bytes are free)`,
          },
          [],
        )
      return
    }
    if (isShort) return
    await makeRoom(segmentBytes)
    open ??= await openSegment()
    await writeAll(open.file, Buffer.alloc(4096), open.bytes)
    await open.file.datasync()
    await open.file.truncate(open.bytes)
    log('info', `journal: taking uplinks again, after ${Date.now() - refusal.since} ms`)
    refusal = null
  }

  async function readFreeBytes(): Promise<number> {
    const { bavail, bsize } = await fs.statfs(folder)
    return bavail * bsize
  }

  const timer = setInterval(() => {
    if (isWorking) return
    isWorking = true
    work = keepHouse()
      .catch(async (error: Error) => {
        const reason = explain(error)
        if (reason !== refusal?.reason) log('error', `journal: ${reason}`)
        await abandon()
      })
      .then(writePending)
  }, houseKeepingMs)
  timer.unref()

  return {
    append,
    counters,
    /** Why it refuses, or null. */
    get refusal(): Refusal {
      return refusal
    },
    get sizeBytes() {
      return sizeBytes()
    },
    /** The last `seq` that was acknowledged. */
    get lastSeq() {
      return acknowledgedSeq
    },
    /** Uplinks that wait for the disk. */
    get pending() {
      return pending.length
    },
    /** Writes what was appended, then refuses. */
    async close() {
      isClosed = true
      clearInterval(timer)
      while (isWorking) await work
      await closeSegment()
    },
  }
}

export type Journal = Awaited<ReturnType<typeof openJournal>>

/** Where the segments stand in a data folder. */
export function journalFolder(dataDir: string): string {
  return join(dataDir, 'journal')
}

// Finds where the journal ended. A new writer never goes on in an old segment: its tail may be torn, and is left as it
// is; the number of records that may have stood there is passed over, so that no `seq` is ever used twice.
async function recover(options: JournalOptions) {
  const { folder, log, usedSeq = 0 } = options
  let segments = listSegments(folder)
  let lastSeq = 0
  let nextSeq = 1
  let tornBytes = 0
  for (;;) {
    const last = segments.at(-1)
    if (last === undefined) break
    const end = await recoverSegment(last)
    nextSeq = Math.max(nextSeq, last.firstSeq, end.lastSeq + 1) + Math.ceil(end.tornBytes / minRecordBytes) + 1
    if (end.tornBytes > 0)
      log('warn', `journal: ${end.tornBytes} bytes at the end of ${last.path} are no record; they are passed over`)
    tornBytes += end.tornBytes
    lastSeq = Math.max(end.lastSeq, last.previousSeq)
    if (end.lastSeq > 0 || end.tornBytes > 0) break
    await fs.unlink(last.path)
    segments = segments.slice(0, -1)
  }
  await syncFolder(folder)
  let bytes = 0
  for (const segment of segments) bytes += (await fs.stat(segment.path)).size
  // What ingest has committed was acknowledged, wherever it is now.
  return { lastSeq: Math.max(lastSeq, usedSeq), nextSeq: Math.max(nextSeq, usedSeq + 1), bytes, tornBytes }
}

// What a technician reads of the system's own codes: no space (ENOSPC), no quota left (EDQUOT).
function explain(error: NodeJS.ErrnoException): string {
  return error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'the disk is full' : error.message
}

// A new file is on disk once its folder is.
async function syncFolder(folder: string) {
  const handle = await fs.open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeAll(file: fs.FileHandle, bytes: Buffer, position: number) {
  let written = 0
  while (written < bytes.length)
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
