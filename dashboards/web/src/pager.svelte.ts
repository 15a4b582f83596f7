import type { ApiError, Page } from './api.ts'
import { createNewest } from './newest.ts'

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
  let filter = $state('')
  // How the page in view is filtered: its cursors mean nothing to another filter.
  let shown = $state('')
  let isAsking = false
  const newest = createNewest()

  function show(wanted: (string | undefined)[]): Promise<void> {
    isAsking = true
    return newest.ask(
      () => fetchPage(wanted.at(-1)),
      (answer) => {
        isAsking = false
        page = answer
        shown = filter
        trail = wanted
        left.set(name, { filter, trail })
        error = null
      },
      (thrown) => {
        isAsking = false
        error = thrown
      },
    )
  }
  const nextCursor = () => (shown === filter ? (page?.next ?? null) : null)

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
      return nextCursor() !== null
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
    /** Asks for it again since something was changed, of which an answer on its way may not know. */
    reload: () => show(trail),
    back: () => show(trail.length > 1 ? trail.slice(0, -1) : trail),
    forward: () => {
      const cursor = nextCursor()
      return cursor === null ? Promise.resolve() : show([...trail, cursor])
    },
  }
}

export type Pager<Item> = ReturnType<typeof createPager<Item>>
