import type { DatabaseSync } from 'node:sqlite'
import { DamageError, type Part, readParts } from './embedded-block.ts'
import { chunkId, daysPerChunk, openBlocks, periodOf, splitId } from './embedded-blocks.ts'
import { findTables } from './embedded-fresh.ts'
import { nameDay } from './embedded-reader.ts'
import { type Cells, createCells, readChunks, rollPart } from './embedded-rollup.ts'
import { dayMs, hoursPerDay } from './embedded-time.ts'

/** What a check of the sealed readings found; `found` says what is damaged, at most some hundred lines of it. */
export type SealedReport = { blocks: number; readings: number; damaged: number; found: string[] }

const maxFound = 200

/**
 * Reads every block and every rollup: its checksum, whether its readings lie in its day and in order, and whether the
 * rollups tell what the readings come to. What retention left of days without readings is checked by its checksum alone.
 */
export function checkSealed(database: DatabaseSync): SealedReport {
  const report: SealedReport = { blocks: 0, readings: 0, damaged: 0, found: [] }
  if (findTables(database) !== 'all') return report
  const blocks = openBlocks(database)
  const nextBlock = database.prepare('SELECT id, data FROM blocks WHERE id > ? ORDER BY id LIMIT 1')
  const nextChunk = database.prepare('SELECT id, data FROM rollups WHERE id > ? ORDER BY id LIMIT 1')
  const nameOf = database.prepare('SELECT device_id AS deviceId, channel, quantity FROM series WHERE id = ?')
  const pool = Array.from({ length: daysPerChunk }, () => ({ day: 0, cells: createCells() }))
  const made = createCells()
  type Stored = { id: number; data: Uint8Array }

  function name(series: number, day: number, withQuantity = false): string {
    const found = nameOf.get(series) as { deviceId: string; channel: string; quantity: string } | undefined
    if (found === undefined) return `series ${series}, which has no name, day ${day}`
    return `${nameDay(found, day)}${withQuantity ? `, ${found.quantity}` : ''}`
  }

  function tell(text: string) {
    report.damaged++
    if (report.found.length < maxFound) report.found.push(text)
  }

  /** Runs a check; what it throws of damage is told. */
  function check(what: () => string, work: () => void) {
    try {
      work()
    } catch (error) {
      if (!(error instanceof DamageError || error instanceof RangeError)) throw error
      tell(`${what()}: ${error.message}`)
    }
  }

  function checkBlock({ id, data }: Stored) {
    const { span: day, series: first } = splitId(id)
    report.blocks++
    for (const part of readParts(id, first, data)) {
      report.readings += part.times.length
      checkOrder(part)
      check(
        () => `rollups of ${name(part.series, day, true)}`,
        () => checkRollups(part, day),
      )
    }
  }

  function checkRollups(part: Part, day: number) {
    const id = chunkId(periodOf(day), part.series)
    const place = day - periodOf(day) * daysPerChunk
    const chunks = blocks.chunks(id)
    if (chunks.sums === null) throw new DamageError('they are missing')
    const count = readChunks(id, chunks, { first: place, last: place }, pool)
    if (count === 0) throw new DamageError('they are missing')
    made.hours = 0
    rollPart(part, made)
    if (!tellSame(pool[0]!.cells, made)) throw new DamageError('they do not tell what the readings come to')
  }

  for (let row = nextBlock.get(Number.MIN_SAFE_INTEGER) as Stored | undefined; row !== undefined; ) {
    const { id, data } = row
    const { span, series } = splitId(id)
    check(
      () => `sealed readings of ${name(series, span)}`,
      () => checkBlock({ id, data }),
    )
    row = nextBlock.get(id) as Stored | undefined
  }
  for (let row = nextChunk.get(Number.MIN_SAFE_INTEGER) as Stored | undefined; row !== undefined; ) {
    const { id, data } = row
    const { span, series } = splitId(id)
    check(
      () => `rollups from ${name(series, span * daysPerChunk, true)} on, ${daysPerChunk} days`,
      () => readChunks(id, { sums: data, ends: blocks.ends(id) }, { first: 0, last: daysPerChunk - 1 }, pool),
    )
    row = nextChunk.get(id) as Stored | undefined
  }
  return report
}

function checkOrder({ times, values }: Part): void {
  for (let i = 0; i < times.length; i++) {
    if (!(times[i]! >= 0 && times[i]! < dayMs)) throw new DamageError('a time is not of the day')
    if (i > 0 && times[i]! <= times[i - 1]!) throw new DamageError('times are not in order')
    if (!Number.isFinite(values[i]!)) throw new DamageError('a value is not a finite number')
  }
}

// The hours that hold readings; others may be what retention left.
function tellSame(stored: Cells, made: Cells): boolean {
  const columns = ['counts', 'sums', 'mins', 'maxs', 'firsts', 'lasts'] as const
  for (let hour = 0; hour < hoursPerDay; hour++) {
    if (((made.hours >> hour) & 1) === 0) continue
    if (((stored.hours >> hour) & 1) === 0) return false
    if (columns.some((column) => stored[column][hour] !== made[column][hour])) return false
  }
  return true
}
