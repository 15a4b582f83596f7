import type { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { Problem } from '../domain/problem.ts'
import { formatTime } from '../domain/time.ts'
import { maxClockAheadMs, type Uplink } from '../domain/uplink.ts'
import type { ReplayState } from '../store/ingest-file.ts'
import { openJournalReader } from '../store/journal-reader.ts'
import { listSegments } from '../store/journal-segment.ts'
import { listLatestSeries, openLatest } from '../store/latest.ts'
import type { ReadingStore } from '../store/reading-store.ts'
import type { Committer } from './commit.ts'
import { type Decoded, type DecodeRules, decodeUplinks, noteFrames } from './decode.ts'
import type { DeviceBook } from './devices.ts'
import { sameFrameMs } from './frames.ts'
import { openNewerReadings } from './newer.ts'

/** Which uplinks to decode again: times in UTC epoch ms, null for no bound; a device, or all (null). */
export type Replay = { id: string; from: number | null; to: number | null; deviceId: string | null; replace: boolean }

export type ReplayTools = {
  database: DatabaseSync
  store: ReadingStore
  book: DeviceBook
  committer: Committer
  journalFolder: string
  /** With a memory of frames of this replay's own. */
  rules: DecodeRules
  /** The last uplink that ingest has committed: a replay does not run ahead of it. */
  cursor(): number
}

const uplinksPerStep = 1000
// How long a replay waits for codecs before what is live has its turn.
const turnMs = 20

/** How long before a replay's span the journal is looked through for frames whose copies lie in it. */
const recalledMs = 12 * sameFrameMs

/**
 * Decodes uplinks again, a step at a time, so that what is live is not held up: the generator is resumed between the
 * live batches, and yields its state after every step.
 *
 * Without `replace`: the uplinks received in [from, to); equal keys are overwritten, what the codec no longer gives
 * stays. With `replace` the readings observed in [from, to) are removed first, and everything that arrived since `from`
 * is decoded again, since late uplinks hold readings of the span too; it is refused (Problem `journal_incomplete`)
 * where the journal no longer holds all of that. Doing it twice gives what doing it once gives.
 */
export async function* runReplay(replay: Replay, tools: ReplayTools): AsyncGenerator<ReplayState> {
  const from = replay.from ?? 0
  const to = replay.to ?? Number.MAX_SAFE_INTEGER
  const state: ReplayState = { id: replay.id, state: 'running', uplinks: 0, readings: 0, deadLetters: 0 }

  if (replay.replace) {
    for await (const _ of checkJournal(tools, from)) yield state
    const devices = replay.deviceId === null ? undefined : [replay.deviceId]
    await tools.store.remove({ ...(devices === undefined ? {} : { devices }), from, to })
    recomputeLatest(tools.database, await newestOf(tools, replay.deviceId))
    yield state
  }

  // A reading may be observed up to the clock's tolerance after its uplink was received.
  const receivedFrom = replay.replace ? from - maxClockAheadMs : from
  const receivedTo = replay.replace ? Number.MAX_SAFE_INTEGER : to
  const untilSeq = tools.cursor()
  // With replacement all that arrived since is written again, in order: only what arrives meanwhile is newer.
  const isNewer = (each: Uplink) =>
    concerns(each, replay) && (each.seq > untilSeq || (!replay.replace && each.receivedAt >= to))
  const newer =
    tools.store.overwrites === true
      ? openNewerReadings(tools, {
          afterSeq: replay.replace || replay.to === null ? untilSeq : 0,
          before: Math.min(to, Date.now()),
          isNewer,
        })
      : null
  const reader = openJournalReader(tools.journalFolder, { afterSeq: 0 })
  try {
    for (let batch = reader.read(uplinksPerStep); batch.length > 0; batch = reader.read(uplinksPerStep)) {
      const uplinks = batch.filter(
        (each) =>
          each.seq <= untilSeq &&
          each.receivedAt >= receivedFrom &&
          each.receivedAt < receivedTo &&
          concerns(each, replay),
      )
      // The first copy of a frame may have come before the span: it is noted, and not decoded again.
      const before = batch.filter(
        (each) => each.receivedAt < receivedFrom && each.receivedAt >= receivedFrom - recalledMs,
      )
      noteFrames(before, tools.book, tools.rules)
      if (uplinks.length > 0) yield* step(uplinks)
      yield state
      if (reader.position >= untilSeq) break
    }
  } finally {
    reader.close()
    newer?.close()
  }
  yield { ...state, state: 'done', finishedAt: Date.now() }

  // Codecs that take their time hold up the replay, and not what is live: it has a turn meanwhile.
  async function* step(uplinks: Uplink[]) {
    const { decoded: all, pending } = await decodeUplinks(uplinks, tools.book, tools.rules)
    let late: Decoded[] | null = null
    const waiting = Promise.all(pending.map(({ decoding }) => decoding)).then((each) => {
      late = each
    })
    for (;;) {
      await Promise.race([waiting, setTimeout(turnMs)])
      if (late !== null) break
      yield state
    }
    const decoded = [...all, ...(late as Decoded[])].filter(
      ({ deviceId }) => replay.deviceId === null || deviceId === replay.deviceId,
    )
    for (const each of decoded) {
      if (each.uplink.receivedAt >= from && each.uplink.receivedAt < to) continue
      const inSpan = each.readings.filter(({ observedAt }) => observedAt >= from && observedAt < to)
      each.isPart = inSpan.length < each.readings.length
      each.readings = inSpan
    }
    if (newer !== null) {
      for await (const _ of newer.readOn()) yield state
      for (const each of decoded) each.readings = each.readings.filter((reading) => !newer.has(reading))
    }
    const outcome = await tools.committer.commit(decoded)
    state.uplinks += decoded.length
    state.readings += outcome.committed.length
    state.deadLetters += outcome.deadLetters
  }
}

// An integration's uplinks name their device inside: only decoding tells. A device's own are told by their topic.
function concerns(uplink: Uplink, replay: Replay): boolean {
  if (replay.deviceId === null || uplink.clientId === replay.deviceId) return true
  return !uplink.topic.startsWith('devices/')
}

// Reads the journal once before anything is removed. Throws when something that arrived since `from` may be missing.
async function* checkJournal({ journalFolder, cursor }: ReplayTools, from: number) {
  const since = from - maxClockAheadMs
  const oldest = listSegments(journalFolder)[0]
  const holdsAll = oldest === undefined ? cursor() === 0 : oldest.previousSeq === 0
  const untilSeq = cursor()
  const reader = openJournalReader(journalFolder, { afterSeq: 0 })
  // Loss between uplinks that arrived before the span does not matter.
  let lostBefore = 0
  try {
    let begin: number | null = null
    for (let batch = reader.read(uplinksPerStep); batch.length > 0; batch = reader.read(uplinksPerStep)) {
      begin ??= batch[0]!.receivedAt
      if (!holdsAll && begin > since) {
        const time = formatTime(begin)
        throw new Problem('journal_incomplete', { fr: `il commence le ${time}`, en: `it begins at ${time}` })
      }
      if (batch.at(-1)!.receivedAt < since) lostBefore = reader.damage.lostUplinks
      yield
    }
    if (!holdsAll && begin === null) throw new Problem('journal_incomplete')
    const lost = reader.damage.lostUplinks - lostBefore + Math.max(0, untilSeq - reader.position)
    if (lost > 0)
      throw new Problem('journal_incomplete', {
        fr: `il y manque ${lost} messages, abîmés`,
        en: `${lost} uplinks in it are damaged`,
      })
  } finally {
    reader.close()
  }
}

// The newest reading that is left of each series that has a latest, or null.
async function newestOf({ database, store }: ReplayTools, deviceId: string | null) {
  const newest = []
  for (const series of listLatestSeries(database, deviceId))
    newest.push({ series, reading: await store.lastBefore(series, Number.MAX_SAFE_INTEGER) })
  return newest
}

function recomputeLatest(database: DatabaseSync, newest: Awaited<ReturnType<typeof newestOf>>) {
  const latest = openLatest(database)
  database.exec('BEGIN IMMEDIATE')
  for (const { series, reading } of newest) latest.replace(series, reading)
  database.exec('COMMIT')
}
