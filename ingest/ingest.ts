import { setTimeout as delay } from 'node:timers/promises'
import { openScriptPool } from '../devices/scripts/pool.ts'
import { fault } from '../domain/fault.ts'
import type { Reading } from '../domain/reading.ts'
import type { Uplink } from '../domain/uplink.ts'
import type { OpenStore } from '../store/backend.ts'
import { openIngestFile, readCursor } from '../store/ingest-file.ts'
import { type Group, journalFolder } from '../store/journal.ts'
import { openJournalReader } from '../store/journal-reader.ts'
import { openLatest } from '../store/latest.ts'
import { ReadingsLostError } from '../store/reading-store.ts'
import type { Registry } from '../store/registry.ts'
import { type RoleState, readRoleState } from '../store/role-state.ts'
import { createCommitter } from './commit.ts'
import { type DeadLetterLimits, deadLetterLimits } from './dead-letters.ts'
import { type Decoded, type DecodeRules, decodeUplinks, noteFrames } from './decode.ts'
import { type Catalogue, createDeviceBook } from './devices.ts'
import { rememberFrames } from './frames.ts'
import { keepLate } from './late.ts'
import { isPermanent } from './permanent.ts'
import { openReplayQueue } from './replay-queue.ts'
import { openSettling } from './settling.ts'
import { openSource } from './source.ts'

export type IngestOptions = {
  dataDir: string
  registry: Registry
  catalogue: Catalogue
  /** Opens the reading store; the embedded one stands in ingest's own file. */
  openStore: OpenStore
  horizonDays: number
  /** The IANA zone of times that a message tells without one. */
  zone: string
  /** Days that readings are kept; for ever when absent, and when the store sees to it by itself. */
  retentionDays?: number
  /**
   * How long the store may still lose what it has taken, in ms: the journal keeps that much, and ingest goes back by it
   * after an error. 0 for a store in ingest's own file, which loses nothing.
   */
  settleMs?: number
  /**
   * So many uplinks are worth a commit: a batch when absent. What is gathered for longer outlives the young half of the heap,
   * and costs more to collect than a commit in ingest's own file.
   */
  worthUplinks?: number
  limits?: DeadLetterLimits
  onCommitted?(readings: readonly Reading[]): void
  log(level: 'info' | 'warn' | 'error', text: string): void
}

const batchUplinks = 1000
// Of the journal's end, looked through at the start for frames.
const recalledUplinks = 20_000
// Readings wait this long for others of their commit, which costs nearly as much for one as for many; with a dead letter
// among them no longer than this after it was received, since someone may be looking for it.
const gatherMs = 250
const deadLetterMs = 100
// Another process writes the journal: its files are looked at this often.
const pollMs = 50
const checkpointMs = 1000
const retentionMs = 3_600_000
// With nothing to seal, it is looked again so often; a round seals for so long, less when uplinks wait.
const sealMs = 1000
const idleSealMs = 10
const busySealMs = 2
const dayMs = 86_400_000
const longestBackOffMs = 5000
// Beyond this many pages the write-ahead log is begun anew, for which its readers are waited for.
const longWalPages = 16_384

/**
 * Opens ingest over a data folder, for its one worker. `step` does one round of work and tells whether there was any;
 * `run` goes on until `close`. Whatever an uplink holds, the cursor goes on behind it; whatever the store or the
 * registry answers, it waits and tries again.
 */
