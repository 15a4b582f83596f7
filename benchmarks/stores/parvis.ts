import { statSync } from 'node:fs'
import type { Reading } from '../../domain/reading.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { ingestFile, openIngestFile } from '../../store/ingest-file.ts'
import { openLatest } from '../../store/latest.ts'
import type { ReadingColumns, ReadingStore } from '../../store/reading-store.ts'
import { listMessages } from '../store-data.ts'
import type { StoreSubject } from './subject.ts'

const dayMs = 86_400_000
// As in ingest.
const longWalPages = 16_384

/**
 * The embedded store in ingest's file, written as ingest does: readings and the latest of their series in one commit. Days
 * are sealed as they go by, by the times of reception; the time that this takes is told apart.
 */
export function startParvisStore(folder: string): StoreSubject {
  const database = openIngestFile(folder)
  // Ingest makes its commits durable by checkpoints of its own, that come seldom; so does this, and their time counts.
  database.exec(`PRAGMA wal_autocheckpoint = ${longWalPages}`)
  let now = 0
  const store = openEmbeddedStore(database, { now: () => now })
  const latest = openLatest(database)
  let nextPass = 0

  async function sealPast() {
    while (store.seal!(10));
    nextPass = now + dayMs / 4
  }

  return {
    name: 'Parvis',
    place: { kind: 'parvis', folder },
    pids: [process.pid],
    prepare: (batch) => batch,
    prepareHistory: (history) => history,
    async write(batch) {
      const readings = batch as readonly Reading[]
      database.exec('BEGIN IMMEDIATE')
      await store.write(readings)
      latest.move(readings)
      database.exec('COMMIT')
    },
    async tidy(receivedAt) {
      now = Math.max(now, receivedAt)
      if (now >= nextPass) await sealPast()
    },
    async settle() {
      now += 10 * dayMs
      await sealPast()
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    },
    countBytes: async () => statSync(ingestFile(folder)).size,
    async stop() {
      database.close()
    },
  }
}

/**
 * The same, for what is past: no day is fresh. It is taken in columns, as the year and a copy lay it down. That these are
 * made beforehand is not timed, and no more is it that the others' lines are.
 */
export function startParvisHistory(folder: string): StoreSubject {
  return startPast(folder, (store, history) => store.lay!(history as readonly ReadingColumns[]))
}

/** The same, reading by reading, as ingest takes what comes late. */
export function startParvisPast(folder: string): StoreSubject {
  const subject = startPast(folder, (store, batch) => store.write(batch as readonly Reading[]))
  return { ...subject, prepareHistory: listMessages }
}

function startPast(folder: string, write: (store: ReadingStore, batch: unknown) => Promise<unknown>): StoreSubject {
  const subject = startParvisStore(folder)
  const database = openIngestFile(folder)
  const store = openEmbeddedStore(database)
  return {
    ...subject,
    async write(batch) {
      await write(store, batch)
    },
    async tidy() {},
    async stop() {
      database.close()
      await subject.stop()
    },
  }
}
