import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What may run once only over a data folder. */
export type LockName = 'broker' | 'ingest' | 'api'

/**
 * Takes the lock of a role over a data folder, waiting at most `waitMs` for another process to let go of it. The lock
 * is the operating system's own (SQLite holds it on a file): it goes with the process, however that ends.
 * Throws when another process holds it.
 */
export function acquireLock(dataDir: string, name: LockName, waitMs = 0): { release(): void } {
  const database = openLock(dataDir, name, waitMs)
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch {
    database.close()
    const text = `another Parvis process runs the role "${name}" on the data folder ${dataDir}`
    throw Object.assign(new Error(text), { code: 'EDATALOCKED' })
  }
  return { release: () => database.close() }
}

/** Whether a process runs the role on this data folder. */
export function isLocked(dataDir: string, name: LockName = 'ingest'): boolean {
  const database = openLock(dataDir, name, 0)
  try {
    database.exec('BEGIN EXCLUSIVE; ROLLBACK')
    return false
  } catch {
    return true
  } finally {
    database.close()
  }
}

function openLock(dataDir: string, name: LockName, waitMs: number): DatabaseSync {
  const folder = join(dataDir, 'state')
  mkdirSync(folder, { recursive: true })
  return new DatabaseSync(join(folder, `${name}.lock`), { timeout: waitMs })
}
