import type { DatabaseSync } from 'node:sqlite'
import type { Reading } from '../domain/reading.ts'
import { type DayGroup, openBatch } from './embedded-batch.ts'
import type { Part } from './embedded-block.ts'
import { readingStatements } from './embedded-fresh.ts'
import { openHistories } from './embedded-history.ts'
import { mergeParts } from './embedded-merge.ts'
import { openRemoval } from './embedded-removal.ts'
import { mergeRows, partsOfRows, type Row } from './embedded-row.ts'
import { type DayParts, maxPartReadings, openSealer } from './embedded-sealer.ts'
import { openSeriesBook } from './embedded-series.ts'
import { openShrinking } from './embedded-shrink.ts'
import { dayMs, dayOf, hoursPerDay, listHours, maxTimeMs, minTimeMs } from './embedded-time.ts'
import { listReadings, placeRejected } from './history.ts'
import { prepareInsert } from './insert.ts'
import type { ReadingColumns, SeriesRange } from './reading-store.ts'
import { longestTurnMs, startTurns } from './turns.ts'

// A day is sealed when it has been over for so long: most of what comes late has come.
const graceMs = 2 * 3_600_000
// Rows of days that are over are looked for when one more day is, or when so many of them were written: what comes late for
// a day that is sealed waits for the next, for each time its block is written anew.
const passRows = 500_000
// So many readings of one channel and day in a batch go into its block at once, unless that is far larger.
const directReadings = 32
const directBytesPerReading = 32

type Rows = ReturnType<ReturnType<typeof openBatch>['startRows']>
type Channel = { deviceId: string; channel: string; first: number }
type OpenDay = { day: number; first: number }
const beforeAll: OpenDay = { day: Number.MIN_SAFE_INTEGER, first: 0 }

export type WriterOptions = { now(): number; onDamage(text: string): void }

