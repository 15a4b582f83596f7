import type { DatabaseSync } from 'node:sqlite'
import { checkBytes, checksumBytes, DamageError } from './embedded-block.ts'
import { blockSchema } from './embedded-blocks.ts'
import { createSink, openSource, take } from './embedded-bytes.ts'
import { type Chunks, copySegment, headerBytes, singleFlag, startChunk, takeChunk } from './embedded-chunk.ts'
import { skipColumn } from './embedded-column.ts'
import { freshSchema } from './embedded-fresh.ts'
import { writeDelay, writeValue } from './embedded-row.ts'
import { seriesSchema } from './embedded-series.ts'

// The first series of the channel that a series belongs to.
const firsts = `
  SELECT stored.id AS series, min(other.id) AS first FROM series AS stored
  JOIN series AS other USING (device_id, channel) GROUP BY stored.id`

/**
 * Carries over a file of version 1, in which every fresh reading was a row of its own, and the rollups of 32 days were one
 * chunk. It joins the transaction of the caller. Chunks that are damaged stay so, for `verify` and the next sealing to find.
 */
export function carryReadingsOver(database: DatabaseSync): void {
  if (database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'series_days'`).get() === undefined) return
  database.exec(`${seriesSchema} ${blockSchema} ${freshSchema}`)
  carryRows(database)
  database.exec(`
    INSERT INTO fresh_days (day, first, hours)
      SELECT day, first, hours FROM series_days JOIN (${firsts}) USING (series) WHERE true
      ON CONFLICT DO UPDATE SET hours = hours | excluded.hours;
    DROP TABLE readings;
    DROP TABLE series_days;
    UPDATE series_revision SET token = token + 1`)
  splitChunks(database)
}

type Reading = {
  hour: number
  first: number
  at: number
  seq: number
  series: number
  delay: number
  value: number
}

function carryRows(database: DatabaseSync): void {
  const put = database.prepare('INSERT INTO fresh (hour, first, at, seq, data) VALUES (?, ?, ?, ?, ?)')
  const readings = database.prepare(`
    SELECT hour, first, at, seq, series, delay, value FROM readings JOIN (${firsts}) USING (series)
    ORDER BY hour, first, at, seq, delay`)
  const sink = createSink()
  let last: Reading | undefined
  const flush = () => {
    if (last !== undefined) put.run(last.hour, last.first, last.at, last.seq, take(sink))
  }
  for (const reading of readings.iterate() as Iterable<Reading>) {
    const { hour, first, at, seq, series, delay, value } = reading
    const isSame = last?.hour === hour && last.first === first && last.at === at && last.seq === seq
    if (!isSame) flush()
    if (!isSame || last?.delay !== delay) writeDelay(sink, delay)
    writeValue(sink, series - first, value)
    last = reading
  }
  flush()
}

function splitChunks(database: DatabaseSync): void {
  const next = database.prepare('SELECT id, data FROM rollups WHERE id > ? ORDER BY id LIMIT 1')
  const change = database.prepare('UPDATE rollups SET data = ? WHERE id = ?')
  const put = database.prepare('INSERT INTO rollup_ends (id, data) VALUES (?, ?)')
  for (let at = Number.MIN_SAFE_INTEGER; ; ) {
    const row = next.get(at) as { id: number; data: Uint8Array } | undefined
    if (row === undefined) return
    at = row.id
    try {
      const { sums, ends } = splitChunk(row.id, row.data)
      change.run(sums, row.id)
      if (ends !== null) put.run(row.id, ends)
    } catch (error) {
      if (!(error instanceof DamageError || error instanceof RangeError)) throw error
    }
  }
}

const sums = createSink()
const ends = createSink()

/**
 * The chunks of one of version 1, in which ends followed the sums of each day.
 * Throws a DamageError when it is not what was written under `id`.
 */
function splitChunk(id: number, bytes: Uint8Array): Chunks {
  checkBytes(id, bytes)
  startChunk(sums)
  startChunk(ends)
  for (let at = 1; at < bytes.length - checksumBytes; ) {
    const end = at + (bytes[at + 1]! | (bytes[at + 2]! << 8))
    const source = openSource(bytes, at + headerBytes)
    const isSingle = (bytes[at + 6]! & singleFlag) !== 0
    for (let columns = isSingle ? 1 : 2; columns > 0; columns--) skipColumn(source)
    const begin = sums.at
    copySegment(sums, bytes, { at, end: source.at })
    sums.view.setUint16(begin + 1, sums.at - begin, true)
    if (!isSingle) {
      const endsBegin = ends.at
      copySegment(ends, bytes, { at, end: at + headerBytes })
      copySegment(ends, bytes, { at: source.at, end })
      ends.view.setUint16(endsBegin + 1, ends.at - endsBegin, true)
    }
    at = end
  }
  return { sums: takeChunk(sums, id), ends: takeChunk(ends, id) }
}
