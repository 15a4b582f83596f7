import type { ApiError, Page } from './api.ts'

/** One page of a list at a time, forth and back by cursors. `items` is null until the first answer. */
export function createPager<Item>(fetchPage: (cursor: string | undefined) => Promise<Page<Item>>) {
  let page = $state.raw<Page<Item> | null>(null)
  let error = $state.raw<ApiError | null>(null)
  // The cursors of the pages up to this one; the first page has none.
  let trail = $state.raw<(string | undefined)[]>([undefined])
  let newest = 0

  async function show(wanted: (string | undefined)[]): Promise<void> {
    const request = ++newest
    try {
      const answer = await fetchPage(wanted.at(-1))
      // An answer that was overtaken by a newer question is of no use any more.
      if (request !== newest) return
      page = answer
      trail = wanted
      error = null
    } catch (thrown) {
      if (request === newest) error = thrown as ApiError
    }
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
    first: () => show([undefined]),
    refresh: () => show(trail),
    back: () => show(trail.length > 1 ? trail.slice(0, -1) : trail),
    forward: () => (page?.next == null ? Promise.resolve() : show([...trail, page.next])),
  }
}

export type Pager<Item> = ReturnType<typeof createPager<Item>>
