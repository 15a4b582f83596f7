import type { DatabaseSync } from 'node:sqlite'
import { chunkId, periodOf } from './embedded-blocks.ts'
import { readingStatements } from './embedded-fresh.ts'
import type { openSealer } from './embedded-sealer.ts'
import { allHours, dayMs, dayOf, hourMs, hourOf, hoursPerDay, listHours } from './embedded-time.ts'
import type { SeriesRange } from './reading-store.ts'

// Rows that one step takes away at most; but a channel with more of them in one hour goes in one.
const rowsPerStep = 5000
const blocksPerStep = 200

/**
 * Removal in small steps: `start` gives a generator that does one each time it is resumed. Rows and blocks go first, and
 * then the rollups, unless `keepRollups`.
 */
export function openRemoval(database: DatabaseSync, sealer: ReturnType<typeof openSealer>) {
  const { blocks } = sealer
  const nextMarked = database.prepare(readingStatements.nextDay)
  const daysUp = database.prepare(readingStatements.daysUp)
  const seriesOfDevice = database.prepare('SELECT id, channel FROM series WHERE device_id = ? ORDER BY id')
  const firstAhead = database.prepare(
    'SELECT first FROM fresh WHERE hour = ? AND first >= ? ORDER BY first, at LIMIT 1 OFFSET ?',
  )
  const removePart = database.prepare(
    'DELETE FROM fresh WHERE hour = ? AND first >= ? AND first < ? AND at >= ? AND at < ?',
  )
  const removeHours = database.prepare('DELETE FROM fresh WHERE hour >= ? AND hour < ?')
  const removeOfChannel = database.prepare(`
    DELETE FROM fresh WHERE first = ? AND hour IN (SELECT value FROM json_each(?))
      AND hour * ${hourMs} + at >= ? AND hour * ${hourMs} + at < ?`)
  const unmarkDay = database.prepare('DELETE FROM fresh_days WHERE day = ?')
  const unmarkChannel = database.prepare('DELETE FROM fresh_days WHERE day = ? AND first = ?')

  function start({ devices, from, to, keepRollups = false }: SeriesRange & { keepRollups?: boolean }): Generator<void> {
    if (from >= to) return [].values() as Generator<void>
    if (devices === undefined) return removeAll(from, to, keepRollups)
    return removeOf([...new Set(devices)], from, to, keepRollups)
  }

  function nextDay(day: number): number | null {
    const marked = (nextMarked.get(day) as { day: number | null }).day
    const sealed = blocks.nextDay(day)
    return marked === null || sealed === null ? (marked ?? sealed) : Math.min(marked, sealed)
  }

  function* removeAll(from: number, to: number, keepRollups: boolean): Generator<void> {
    for (let day = dayOf(from); ; day++) {
      const found = nextDay(day)
      if (found === null || found > dayOf(to - 1)) break
      day = found
      yield* removeBlocks(day, from, to)
      const last = Math.min(hourOf(to - 1), (day + 1) * hoursPerDay - 1)
      for (let hour = Math.max(hourOf(from), day * hoursPerDay); hour <= last; hour++) yield* removeHour(hour, from, to)
      if (from > day * dayMs || to < (day + 1) * dayMs) continue
      // In one step: what was written to the day meanwhile goes with its marks.
      removeHours.run(day * hoursPerDay, (day + 1) * hoursPerDay)
      unmarkDay.run(day)
      yield
    }
    if (!keepRollups) yield* removeRollups(from, to)
  }

  function* removeBlocks(day: number, from: number, to: number): Generator<void> {
    for (const [i, first] of blocks.listDay(day).entries()) {
      sealer.cut(day, first, Math.max(from, day * dayMs), Math.min(to, (day + 1) * dayMs))
      if (i % blocksPerStep === blocksPerStep - 1) yield
    }
    yield
  }

  function* removeRollups(from: number, to: number): Generator<void> {
    const end = chunkId(periodOf(dayOf(to - 1)) + 1, 0)
    for (let id = chunkId(periodOf(dayOf(from)), 0); ; id++) {
      const row = blocks.chunkFrom(id)
      if (row === null || row[0] >= end) return
      id = row[0]
      sealer.cutChunk(id, from, to)
      yield
    }
  }

  function* removeHour(hour: number, from: number, to: number): Generator<void> {
    for (let first: number | undefined = 0; first !== undefined; ) {
      const ahead = firstAhead.get(hour, first, rowsPerStep) as { first: number } | undefined
      const end: number | undefined = ahead && Math.max(ahead.first, first + 1)
      removePart.run(hour, first, end ?? Number.MAX_SAFE_INTEGER, from - hour * hourMs, to - hour * hourMs)
      yield
      first = end
    }
  }

  function* removeOf(devices: readonly string[], from: number, to: number, keepRollups: boolean): Generator<void> {
    const last = dayOf(to - 1)
    for (const device of devices) {
      const series = seriesOfDevice.all(device) as { id: number; channel: string }[]
      const firsts = new Map(series.toReversed().map(({ id, channel }) => [channel, id]))
      for (const first of firsts.values()) {
        for (let next = blocks.nextBlock(first, dayOf(from), last); next !== null; ) {
          sealer.cut(next.span, first, Math.max(from, next.span * dayMs), Math.min(to, (next.span + 1) * dayMs))
          yield
          next = blocks.nextBlock(first, next.span + 1, last)
        }
        for (const { day } of daysUp.all(first, dayOf(from), last) as { day: number }[]) {
          // Of every hour, not of those marked when the removal began: others may have been since.
          removeOfChannel.run(first, listHours(day, allHours), from, to)
          if (from <= day * dayMs && to >= (day + 1) * dayMs) unmarkChannel.run(day, first)
          yield
        }
      }
      for (const { id } of series) {
        if (keepRollups) continue
        for (let next = blocks.nextChunk(id, periodOf(dayOf(from)), periodOf(last)); next !== null; ) {
          sealer.cutChunk(next.id, from, to)
          yield
          next = blocks.nextChunk(id, next.span + 1, periodOf(last))
        }
      }
    }
  }

  return { start }
}
