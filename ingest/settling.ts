import type { DatabaseSync } from 'node:sqlite'

// Marks are made about once a second, so that a minute takes few.
const markMs = 1000

/**
 * How far a store on another server can be trusted. It may acknowledge what it holds in memory only, and lose it: what
 * was written is settled once `settleMs` have passed without an error. With 0 everything is settled at once.
 */
export function openSettling(database: DatabaseSync, settleMs: number) {
  database.exec(`
    CREATE TABLE IF NOT EXISTS settled (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL);
    INSERT OR IGNORE INTO settled (id, seq) VALUES (1, 0);`)
  const put = database.prepare('UPDATE settled SET seq = ?')
  const marks: { at: number; seq: number }[] = []
  let settled = (database.prepare('SELECT seq FROM settled').get() as { seq: number }).seq

  return {
    /** Where to begin after a start: behind what is settled, since nobody saw what happened since. */
    resume(cursor: number): number {
      if (settleMs === 0) settled = cursor
      return settled
    },
    /** Takes a cursor that is on disk; answers up to which uplink the store holds everything for good. */
    confirm(cursor: number): number {
      if (settleMs === 0) {
        settled = cursor
        return settled
      }
      const now = Date.now()
      if (now - (marks.at(-1)?.at ?? 0) >= markMs) marks.push({ at: now, seq: cursor })
      let isMoved = false
      while (marks.length > 0 && marks[0]!.at <= now - settleMs) {
        settled = marks.shift()!.seq
        isMoved = true
      }
      if (isMoved) put.run(settled)
      return settled
    },
    /** An error was seen: answers the last uplink that is settled, and begins to wait anew. */
    distrust(): number {
      marks.length = 0
      return settled
    },
    /** Nothing is settled any more: the store lost it. */
    forget(): number {
      marks.length = 0
      settled = 0
      put.run(0)
      return 0
    },
  }
}
