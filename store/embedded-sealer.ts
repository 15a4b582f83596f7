import type { DatabaseSync } from 'node:sqlite'
import { DamageError, encodeBlock, type Part, readPart, readParts, writeBlock } from './embedded-block.ts'
import { blockId, chunkId, daysPerChunk, openBlocks, periodOf, splitId } from './embedded-blocks.ts'
import { createSink } from './embedded-bytes.ts'
import type { Chunks } from './embedded-chunk.ts'
import { spanOf, touchedHours } from './embedded-hours.ts'
import { cutPart, mergeParts } from './embedded-merge.ts'
import { type Edit, editChunks, rollPart } from './embedded-rollup.ts'
import { dayMs } from './embedded-time.ts'
import { prepareInsert } from './insert.ts'

/** Readings of one series in one block; a day that holds more (three a second) stays rows. */
export const maxPartReadings = 2 ** 18

// Chunks of rollups that are held at a time, some kilobytes each.
const chunksAtOnce = 512

/** The readings of a channel and day; `first` is the channel's first series. */
export type DayParts = { day: number; first: number; parts: readonly Part[] }

/**
 * Writes blocks, and the rollups that follow from them. Rollups are written by `flush`, in the same transaction: those of
 * many days lie together. Damage is told to `onDamage`; a damaged block is never overwritten.
 */
