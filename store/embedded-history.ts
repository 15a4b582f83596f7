import { type DayGroup, keptReadings, type openBatch } from './embedded-batch.ts'
import type { Part } from './embedded-block.ts'
import { blockId } from './embedded-blocks.ts'
import { mergeParts } from './embedded-merge.ts'
import type { openSeriesBook } from './embedded-series.ts'
import { dayMs, maxTimeMs, minTimeMs } from './embedded-time.ts'
import type { ReadingColumns } from './reading-store.ts'

/** The parts of one channel and day. */
export type HistoryGroup = DayGroup & { parts: Part[] }

/** A day of columns that series share: [begin, end) of them. */
type Cut = Pick<Part, 'times' | 'delays' | 'seqs'> & { day: number; begin: number; end: number }
type Rows = ReturnType<ReturnType<typeof openBatch>['startRows']>

/**
 * Cuts history that comes in columns into the parts of blocks, which are views of them. What it gives holds until the next
 * time.
 */
export function openHistories(book: ReturnType<typeof openSeriesBook>) {
  let scratch = new Float64Array(0)

  /** Columns of times and delays, by day; null where they are not in order, or hold what can never be stored. */
  function cutShared({ observedAt, receivedAt, seqs }: ReadingColumns, at: number): Cut[] | null {
    const count = observedAt.length
    if (receivedAt.length !== count || seqs.length !== count)
      throw new RangeError('columns of one series differ in length')
    const times = scratch.subarray(at, at + count)
    const delays = scratch.subarray(at + count, at + 2 * count)
    const cuts: Cut[] = []
    let begin = 0
    let day = 0
    let dayTime = 0
    let end = Number.NEGATIVE_INFINITY
    let last = Number.NEGATIVE_INFINITY
    function endCut(to: number) {
      if (to === begin) return
      const cut = (column: Float64Array) => column.subarray(begin, to)
      cuts.push({ day, begin, end: to, times: cut(times), delays: cut(delays), seqs: cut(seqs) })
    }
    for (let i = 0; i < count; i++) {
      const time = observedAt[i]!
      if (!(time > last) || !isTime(time) || !isTime(receivedAt[i]!) || !Number.isSafeInteger(seqs[i]!)) return null
      if (time >= end) {
        endCut(i)
        begin = i
        day = Math.floor(time / dayMs)
        dayTime = day * dayMs
        end = dayTime + dayMs
      }
      times[i] = time - dayTime
      delays[i] = receivedAt[i]! - time
      last = time
    }
    endCut(count)
    return cuts
  }

  /**
   * The parts of a history by channel and day. Null, and nothing done, where it holds what can never be stored, or is not in
   * the order of time.
   */
  function cut(history: readonly ReadingColumns[], rows: Rows) {
    let total = 0
    for (const { values } of history) total += values.length
    if (scratch.length < 2 * total) scratch = new Float64Array(2 * total)
    const groups = new Map<number, HistoryGroup>()
    let used = 0
    let shared: ReadingColumns | undefined
    let cuts: Cut[] | null = null
    for (const columns of history) {
      const { values } = columns
      if (shared === undefined || !isShared(shared, columns)) {
        shared = columns
        cuts = cutShared(columns, used)
        used += 2 * columns.observedAt.length
      }
      if (values.length !== columns.observedAt.length) throw new RangeError('columns of one series differ in length')
      if (cuts === null || !areFinite(values)) return null
      if (cuts.length === 0) continue
      const series = book.find(columns)
      if (typeof series === 'string') return null
      for (const { day, begin, end, times, delays, seqs } of cuts) {
        const { of } = series
        const id = blockId(day, of.first)
        let group = groups.get(id)
        if (group === undefined) {
          group = { id, day, of, count: 0, parts: [] }
          groups.set(id, group)
        }
        addPart(group, { series: series.id, times, values: values.subarray(begin, end), delays, seqs })
      }
    }
    if (total > keptReadings) scratch = new Float64Array(0)

    /** The parts of some of the groups. Those of the others become rows. */
    function split(chosen: readonly HistoryGroup[]): Part[][] {
      const isChosen = new Set(chosen)
      for (const group of groups.values()) if (!isChosen.has(group)) rows.addParts(group.parts, group.day, group.of)
      return chosen.map(({ parts }) => parts)
    }
    return { groups: [...groups.values()], rows, split }
  }

  return { cut }
}

function addPart(group: HistoryGroup, part: Part): void {
  const { parts } = group
  group.count += part.times.length
  const at = parts.findIndex(({ series }) => series === part.series)
  if (at < 0) parts.push(part)
  else parts[at] = mergeParts(parts[at]!, part)
}

function isShared(a: ReadingColumns, b: ReadingColumns): boolean {
  return a.observedAt === b.observedAt && a.receivedAt === b.receivedAt && a.seqs === b.seqs
}

function areFinite(values: Float64Array): boolean {
  // Times zero, only finite numbers stay numbers.
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0
  return sum === 0
}

function isTime(time: number): boolean {
  return Math.floor(time) === time && time >= minTimeMs && time <= maxTimeMs
}
