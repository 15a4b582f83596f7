import type { DatabaseSync } from 'node:sqlite'
import { blockSchema } from './embedded-blocks.ts'
import { findTables, freshSchema } from './embedded-fresh.ts'
import { openReader, type Reader } from './embedded-reader.ts'
import { seriesSchema } from './embedded-series.ts'
import { openWriter } from './embedded-writer.ts'
import type { ReadingStore } from './reading-store.ts'

const schema = `${seriesSchema} ${blockSchema} ${freshSchema}`

const oldFile = 'the readings are of an older Parvis: start the platform once, which carries them over'

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
    if (tables === 'old') throw new Error(oldFile)
    opened = openReader(database, onDamage)
    return opened
  }

  function writable() {
    if (writer === null) throw new Error('the readings are opened for reading only')
    return writer
  }

  return {
    write: async (readings) => writable().write(readings),
    lay: async (history) => writable().lay(history),
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
