import * as fc from 'fast-check'
import type { Quantity } from '../../domain/quantity.ts'
import { type Aggregate, compareSeries, type Reading, type SeriesKey } from '../../domain/reading.ts'
import { parseWindow, windowStart } from '../../domain/window.ts'
import type { Series, SeriesQuery, SeriesRange } from '../../store/reading-store.ts'

/** A plain list of readings, that answers as a reading store must: the model that the stores are held against. */
export function openReadingList() {
  const readings = new Map<string, Reading>()

  function within({ devices, from, to }: SeriesRange): Reading[] {
    return [...readings.values()].filter(
      (each) =>
        (devices === undefined || devices.includes(each.deviceId)) && each.observedAt >= from && each.observedAt < to,
    )
  }

  return {
    write(batch: readonly Reading[]) {
      for (const each of batch) {
        const { deviceId, channel, quantity, observedAt, seq } = each
        const key = JSON.stringify([deviceId, channel, quantity, observedAt])
        if (seq >= (readings.get(key)?.seq ?? 0)) readings.set(key, each)
      }
    },
    remove(range: SeriesRange) {
      for (const each of within(range))
        readings.delete(JSON.stringify([each.deviceId, each.channel, each.quantity, each.observedAt]))
    },
    scan: (range: SeriesRange) => within(range).sort(compareReadings),
    lastBefore: (series: SeriesKey, time: number): Reading | null =>
      within({ devices: [series.deviceId], from: Number.NEGATIVE_INFINITY, to: time })
        .filter((each) => compareSeries(each, series) === 0)
        .sort(compareReadings)
        .at(-1) ?? null,

    /** All series and points of a query, without regard to `limit` and `after`. */
    query({ channel, quantity, window, aggregate = 'mean', ...range }: SeriesQuery): Series[] {
      const wanted = within(range)
        .filter((each) => channel === undefined || each.channel === channel)
        .filter((each) => quantity === undefined || each.quantity === quantity)
        .sort(compareReadings)
      const groups = Map.groupBy(wanted, (each) => JSON.stringify([each.deviceId, each.channel, each.quantity]))
      return [...groups.values()].map((group) => {
        const { deviceId, channel, quantity } = group[0]!
        if (window === undefined)
          return { deviceId, channel, quantity, points: group.map((each) => [each.observedAt, each.value]) }
        const windows = Map.groupBy(group, (each) => windowStart(window, each.observedAt))
        const points = [...windows].map(([start, list]): [number, number] => [
          start,
          fold[aggregate](list.map((each) => each.value)),
        ])
        return { deviceId, channel, quantity, points }
      })
    },
    /** The same with all series of a quantity as one. */
    queryTogether(asked: SeriesQuery): Series[] {
      const { channel = '', window, aggregate = 'mean' } = asked
      const groups = Map.groupBy(this.query({ ...asked, window: undefined }), ({ quantity }) => quantity)
      const series = [...groups].map(([quantity, each]): Series => {
        const all = each.flatMap(({ points }) => points).sort(([a], [b]) => a - b)
        const windows = Map.groupBy(all, ([time]) => windowStart(window!, time))
        const points = [...windows].map(([start, list]): [number, number] => [
          start,
          fold[aggregate](list.map(([, value]) => value)),
        ])
        return { deviceId: '', channel, quantity, points }
      })
      return series.sort(compareSeries)
    },
    copy() {
      const other = openReadingList()
      other.write([...readings.values()])
      return other
    },
  }
}

const fold: Record<Aggregate, (values: number[]) => number> = {
  mean: (values) => fold.sum(values) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  sum: (values) => values.reduce((a, b) => a + b),
  count: (values) => values.length,
  first: (values) => values[0]!,
  last: (values) => values.at(-1)!,
}

export function compareReadings(a: Reading, b: Reading): number {
  return compareSeries(a, b) || a.observedAt - b.observedAt
}

