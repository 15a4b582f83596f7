import type { DatabaseSync } from 'node:sqlite'
import { blockSchema, noStandIns, standInSchema } from './embedded-blocks.ts'
import { findTables, openReader, type Reader } from './embedded-reader.ts'
import { seriesSchema } from './embedded-series.ts'
import { openWriter } from './embedded-writer.ts'
import type { ReadingStore } from './reading-store.ts'

/*
 * Readings as rows of SQLite, clustered by the hour first: what is written now lies together at the end of the tree,
 * whatever the number of series, and what is past its retention lies together at the beginning. A series is read with
 * one seek for each hour that holds any, which `series_days` tells. `hour` counts from the Unix epoch, `at` is in
 * milliseconds from its beginning; `delay` is receivedAt less observedAt, which takes fewer bytes.
 */
const schema = `
  ${seriesSchema}
  ${blockSchema}
  CREATE TABLE IF NOT EXISTS readings (
    hour INTEGER NOT NULL,
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    delay INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (hour, series, at)
  ) WITHOUT ROWID, STRICT;
`

export type EmbeddedOptions = {
  readOnly?: boolean
  /** UTC epoch ms: which days are over. */
  now?(): number
  /** Told, once each, what of the sealed readings is damaged; they are passed over. */
  onDamage?(text: string): void
}

/**
 * The embedded reading store, in an SQLite file that the caller opens and closes. `write` and `remove` join the caller's
 * transaction when there is one, and make their own otherwise. With `readOnly` it reads beside the writer, from another
 * thread or process, and answers empty until the writer has made its tables.
 *
 * What it rejects: values that are not finite, quantities that are none, times that are not whole milliseconds of the
 * years 0 to 9999, texts that are not Unicode, and more series of one device than 4096. SQLite keeps no negative zero:
 * -0 is read back as 0.
 */
export function openEmbeddedStore(database: DatabaseSync, options: EmbeddedOptions = {}): ReadingStore {
  const { readOnly = false, now = Date.now, onDamage = () => {} } = options
  if (!readOnly) database.exec(schema)
  const writer = readOnly ? null : openWriter(database, { now, onDamage })
  let opened: Reader | null = null

  function reader(): Reader | null {
    if (opened !== null) return opened
    const tables = findTables(database)
    if (tables === 'none') return null
    database.exec(tables === 'rows' ? standInSchema : noStandIns)
    const found = openReader(database, onDamage)
    // What stands in for tables is looked at anew each time, until the writer has made them.
    if (tables === 'all') opened = found
    return found
  }

  function writable() {
    if (writer === null) throw new Error('the readings are opened for reading only')
    return writer
  }

  return {
    write: async (readings) => writable().write(readings),
    query: async (query) => reader()?.query(query) ?? [],
    lastBefore: async (series, time) => reader()?.lastBefore(series, time) ?? null,
    async *scan(range) {
      const from = reader()
      if (from !== null) yield* from.scan(range)
    },
    remove: async (range, options) => writable().remove(range, options),
    seal: (forMs) => writable().seal(forMs),
    close: async () => {},
  }
}
