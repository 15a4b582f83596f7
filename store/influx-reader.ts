import { startFold, startSharedFold } from '../domain/aggregate.ts'
import type { Quantity } from '../domain/quantity.ts'
import { type Aggregate, compareSeries, type SeriesKey } from '../domain/reading.ts'
import { beginsOnHours, type Window, windowEnd } from '../domain/window.ts'
import { dayMs, hourMs } from './embedded-time.ts'
import type { InfluxServer, InfluxSpan } from './influx.ts'
import { clampToInflux } from './influx-line.ts'
import type { ToldHours } from './influx-rollups.ts'
import type { Series, SeriesQuery } from './reading-store.ts'

// Points that are held at a time while series are read.
const pageSize = 10_000
// Series that one question is about, where many are read.
const seriesPerPage = 50
// Fewer hours than these are not worth a question of their own.
const fewestHours = 4
// With more pieces than these the readings themselves are read.
const mostSpans = 64
// Windows of series folded together that are held at a time.
const windowsPerPiece = 8192
// What spans more windows than these is first asked where its readings begin and end.
const longWindows = 10_000

type Range = { from: number; to: number }
/** A part of a question: read from the rollups of whole hours, or from the readings. */
type Part = Range & { isHours: boolean }

/** The reading half of a store on InfluxDB: `toldHours` tells which hours the rollups hold. */
export function openInfluxReader(
  server: InfluxServer,
  toldHours: (quantity: Quantity, from: number, to: number) => ToldHours | null,
) {
  async function listSeries(devices: readonly string[] | null): Promise<SeriesKey[]> {
    if (devices?.length === 0) return []
    return (await server.listSeries(devices)).sort(compareSeries)
  }

  async function query(asked: SeriesQuery): Promise<Series[]> {
    const { channel, quantity } = asked
    const series = (await listSeries([...new Set(asked.devices)])).filter(
      (each) =>
        (channel === undefined || channel === each.channel) && (quantity === undefined || quantity === each.quantity),
    )
    if (asked.together === true) return queryTogether(asked, series)
    const answer: Series[] = []
    let left = asked.limit ?? Number.POSITIVE_INFINITY
    for (const each of series) {
      if (left <= 0) break
      const points = await readSeries(each, { ...asked, from: goOnFrom(asked, each) }, left)
      if (points.length > 0) answer.push({ ...each, points })
      left -= points.length
    }
    return answer
  }

  /** At most `limit` points of one series, folded into windows where those are asked for. */
  async function readSeries(series: SeriesKey, asked: SeriesQuery, limit: number): Promise<Series['points']> {
    const { window, aggregate = 'mean' } = asked
    if (window === undefined) {
      const points: Series['points'] = []
      for await (const page of readPages(series, asked, limit)) for (const point of page) points.push(point)
      return points
    }
    const fold = startFold(window, aggregate)
    const range = window.kind === 'fixed' ? asked : await findExtent([series], asked, window)
    for (const part of splitRange(series.quantity, range, window)) {
      if (part.isHours) {
        for await (const page of readHourPages(series, part)) {
          for (const [time, summary] of page) fold.addAll(time, summary)
          if (fold.points.length >= limit) break
        }
      } else
        for await (const page of readPages(series, part, Number.POSITIVE_INFINITY)) {
          for (const [time, value] of page) fold.add(time, value)
          if (fold.points.length >= limit) break
        }
      if (fold.points.length >= limit) break
    }
    fold.finish()
    return fold.points.length > limit ? fold.points.slice(0, limit) : fold.points
  }

  /** A range in pieces, in order: whole hours that rollups tell, and what has to be read. */
  function splitRange(quantity: Quantity, range: Range, window: Window): Part[] {
    const { from, to } = clampToInflux(range)
    if (from >= to) return []
    const whole = [{ from, to, isHours: false }]
    if (!beginsOnHours(window, from, to)) return whole
    const told = toldHours(quantity, Math.floor(from / hourMs), Math.ceil(to / hourMs))
    if (told === null) return whole
    const first = Math.max(Math.ceil(from / hourMs), told.knownFrom)
    const last = Math.floor(to / hourMs)
    const others = [...told.stale, last].sort((a, b) => a - b)
    const parts: Part[] = []
    let at = from
    let begin = first
    for (const hour of others) {
      if (hour - begin >= fewestHours) {
        if (begin * hourMs > at) parts.push({ from: at, to: begin * hourMs, isHours: false })
        parts.push({ from: begin * hourMs, to: hour * hourMs, isHours: true })
        at = hour * hourMs
      }
      begin = Math.max(begin, hour + 1)
    }
    if (at < to) parts.push({ from: at, to, isHours: false })
    return parts.length > mostSpans ? whole : parts
  }

  function readPages(series: SeriesKey, range: Range, limit: number) {
    return turnPages(async (span) => (await server.readPoints([series], span))[0]!, range, limit)
  }

  function readHourPages(series: SeriesKey, range: Range) {
    const read = async (span: InfluxSpan) => (await server.hours!.read([series], span))[0]!
    return turnPages(read, range, Number.POSITIVE_INFINITY)
  }

  async function queryTogether(asked: SeriesQuery, series: readonly SeriesKey[]): Promise<Series[]> {
    const { window, aggregate = 'mean', limit = Number.POSITIVE_INFINITY } = asked
    if (window === undefined) throw new TypeError('series are folded together by windows')
    const answer: Series[] = []
    let left = limit
    for (const [quantity, members] of Map.groupBy(series, (each) => each.quantity)) {
      const key = { deviceId: '', channel: asked.channel ?? '', quantity }
      const points: Series['points'] = []
      const range = await findExtent(members, { from: goOnFrom(asked, key), to: asked.to }, window)
      for (let at: number | null = range.from; at !== null && at < range.to && points.length < left; ) {
        const to = Math.min(range.to, windowEnd(window, at + windowsPerPiece * lengthOf(window)))
        const found = await foldTogether(members, { from: at, to }, window, aggregate)
        for (const point of found) points.push(point)
        // Years without readings are passed over at once.
        at = found.length > 0 ? to : await findFirst(members, { from: to, to: range.to })
      }
      if (points.length > left) points.length = left
      if (points.length > 0) answer.push({ ...key, points })
      left -= points.length
      if (left <= 0) break
    }
    return answer.sort(compareSeries)
  }

  async function foldTogether(members: readonly SeriesKey[], range: Range, window: Window, aggregate: Aggregate) {
    const fold = startSharedFold(window, aggregate)
    // Of two series, which one was first in an hour only their readings tell.
    const takesHours = aggregate !== 'first' && aggregate !== 'last'
    for (const part of splitRange(members[0]!.quantity, range, window)) {
      if (part.isHours && takesHours)
        await readMany(members, part, server.hours!.read, (hours) => {
          for (const [time, summary] of hours) fold.addAll(time, summary)
        })
      else
        await readMany(members, part, server.readPoints, (points) => {
          for (const [time, value] of points) fold.add(time, value)
        })
    }
    return fold.list()
  }

  /** Reads many series of one quantity, some at a time; those with more than a page go on alone. */
  async function readMany<Value>(
    members: readonly SeriesKey[],
    range: Range,
    read: (series: readonly SeriesKey[], span: InfluxSpan) => Promise<[number, Value][][]>,
    add: (points: readonly [number, Value][]) => void,
  ) {
    const limit = Math.floor(pageSize / seriesPerPage)
    for (let at = 0; at < members.length; at += seriesPerPage) {
      const some = members.slice(at, at + seriesPerPage)
      for (const [i, points] of (await read(some, { ...range, limit })).entries()) {
        add(points)
        if (points.length < limit) continue
        const rest = { from: points.at(-1)![0] + 1, to: range.to }
        const readOne = async (span: InfluxSpan) => (await read([some[i]!], span))[0]!
        for await (const page of turnPages(readOne, rest, Number.POSITIVE_INFINITY)) add(page)
      }
    }
  }

  /** Where the readings of a range lie; only looked for when it spans many windows. */
  async function findExtent(members: readonly SeriesKey[], range: Range, window: Window): Promise<Range> {
    const { from, to } = clampToInflux(range)
    if (from >= to || (to - from) / lengthOf(window) <= longWindows) return { from, to }
    const first = await findFirst(members, { from, to })
    if (first === null) return { from, to: from }
    let last = first
    for (let at = 0; at < members.length; at += seriesPerPage) {
      const span = { from: first, to, limit: 1, isDescending: true }
      for (const [point] of await server.readPoints(members.slice(at, at + seriesPerPage), span))
        last = Math.max(last, point?.[0] ?? first)
    }
    return { from: first, to: last + 1 }
  }

  /** The first reading of any of some series, or null. */
  async function findFirst(members: readonly SeriesKey[], { from, to }: Range): Promise<number | null> {
    let first: number | null = null
    if (from >= to) return first
    for (let at = 0; at < members.length; at += seriesPerPage)
      for (const [point] of await server.readPoints(members.slice(at, at + seriesPerPage), { from, to, limit: 1 }))
        if (point !== undefined) first = Math.min(first ?? to, point[0])
    return first
  }

  return { listSeries, query, readPages }
}

/** Asks for page after page of one series. */
async function* turnPages<Value>(
  read: (span: InfluxSpan) => Promise<[time: number, Value][]>,
  range: Range,
  limit: number,
): AsyncGenerator<[time: number, Value][]> {
  const { from, to } = clampToInflux(range)
  let left = limit
  for (let start = from; start < to && left > 0; ) {
    const size = Math.min(pageSize, left)
    const page = await read({ from: start, to, limit: size })
    if (page.length > 0) yield page
    if (page.length < size) return
    left -= page.length
    start = page.at(-1)![0] + 1
  }
}

function lengthOf(window: Window): number {
  if (window.kind === 'fixed') return window.ms
  return window.count * (window.unit === 'day' ? dayMs : 28 * dayMs)
}

/** Where a page begins: behind the last point of the one before, or after the series that it ended with. */
function goOnFrom({ after, from, to, window }: SeriesQuery, series: SeriesKey): number {
  if (after === undefined) return from
  const order = compareSeries(series, after.series)
  if (order < 0) return to
  if (order > 0) return from
  return Math.max(from, window === undefined ? after.time + 1 : windowEnd(window, after.time))
}
