import { get, type Reading, type Session } from './api.ts'

/** Rows of the moving list; what came before is in the API. */
export const maxRows = 30

/** Seconds that the rate's chart looks back. */
export const rateSeconds = 60

// People read at most a few changes a second; between two of them readings are gathered.
const leastFrameMs = 250
const meanOverSeconds = 5
const reopenAfterMs = 5000

/** Readings that one row holds; a message may bring thousands. */
const maxReadingsInRow = 24

/** What one message brought: the readings of one device that were received together. */
export type LiveRow = { key: number; deviceId: string; receivedAt: string; readings: Reading[] }
export type Connection = 'connecting' | 'open' | 'lost'

let source: EventSource | null = null
let reopenTimer: ReturnType<typeof setTimeout> | undefined
let rateTimer: ReturnType<typeof setInterval> | undefined
let connection = $state<Connection>('connecting')
let isPaused = $state(false)
let isHeld = $state(false)
let rows = $state.raw<LiveRow[]>([])
let perSecond = $state.raw<number[]>(new Array(rateSeconds).fill(0))
let missed = $state(0)
let missedAt = 0

let waiting: LiveRow[] = []
let heard = new Set<string>()
let isScheduled = false
let nextKey = 0
let secondCount = 0
const listeners = new Set<(deviceIds: ReadonlySet<string>) => void>()

/** The stream of readings as they are stored: a short moving list and a rate. */
export const live = {
  get connection(): Connection {
    return connection
  },
  /** Because the reader said so. */
  get isPaused(): boolean {
    return isPaused
  },
  /** Because the reader points at the list, and would lose what is pointed at. */
  get isHeld(): boolean {
    return isHeld
  },
  get rows(): readonly LiveRow[] {
    return rows
  },
  /** Readings of each of the last seconds, the newest last. */
  get perSecond(): readonly number[] {
    return perSecond
  },
  /** Readings a second, over the last few. */
  get rate(): number {
    return perSecond.slice(-meanOverSeconds).reduce((sum, count) => sum + count, 0) / meanOverSeconds
  },
  /** Readings that the server did not tell of late, since this page read too slowly. */
  get missed(): number {
    return missed
  },
  /** Stops or resumes what moves; the connection stays, so that resuming shows the present at once. */
  togglePause(): void {
    isPaused = !isPaused
    if (!isPaused) schedule()
  },
  hold(held: boolean): void {
    isHeld = held
    if (!held) schedule()
  },
  /**
   * Tells which devices were heard, a few times a second at most, paused or not. Answers what ends it. The stream is
   * open while somebody listens and the page is in view: over HTTP/1.1 a browser has six connections to a host, for all
   * its tabs together.
   */
  listen(listener: (deviceIds: ReadonlySet<string>) => void): () => void {
    listeners.add(listener)
    follow()
    return () => {
      listeners.delete(listener)
      follow()
    }
  },
}
document.addEventListener('visibilitychange', follow)

function follow(): void {
  const isWanted = listeners.size > 0 && !document.hidden
  if (isWanted && source === null) {
    open()
    rateTimer = setInterval(countSecond, 1000)
  } else if (!isWanted && source !== null) close()
}

function close(): void {
  source?.close()
  source = null
  clearTimeout(reopenTimer)
  clearInterval(rateTimer)
  rows = []
  waiting = []
  perSecond = new Array(rateSeconds).fill(0)
  secondCount = 0
}

function open(): void {
  connection = 'connecting'
  const opened = new EventSource('/api/v1/stream')
  source = opened
  opened.addEventListener('open', () => {
    connection = 'open'
  })
  opened.addEventListener('reading', (event) => take(JSON.parse(event.data) as Reading))
  opened.addEventListener('lagged', (event) => {
    missed += (JSON.parse(event.data) as { missed: number }).missed
    missedAt = Date.now()
  })
  opened.addEventListener('error', () => {
    connection = 'lost'
    // A browser connects again by itself, but for a refusal: then the session may be over, and asking tells.
    if (opened.readyState !== EventSource.CLOSED || source !== opened) return
    void get<Session>('/session').catch(() => {})
    reopenTimer = setTimeout(() => {
      if (source === opened) open()
    }, reopenAfterMs)
  })
}

function take(reading: Reading): void {
  secondCount++
  const { deviceId, receivedAt } = reading
  heard.add(deviceId)
  const row = waiting.find((each) => each.deviceId === deviceId && each.receivedAt === receivedAt)
  if (row === undefined) waiting.push({ key: nextKey++, deviceId, receivedAt, readings: [reading] })
  else addTo(row.readings, reading)
  if (waiting.length > maxRows * 2) waiting = waiting.slice(-maxRows)
  schedule()
}

// Of two messages in one millisecond the later one stands, as in the store.
function addTo(readings: Reading[], reading: Reading): void {
  const same = readings.findIndex((each) => each.quantity === reading.quantity && each.channel === reading.channel)
  if (same >= 0) readings[same] = reading
  else if (readings.length < maxReadingsInRow) readings.push(reading)
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setTimeout(() => requestAnimationFrame(show), leastFrameMs)
}

function show(): void {
  isScheduled = false
  if (!isPaused && !isHeld && waiting.length > 0) {
    rows = [...waiting.reverse(), ...rows].slice(0, maxRows)
    waiting = []
  }
  if (heard.size === 0) return
  for (const listener of listeners) listener(heard)
  heard = new Set()
}

function countSecond(): void {
  const count = secondCount
  secondCount = 0
  if (missed > 0 && Date.now() - missedAt > rateSeconds * 1000) missed = 0
  if (!isPaused) perSecond = [...perSecond.slice(1), count]
}
