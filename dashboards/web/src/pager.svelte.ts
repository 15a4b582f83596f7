import type { ApiError, Page } from './api.ts'

// The page that each list was last left at, so that the way back from a detail leads to it.
const left = new Map<string, { filter: string; trail: (string | undefined)[] }>()

/**
 * One page of the list `name` at a time, forth and back by cursors. `items` is null until the first answer; nothing is
 * asked before `open`.
 */
export function createPager<Item>(name: string, fetchPage: (cursor: string | undefined) => Promise<Page<Item>>) {
  let page = $state.raw<Page<Item> | null>(null)
  let error = $state.raw<ApiError | null>(null)
  // The cursors of the pages up to this one; the first page has none.
  let trail = $state.raw<(string | undefined)[]>([undefined])
  let filter = ''
  let newest = 0
  let isAsking = false

  async function show(wanted: (string | undefined)[]): Promise<void> {
    const request = ++newest
    isAsking = true
    try {
      const answer = await fetchPage(wanted.at(-1))
      // An answer that was overtaken by a newer question is of no use any more.
      if (request !== newest) return
      page = answer
      trail = wanted
      left.set(name, { filter, trail })
      error = null
    } catch (thrown) {
      if (request === newest) error = thrown as ApiError
    }
    if (request === newest) isAsking = false
  }

  return {
    get items(): Item[] | null {
      return page?.items ?? null
    },
    get error(): ApiError | null {
      return error
    },
    get number(): number {
      return trail.length
    },
    get hasNext(): boolean {
      return page?.next != null
    },
    /** Shows the list as `chosen` filters it, at the page where it was left, else at the first. */
    open(chosen: string): Promise<void> {
      filter = chosen
      const before = left.get(name)
      trail = before?.filter === chosen ? before.trail : [undefined]
      return show(trail)
    },
    /** Asks for the same page again, unless an answer is on its way. */
    refresh: () => (isAsking ? Promise.resolve() : show(trail)),
    back: () => show(trail.length > 1 ? trail.slice(0, -1) : trail),
    forward: () => (page?.next == null ? Promise.resolve() : show([...trail, page.next])),
  }
}

export type Pager<Item> = ReturnType<typeof createPager<Item>>
