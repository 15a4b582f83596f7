import type { StatusTable } from '../store/registry-tables.ts'

/**
 * The status table in memory, in the order of ids: a page, a count or a map of two hundred thousand assets is a walk
 * over it of a few milliseconds, whatever the filter and the order, and whichever database the registry stands in. The
 * fold puts in what it wrote.
 */
export type StatusBoard = {
  /** Takes rows in; the rows told before for the same assets are changed in place. */
  put(rows: readonly StatusTable[]): void
  remove(assetIds: readonly string[]): void
  /** Notes that all changes of the registry up to a revision are in. */
  reach(revision: number): void
  /** Waits until a revision is in, for a while at most. */
  waitFor(revision: number, timeoutMs: number): Promise<void>
  get(assetId: string): StatusTable | undefined
  /** All rows, in the order of their ids (by UTF-16 code units). */
  rows(): readonly StatusTable[]
  /** Calls back after each change, with the assets that it told of. The answer ends it. */
  listen(listener: (assetIds: readonly string[]) => void): () => void
}

export function openStatusBoard(): StatusBoard {
  const byId = new Map<string, StatusTable>()
  const listeners = new Set<(assetIds: readonly string[]) => void>()
  let ordered: StatusTable[] = []
  let added: StatusTable[] = []
  let reached = 0
  const waiting = new Set<{ revision: number; done(): void }>()

  function tell(assetIds: readonly string[]) {
    for (const listener of listeners) listener(assetIds)
  }

  return {
    put(rows) {
      for (const row of rows) {
        const known = byId.get(row.asset_id)
        if (known !== undefined) Object.assign(known, row)
        else {
          byId.set(row.asset_id, row)
          added.push(row)
        }
      }
      if (rows.length > 0) tell(rows.map((row) => row.asset_id))
    },
    remove(assetIds) {
      const gone = assetIds.filter((id) => byId.delete(id))
      if (gone.length === 0) return
      const isKept = (row: StatusTable) => byId.get(row.asset_id) === row
      ordered = ordered.filter(isKept)
      added = added.filter(isKept)
      tell(gone)
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
    get: (assetId) => byId.get(assetId),
    rows() {
      if (added.length > 0) {
        ordered = merge(ordered, added.sort(byAssetId))
        added = []
      }
      return ordered
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Where a list in the order of ids goes on after an id. */
export function findAfter(rows: readonly StatusTable[], assetId: string): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (rows[middle]!.asset_id <= assetId) low = middle + 1
    else high = middle
  }
  return low
}

function byAssetId(a: StatusTable, b: StatusTable): number {
  return a.asset_id < b.asset_id ? -1 : 1
}

/** Merges two sorted lists: sorting all again takes a hundred times as long. */
function merge(a: readonly StatusTable[], b: readonly StatusTable[]): StatusTable[] {
  const merged: StatusTable[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) merged.push(byAssetId(a[i]!, b[j]!) < 0 ? a[i++]! : b[j++]!)
  while (i < a.length) merged.push(a[i++]!)
  while (j < b.length) merged.push(b[j++]!)
  return merged
}
