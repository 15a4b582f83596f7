import type { Reading } from '../domain/reading.ts'
import type { Part } from './embedded-block.ts'
import { blockId } from './embedded-blocks.ts'
import { createSink } from './embedded-bytes.ts'
import { writeDelay, writeValue } from './embedded-row.ts'
import type { KnownChannel, KnownSeries, openSeriesBook } from './embedded-series.ts'
import { dayMs, hourMs, maxTimeMs, minTimeMs } from './embedded-time.ts'

/** Readings of one channel and a day that is over; `id` is that of their block. */
export type DayGroup = { id: number; day: number; of: KnownChannel; count: number }

/** What becomes one row: readings of one channel at one time, of one uplink. */
export type FreshRow = {
  hour: number
  of: KnownChannel
  at: number
  seq: number
  delay: number
  begin: number
  end: number
}

type SortedGroup = DayGroup & { parts: number[] }
type Told = Pick<Reading, 'observedAt' | 'receivedAt' | 'seq' | 'value'>
type Rejected = { index: number; reason: string }

/** Columns of a batch of so many readings are kept for the next one. */
export const keptReadings = 2 ** 17
const isNoPart = -1

/**
 * Sorts batches of readings: those of days that are over by channel and day, as the parts of blocks; the others into rows.
 * Everything that it gives holds until the next batch.
 */
export function openBatch(book: ReturnType<typeof openSeriesBook>) {
  const sink = createSink()
  // As they come, with the part that each belongs to; and part by part.
  let partOf = new Int32Array(0)
  let coming = createColumns(0)
  let columns = createColumns(0)
  let batch = 0

  /** Sorts a batch; days before `openDay` are over. */
  function sort(readings: readonly Reading[], openDay: number) {
    const size = readings.length
    if (partOf.length < size) {
      partOf = new Int32Array(size)
      coming = createColumns(size)
    }
    batch++
    const rejected: Rejected[] = []
    const groups = new Map<number, SortedGroup>()
    const seriesOf: KnownSeries[] = []
    const dayOf: number[] = []
    const counts: number[] = []
    const rows = startRows()
    const { times, values, delays, seqs } = coming
    const openTime = openDay * dayMs
    let group: SortedGroup | undefined
    let day = 0
    let dayTime = Number.POSITIVE_INFINITY

    function startPart(series: KnownSeries, day: number): number {
      const id = blockId(day, series.of.first)
      if (group?.id !== id) {
        group = groups.get(id)
        if (group === undefined) {
          group = { id, day, of: series.of, count: 0, parts: [] }
          groups.set(id, group)
        }
      }
      let part = group.parts.find((each) => seriesOf[each] === series)
      if (part === undefined) {
        part = seriesOf.length
        seriesOf.push(series)
        dayOf.push(day)
        counts.push(0)
        group.parts.push(part)
      }
      series.batch = batch
      series.part = part
      return part
    }

    for (let i = 0; i < size; i++) {
      const reading = readings[i]!
      const series = findFault(reading) ?? book.find(reading)
      if (typeof series === 'string') {
        partOf[i] = isNoPart
        rejected.push({ index: i, reason: series })
        continue
      }
      const { observedAt } = reading
      if (observedAt >= openTime) {
        partOf[i] = isNoPart
        rows.add(reading, series)
        continue
      }
      if (observedAt < dayTime || observedAt >= dayTime + dayMs) {
        day = Math.floor(observedAt / dayMs)
        dayTime = day * dayMs
      }
      const part = series.batch === batch && dayOf[series.part] === day ? series.part : startPart(series, day)
      partOf[i] = part
      counts[part]!++
      times[i] = observedAt - dayTime
      values[i] = reading.value
      delays[i] = reading.receivedAt - observedAt
      seqs[i] = reading.seq
    }
    for (const each of groups.values()) for (const part of each.parts) each.count += counts[part]!
    return { size, rejected, groups: [...groups.values()], rows, seriesOf, dayOf, counts }
  }

  type Sorted = ReturnType<typeof sort>

  /** The parts of some of the groups, for their blocks. The readings of the others become rows. */
  function split({ size, rows, seriesOf, dayOf, counts }: Sorted, chosen: readonly SortedGroup[]) {
    const begins = new Int32Array(counts.length).fill(isNoPart)
    let total = 0
    for (const { parts } of chosen)
      for (const part of parts) {
        begins[part] = total
        total += counts[part]!
      }
    if (columns.times.length < total) columns = createColumns(total)
    const { times, values, delays, seqs } = columns
    const ends = begins.slice()
    const isMixed = new Uint8Array(counts.length)
    const parts = partOf
    const come = coming
    for (let i = 0; i < size; i++) {
      const part = parts[i]!
      if (part === isNoPart) continue
      const time = come.times[i]!
      const at = ends[part]!
      if (at < 0) {
        const observedAt = dayOf[part]! * dayMs + time
        const told = { observedAt, receivedAt: observedAt + come.delays[i]!, seq: come.seqs[i]! }
        rows.add({ ...told, value: come.values[i]! }, seriesOf[part]!)
        continue
      }
      times[at] = time
      values[at] = come.values[i]!
      delays[at] = come.delays[i]!
      seqs[at] = come.seqs[i]!
      if (at > begins[part]! && times[at - 1]! >= time) isMixed[part] = 1
      ends[part] = at + 1
    }

    function toParts(group: SortedGroup): Part[] {
      const parts: Part[] = []
      for (const part of group.parts) {
        const begin = begins[part]!
        const end = ends[part]!
        const series = seriesOf[part]!.id
        const own = values.subarray(begin, end)
        const [first] = parts
        // Quantities that came together share their columns, and blocks need not look for it.
        if (first !== undefined && isMixed[part] === 0 && areTogether(first, columns, begin, end)) {
          parts.push({ ...first, series, values: own })
          continue
        }
        const made = {
          series,
          times: times.subarray(begin, end),
          values: own,
          delays: delays.subarray(begin, end),
          seqs: seqs.subarray(begin, end),
        }
        parts.push(isMixed[part] === 1 ? orderPart(made) : made)
      }
      return parts
    }
    const made = chosen.map(toParts)
    if (total > keptReadings) columns = createColumns(0)
    if (size > keptReadings) {
      partOf = new Int32Array(0)
      coming = createColumns(0)
    }
    return made
  }

  function startRows() {
    const list: FreshRow[] = []
    let last: FreshRow | undefined
    sink.at = 0
    return {
      list,
      bytes: (row: FreshRow) => sink.bytes.subarray(row.begin, row.end),
      /** Takes readings as they come: those of one uplink and time mostly follow each other. */
      add({ observedAt, receivedAt, seq, value }: Told, { id, of }: Pick<KnownSeries, 'id' | 'of'>) {
        const delay = receivedAt - observedAt
        const hour = Math.floor(observedAt / hourMs)
        const at = observedAt - hour * hourMs
        if (last?.of !== of || last.at !== at || last.seq !== seq || last.hour !== hour || last.delay !== delay) {
          last = { hour, of, at, seq, delay, begin: sink.at, end: 0 }
          list.push(last)
          writeDelay(sink, delay)
        }
        writeValue(sink, id - of.first, value)
        last.end = sink.at
      },
      /** Takes the readings of a channel and day that no block could take; parts that share their columns came together. */
      addParts(parts: readonly Part[], day: number, of: KnownChannel) {
        for (const [times, together] of Map.groupBy(parts, (part) => part.times))
          for (const [i, time] of times.entries())
            for (const { series, values, delays, seqs } of together) {
              const observedAt = day * dayMs + time
              const receivedAt = observedAt + delays[i]!
              this.add({ observedAt, receivedAt, seq: seqs[i]!, value: values[i]! }, { id: series, of })
            }
      },
    }
  }

  return { sort, split, startRows }
}

