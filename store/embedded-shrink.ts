import type { DatabaseSync } from 'node:sqlite'

// What readings leave is kept for those that come, up to this share of the file and at least so many pages.
const keptShare = 0.2
const keptPages = 256
// Each is taken from the end of the file to a free place: about ten microseconds.
const pagesPerStep = 32

/**
 * Gives the place that readings left back to the disk, for some milliseconds at a time; answers whether there is more of
 * it. The file is cut by the next checkpoint. One that was not made for this (`auto_vacuum`, see `openSqlite`) stays as
 * large as it is.
 */
export function openShrinking(database: DatabaseSync): (forMs: number) => boolean {
  const readMode = database.prepare('PRAGMA auto_vacuum')
  const readFree = database.prepare('PRAGMA freelist_count')
  const readPages = database.prepare('PRAGMA page_count')
  const numberOf = (statement: typeof readMode) => Object.values(statement.get()!)[0] as number
  const incremental = 2
  const canShrink = numberOf(readMode) === incremental

  const isEnough = () => numberOf(readFree) <= Math.max(keptPages, numberOf(readPages) * keptShare)

  return (forMs) => {
    if (!canShrink || isEnough()) return false
    const until = performance.now() + forMs
    database.exec('BEGIN IMMEDIATE')
    try {
      do database.exec(`PRAGMA incremental_vacuum(${pagesPerStep})`)
      while (performance.now() < until && !isEnough())
      database.exec('COMMIT')
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
    return true
  }
}
