import type { DatabaseSync } from 'node:sqlite'
import { type Fault, fault } from '../domain/fault.ts'
import type { Reading } from '../domain/reading.ts'
import { prepareInsert } from '../store/insert.ts'
import { openLatest } from '../store/latest.ts'
import type { ReadingStore } from '../store/reading-store.ts'
import { type DeadLetterLimits, openDeadLetters } from './dead-letters.ts'
import type { Decoded } from './decode.ts'

const answersKeptMs = 40 * 86_400_000
const maxKnownRoutes = 100_000

/** What a commit did. `committed` are the readings that the store holds now, for those who listen. */
export type Outcome = { committed: readonly Reading[]; deadLetters: number }

/**
 * Writes what a batch of uplinks became: readings, latest, activity, dead letters and, when given, the cursor, in one
 * transaction of ingest's file. Throws when the store or the file cannot take it now; then nothing has changed there,
 * and the same batch can be tried again.
 */
export function createCommitter(database: DatabaseSync, store: ReadingStore, limits: DeadLetterLimits) {
  const latest = openLatest(database)
  const upsertActivity = prepareInsert(
    database,
    'activity',
    ['device_id', 'last_seen_at', 'seq'],
    'DO UPDATE SET last_seen_at = max(last_seen_at, excluded.last_seen_at), seq = max(seq, excluded.seq)',
  )
  const upsertRoute = database.prepare(`
    INSERT INTO routes (device_id, integration, bridge, topic) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET integration = excluded.integration, bridge = excluded.bridge, topic = excluded.topic`)
  const insertAnswer = database.prepare(`
    INSERT OR IGNORE INTO command_answers (seq, integration, command_id, outcome, detail, received_at)
    VALUES (?, ?, ?, ?, ?, ?)`)
  const forgetAnswers = database.prepare('DELETE FROM command_answers WHERE received_at < ?')
  const knownRoutes = new Map<string, string>()
  const moveCursor = database.prepare('UPDATE cursor SET seq = ?')
  const deadLetters = openDeadLetters(database, limits)

  async function commit(batch: readonly Decoded[], cursor?: number): Promise<Outcome> {
    const readings = batch.flatMap((each) => each.readings)
    database.exec('BEGIN IMMEDIATE')
    try {
      const { rejected } = await store.write(readings)
      const refused = new Map(rejected.map(({ index, reason }) => [readings[index]!, reason]))
      const committed = refused.size === 0 ? readings : readings.filter((each) => !refused.has(each))
      latest.move(committed)
      writeActivity(batch)
      // A replay tells how it was, not the way that leads there now.
      if (cursor !== undefined) writeRoutes(batch)
      let count = 0
      for (const each of batch) if (writeDeadLetter(each, refused)) count++
      deadLetters.trim()
      if (cursor !== undefined) moveCursor.run(cursor)
      database.exec('COMMIT')
      return { committed, deadLetters: count }
    } catch (error) {
      // A full disk may have ended the transaction already.
      if (database.isTransaction) database.exec('ROLLBACK')
      deadLetters.forget()
      knownRoutes.clear()
      throw error
    }
  }

  // A device was last seen when it last observed something: one that sends the past it kept, or whose history is laid
  // down, is not thereby alive today. An uplink without readings counts by its reception.
  function writeActivity(batch: readonly Decoded[]) {
    const seen = new Map<string, { at: number; seq: number }>()
    for (const { deviceId, isKnown, readings, uplink } of batch) {
      if (!isKnown) continue
      let at = readings.length === 0 ? uplink.receivedAt : 0
      for (const { observedAt } of readings) at = Math.max(at, Math.min(observedAt, uplink.receivedAt))
      const before = seen.get(deviceId!)
      seen.set(deviceId!, { at: Math.max(at, before?.at ?? 0), seq: uplink.seq })
    }
    upsertActivity([...seen], ([deviceId, { at, seq }], values) => void values.push(deviceId, at, seq))
  }

  // A route changes seldom: it is written when it does. What a network said of a command is kept for who asked for it.
  function writeRoutes(batch: readonly Decoded[]) {
    for (const { deviceId, route, answer, uplink } of batch) {
      if (answer !== undefined) {
        const { integration, commandId, outcome, detail } = answer
        insertAnswer.run(uplink.seq, integration, commandId, outcome, detail, uplink.receivedAt)
        forgetAnswers.run(uplink.receivedAt - answersKeptMs)
      }
      if (route === undefined || deviceId === null) continue
      const { integration, bridge, topic } = route
      const known = `${integration}\n${bridge}\n${topic}`
      if (knownRoutes.get(deviceId) === known) continue
      if (knownRoutes.size >= maxKnownRoutes) knownRoutes.clear()
      knownRoutes.set(deviceId, known)
      upsertRoute.run(deviceId, integration, bridge, topic)
    }
  }

  // Tells whether the uplink has a dead letter now.
  function writeDeadLetter(decoded: Decoded, refused: Map<Reading, string>): boolean {
    const { uplink, deviceId, readings, faults, isPart } = decoded
    if (isPart === true && deadLetters.has(uplink.seq)) return true
    const all: Fault[] = [...faults]
    if (refused.size > 0)
      for (const reading of readings) {
        const error = refused.get(reading)
        if (error !== undefined) all.push(fault('store_refused', { quantity: reading.quantity, error }))
      }
    if (all.length === 0) deadLetters.settle(uplink.seq)
    else deadLetters.keep(uplink, deviceId, all)
    return all.length > 0
  }

  return { commit }
}

export type Committer = ReturnType<typeof createCommitter>
