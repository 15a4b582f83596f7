import type { Quantity } from '../domain/quantity.ts'
import type { Aggregate, Reading, SeriesKey } from '../domain/reading.ts'
import type { Window } from '../domain/window.ts'

/**
 * What to read. `from` is included, `to` excluded (UTC epoch ms); without `channel` or `quantity` all of them.
 * With `window` (and `aggregate`, `mean` by default) a point is a window that holds at least one reading, told by the
 * window's start; without it a point is a reading. Series come ordered by (deviceId, channel, quantity), points by time;
 * at most `limit` points in all. `after` goes on behind the last point of an earlier answer.
 *
 * With `together`, which needs a window, the readings of all series of a quantity are folded into one series, whose
 * `deviceId` is empty, and `channel` too unless it is asked for.
 */
export type SeriesQuery = {
  devices: readonly string[]
  channel?: string
  quantity?: Quantity
  from: number
  to: number
  window?: Window
  aggregate?: Aggregate
  together?: boolean
  limit?: number
  after?: { series: SeriesKey; time: number }
}

/** One series of an answer: points are [time (UTC epoch ms), value]. */
export type Series = SeriesKey & { points: [time: number, value: number][] }

/** Which readings: of some devices (all when absent), observed in [from, to), UTC epoch ms. */
export type SeriesRange = { devices?: readonly string[]; from: number; to: number }

/**
 * Readings of one series in columns of one length, which is how history is told without an object for each reading. Series
 * that came together share their columns (the same arrays): they are then gone through once.
 */
export type ReadingColumns = SeriesKey & {
  observedAt: Float64Array
  receivedAt: Float64Array
  seqs: Float64Array
  values: Float64Array
}

/** A reading that is refused for good: its series, and its place in the columns of it. */
export type RejectedColumn = { series: number; index: number; reason: string }

/** What was written before is gone: all that the journal still holds has to come again. */
export class ReadingsLostError extends Error {}

/**
 * Where readings are kept. A backend implements these verbs and nothing else: batching, retry, back-off and the cursor
 * exist once, in ingest. A throw means: retry later, the cursor stays.
 */
export type ReadingStore = {
  /**
   * Idempotent on (device, channel, quantity, observedAt): the higher `seq` stands, an equal one overwrites. What is
   * refused for good is told by its index in the batch; the others are stored.
   */
  write(readings: readonly Reading[]): Promise<{ rejected: { index: number; reason: string }[] }>
  /**
   * Where a backend takes history in columns: does what `write` does with the same readings, series after series. Quickest
   * where times ascend. `layHistory` writes to any backend.
   */
  lay?(history: readonly ReadingColumns[]): Promise<{ rejected: RejectedColumn[] }>
  query(query: SeriesQuery): Promise<Series[]>
  /** The newest reading of a series with observedAt < time, or null. */
  lastBefore(series: SeriesKey, time: number): Promise<Reading | null>
  /** Readings for export and copy, in the backend's own stable order, without holding them all in memory. */
  scan(range: SeriesRange): AsyncIterable<Reading>
  /**
   * For retention and replay with replacement. A backend that cannot may refuse, by a Problem. With `keepRollups` what
   * readings come to by the hour may stay, and be told by `query`; a backend may then leave a day that is cut by `to`.
   */
  remove(range: SeriesRange, options?: { keepRollups?: boolean }): Promise<void>
  /**
   * Where a backend has to: brings what is over into its lasting form, for about `forMs` milliseconds, between the batches
   * of its writer; tells whether there is more to do.
   */
  seal?(forMs?: number): boolean | Promise<boolean>
  /**
   * True for a backend that keeps no `seq`: of two writes of a key the later one stands, and who writes older readings
   * again sees to it that they are not newer ones' end.
   */
  readonly overwrites?: true
  close(): Promise<void>
}
