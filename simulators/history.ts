import type { DecodedReading } from '../domain/fault.ts'
import { formatTime } from '../domain/time.ts'
import { dayMs } from './calendar.ts'
import { historyMessages, type KeptMessage, type Sent, type Speaker } from './fleet.ts'
import { type Platform, pause } from './platform.ts'
import { gapsIn, type Span } from './run-file.ts'

/** Messages of history that are sent before the platform is asked whether it has stored the last one. */
const messagesPerBatch = 16

/** How long that is waited for; a platform that is stuck keeps what it acknowledged, and catches up later. */
const longestLagMs = 10_000

/** How long until devices that had no connection are tried again. */
const retryMs = 2000

/** A reading that was sent, by which the platform shows how far it got. */
type Marker = { deviceId: string; reading: DecodedReading }

/**
 * Lays down what of `whole` is not covered by `already`, one UTC day after another, the newest first. What is live shares
 * the platform's queue with it, so history goes on only when the platform has stored the batch before last: at most two
 * batches stand in front of a live message. Each day that is done is told to `onDay`; a device that has no connection
 * just then comes last.
 */
export async function layHistory(options: {
  platform: Platform
  speakers: readonly Speaker[]
  whole: Span
  already: readonly Span[]
  sent: Sent
  signal: AbortSignal
  onDay(day: Span, left: number): void
}): Promise<void> {
  const { platform, speakers, whole, already, sent, signal, onDay } = options
  let stored: Promise<void> = Promise.resolve()
  let batch: Promise<void>[] = []
  let marker: Marker | undefined

  async function endBatch(): Promise<void> {
    await Promise.all(batch)
    await stored
    stored = marker === undefined ? Promise.resolve() : waitUntilStored(platform, marker, signal)
    // It is awaited one batch later; until then a failure must not count as unhandled.
    stored.catch(() => {})
    batch = []
    marker = undefined
  }

  async function publish({ device, client }: Speaker, message: KeptMessage, missed: Set<Speaker>): Promise<void> {
    const { payload, readings } = message
    try {
      await client.publish(payload)
    } catch {
      missed.add({ device, client })
      return
    }
    sent.messages++
    sent.readings += readings.length
    const newest = readings.at(-1)!
    if (newest.observedAt! < whole.to) marker = { deviceId: device.id, reading: newest }
  }

  // Answers the devices that could not speak.
  async function layDay(day: Span, wanted: readonly Speaker[]): Promise<Speaker[]> {
    const missed = new Set<Speaker>()
    for (const speaker of wanted) {
      const { device, client } = speaker
      if (!client.connected) missed.add(speaker)
      else
        for (const message of historyMessages(device, day.from, day.to, whole.to)) {
          signal.throwIfAborted()
          batch.push(publish(speaker, message, missed))
          if (batch.length >= messagesPerBatch) await endBatch()
        }
    }
    await endBatch()
    return [...missed].filter(({ client }) => !client.gone)
  }

  let open = cutByDay(gapsIn(already, whole))
    .reverse()
    .map((day) => ({ day, speakers }))
  while (open.length > 0) {
    const again: typeof open = []
    for (const [index, { day, speakers }] of open.entries()) {
      const missed = await layDay(day, speakers)
      if (missed.length > 0) again.push({ day, speakers: missed })
      else onDay(day, open.length - index - 1 + again.length)
    }
    open = again
    if (open.length > 0) await pause(retryMs, signal)
    signal.throwIfAborted()
  }
  await stored
}

/** Waits until a reading that was sent can be read, or for some seconds. */
export async function waitUntilStored(platform: Platform, marker: Marker, signal: AbortSignal): Promise<void> {
  const { deviceId, reading } = marker
  const query = new URLSearchParams({
    quantity: reading.quantity,
    channel: reading.channel,
    from: formatTime(reading.observedAt!),
    to: formatTime(reading.observedAt! + 1),
  })
  const deadline = Date.now() + longestLagMs
  for (let waitMs = 10; Date.now() < deadline; waitMs = Math.min(200, waitMs * 1.5)) {
    const { status, body } = await platform.request('GET', `/devices/${encodeURIComponent(deviceId)}/readings?${query}`)
    if (status >= 400) throw new Error(`The platform does not tell readings: ${status} ${body.code ?? ''}`)
    if ((body.series as { points: unknown[] }[]).some(({ points }) => points.length > 0)) return
    await pause(waitMs, signal)
  }
}

/** Spans cut at midnight UTC, in order. */
function cutByDay(spans: readonly Span[]): Span[] {
  const days: Span[] = []
  for (const { from, to } of spans)
    for (let start = from; start < to; ) {
      const end = Math.min(to, (Math.floor(start / dayMs) + 1) * dayMs)
      days.push({ from: start, to: end })
      start = end
    }
  return days
}