function createColumns(count: number) {
  const column = () => new Float64Array(count)
  return { times: column(), values: column(), delays: column(), seqs: column() }
}

type Columns = Pick<Part, 'times' | 'delays' | 'seqs'>

/** Whether what stands at [begin, end) was observed and received with the readings of a part. */
function areTogether({ times, delays, seqs }: Columns, columns: Columns, begin: number, end: number): boolean {
  if (times.length !== end - begin) return false
  for (let i = 0, at = begin; at < end; i++, at++)
    if (times[i] !== columns.times[at] || seqs[i] !== columns.seqs[at] || delays[i] !== columns.delays[at]) return false
  return true
}

/** Readings in any order by time; of equal times the higher seq stands, and of equal seqs the later one. */
function orderPart({ series, ...columns }: Part): Part {
  const { times, seqs } = columns
  const order = Array.from(times.keys()).sort((a, b) => times[a]! - times[b]! || seqs[a]! - seqs[b]!)
  const kept = order.filter((at, i) => i + 1 === order.length || times[order[i + 1]!] !== times[at])
  const pick = (column: Float64Array) => Float64Array.from(kept, (at) => column[at]!)
  const { values, delays } = columns
  return { series, times: pick(times), values: pick(values), delays: pick(delays), seqs: pick(seqs) }
}

/** Why a reading can never be stored, whatever its series, or null. */
function findFault({ value, observedAt, receivedAt, seq }: Reading): string | null {
  if (!Number.isFinite(value)) return `the value ${value} is not a finite number`
  if (!isTime(observedAt)) return `observedAt ${observedAt} is not a whole millisecond of the years 0 to 9999`
  if (!isTime(receivedAt)) return `receivedAt ${receivedAt} is not a whole millisecond of the years 0 to 9999`
  if (!Number.isSafeInteger(seq)) return `seq ${seq} is not a whole number`
  return null
}

function isTime(time: number): boolean {
  return Number.isInteger(time) && time >= minTimeMs && time <= maxTimeMs
}