/** The writing half of the embedded store; one process has it at a time. */
export function openWriter(database: DatabaseSync, { now, onDamage }: WriterOptions) {
  const book = openSeriesBook(database)
  const sealer = openSealer(database, onDamage)
  const removal = openRemoval(database, sealer)
  const batches = openBatch(book)
  const histories = openHistories(book)
  const shrink = openShrinking(database)
  const put = prepareInsert(database, 'fresh', ['hour', 'first', 'at', 'seq', 'data'], 'DO NOTHING')
  const key = 'hour = ? AND first = ? AND at = ? AND seq = ?'
  const rowAt = database.prepare(`SELECT data FROM fresh WHERE ${key}`)
  const change = database.prepare(`UPDATE fresh SET data = ? WHERE ${key}`)
  const nextOpen = database.prepare(`
    SELECT day, first FROM fresh_days WHERE (day, first) > (?, ?) AND day < ? ORDER BY day, first LIMIT 1`)
  const nameOf = database.prepare('SELECT device_id AS deviceId, channel FROM series WHERE id = ?')
  const marksOf = database.prepare(readingStatements.marksOfDay)
  const rowsOf = database.prepare(readingStatements.rows)
  rowsOf.setReturnArrays(true)
  const removeRows = database.prepare('DELETE FROM fresh WHERE first = ? AND hour IN (SELECT value FROM json_each(?))')
  const unmark = database.prepare('DELETE FROM fresh_days WHERE day = ? AND first = ?')
  // Where the pass that seals is; null when it is over.
  let pass: OpenDay | null = beforeAll
  let passedDay = Number.NaN
  let oldRows = 0
  let removals = 0

  function inTransaction<Result>(work: () => Result): Result {
    const isOwn = !database.isTransaction
    if (isOwn) database.exec('BEGIN IMMEDIATE')
    try {
      book.begin()
      const result = work()
      sealer.flush()
      book.end()
      if (isOwn) database.exec('COMMIT')
      return result
    } catch (error) {
      book.forget()
      sealer.forget()
      // A full disk may have ended the transaction already.
      if (isOwn && database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  /** Days before this one are over, and their grace too. */
  const firstOpenDay = () => dayOf(now() - graceMs)

  function write(readings: readonly Reading[]) {
    return inTransaction(() => ({ rejected: writeAll(readings, firstOpenDay()) }))
  }

  function writeAll(readings: readonly Reading[], openDay: number) {
    const sorted = batches.sort(readings, openDay)
    sealGroups(sorted, openDay, (chosen) => batches.split(sorted, chosen))
    writeRows(sorted.rows, openDay)
    return sorted.rejected
  }

  /** Does with history what `write` does with the same readings; columns that are in order need no sorting. */
  function lay(history: readonly ReadingColumns[]) {
    return inTransaction(() => {
      const openDay = firstOpenDay()
      const laid = histories.cut(history, batches.startRows())
      if (laid === null) return { rejected: placeRejected(history, writeAll(listReadings(history), openDay)) }
      sealGroups(laid, openDay, laid.split)
      writeRows(laid.rows, openDay)
      return { rejected: [] }
    })
  }

  function writeRows({ list, bytes }: Rows, openDay: number) {
    // In the order of the tree: fewer pages are touched. Equal keys stay in the order in which they came.
    list.sort((a, b) => a.hour - b.hour || a.of.first - b.of.first)
    for (const { hour, of } of list) {
      book.mark(of, hour)
      if (hour < openDay * hoursPerDay) oldRows++
    }
    put(
      list,
      (row, values) => void values.push(row.hour, row.of.first, row.at, row.seq, bytes(row)),
      (from, to) => {
        // Some of them were there. To merge a row with itself changes nothing.
        for (const row of list.slice(from, to)) {
          const { hour, of, at, seq } = row
          const { data } = rowAt.get(hour, of.first, at, seq) as { data: Uint8Array }
          change.run(mergeRows(data, bytes(row)), hour, of.first, at, seq)
        }
      },
    )
  }

  /**
   * Puts readings of days that are over straight into blocks, where they are enough of one channel and day for that to be
   * worth its while. The others become rows.
   */
  function sealGroups<Group extends DayGroup>(
    { groups, rows }: { groups: Group[]; rows: Rows },
    openDay: number,
    split: (chosen: Group[]) => Part[][],
  ) {
    const isOver = ({ day, count }: Group) => day < openDay && count >= directReadings
    const candidates = removals > 0 ? [] : groups.filter(isOver)
    const stored = sealer.blocks.bytesOf(candidates.map(({ id }) => id))
    const chosen = candidates
      .filter(({ id, count }) => (stored.get(id)?.bytes ?? 0) <= count * directBytesPerReading)
      .sort((a, b) => a.id - b.id)
    const isLong = ({ times }: Part) => times.length > maxPartReadings
    const fresh: DayParts[] = []
    for (const [i, parts] of split(chosen).entries()) {
      const { id, day, of } = chosen[i]!
      if (!stored.has(id) && !parts.some(isLong)) fresh.push({ day, first: of.first, parts })
      else if (!sealChannel(day, of, parts)) rows.addParts(parts, day, of)
    }
    sealer.lay(fresh)
  }

  /**
   * Moves the rows of one channel and day into its block, with what has come beside them; answers false where they stay
   * rows. It is done within one transaction, and nothing else writes meanwhile.
   */
  function sealChannel(day: number, { deviceId, channel, first }: Channel, coming: readonly Part[]): boolean {
    const marked = marksOf.get(day, first) as { hours: number } | undefined
    const hours = marked && listHours(day, marked.hours)
    const parts =
      hours === undefined
        ? [...coming]
        : partsOfRows(first, day * dayMs, rowsOf.all(first, hours, minTimeMs, maxTimeMs + 1) as unknown as Row[])
    if (hours !== undefined)
      for (const part of coming) {
        const at = parts.findIndex(({ series }) => series === part.series)
        if (at < 0) parts.push(part)
        else parts[at] = mergeParts(parts[at]!, part)
      }
    if (parts.length > 0 && !sealer.merge({ day, first, parts })) return false
    if (hours === undefined) return true
    removeRows.run(first, hours)
    unmark.run(day, first)
    book.unmark(deviceId, channel, day)
    return true
  }

  function sealRows({ day, first }: OpenDay) {
    sealChannel(day, { ...(nameOf.get(first) as { deviceId: string; channel: string }), first }, [])
  }

  /**
   * Seals rows of days that are over for some milliseconds, or else gives back what the file no longer needs; tells
   * whether there is more to do.
   */
  function seal(forMs = longestTurnMs): boolean {
    if (removals > 0) return false
    if (pass === null) {
      if (firstOpenDay() === passedDay && oldRows < passRows) return shrink(forMs)
      pass = beforeAll
    }
    let at = pass
    const openDay = firstOpenDay()
    if (nextOpen.get(at.day, at.first, openDay) === undefined) return endPass(openDay)
    const until = performance.now() + forMs
    inTransaction(() => {
      do {
        const found = nextOpen.get(at.day, at.first, openDay) as OpenDay | undefined
        if (found === undefined) return
        at = found
        sealRows(found)
      } while (performance.now() < until)
    })
    pass = at
    return true
  }

  function endPass(openDay: number): false {
    pass = null
    passedDay = openDay
    oldRows = 0
    return false
  }

  /** What retention takes as readings it leaves as rollups: days that are still rows are sealed first. */
  async function retain(to: number) {
    const end = dayOf(to)
    const nextTurn = startTurns()
    for (let at: OpenDay = beforeAll; ; await nextTurn()) {
      const found = nextOpen.get(at.day, at.first, end) as OpenDay | undefined
      if (found === undefined) break
      at = found
      inTransaction(() => {
        sealRows(found)
      })
    }
    await takeAway({ from: minTimeMs, to: end * dayMs, keepRollups: true })
  }

  async function remove(range: SeriesRange, { keepRollups = false } = {}): Promise<void> {
    if (keepRollups && range.devices === undefined) await retain(range.to)
    else await takeAway({ ...range, keepRollups })
  }

  // A few steps a transaction, so that neither a reader nor a live batch waits long; all in one where the caller has one.
  // Nothing is sealed until the rollups are gone too: they would be those of readings that came since.
  async function takeAway(range: SeriesRange & { keepRollups?: boolean }): Promise<void> {
    const isOwn = !database.isTransaction
    const steps = removal.start(range)
    const nextTurn = startTurns()
    removals++
    try {
      for (let isDone = false; !isDone; await nextTurn())
        isDone = inTransaction(() => {
          book.forgetMarks()
          const until = performance.now() + longestTurnMs
          do if (steps.next().done) return true
          while (!isOwn || performance.now() < until)
          return false
        })
    } finally {
      removals--
    }
  }

  return { write, lay, remove, seal }
}
