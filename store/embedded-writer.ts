import type { DatabaseSync } from 'node:sqlite'
import { isQuantity, type Quantity } from '../domain/quantity.ts'
import type { Reading } from '../domain/reading.ts'
import type { Part } from './embedded-block.ts'
import { blockId } from './embedded-blocks.ts'
import { mergeParts, partOfRows, type Row } from './embedded-merge.ts'
import { readingStatements } from './embedded-reader.ts'
import { openRemoval } from './embedded-removal.ts'
import { openSealer } from './embedded-sealer.ts'
import { type KnownSeries, maxSeriesPerDevice, openSeriesBook } from './embedded-series.ts'
import { dayMs, dayOf, hourMs, hourOf, hoursPerDay, listHours, maxTimeMs, minTimeMs } from './embedded-time.ts'
import type { SeriesRange } from './reading-store.ts'
import { longestTurnMs, startTurns } from './turns.ts'

// A day is sealed when it has been over for so long: most of what comes late has come.
const graceMs = 2 * 3_600_000
// Rows of days that are over are looked for this often, or when so many of them were written.
const passMs = 6 * 3_600_000
const passRows = 500_000
// So many readings of one channel and day in a batch go into its block at once, unless that is far larger.
const directReadings = 32
const directBytesPerReading = 32

type Entry = { hour: number; series: KnownSeries; reading: Reading }

export type WriterOptions = { now(): number; onDamage(text: string): void }

