import type { DatabaseSync } from 'node:sqlite'
import { isQuantity } from '../domain/quantity.ts'
import type { Reading } from '../domain/reading.ts'
import { openRemoval } from './embedded-removal.ts'
import { type KnownSeries, maxSeriesPerDevice, openSeriesBook } from './embedded-series.ts'
import { hourMs, hourOf, maxTimeMs, minTimeMs } from './embedded-time.ts'
import type { SeriesRange } from './reading-store.ts'
import { longestTurnMs, startTurns } from './turns.ts'

/** The writing half of the embedded store; one process has it at a time. */
export function openWriter(database: DatabaseSync) {
  const book = openSeriesBook(database)
  const removal = openRemoval(database)
  const put = database.prepare(`
    INSERT INTO readings (hour, series, at, value, delay, seq) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (hour, series, at) DO UPDATE SET value = excluded.value, delay = excluded.delay, seq = excluded.seq
    WHERE excluded.seq >= readings.seq`)

  function inTransaction<Result>(work: () => Result): Result {
    const isOwn = !database.isTransaction
    if (isOwn) database.exec('BEGIN IMMEDIATE')
    try {
      book.begin()
      const result = work()
      book.end()
      if (isOwn) database.exec('COMMIT')
      return result
    } catch (error) {
      book.forget()
      // A full disk may have ended the transaction already.
      if (isOwn && database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  function write(readings: readonly Reading[]) {
    const rejected: { index: number; reason: string }[] = []
    inTransaction(() => {
      const rows: { hour: number; series: KnownSeries; reading: Reading }[] = []
      for (const [index, reading] of readings.entries()) {
        let reason = findFault(reading)
        const series = reason === null ? book.find(reading) : null
        if (series !== null) rows.push({ hour: hourOf(reading.observedAt), series, reading })
        else {
          reason ??= `the device has ${maxSeriesPerDevice} series already`
          rejected.push({ index, reason })
        }
      }
      // In the order of the tree: fewer pages are touched. Equal keys stay in the order in which they came.
      rows.sort((a, b) => a.hour - b.hour || a.series.id - b.series.id)
      for (const { hour, series, reading } of rows) {
        const { value, observedAt, receivedAt, seq } = reading
        book.mark(series, hour)
        put.run(hour, series.id, observedAt - hour * hourMs, value, receivedAt - observedAt, seq)
      }
    })
    return { rejected }
  }

  // A few steps a transaction, so that neither a reader nor a live batch waits long; all in one where the caller has one.
  async function remove(range: SeriesRange): Promise<void> {
    const isOwn = !database.isTransaction
    const steps = removal.start(range)
    const nextTurn = startTurns()
    for (let isDone = false; !isDone; await nextTurn())
      isDone = inTransaction(() => {
        book.forgetMarks()
        const until = performance.now() + longestTurnMs
        do if (steps.next().done) return true
        while (!isOwn || performance.now() < until)
        return false
      })
  }

  return { write, remove }
}

/** Why a reading can never be stored, or null. */
function findFault({ deviceId, channel, quantity, value, observedAt, receivedAt, seq }: Reading): string | null {
  if (!isQuantity(quantity)) return `there is no quantity "${quantity}"`
  if (!Number.isFinite(value)) return `the value ${value} is not a finite number`
  if (!isTime(observedAt)) return `observedAt ${observedAt} is not a whole millisecond of the years 0 to 9999`
  if (!isTime(receivedAt)) return `receivedAt ${receivedAt} is not a whole millisecond of the years 0 to 9999`
  if (!Number.isSafeInteger(seq)) return `seq ${seq} is not a whole number`
  if (!deviceId.isWellFormed() || !channel.isWellFormed()) return 'the device id or channel is not Unicode text'
  return null
}

function isTime(time: number): boolean {
  return Number.isInteger(time) && time >= minTimeMs && time <= maxTimeMs
}