/** Device ids and channels that an encoding may trip over. */
export const awkwardDevices = [
  ...['meter-1', 'meter-10', `o'hara "x"`, 'back\\slash\\', 'a b,c=d', 'é水🗑', '\uffee', '\u{1f5d1}'],
  ...['__proto__', 'constructor', 'null', ' '],
]
export const awkwardChannels = ['', '1', '10', `l'"1"`, '\\', 'phase 1,2=3', 'ébène🗑', '__proto__']
/** Values at the limits of what a number can be. */
export const awkwardValues = [
  ...[0, -0, 1e-300, -1e-300, 5e-324, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 0.1 + 0.2, 1 / 3, 1e15, -90, 9007199254740994],
]

const quantities: Quantity[] = ['fill_level', 'energy_active_import', 'lamp_state']
// Where hours, days and months begin, in UTC and in Paris, two of them on days when clocks change.
const corners = [
  ...['2024-02-29T00:00Z', '2025-12-31T23:00Z', '2026-01-01T00:00Z', '2026-03-28T23:00Z', '2026-03-29T01:00Z'],
  ...['2026-10-25T00:30Z', '2026-10-25T01:00Z', '1999-12-31T23:59Z'],
].map((text) => Date.parse(text))

/** Times in few places, so that readings meet in hours, days and keys. */
export const someTime = fc.oneof(
  fc.tuple(fc.constantFrom(...corners), fc.integer({ min: -2, max: 2 })).map(([time, offset]) => time + offset),
  fc.tuple(fc.constantFrom(...corners), fc.integer({ min: -50, max: 50 })).map(([time, n]) => time + n * 1_200_000),
)
export const someSeries: fc.Arbitrary<SeriesKey> = fc.record({
  deviceId: fc.constantFrom(...awkwardDevices),
  channel: fc.constantFrom(...awkwardChannels.slice(0, 4)),
  quantity: fc.constantFrom(...quantities),
})
export const someReading: fc.Arbitrary<Reading> = fc
  .tuple(
    someSeries,
    someTime,
    fc.oneof(fc.constantFrom(...awkwardValues), fc.double({ min: -1e6, max: 1e6, noNaN: true })),
    fc.integer({ min: -300_000, max: 100_000_000 }),
    fc.integer({ min: 0, max: 5 }),
  )
  .map(([series, observedAt, value, delay, seq]) => ({
    ...series,
    observedAt,
    value,
    receivedAt: observedAt + delay,
    seq,
  }))
export const someRange: fc.Arbitrary<SeriesRange> = fc
  .tuple(
    fc.option(fc.subarray(awkwardDevices), { nil: undefined }),
    fc.oneof(someTime, fc.constant(Number.MIN_SAFE_INTEGER)),
    fc.oneof(someTime, fc.constant(Number.MAX_SAFE_INTEGER)),
  )
  .map(([devices, a, b]) => ({ devices, from: Math.min(a, b), to: Math.max(a, b) }))
export const someQuery: fc.Arbitrary<SeriesQuery> = fc
  .record({
    range: someRange,
    channel: fc.option(fc.constantFrom(...awkwardChannels.slice(0, 2)), { nil: undefined, freq: 1 }),
    quantity: fc.option(fc.constantFrom(...quantities), { nil: undefined, freq: 1 }),
    windowed: fc.option(
      fc.tuple(
        fc.constantFrom('15m', '1h', '1d', '2d', '1mo'),
        fc.constantFrom(undefined, 'Europe/Paris', 'Asia/Kolkata'),
        fc.constantFrom<Aggregate>('mean', 'min', 'max', 'sum', 'count', 'first', 'last'),
      ),
      { nil: undefined },
    ),
  })
  .map(({ range, channel, quantity, windowed }) => ({
    ...range,
    devices: range.devices ?? awkwardDevices,
    channel,
    quantity,
    ...(windowed && { window: parseWindow(windowed[0], windowed[1])!, aggregate: windowed[2] }),
  }))
