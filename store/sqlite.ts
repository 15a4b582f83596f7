import { DatabaseSync } from 'node:sqlite'

// Another connection may hold the write lock for a moment, never for long.
const busyTimeoutMs = 5000
const cacheKib = 16_384
// History touches some pages of every day in each commit: checkpoints that come seldom write them once.
const checkpointPages = 4096

/**
 * Opens an SQLite file as Parvis uses it: write-ahead log, so that other processes read while one writes; commits that
 * leave their fsync to the checkpoint (`synchronous = NORMAL`): after a power cut the newest may be gone, never a part of
 * one. `readOnly` throws when the file does not exist.
 */
export function openSqlite(path: string, { readOnly = false }: { readOnly?: boolean } = {}): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly, timeout: busyTimeoutMs })
  // A file is made so that it can give place back in steps; one that was made otherwise takes this on when it is compacted.
  if (!readOnly) database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL')
  database.exec(`
    PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${checkpointPages};
    PRAGMA foreign_keys = ON; PRAGMA cache_size = -${cacheKib}`)
  return database
}
