/** Numbers in an order that is kept while they come and go; what changed is put in place when it is asked for. */
export type SlotOrder = {
  /** To be called once the number can be compared; for one whose place changes after `drop`. */
  add(slot: number): void
  drop(slot: number): void
  /** All of them, in order. It changes with the next `add` or `drop`. */
  slots(): Uint32Array
}

/** A share of new numbers from which sorting all again is cheaper than putting each in its place. */
const sortAllShare = 1 / 8

/** Keeps numbers in the order of `compare`, which never answers 0 for two of them. */
export function keepOrder(compare: (a: number, b: number) => number): SlotOrder {
  let sorted = new Uint32Array(0)
  const added = new Set<number>()
  const dropped = new Set<number>()

  function settle(): void {
    const kept = dropped.size === 0 ? sorted : sorted.filter((slot) => !dropped.has(slot))
    const fresh = [...added].sort(compare)
    dropped.clear()
    added.clear()
    sorted = new Uint32Array(kept.length + fresh.length)
    if (fresh.length > kept.length * sortAllShare) {
      sorted.set(mergeSorted(kept, fresh, compare))
      return
    }
    let from = 0
    for (const [i, slot] of fresh.entries()) {
      const to = findPlace(kept, (each) => compare(each, slot) < 0, from)
      sorted.set(kept.subarray(from, to), from + i)
      sorted[to + i] = slot
      from = to
    }
    sorted.set(kept.subarray(from), from + fresh.length)
  }

  return {
    add: (slot) => void added.add(slot),
    drop(slot) {
      // One that was not put in place yet is in no place to be taken from.
      if (!added.delete(slot)) dropped.add(slot)
    },
    slots() {
      if (added.size + dropped.size > 0) settle()
      return sorted
    },
  }
}

/** Where a sorted list goes on after those for which `isBefore` holds. */
export function findPlace(slots: Uint32Array, isBefore: (slot: number) => boolean, from = 0): number {
  let low = from
  let high = slots.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(slots[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}

function mergeSorted(a: Uint32Array, b: readonly number[], compare: (a: number, b: number) => number): Uint32Array {
  const merged = new Uint32Array(a.length + b.length)
  let i = 0
  let j = 0
  for (let at = 0; at < merged.length; at++) {
    const takesA = j === b.length || (i < a.length && compare(a[i]!, b[j]!) < 0)
    merged[at] = takesA ? a[i++]! : b[j++]!
  }
  return merged
}
