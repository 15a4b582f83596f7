import type { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import type { Reading } from '../../domain/reading.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { openIngestFile } from '../../store/ingest-file.ts'
import { type IngestReader, openIngestReader } from '../../store/ingest-reader.ts'
import { openLatest } from '../../store/latest.ts'

type Given = Pick<Reading, 'deviceId' | 'quantity' | 'value' | 'observedAt'> & Partial<Reading>

/** Ingest's file with its reader, and a hand that writes into it as ingest does. */
export function makeIngestFile(dataDir: string): {
  reader: IngestReader
  /** Stores readings, moves latest, and notes that their devices were heard at `receivedAt`. */
  hear(...readings: Given[]): Promise<void>
  /** Forgets all that was stored. */
  clear(): Promise<void>
} {
  const database: DatabaseSync = openIngestFile(dataDir)
  const store = openEmbeddedStore(database)
  const reader = openIngestReader(dataDir)
  onTestFinished(() => {
    reader.close()
    database.close()
  })
  let seq = 0
  return {
    reader,
    async clear() {
      await store.remove({ from: 0, to: Number.MAX_SAFE_INTEGER })
      database.exec('DELETE FROM latest; DELETE FROM activity')
    },
    async hear(...given) {
      for (const each of given) {
        const reading: Reading = { channel: '', receivedAt: each.observedAt, seq: ++seq, ...each }
        await store.write([reading])
        openLatest(database).move([reading])
        database
          .prepare(
            `INSERT INTO activity (device_id, last_seen_at, seq) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET last_seen_at = max(last_seen_at, excluded.last_seen_at), seq = excluded.seq`,
          )
          .run(reading.deviceId, reading.receivedAt, reading.seq)
      }
    },
  }
}
