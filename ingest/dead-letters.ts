import type { DatabaseSync } from 'node:sqlite'

/** How many dead letters are kept, of one device and in all, and their bytes in all. The oldest go first. */
export type DeadLetterLimits = { perDevice: number; total: number; bytes: number }

/** What Parvis keeps: the journal holds the uplinks themselves for longer. */
export const deadLetterLimits: DeadLetterLimits = { perDevice: 1000, total: 100_000, bytes: 256 << 20 }

type Totals = { count: number; bytes: number; ofDevice: Map<string | null, number>; newestSeq: number }

/**
 * Keeps the table of dead letters within its limits. Its totals are counted once and then kept up, so that a good uplink
 * costs nothing here.
 */
export function boundDeadLetters(database: DatabaseSync, limits: DeadLetterLimits) {
  const oldestOfDevice = database.prepare(
    'SELECT seq, device_id, bytes FROM dead_letters WHERE device_id IS ? ORDER BY seq LIMIT ?',
  )
  const oldest = database.prepare('SELECT seq, device_id, bytes FROM dead_letters ORDER BY seq LIMIT 100')
  const remove = database.prepare('DELETE FROM dead_letters WHERE seq = ?')
  let totals: Totals | null = null
  let isOver = false
  const overfull = new Set<string | null>()

  function count(): Totals {
    if (totals !== null) return totals
    const rows = database
      .prepare('SELECT device_id, count(*) AS count, sum(bytes) AS bytes FROM dead_letters GROUP BY device_id')
      .all() as { device_id: string | null; count: number; bytes: number }[]
    const newest = database.prepare('SELECT max(seq) AS seq FROM dead_letters').get() as { seq: number | null }
    totals = {
      count: rows.reduce((sum, row) => sum + row.count, 0),
      bytes: rows.reduce((sum, row) => sum + row.bytes, 0),
      ofDevice: new Map(rows.map((row) => [row.device_id, row.count])),
      newestSeq: newest.seq ?? 0,
    }
    return totals
  }

  /** To be told of every dead letter written. One that replaces another of its `seq` counts twice until recounted. */
  function added(seq: number, deviceId: string | null, bytes: number) {
    const all = count()
    all.count++
    all.bytes += bytes
    const ofDevice = (all.ofDevice.get(deviceId) ?? 0) + 1
    all.ofDevice.set(deviceId, ofDevice)
    all.newestSeq = Math.max(all.newestSeq, seq)
    if (ofDevice > limits.perDevice) overfull.add(deviceId)
    if (all.count > limits.total || all.bytes > limits.bytes) isOver = true
  }

  /** Drops what is over the limits; inside the transaction that added it. */
  function trim() {
    if (overfull.size === 0 && !isOver) return
    totals = null
    const all = count()
    for (const deviceId of overfull) {
      const excess = (all.ofDevice.get(deviceId) ?? 0) - limits.perDevice
      if (excess > 0) drop(oldestOfDevice.all(deviceId, excess) as Row[], all)
    }
    overfull.clear()
    while (all.count > limits.total || all.bytes > limits.bytes) drop(oldest.all() as Row[], all)
    isOver = false
  }

  function drop(rows: Row[], all: Totals) {
    for (const { seq, device_id, bytes } of rows) {
      remove.run(seq)
      all.count--
      all.bytes -= bytes
      all.ofDevice.set(device_id, all.ofDevice.get(device_id)! - 1)
    }
  }

  return {
    added,
    trim,
    /** Whether an uplink may have a dead letter from before: only a replay, or a batch tried again, asks about old ones. */
    mayHold: (seq: number) => seq <= count().newestSeq,
    /** After a rollback the totals are not those of the table. */
    forget() {
      totals = null
      overfull.clear()
      isOver = false
    },
  }
}

type Row = { seq: number; device_id: string | null; bytes: number }