export function openIngest(options: IngestOptions) {
  const { dataDir, registry, log } = options
  const database = openIngestFile(dataDir)
  // The journal is the durability: commits are made durable by the checkpoint, before which no segment is dropped.
  database.exec('PRAGMA wal_autocheckpoint = 0')
  const pool = openScriptPool({ log })
  const book = createDeviceBook(registry, options.catalogue, pool)
  const rules: DecodeRules = {
    horizonDays: options.horizonDays,
    zone: options.zone,
    frames: rememberFrames(),
    states: new Map(),
  }
  let hasFrames = false
  const settling = openSettling(database, options.settleMs ?? 0)
  const latest = openLatest(database)
  let cursor = settling.resume(readCursor(database))
  let confirmed = cursor
  // Up to here uplinks are written a second time, and were told the first.
  let told = readCursor(database)
  // The last uplink that was taken; the cursor stays behind it while a codec has not answered.
  let taken = cursor
  // Decoded, and gathered for the next commit; and by when it must be, for the dead letters among them.
  let ready: Decoded[] = []
  let dueAt = Number.POSITIVE_INFINITY
  let committedAt = Number.NEGATIVE_INFINITY
  const late = keepLate((decoded) => {
    hasten(decoded)
    if (isDue()) wake()
  })
  const closing = new AbortController()
  const store = options.openStore(database, {
    hasWritten: cursor > 0,
    signal: closing.signal,
    onDamage: (text) => log('error', `store: ${text}`),
  })
  const committer = createCommitter(database, store, options.limits ?? deadLetterLimits)
  const source = openSource(journalFolder(dataDir), cursor, (text) => log('error', `journal: ${text}`))
  const counters = { uplinks: 0, readings: 0, deadLetters: 0, replays: 0 }
  let trouble: string | null = null
  let hasWork = false
  let endWait: () => void = () => {}
  let checkpointedAt = 0
  let checkpointedCursor = -1
  let keptAt = 0
  let sealedAt = 0

  // Codecs in threads of their own begin here; what they answer joins a later commit.
  async function decode(uplinks: Uplink[]) {
    await book.refresh()
    if (!hasFrames) recallFrames()
    const { decoded, pending } = await decodeUplinks(uplinks, book, rules)
    for (const each of decoded) {
      ready.push(each)
      hasten(each)
    }
    late.add(pending)
    taken = uplinks.at(-1)?.seq ?? taken
  }

  function hasten({ faults, uplink }: Decoded) {
    if (faults.length > 0) dueAt = Math.min(dueAt, uplink.receivedAt + deadLetterMs)
  }

  function hasGathered(): boolean {
    return ready.length > 0 || late.hasArrived
  }

  // What comes when nothing was committed lately is committed at once.
  function isDue(): boolean {
    return (
      ready.length >= (options.worthUplinks ?? batchUplinks) ||
      performance.now() - committedAt >= gatherMs ||
      Date.now() >= dueAt
    )
  }

  async function commitGathered() {
    const arrived = late.take()
    const batch = [...ready, ...arrived]
    ready = []
    dueAt = Number.POSITIVE_INFINITY
    await commit(batch, late.cursorFor(taken, new Set(arrived.map(({ uplink }) => uplink.seq))))
    late.kept(arrived)
    committedAt = performance.now()
  }

  // The frames that came last before the start, so that a copy that comes after it is known as one.
  function recallFrames() {
    hasFrames = true
    const reader = openJournalReader(journalFolder(dataDir), { afterSeq: Math.max(0, cursor - recalledUplinks) })
    try {
      for (let batch = reader.read(batchUplinks); batch.length > 0; batch = reader.read(batchUplinks)) {
        noteFrames(
          batch.filter(({ seq }) => seq <= cursor),
          book,
          rules,
        )
        if (reader.position >= cursor) break
      }
    } finally {
      reader.close()
    }
  }

  // A batch that can never be written is halved until the one that cannot is alone; that becomes a dead letter. The
  // cursor moves to `upTo` with the last part.
  async function commit(batch: Decoded[], upTo: number | undefined): Promise<void> {
    try {
      const outcome = await committer.commit(batch, upTo)
      counters.uplinks += batch.length
      counters.readings += outcome.committed.length
      counters.deadLetters += outcome.deadLetters
      cursor = upTo ?? cursor
      const isNew = cursor > told
      options.onCommitted?.(isNew ? outcome.committed : outcome.committed.filter(({ seq }) => seq > told))
    } catch (error) {
      if (!isPermanent(error)) throw error
      const half = batch.length >> 1
      log('error', `ingest: ${batch.length} uplinks cannot be written: ${(error as Error).message}`)
      if (half > 0) {
        await commit(batch.slice(0, half), undefined)
        await commit(batch.slice(half), upTo)
      } else if (batch.length > 0 && batch[0]!.readings.length > 0) {
        const faults = [fault('codec_error', { error: (error as Error).message })]
        await commit([{ ...batch[0]!, readings: [], faults }], upTo)
      } else throw error
    }
  }

  // The journal is read again from behind the cursor; what waits for its codec comes again too.
  function rewind() {
    told = Math.max(told, cursor)
    late.forget()
    ready = []
    dueAt = Number.POSITIVE_INFINITY
    committedAt = Number.NEGATIVE_INFINITY
    taken = cursor
    source.rewind(cursor)
  }

  const replays = openReplayQueue({
    database,
    registry,
    log,
    isJournalHeld: () => holdsJournal(readRoleState(dataDir, 'broker')),
    tools: {
      database,
      store,
      book,
      committer,
      journalFolder: journalFolder(dataDir),
      cursor: () => cursor,
    },
    newRules: () => ({ ...rules, frames: rememberFrames(), states: new Map(), patient: true }),
    onEnded() {
      counters.replays++
      // What it brought back past the retention goes again.
      keptAt = 0
    },
  })

  /**
   * One round: a batch of what is new, a step of a replay, and the housekeeping that is due. `gathers` leaves a commit
   * for later that is not due yet.
   */
  async function step({ gathers = false } = {}): Promise<boolean> {
    const mustCommit = () => hasGathered() && (!gathers || isDue())
    const uplinks = late.isFull ? [] : source.take(batchUplinks)
    try {
      if (uplinks.length > 0) await decode(uplinks)
      if (mustCommit()) await commitGathered()
    } catch (error) {
      rewind()
      throw error
    }
    const hasReplayed = await replays.step()
    await keepHouse()
    return (uplinks.length > 0 && source.hasMore) || mustCommit() || hasReplayed
  }

  async function keepHouse() {
    const now = Date.now()
    if (now - checkpointedAt >= checkpointMs) checkpoint()
    if (options.retentionDays !== undefined && now - keptAt >= retentionMs) {
      keptAt = now
      const keptFrom = now - options.retentionDays * dayMs
      await store.remove({ from: Number.MIN_SAFE_INTEGER, to: keptFrom }, { keepRollups: true })
      latest.forget(keptFrom)
    }
    if (store.seal !== undefined && now - sealedAt >= sealMs) {
      if (await store.seal(source.hasMore ? busySealMs : idleSealMs)) checkpointedCursor = -1
      else sealedAt = now
    }
  }

  function checkpoint() {
    checkpointedAt = Date.now()
    if (cursor !== checkpointedCursor && !flush()) return
    checkpointedCursor = cursor
    confirmed = settling.confirm(cursor)
  }

  // Makes the commits durable; tells whether all are.
  function flush(): boolean {
    const told = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as Checkpoint
    if (told.busy === 0 && told.checkpointed === told.log) return true
    if (told.log > longWalPages) database.prepare('PRAGMA wal_checkpoint(RESTART)').get()
    return false
  }

  async function run() {
    let backOffMs = 100
    while (!closing.signal.aborted) {
      hasWork = false
      try {
        const isBusy = await step({ gathers: true })
        trouble = null
        backOffMs = 100
        await (isBusy ? nextTurn() : waitForWork())
      } catch (error) {
        const text = (error as Error).message
        if (error instanceof ReadingsLostError) goBack(settling.forget())
        else if (trouble === null) goBack(settling.distrust())
        if (text !== trouble) log('error', `ingest: waiting, and trying again: ${text}`)
        trouble = text
        // A server that is still clearing a lost database away would take new readings with it.
        const pauseMs = error instanceof ReadingsLostError ? longestBackOffMs : backOffMs
        await delay(pauseMs, undefined, { signal: closing.signal }).catch(() => {})
        backOffMs = Math.min(backOffMs * 2, longestBackOffMs)
      }
    }
  }

  // What the store took a while ago it may have lost: all of it comes again, which changes nothing where it was not.
  function goBack(settled: number) {
    if (settled >= cursor) return
    told = Math.max(told, cursor)
    cursor = settled
    confirmed = Math.min(confirmed, settled)
    rewind()
  }

  // Until there is something to take or to commit. What is gathered is looked at as often as the files are.
  function waitForWork(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, hasWork ? 0 : pollMs)
      endWait = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  function wake() {
    hasWork = true
    endWait()
  }

  return {
    step,
    run,
    /** Takes a group of the journal over, as it was made durable. */
    offer(group: Group) {
      source.offer(group)
      wake()
    },
    counters,
    codecs: pool.counters,
    get cursor() {
      return cursor
    },
    /** Up to which uplink the store holds everything for good; 0 while a replay needs the whole journal. */
    get confirmedSeq() {
      return replays.isHolding ? 0 : confirmed
    },
    get damage() {
      return source.damage
    },
    /** Why nothing can be stored now, or null. */
    get trouble() {
      return trouble
    },
    async close() {
      closing.abort()
      wake()
    },
    /** Ends it for good; after `run` has returned. */
    async dispose() {
      await pool.close()
      checkpoint()
      source.close()
      await store.close()
      database.close()
    },
  }
}

export type Ingest = ReturnType<typeof openIngest>

type Checkpoint = { busy: number; log: number; checkpointed: number }

// The broker tells up to where it may drop segments: at 0 it has heard that a replay needs them all.
function holdsJournal({ stale, counters }: RoleState): boolean {
  return stale || (counters.journal_confirmed_seq ?? 0) === 0
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
