import { connect, type Socket } from 'node:net'
import { defineQuantity, isQuantity, type Quantity } from '../domain/quantity.ts'
import { formatTime } from '../domain/time.ts'
import { type LiveReading, liveSocketPath } from '../store/live.ts'

/** What a listener wants to hear of; without a list, everything. */
export type LiveFilter = {
  deviceIds?: ReadonlySet<string> | undefined
  quantities?: ReadonlySet<string> | undefined
  /** A reading as the listener sees it: none, or several; as it is when left out. */
  see?: ((reading: SeenReading) => SeenReading[]) | undefined
}

/** A reading of a known quantity as it comes by. */
export type SeenReading = LiveReading & { quantity: Quantity }

/**
 * Where a listener's events go: an HTTP response is one. `writableLength` is how many bytes wait for a slow reader;
 * `end` is the feed's goodbye.
 */
export type LiveSink = { write(text: string): unknown; readonly writableLength: number; end(): unknown }

/** The readings as ingest commits them, for any number of listeners over one connection. */
export type LiveFeed = {
  /** Starts telling; null when `maxListeners` already listen. The answer ends it. */
  listen(filter: LiveFilter, sink: LiveSink): (() => void) | null
  readonly listeners: number
  close(): void
}

/** Bytes that may wait for one slow listener; what comes beyond is counted, told as `lagged`, and not kept. */
const maxWaitingBytes = 256 * 1024
const maxListeners = 200
const maxLineBytes = 64 * 1024
const heartbeatMs = 15_000
const firstRetryMs = 250
const longestRetryMs = 5000

type Listener = { filter: LiveFilter; sink: LiveSink; missed: number }

/**
 * Opens the feed of a data folder. It is connected to ingest only while someone listens, and connects again by itself
 * when ingest was away.
 */
export function openLiveFeed(dataDir: string, options: { heartbeatMs?: number } = {}): LiveFeed {
  const path = liveSocketPath(dataDir)
  const listeners = new Set<Listener>()
  let socket: Socket | null = null
  let retry: NodeJS.Timeout | null = null
  let heartbeat: NodeJS.Timeout | null = null
  let retryMs = firstRetryMs

  function start() {
    heartbeat ??= setInterval(() => {
      // A comment, so that proxies and this server's own idle limit see a live connection, and a dead one is noticed.
      for (const listener of listeners) if (!tellMissed(listener)) send(listener, ': still here\n\n', 0)
    }, options.heartbeatMs ?? heartbeatMs)
    if (socket === null && retry === null) connectNow()
  }

  function stop() {
    if (heartbeat !== null) clearInterval(heartbeat)
    if (retry !== null) clearTimeout(retry)
    socket?.destroy()
    heartbeat = null
    retry = null
    socket = null
  }

  function connectNow() {
    retry = null
    let rest = ''
    const connection = connect(path)
    socket = connection
    connection.setEncoding('utf8')
    connection.on('connect', () => {
      retryMs = firstRetryMs
    })
    connection.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      if (rest.length > maxLineBytes) connection.destroy()
      tell(lines)
    })
    connection.on('error', () => {})
    connection.on('close', () => {
      if (socket !== connection) return
      socket = null
      if (listeners.size === 0) return
      retry = setTimeout(connectNow, retryMs)
      retryMs = Math.min(retryMs * 2, longestRetryMs)
    })
  }

  function tell(lines: readonly string[]) {
    const readings = lines.map(parseReading).filter((reading) => reading !== null)
    // Most listeners see readings as they are: these are written once for all.
    const events = readings.map((reading) => ({ reading, text: writeEvent(reading) }))
    for (const listener of listeners) {
      const { deviceIds, quantities, see } = listener.filter
      let text = ''
      let count = 0
      for (const event of events) {
        if (deviceIds?.has(event.reading.deviceId) === false) continue
        for (const reading of see === undefined ? [event.reading] : see(event.reading)) {
          if (quantities?.has(reading.quantity) === false) continue
          text += reading === event.reading ? event.text : writeEvent(reading)
          count++
        }
      }
      if (count > 0 && listener.missed > 0) tellMissed(listener)
      if (count > 0) send(listener, text, count)
    }
  }

  return {
    listen(filter, sink) {
      if (listeners.size >= maxListeners) return null
      const listener = { filter, sink, missed: 0 }
      listeners.add(listener)
      start()
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) stop()
      }
    },
    get listeners() {
      return listeners.size
    },
    close() {
      stop()
      for (const { sink } of listeners) sink.end()
      listeners.clear()
    },
  }
}

function send(listener: Listener, text: string, count: number): void {
  if (listener.sink.writableLength > maxWaitingBytes) listener.missed += count
  else listener.sink.write(text)
}

// Tells a listener that reads again how many readings it did not get; true when something was written.
function tellMissed(listener: Listener): boolean {
  if (listener.missed === 0 || listener.sink.writableLength > maxWaitingBytes) return false
  listener.sink.write(`event: lagged\ndata: ${JSON.stringify({ missed: listener.missed })}\n\n`)
  listener.missed = 0
  return true
}

// One line of the feed, or null for what is no reading.
function parseReading(line: string): SeenReading | null {
  if (line === '') return null
  try {
    const { quantity, ...reading } = JSON.parse(line) as LiveReading
    return isQuantity(quantity) ? { ...reading, quantity } : null
  } catch {
    return null
  }
}

// One reading as a server-sent event (WHATWG HTML section 9.2).
function writeEvent({ deviceId, channel, quantity, value, observedAt, receivedAt }: SeenReading): string {
  const { unit } = defineQuantity(quantity)
  const data = JSON.stringify({
    deviceId,
    channel,
    quantity,
    value,
    unit,
    observedAt: formatTime(observedAt),
    receivedAt: formatTime(receivedAt),
  })
  return `event: reading\ndata: ${data}\n\n`
}
