import type { DatabaseSync } from 'node:sqlite'
import { type Fault, faultReason } from '../domain/fault.ts'
import type { Uplink } from '../domain/uplink.ts'

/** How many dead letters are kept, of one device and in all, and their bytes in all. The oldest go first. */
export type DeadLetterLimits = { perDevice: number; total: number; bytes: number }

/** What Parvis keeps: the journal holds the uplinks themselves for longer. */
export const deadLetterLimits: DeadLetterLimits = { perDevice: 1000, total: 100_000, bytes: 256 << 20 }

type Row = { seq: number; device_id: string | null; bytes: number }
type Totals = { count: number; bytes: number; ofDevice: Map<string | null, number>; newestSeq: number }

/**
 * The dead letters in ingest's file, one an uplink, within their limits. Totals are counted once and then kept up, so
 * that a good uplink costs nothing here. All of it belongs into the transaction of a batch.
 */
export function openDeadLetters(database: DatabaseSync, limits: DeadLetterLimits) {
  const put = database.prepare(`
    INSERT OR REPLACE INTO dead_letters (seq, device_id, client_id, topic, received_at, reason, faults, bytes, payload)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const get = database.prepare('SELECT seq, device_id, bytes FROM dead_letters WHERE seq = ?')
  const remove = database.prepare('DELETE FROM dead_letters WHERE seq = ?')
  const oldestOfDevice = database.prepare(
    'SELECT seq, device_id, bytes FROM dead_letters WHERE device_id IS ? ORDER BY seq LIMIT ?',
  )
  const oldest = database.prepare('SELECT seq, device_id, bytes FROM dead_letters ORDER BY seq LIMIT 100')
  let totals: Totals | null = null
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

  // Only a replay, or a batch tried again, asks about uplinks that may have a dead letter from before.
  function find(seq: number): Row | undefined {
    return seq > count().newestSeq ? undefined : (get.get(seq) as Row | undefined)
  }

  function drop({ seq, device_id, bytes }: Row) {
    remove.run(seq)
    const all = count()
    all.count--
    all.bytes -= bytes
    const left = all.ofDevice.get(device_id)! - 1
    if (left > 0) all.ofDevice.set(device_id, left)
    else all.ofDevice.delete(device_id)
  }

  /** Forgets the dead letter of an uplink, if it has one. */
  function settle(seq: number) {
    const row = find(seq)
    if (row !== undefined) drop(row)
  }

  /** Keeps an uplink with what was wrong, in the place of what was said of it before. */
  function keep({ seq, clientId, topic, payload, receivedAt }: Uplink, deviceId: string | null, faults: Fault[]) {
    settle(seq)
    const bytes = payload.length + topic.length
    const reason = faultReason(faults[0]!)
    put.run(seq, deviceId, clientId, topic, receivedAt, reason, JSON.stringify(faults), bytes, payload)
    const all = count()
    all.count++
    all.bytes += bytes
    all.newestSeq = Math.max(all.newestSeq, seq)
    const ofDevice = (all.ofDevice.get(deviceId) ?? 0) + 1
    all.ofDevice.set(deviceId, ofDevice)
    if (ofDevice > limits.perDevice) overfull.add(deviceId)
  }

  /** Drops what is over the limits, at the end of a batch. */
  function trim() {
    if (totals === null) return
    const all = totals
    for (const deviceId of overfull) {
      const excess = (all.ofDevice.get(deviceId) ?? 0) - limits.perDevice
      if (excess > 0) for (const row of oldestOfDevice.all(deviceId, excess) as Row[]) drop(row)
    }
    overfull.clear()
    const isOver = () => all.count > limits.total || all.bytes > limits.bytes
    while (isOver())
      for (const row of oldest.all() as Row[]) {
        if (!isOver()) break
        drop(row)
      }
  }

  return {
    keep,
    settle,
    trim,
    has: (seq: number) => find(seq) !== undefined,
    /** After a rollback the totals are not those of the table. */
    forget() {
      totals = null
      overfull.clear()
    },
  }
}
