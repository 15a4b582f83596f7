import type { AssetState } from '../../../../domain/asset.ts'
import type { AssetKind } from '../../../../domain/asset-kind.ts'
import { type ApiError, type AssetStatus, get, type Session } from '../api.ts'
import { assetStates } from '../asset-states.ts'
import { type Bounds, isInside, type Point } from './point.ts'

export type PointFilter = Record<'q' | 'kind' | 'state' | 'attention' | 'service' | 'district', string>

type Columns = {
  words: { kind: AssetKind[]; state: AssetState[]; attention: string[] } & Record<
    'service' | 'district',
    (string | null)[]
  >
  unplaced: number
  truncated: boolean
} & Record<'id' | 'label', string[]> &
  Record<'kind' | 'state' | 'attention' | 'service' | 'district' | 'longitude' | 'latitude', number[]>

// A list that is made anew twice a second is as live as anyone can read.
const leastPauseMs = 500
const reopenAfterMs = 5000

/**
 * The assets of a filter that have a position, kept as they are by the stream of changes while the page is in view. A
 * page that was hidden, or a stream that fell behind, begins anew.
 */
export function createPointSet() {
  const byId = new Map<string, Point>()
  const listeners = new Set<(isAnew: boolean) => void>()
  let version = $state(0)
  let isLoaded = $state(false)
  let error = $state.raw<ApiError | null>(null)
  let unplaced = $state(0)
  let truncated = $state(false)
  let filter: PointFilter | null = null
  // What the points are of: another filter's are not taken for those that are asked for.
  let loaded: PointFilter | null = null
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let reopening: ReturnType<typeof setTimeout> | undefined
  let nextNumber = 0
  let request = 0
  let places = 0
  let isAnew = true

  // First the stream, then the list: a change between the two is told by the stream, and taken once the list is there.
  function load() {
    const asked = ++request
    stop()
    const query = new URLSearchParams(Object.entries(filter ?? {}).filter(([, value]) => value !== ''))
    const opened = new EventSource(`/api/v1/status/assets/stream?${query}`)
    source = opened
    let early: (() => void)[] | null = []
    const take = (change: () => void) => (early === null ? change() : early.push(change))
    opened.addEventListener('open', async () => {
      if (!(await read(asked))) return
      for (const change of early ?? []) change()
      early = null
    })
    opened.addEventListener('status', (event) => take(() => put(JSON.parse(event.data) as AssetStatus)))
    opened.addEventListener('left', (event) =>
      take(() => drop((JSON.parse(event.data) as { assetId: string }).assetId)),
    )
    opened.addEventListener('lagged', load)
    opened.addEventListener('error', () => {
      if (source !== opened) return
      stop()
      // It ends with the session, too: asking tells.
      void get<Session>('/session').catch(() => {})
      // What changed while the stream was away was not told: the set is read anew. Without a stream there is the list.
      if (loaded !== filter) void read(asked)
      reopening = setTimeout(load, reopenAfterMs)
    })
  }

  /** Reads the whole set; answers whether it is the one that is still asked for. */
  async function read(asked: number): Promise<boolean> {
    try {
      const columns = await get<Columns>('/status/assets/points', filter ?? {})
      if (asked !== request) return false
      byId.clear()
      nextNumber = 0
      for (const point of readColumns(columns)) byId.set(point.id, { ...point, number: nextNumber++ })
      unplaced = columns.unplaced
      truncated = columns.truncated
      error = null
      isLoaded = true
      loaded = filter
      isAnew = true
      places++
      tell()
      return true
    } catch (thrown) {
      if (asked !== request) return false
      error = thrown as ApiError
      stop()
      reopening = setTimeout(load, reopenAfterMs)
      return false
    }
  }

  function stop() {
    source?.close()
    source = null
    clearTimeout(timer)
    clearTimeout(reopening)
    timer = undefined
  }

  function put(status: AssetStatus) {
    const { assetId: id, longitude, latitude, label, kind, state, attentions, service, district } = status
    if (longitude === null || latitude === null) return drop(id)
    const known = byId.get(id)
    const point = { id, label, kind, state, attentions, service, district, longitude, latitude }
    // Most messages tell that an asset was heard, and nothing that a map shows.
    if (known !== undefined && isSame(known, point)) return
    byId.set(id, { ...point, number: known?.number ?? nextNumber++ })
    if (known?.longitude !== longitude || known.latitude !== latitude) places++
    schedule()
  }

  function drop(id: string) {
    if (!byId.delete(id)) return
    places++
    schedule()
  }

  function schedule() {
    timer ??= setTimeout(tell, leastPauseMs)
  }

  function tell() {
    timer = undefined
    version++
    for (const listener of listeners) listener(isAnew)
    isAnew = false
  }

  function followView() {
    if (filter === null) return
    if (document.hidden) {
      request++
      stop()
    } else load()
  }
  document.addEventListener('visibilitychange', followView)

  return {
    /** Grows with each change, so that whoever reads it is told. */
    get version(): number {
      return version
    },
    /** Another number whenever a point came, went or moved. */
    get places(): number {
      return places
    },
    get isLoaded(): boolean {
      return isLoaded
    },
    get error(): ApiError | null {
      return error
    },
    /** Assets that are meant and have no position. */
    get unplaced(): number {
      return unplaced
    },
    get truncated(): boolean {
      return truncated
    },
    all: (): Iterable<Point> => byId.values(),
    get: (id: string): Point | undefined => byId.get(id),
    get size(): number {
      return byId.size
    },
    /** Calls back when something changed, or all may have. The answer ends it. */
    listen(listener: (isAnew: boolean) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    open(wanted: PointFilter): void {
      filter = wanted
      if (!document.hidden) load()
    },
    retry: load,
    close(): void {
      filter = null
      request++
      stop()
      document.removeEventListener('visibilitychange', followView)
    },
  }
}

export type PointSet = ReturnType<typeof createPointSet>

function* readColumns(columns: Columns): Generator<Omit<Point, 'number'>> {
  const { words } = columns
  for (const [i, id] of columns.id.entries()) {
    const bits = columns.attention[i]!
    yield {
      id,
      label: columns.label[i]!,
      kind: words.kind[columns.kind[i]!]!,
      state: words.state[columns.state[i]!]!,
      attentions: bits === 0 ? none : words.attention.filter((_, bit) => (bits & (1 << bit)) !== 0),
      service: words.service[columns.service[i]!] ?? null,
      district: words.district[columns.district[i]!] ?? null,
      longitude: columns.longitude[i]!,
      latitude: columns.latitude[i]!,
    }
  }
}
const none: string[] = []

function isSame(a: Omit<Point, 'number'>, b: Omit<Point, 'number'>): boolean {
  return (
    a.state === b.state &&
    a.kind === b.kind &&
    a.label === b.label &&
    a.longitude === b.longitude &&
    a.latitude === b.latitude &&
    a.service === b.service &&
    a.district === b.district &&
    a.attentions.join() === b.attentions.join()
  )
}

const urgency: readonly AssetState[] = ['silent', 'attention', 'never_seen', 'working', 'out_of_service']

/** The first `limit` points inside some bounds, what calls for work first, and how many there are of each state. */
export function listPoints(
  set: PointSet,
  bounds: Bounds | null,
  limit: number,
): { shown: Point[]; counts: Record<AssetState, number>; total: number } {
  const counts = Object.fromEntries(assetStates.map((state) => [state, 0])) as Record<AssetState, number>
  const byState = new Map<AssetState, Point[]>(urgency.map((state) => [state, []]))
  let total = 0
  for (const point of set.all()) {
    if (bounds !== null && !isInside(point, bounds)) continue
    total++
    counts[point.state]++
    const found = byState.get(point.state)!
    if (found.length < limit) found.push(point)
  }
  return { shown: urgency.flatMap((state) => byState.get(state)!).slice(0, limit), counts, total }
}
