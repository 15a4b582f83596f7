import { isQuantity, type Quantity } from '../domain/quantity.ts'
import type { Reading, SeriesKey } from '../domain/reading.ts'

/** The times that InfluxDB can hold: signed 64-bit nanoseconds, the years 1677 to 2262 (UTC epoch ms). */
export const minInfluxTimeMs = -9_223_372_036_854
export const maxInfluxTimeMs = 9_223_372_036_853

/** A span within the times that InfluxDB can hold. */
export function clampToInflux({ from, to }: { from: number; to: number }): { from: number; to: number } {
  return { from: Math.max(from, minInfluxTimeMs), to: Math.min(to, maxInfluxTimeMs + 1) }
}

// In tag keys and values comma, equals sign and space are escaped by a backslash (line protocol reference, "Special
// characters"); any other backslash stands for itself. One before the end of a value would escape what follows, and
// no version can write it: such a value gets a full stop behind it, and so does one that already looks like that.
const endsLikeEscape = /\\\.*$/
const escaped = /[,= ]/g

/** A tag's value, not empty, as line protocol writes it. */
export function encodeTag(value: string): string {
  return storedTag(value).replace(escaped, '\\$&')
}

/** The value that stands in InfluxDB for a text: the same, but for texts that end with a backslash. */
export function storedTag(value: string): string {
  return endsLikeEscape.test(value) ? `${value}.` : value
}

/** The text that a value of InfluxDB stands for. */
export function textOfTag(stored: string): string {
  return endsLikeEscape.test(stored) && stored.endsWith('.') ? stored.slice(0, -1) : stored
}

/** Measurement and tags of a series, tags in the order of their keys, which InfluxDB parses fastest. */
export function encodeSeries({ deviceId, channel, quantity }: SeriesKey): string {
  const ofChannel = channel === '' ? '' : `,channel=${encodeTag(channel)}`
  return `${quantity}${ofChannel},device=${encodeTag(deviceId)}`
}

/** Why no reading of a series can stand in InfluxDB, or null. */
export function findSeriesFault({ deviceId, channel, quantity }: SeriesKey): string | null {
  if (!isQuantity(quantity)) return `there is no quantity "${quantity}"`
  if (deviceId === '' || !isTagText(deviceId) || !isTagText(channel))
    return 'the device id or channel is empty, holds control characters or is not Unicode text'
  return null
}

/** Why a value cannot stand in InfluxDB at a time, or null. */
export function findPointFault({ value, observedAt }: Pick<Reading, 'value' | 'observedAt'>): string | null {
  if (!Number.isFinite(value)) return `the value ${value} is not a finite number`
  if (!Number.isInteger(observedAt) || observedAt < minInfluxTimeMs || observedAt > maxInfluxTimeMs)
    return `observedAt ${observedAt} is not a whole millisecond of the years 1677 to 2262`
  return null
}

// A line break ends a line wherever it stands.
function isTagText(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text)
}

/** The series of InfluxDB's tags; null for a measurement that is not ours. */
export function toSeries(measurement: string, device: string | undefined, channel: string | undefined) {
  if (!isQuantity(measurement) || device === undefined || device === '') return null
  const series: SeriesKey = {
    deviceId: textOfTag(device),
    channel: textOfTag(channel ?? ''),
    quantity: measurement as Quantity,
  }
  return series
}

/** What an answer tells of each of some series, in their order, from what it tells by stored device and channel. */
export function alignSeries<Row>(
  series: readonly SeriesKey[],
  found: readonly [device: string, channel: string, rows: Row[]][],
): Row[][] {
  const rows = new Map(found.map(([device, channel, each]) => [`${textOfTag(device)}\n${textOfTag(channel)}`, each]))
  return series.map(({ deviceId, channel }) => rows.get(`${deviceId}\n${channel}`) ?? [])
}
