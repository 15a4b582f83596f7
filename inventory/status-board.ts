import type { StatusTable } from '../store/registry-tables.ts'
import { keepOrder } from './slot-order.ts'
import { openStatusColumns, type StatusColumns } from './status-columns.ts'

/**
 * The status table in memory, in columns: a page, a count or a map of two hundred thousand assets is a walk over numbers
 * of a few milliseconds, whatever the filter and the order, and whichever database the registry stands in
 * (docs/decisions/060-status-in-columns.md). The fold puts in what it wrote.
 */
export type StatusBoard = {
  /** Takes rows in, in the place of those told before for the same assets. */
  put(rows: readonly StatusTable[]): void
  remove(assetIds: readonly string[]): void
  /** Notes that all changes of the registry up to a revision are in. */
  reach(revision: number): void
  /** Waits until a revision is in, for a while at most. */
  waitFor(revision: number, timeoutMs: number): Promise<void>
  readonly columns: StatusColumns
  /** Which slot of the columns an asset has. */
  find(assetId: string): number | undefined
  /** The slots of all assets in the order of their ids (by UTF-16 code units), and of their labels, then ids. */
  byId(): Uint32Array
  byLabel(): Uint32Array
  /** Calls back after each change, with the assets that it told of. The answer ends it. */
  listen(listener: (assetIds: readonly string[]) => void): () => void
}

export function openStatusBoard(): StatusBoard {
  const columns = openStatusColumns()
  const { asset_id: ids, label: labels } = columns.texts
  const compareIds = (a: number, b: number) => (ids[a]! < ids[b]! ? -1 : 1)
  const byId = keepOrder(compareIds)
  const byLabel = keepOrder((a, b) => (labels[a] === labels[b] ? compareIds(a, b) : labels[a]! < labels[b]! ? -1 : 1))
  const slots = new Map<string, number>()
  const free: number[] = []
  const listeners = new Set<(assetIds: readonly string[]) => void>()
  let reached = 0
  const waiting = new Set<{ revision: number; done(): void }>()

  function tell(assetIds: readonly string[]) {
    for (const listener of listeners) listener(assetIds)
  }

  function putRow(row: StatusTable) {
    const known = slots.get(row.asset_id)
    if (known === undefined) {
      const slot = free.pop() ?? slots.size
      slots.set(row.asset_id, slot)
      columns.write(slot, row)
      byId.add(slot)
      byLabel.add(slot)
    } else if (labels[known] === row.label) columns.write(known, row)
    else {
      byLabel.drop(known)
      columns.write(known, row)
      byLabel.add(known)
    }
  }

  return {
    put(rows) {
      for (const row of rows) putRow(row)
      if (rows.length > 0) tell(rows.map((row) => row.asset_id))
    },
    remove(assetIds) {
      const gone: string[] = []
      for (const id of assetIds) {
        const slot = slots.get(id)
        if (slot === undefined) continue
        gone.push(id)
        byId.drop(slot)
        byLabel.drop(slot)
        slots.delete(id)
        columns.clear(slot)
        free.push(slot)
      }
      if (gone.length > 0) tell(gone)
    },
    reach(revision) {
      reached = revision
      for (const each of waiting) if (each.revision <= revision) each.done()
    },
    waitFor(revision, timeoutMs) {
      if (revision <= reached) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(done, timeoutMs)
        const each = { revision, done }
        waiting.add(each)
        function done() {
          clearTimeout(timer)
          waiting.delete(each)
          resolve()
        }
      })
    },
    columns,
    find: (assetId) => slots.get(assetId),
    byId: () => byId.slots(),
    byLabel: () => byLabel.slots(),
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