export function openSealer(database: DatabaseSync, onDamage: (text: string) => void) {
  const blocks = openBlocks(database)
  const putData = (table: string) =>
    prepareInsert(database, table, ['id', 'data'], '(id) DO UPDATE SET data = excluded.data')
  const putBlocks = putData('blocks')
  const putSums = putData('rollups')
  const putEnds = putData('rollup_ends')
  const dropBlock = database.prepare('DELETE FROM blocks WHERE id = ?')
  const dropSums = database.prepare('DELETE FROM rollups WHERE id = ?')
  const dropEnds = database.prepare('DELETE FROM rollup_ends WHERE id = ?')
  const firstOf = database.prepare(`
    SELECT min(other.id) AS first FROM series AS one CROSS JOIN series AS other
    WHERE one.id = ? AND other.device_id = one.device_id AND other.channel = one.channel`)

  // Blocks that one statement takes.
  const sink = createSink()
  const edits = new Map<number, Map<number, Edit>>()

  function editRollups(series: number, day: number, edit: Edit) {
    const period = periodOf(day)
    const id = chunkId(period, series)
    let ofChunk = edits.get(id)
    if (ofChunk === undefined) {
      ofChunk = new Map()
      edits.set(id, ofChunk)
    }
    const place = day - period * daysPerChunk
    const before = ofChunk.get(place)
    ofChunk.set(place, before === undefined ? edit : join(before, edit))
  }

  function putBlock(id: number, first: number, parts: readonly Part[]) {
    putBlocks([id], (_, values) => void values.push(id, encodeBlock(id, first, parts)))
  }

  /** Lays days of which there is no block yet into blocks, in the order of their ids. */
  function lay(days: readonly DayParts[]) {
    putBlocks(days, ({ day, first, parts }, values) => {
      if (values.length === 0) sink.at = 0
      const id = blockId(day, first)
      values.push(id, writeBlock(sink, id, first, parts))
    })
    for (const { day, parts } of days) for (const part of parts) editRollups(part.series, day, part)
  }

  /** Merges parts of one channel and day with its block; answers false when the block cannot take them. */
  function merge({ day, first, parts: newer }: DayParts): boolean {
    const id = blockId(day, first)
    const data = blocks.block(id)
    let parts: Part[] = []
    if (data !== null)
      try {
        parts = readParts(id, first, data)
      } catch (error) {
        if (!isDamage(error)) throw error
        onDamage(
          `the block of day ${day}, series ${first} cannot be read: ${error.message}; what came later stays rows`,
        )
        return false
      }
    const changed: Part[] = []
    for (const part of newer) {
      const at = parts.findIndex((each) => each.series === part.series)
      const merged = mergeParts(parts[at] ?? null, part)
      if (merged.times.length > maxPartReadings) return false
      if (at < 0) parts.push(merged)
      else parts[at] = merged
      changed.push(merged)
    }
    putBlock(id, first, parts)
    for (const part of changed) editRollups(part.series, day, part)
    return true
  }

  /** Takes the readings of one channel in [from, to) of a day, UTC epoch ms, out of its block. */
  function cut(day: number, first: number, from: number, to: number) {
    const id = blockId(day, first)
    const data = blocks.block(id)
    if (data === null) return
    const start = day * dayMs
    if (from <= start && to >= start + dayMs) {
      dropBlock.run(id)
      return
    }
    let old: Part[]
    try {
      old = readParts(id, first, data)
    } catch (error) {
      if (!isDamage(error)) throw error
      onDamage(`the block of day ${day}, series ${first} cannot be read: ${error.message}; it is removed only whole`)
      return
    }
    const parts = old.map((part) => cutPart(part, from - start, to - start)).filter((part) => part.times.length > 0)
    if (parts.length === 0) dropBlock.run(id)
    else putBlock(id, first, parts)
    const touched = touchedHours(spanOf(day, from, to))
    for (const { series } of old) {
      const left = parts.find((part) => part.series === series)
      editRollups(series, day, (cells) => {
        cells.hours &= ~touched
        if (left !== undefined) rollPart(left, cells)
      })
    }
  }

  /**
   * Takes rollups in [from, to) of a chunk away: of whole days, and of hours that are touched where no readings are left
   * that would tell more.
   */
  function cutChunk(id: number, from: number, to: number) {
    const { span, series } = splitId(id)
    for (let place = 0; place < daysPerChunk; place++) {
      const day = span * daysPerChunk + place
      const touched = touchedHours(spanOf(day, from, to))
      if (touched === 0) continue
      if (from > day * dayMs || to < (day + 1) * dayMs) {
        const { first } = firstOf.get(series) as { first: number }
        if (blocks.block(blockId(day, first)) !== null) continue
      }
      editRollups(series, day, (cells) => {
        cells.hours &= ~touched
      })
    }
  }

  function flush() {
    const ids = [...edits.keys()].sort((a, b) => a - b)
    for (let i = 0; i < ids.length; i += chunksAtOnce) flushChunks(ids.slice(i, i + chunksAtOnce))
    edits.clear()
  }

  function flushChunks(ids: readonly number[]) {
    const stored = blocks.chunksOf(ids)
    const edited = ids.map((id) => ({ id, ...edit(id, stored.get(id) ?? noChunks) }))
    putSums(
      edited.filter(({ sums }) => sums !== null),
      ({ id, sums }, values) => void values.push(id, sums),
    )
    putEnds(
      edited.filter(({ ends }) => ends !== null),
      ({ id, ends }, values) => void values.push(id, ends),
    )
    for (const { id, sums, ends } of edited) {
      if (sums === null) dropSums.run(id)
      if (ends === null && stored.get(id)?.ends != null) dropEnds.run(id)
    }
  }

  function edit(id: number, old: Chunks): Chunks {
    const ofChunk = edits.get(id)!
    try {
      return editChunks(id, old, ofChunk)
    } catch (error) {
      if (!isDamage(error)) throw error
      onDamage(`the rollups of series ${splitId(id).series} cannot be read and are made again: ${error.message}`)
      return editChunks(id, noChunks, remake(id, ofChunk))
    }
  }

  // The rollups of a chunk that cannot be read, from the blocks of its days.
  function remake(id: number, ofChunk: ReadonlyMap<number, Edit>): Map<number, Edit> {
    const { span, series } = splitId(id)
    const { first } = firstOf.get(series) as { first: number }
    const made = new Map(ofChunk)
    for (let place = 0; place < daysPerChunk; place++) {
      const key = blockId(span * daysPerChunk + place, first)
      const data = blocks.block(key)
      if (data === null || ofChunk.has(place)) continue
      try {
        const part = readPart(key, first, data, series, false)
        if (part !== null) made.set(place, part)
      } catch (error) {
        if (!isDamage(error)) throw error
      }
    }
    return made
  }

  return {
    blocks,
    lay,
    merge,
    cut,
    cutChunk,
    flush,
    /** Forgets what a transaction that failed would have written. */
    forget: () => edits.clear(),
  }
}

const noChunks: Chunks = { sums: null, ends: null }

function join(before: Edit, after: Edit): Edit {
  return (cells) => {
    for (const edit of [before, after])
      if (typeof edit === 'function') edit(cells)
      else rollPart(edit, cells)
  }
}

function isDamage(error: unknown): error is Error {
  return error instanceof DamageError || error instanceof RangeError
}
