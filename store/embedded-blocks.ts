import type { DatabaseSync } from 'node:sqlite'
import { openSource } from './embedded-bytes.ts'
import type { Chunks, Piece } from './embedded-chunk.ts'

/*
 * The tables of what is sealed. All are keyed by one number, so that their rows lie in the order of time, and of series
 * within it, and are found by one seek: the day, or the number of the 32 days, times 2 ** 31, and the series.
 */
export const blockSchema = `
  CREATE TABLE IF NOT EXISTS blocks (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS rollups (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS rollup_ends (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
  ) STRICT;
`

const idFactor = 2 ** 31
/** Days of which the rollups of one series lie together. */
export const daysPerChunk = 32

/** What a block is stored under: its day, and the first series of its device's channel. */
export function blockId(day: number, first: number): number {
  return day * idFactor + first
}

/** What a chunk of rollups is stored under: the number of its 32 days since the epoch, and its series. */
export function chunkId(period: number, series: number): number {
  return period * idFactor + series
}

/** The day or period, and the series, of an id. */
export function splitId(id: number): { span: number; series: number } {
  const span = Math.floor(id / idFactor)
  return { span, series: id - span * idFactor }
}

export function periodOf(day: number): number {
  return Math.floor(day / daysPerChunk)
}

export const blockStatements = {
  block: 'SELECT data FROM blocks WHERE id = ?',
  nextBlock: 'SELECT id, data FROM blocks WHERE id >= ? ORDER BY id LIMIT 1',
  blockBefore: 'SELECT id FROM blocks WHERE id < ? ORDER BY id DESC LIMIT 1',
  blocksOfDay: 'SELECT id FROM blocks WHERE id >= ? AND id < ? ORDER BY id',
  extent: `
    SELECT (SELECT min(id) FROM blocks), (SELECT max(id) FROM blocks),
      (SELECT min(id) FROM rollups), (SELECT max(id) FROM rollups)`,
  // What there is already of the channels and days of some blocks. An id is taken apart as `splitId` does it.
  bytesOf: `
    SELECT wanted.value, length(data), hours FROM json_each(?) AS wanted
    LEFT JOIN blocks ON blocks.id = wanted.value
    LEFT JOIN fresh_days ON day = wanted.value >> 31 AND first = wanted.value & 2147483647
    WHERE data IS NOT NULL OR hours IS NOT NULL`,
  chunksOf: `
    SELECT wanted.value, rollups.data, rollup_ends.data FROM json_each(?) AS wanted
    CROSS JOIN rollups ON rollups.id = wanted.value LEFT JOIN rollup_ends ON rollup_ends.id = wanted.value`,
  sums: 'SELECT data FROM rollups WHERE id = ?',
  ends: 'SELECT data FROM rollup_ends WHERE id = ?',
  nextChunk: 'SELECT id, data FROM rollups WHERE id >= ? ORDER BY id LIMIT 1',
  // Many at once, in the order in which they are asked for.
  blocksOf: 'SELECT blocks.id, data FROM json_each(?) AS wanted CROSS JOIN blocks ON blocks.id = wanted.value',
  // In one piece: a row and a copy for each would take longer than to find them. SQLite takes bytes for text as they are.
  sumsOf: `
    SELECT json_group_array(rollups.id), json_group_array(length(data)), CAST(group_concat(data, '') AS BLOB)
    FROM json_each(?) AS wanted CROSS JOIN rollups ON rollups.id = wanted.value`,
} as const

type Answers = Record<keyof typeof blockStatements, (...params: (number | string)[]) => never[]>

/** A block, or a chunk of counts and sums. */
export type Stored = [id: number, data: Uint8Array]

/** Chunks of counts and sums, side by side. */
export type StoredSums = { id: number; piece: Piece }[]

