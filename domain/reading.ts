import { compareTexts } from './compare.ts'
import type { Quantity } from './quantity.ts'

/**
 * One value of one quantity, of one device channel, at one time (SensorThings: Observation).
 *
 * `seq` is that of the uplink that brought it: for an equal (device, channel, quantity, observedAt) the reading with the
 * higher `seq` stands, whatever the order in which a store gets them; an equal `seq` overwrites (a replay). Readings
 * that came through no journal have 0. Times are UTC epoch milliseconds, `channel` is empty for most devices.
 */
export type Reading = {
  deviceId: string
  channel: string
  quantity: Quantity
  value: number
  observedAt: number
  receivedAt: number
  seq: number
}

/** What a series of readings is known by. */
export type SeriesKey = { deviceId: string; channel: string; quantity: Quantity }

/** The newest reading of a series by observedAt. */
export type Latest = Reading

/** The ways to fold a window's readings into one point. `first` and `last` are by observedAt. */
export const aggregates = ['mean', 'min', 'max', 'sum', 'count', 'first', 'last'] as const
export type Aggregate = (typeof aggregates)[number]

/** The order in which series are told: by device, channel and quantity, as their UTF-16 code units order. */
export function compareSeries(a: SeriesKey, b: SeriesKey): number {
  return (
    compareTexts(a.deviceId, b.deviceId) || compareTexts(a.channel, b.channel) || compareTexts(a.quantity, b.quantity)
  )
}
