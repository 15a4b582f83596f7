import { pages, type View } from './pages.ts'

/** Where the reader is: `#/assets/bin-12`, `#/assets?state=silent`. `view` is null at the bare address. */
type Route = { view: View | null; id: string | null; params: URLSearchParams }

let current = $state.raw<Route>(parseHash(location.hash))
// The list that a detail was opened from, filters included, so that the way back leads there.
let lists = $state.raw<Partial<Record<View, string>>>({})
// What the object in view is called.
let named = $state('')
// What was open a step ago, so that the list that follows gives the focus back to it.
let opened: { view: View; id: string } | null = null
remember()

addEventListener('hashchange', () => {
  const { view, id } = current
  opened = view === null || id === null ? null : { view, id }
  current = parseHash(location.hash)
  remember()
})

export const route = {
  get view(): View | null {
    return current.view
  },
  get id(): string | null {
    return current.id
  },
  param(name: string): string {
    return current.params.get(name) ?? ''
  },
  /** What the object in view is called; empty for a list. */
  get named(): string {
    return named
  },
  /** Says so, until what it returns is called: for an effect of the page that shows the object. */
  name(object: string): () => void {
    named = object
    return () => {
      if (named === object) named = ''
    }
  },
  /** The address of a list as it was last seen. */
  backTo(view: View): string {
    return lists[view] ?? toHref(view)
  },
  /**
   * For what takes a while and leads to another page then: answers what goes there, unless the reader has gone elsewhere
   * meanwhile.
   */
  leaveLater(): (href: string) => void {
    const { hash } = location
    return (href) => {
      if (location.hash === hash) location.hash = href
    }
  },
  /**
   * For the link of a list that leads to an object: it has the focus, once, if that was open just before its list came
   * into view. So who comes back from a detail goes on where the list was left.
   */
  focusOpened(view: View, id: string): (link: HTMLElement) => void {
    return (link) => {
      if (opened?.view !== view || opened.id !== id || current.id !== null) return
      opened = null
      link.focus()
    }
  },
  /** Changes the filters of the list in view, in the address too, without a step in the history. */
  filter(view: View, params: Record<string, string>): void {
    // A page that is being left may still want to note where it was.
    const { view: shown, id } = parseHash(location.hash)
    if (id !== null || (shown !== null && shown !== view)) return
    history.replaceState(null, '', toHref(view, null, params))
    current = parseHash(location.hash)
    remember()
  },
}

/** The address of a view, of one object of it, or of a filtered list; empty filters are left out. */
export function toHref(view: View, id: string | null = null, params: Record<string, string> = {}): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '')).toString()
  return `#/${view}${id === null ? '' : `/${encodeURIComponent(id)}`}${query === '' ? '' : `?${query}`}`
}

function parseHash(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [view, id] = path.split('/', 2)
  return {
    view: pages.find((each) => each.view === view)?.view ?? null,
    id: id === undefined || id === '' ? null : decodeId(id),
    params: new URLSearchParams(query),
  }
}

function decodeId(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function remember(): void {
  if (current.view !== null && current.id === null) lists = { ...lists, [current.view]: location.hash }
}