/** The blocks and rollups of a database, to be read. No statement outlives a call. */
export function openBlocks(database: DatabaseSync) {
  const ask = {} as Answers
  for (const [name, sql] of Object.entries(blockStatements)) {
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    ask[name as keyof Answers] = (...params) => statement.all(...params) as never[]
  }
  const dataOf = (rows: [Uint8Array][]) => rows[0]?.[0] ?? null
  const rowOf = (rows: Stored[]) => rows[0] ?? null

  function sumsOf(wanted: readonly number[]): StoredSums {
    const [row] = ask.sumsOf(JSON.stringify(wanted)) as [string, string, Uint8Array | null][]
    const [ids, lengths, data] = row!
    if (data === null) return []
    const source = openSource(data)
    const sizes = JSON.parse(lengths) as number[]
    let end = 0
    return (JSON.parse(ids) as number[]).map((id, i) => {
      const begin = end
      end += sizes[i]!
      return { id, piece: { source, begin, end } }
    })
  }

  /** The first row of a series whose day or period is `span` or later, at most `last`. */
  function nextOf(name: 'nextBlock' | 'nextChunk', series: number, span: number, last: number) {
    for (let at = span; at <= last; ) {
      const row = rowOf(ask[name](at * idFactor + series))
      if (row === null) return null
      const [id, data] = row
      const found = splitId(id)
      if (found.series === series) return found.span > last ? null : { span: found.span, id, data }
      // A later series of the same day comes next, or an earlier one of a later day.
      at = found.series > series ? found.span + 1 : found.span
    }
    return null
  }

  return {
    block: (id: number): Uint8Array | null => dataOf(ask.block(id)),
    sums: (id: number): Uint8Array | null => dataOf(ask.sums(id)),
    ends: (id: number): Uint8Array | null => dataOf(ask.ends(id)),
    /** Both chunks of rollups. */
    chunks: (id: number): Chunks => ({ sums: dataOf(ask.sums(id)), ends: dataOf(ask.ends(id)) }),
    blocksOf: (ids: readonly number[]): Stored[] => ask.blocksOf(JSON.stringify(ids)),
    /** Of which of some blocks there is anything already: the bytes of each, and whether rows lie beside it. */
    bytesOf(ids: readonly number[]): Map<number, { bytes: number; hasRows: boolean }> {
      const rows = ask.bytesOf(JSON.stringify(ids)) as [number, number | null, number | null][]
      return new Map(rows.map(([id, bytes, hours]) => [id, { bytes: bytes ?? 0, hasRows: hours !== null }]))
    },
    /** Both chunks of rollups of those of some ids that there are. */
    chunksOf(ids: readonly number[]): Map<number, Chunks> {
      const rows = ask.chunksOf(JSON.stringify(ids)) as [number, Uint8Array, Uint8Array | null][]
      return new Map(rows.map(([id, sums, ends]) => [id, { sums, ends }]))
    },
    sumsOf,
    nextBlock: (first: number, day: number, last: number) => nextOf('nextBlock', first, day, last),
    nextChunk: (series: number, period: number, last: number) => nextOf('nextChunk', series, period, last),
    /** The first chunk of any series at or after an id. */
    chunkFrom: (id: number) => rowOf(ask.nextChunk(id)),
    /** The last day before `day` of which the series has a block. */
    dayBefore(first: number, day: number): number | null {
      for (let before = blockId(day, 0); ; ) {
        const [row] = ask.blockBefore(before) as [number][]
        if (row === undefined) return null
        const { span, series } = splitId(row[0])
        if (series === first) return span
        before = series > first ? blockId(span, first) + 1 : blockId(span, 0)
      }
    },
    /** The first day from `day` on that has any block. */
    nextDay(day: number): number | null {
      const row = rowOf(ask.nextBlock(blockId(day, 0)))
      return row === null ? null : splitId(row[0]).span
    },
    /** The first and the last day that may be told by blocks or rollups; the first is infinite when there are none. */
    extent() {
      const [[first, last, firstChunk, lastChunk]] = ask.extent() as unknown as [(number | null)[]]
      const days: number[] = []
      for (const id of [first, last]) if (id != null) days.push(splitId(id).span)
      if (firstChunk != null) days.push(splitId(firstChunk).span * daysPerChunk)
      if (lastChunk != null) days.push((splitId(lastChunk).span + 1) * daysPerChunk - 1)
      return { first: Math.min(...days), last: Math.max(...days) }
    },
    /** The first series of all blocks of a day, in order. */
    listDay: (day: number): number[] =>
      (ask.blocksOfDay(blockId(day, 0), blockId(day + 1, 0)) as [number][]).map(([id]) => splitId(id).series),
  }
}

export type Blocks = ReturnType<typeof openBlocks>