/** The writing half of the embedded store; one process has it at a time. */
export function openWriter(database: DatabaseSync, { now, onDamage }: WriterOptions) {
  const book = openSeriesBook(database)
  const sealer = openSealer(database, onDamage)
  const removal = openRemoval(database, sealer)
  const put = database.prepare(`
    INSERT INTO readings (hour, series, at, value, delay, seq) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (hour, series, at) DO UPDATE SET value = excluded.value, delay = excluded.delay, seq = excluded.seq
    WHERE excluded.seq >= readings.seq`)
  const nextOpen = database.prepare(`
    SELECT day, series FROM series_days WHERE (day, series) > (?, ?) AND day < ? ORDER BY day, series LIMIT 1`)
  const nameOf = database.prepare('SELECT device_id AS deviceId, channel FROM series WHERE id = ?')
  const seriesOfChannel = database.prepare(readingStatements.seriesOfChannel)
  const firstOf = database.prepare(readingStatements.firstOfChannel)
  const marksOf = database.prepare(readingStatements.marksOfDay)
  const rowsOf = database.prepare(readingStatements.rows)
  rowsOf.setReturnArrays(true)
  const removeRows = database.prepare(
    'DELETE FROM readings WHERE series = ? AND hour IN (SELECT value FROM json_each(?))',
  )
  const unmark = database.prepare('DELETE FROM series_days WHERE day = ? AND series = ?')
  // Where the pass that seals is; null when it is over.
  let pass: { day: number; series: number } | null = { day: Number.MIN_SAFE_INTEGER, series: 0 }
  let passedAt = 0
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
    const rejected: { index: number; reason: string }[] = []
    inTransaction(() => {
      const fresh: Entry[] = []
      const old: Entry[] = []
      const openDay = firstOpenDay()
      for (let index = 0; index < readings.length; index++) {
        const reading = readings[index]!
        let reason = findFault(reading)
        const series = reason === null ? book.find(reading) : null
        if (series !== null) {
          const hour = hourOf(reading.observedAt)
          const list = hour < openDay * hoursPerDay ? old : fresh
          list.push({ hour, series, reading })
        } else {
          reason ??= `the device has ${maxSeriesPerDevice} series already`
          rejected.push({ index, reason })
        }
      }
      for (const group of groupByBlock(old)) if (!layDown(group)) fresh.push(...group)
      oldRows += writeRows(fresh, openDay)
    })
    return { rejected }
  }

  /** Answers how many of the rows are of days that are over. */
  function writeRows(entries: Entry[], openDay: number): number {
    // In the order of the tree: fewer pages are touched. Equal keys stay in the order in which they came.
    entries.sort((a, b) => a.hour - b.hour || a.series.id - b.series.id)
    let old = 0
    for (const { hour, series, reading } of entries) {
      const { value, observedAt, receivedAt, seq } = reading
      book.mark(series, hour)
      put.run(hour, series.id, observedAt - hour * hourMs, value, receivedAt - observedAt, seq)
      if (hour < openDay * hoursPerDay) old++
    }
    return old
  }

  function groupByBlock(entries: readonly Entry[]): Iterable<Entry[]> {
    if (entries.length < directReadings) return entries.length === 0 ? [] : [[...entries]]
    const groups = new Map<number, Entry[]>()
    let id = Number.NaN
    let group: Entry[] = []
    for (const entry of entries) {
      const own = blockId(Math.floor(entry.hour / hoursPerDay), entry.series.first)
      if (own !== id) {
        id = own
        group = groups.get(id) ?? []
        if (group.length === 0) groups.set(id, group)
      }
      group.push(entry)
    }
    return groups.values()
  }

  /** Lays readings of one channel and day straight into its block, when that is worth its while. */
  function layDown(entries: readonly Entry[]): boolean {
    if (entries.length < directReadings || removals > 0) return false
    const { hour, series, reading } = entries[0]!
    const day = Math.floor(hour / hoursPerDay)
    const stored = sealer.blocks.block(blockId(day, series.first))
    if (stored !== null && stored.length > entries.length * directBytesPerReading) return false
    const bySeries = new Map<number, Reading[]>()
    for (const { series, reading } of entries) {
      const list = bySeries.get(series.id)
      if (list === undefined) bySeries.set(series.id, [reading])
      else list.push(reading)
    }
    const parts = new Map([...bySeries].map(([id, list]) => [id, partOfReadings(id, day * dayMs, list)]))
    return sealChannel(day, series.first, reading, parts)
  }

  /**
   * Moves the rows of one channel and day into its block, with what has come beside them; answers false where they stay
   * rows. It is done within one transaction, and nothing else writes meanwhile.
   */
  function sealChannel(
    day: number,
    first: number,
    { deviceId, channel }: { deviceId: string; channel: string },
    coming: ReadonlyMap<number, Part>,
  ): boolean {
    const parts: Part[] = []
    const open: { id: number; quantity: Quantity; hours: string }[] = []
    for (const { id, quantity } of seriesOfChannel.all(deviceId, channel) as { id: number; quantity: Quantity }[]) {
      const marked = marksOf.get(day, id) as { hours: number } | undefined
      let part = coming.get(id) ?? null
      if (marked !== undefined) {
        const hours = listHours(day, marked.hours)
        open.push({ id, quantity, hours })
        const rows = rowsOf.all(id, hours, minTimeMs, maxTimeMs + 1, -1) as unknown as Row[]
        const rowPart = partOfRows(id, day * dayMs, rows)
        part = part === null ? rowPart : mergeParts(rowPart, part)
      }
      if (part !== null && part.times.length > 0) parts.push(part)
    }
    if (parts.length > 0 && !sealer.merge(day, first, parts)) return false
    for (const { id, quantity, hours } of open) {
      removeRows.run(id, hours)
      unmark.run(day, id)
      book.unmark({ deviceId, channel, quantity }, day)
    }
    return true
  }

  function sealRows({ day, series }: { day: number; series: number }) {
    const name = nameOf.get(series) as { deviceId: string; channel: string }
    const { first } = firstOf.get(name.deviceId, name.channel) as { first: number }
    sealChannel(day, first, name, new Map())
  }

  /** Seals rows of days that are over for some milliseconds; tells whether there is more to do. */
  function seal(forMs = longestTurnMs): boolean {
    if (removals > 0) return false
    if (pass === null) {
      if (now() - passedAt < passMs && oldRows < passRows) return false
      pass = { day: Number.MIN_SAFE_INTEGER, series: 0 }
    }
    let at = pass
    const openDay = firstOpenDay()
    if (nextOpen.get(at.day, at.series, openDay) === undefined) return endPass()
    const until = performance.now() + forMs
    inTransaction(() => {
      do {
        const found = nextOpen.get(at.day, at.series, openDay) as { day: number; series: number } | undefined
        if (found === undefined) return
        at = found
        sealRows(found)
      } while (performance.now() < until)
    })
    pass = at
    return true
  }

  function endPass(): false {
    pass = null
    passedAt = now()
    oldRows = 0
    return false
  }

  /** What retention takes as readings it leaves as rollups: days that are still rows are sealed first. */
  async function retain(to: number) {
    const end = dayOf(to)
    const nextTurn = startTurns()
    for (let at = { day: Number.MIN_SAFE_INTEGER, series: 0 }; ; await nextTurn()) {
      const found = nextOpen.get(at.day, at.series, end) as { day: number; series: number } | undefined
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

  return { write, remove, seal }
}

/** Readings of one series and day as a part; of equal times the higher seq stands, and of equal seqs the later one. */
function partOfReadings(series: number, dayStart: number, readings: Reading[]): Part {
  let isOrdered = true
  for (let i = 1; i < readings.length && isOrdered; i++)
    isOrdered = readings[i - 1]!.observedAt < readings[i]!.observedAt
  let kept = readings
  if (!isOrdered) {
    readings.sort((a, b) => a.observedAt - b.observedAt || a.seq - b.seq)
    kept = readings.filter((each, i) => readings[i + 1]?.observedAt !== each.observedAt)
  }
  const count = kept.length
  const part: Part = {
    series,
    times: new Float64Array(count),
    values: new Float64Array(count),
    delays: new Float64Array(count),
    seqs: new Float64Array(count),
  }
  for (let i = 0; i < count; i++) {
    const { observedAt, receivedAt, value, seq } = kept[i]!
    part.times[i] = observedAt - dayStart
    // SQLite keeps no negative zero, and so neither do blocks.
    part.values[i] = value + 0
    part.delays[i] = receivedAt - observedAt
    part.seqs[i] = seq
  }
  return part
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
