import type { Span } from './window.ts'

/*
 * What went through a meter, from the indexes that it showed. All values are whole steps of the quantity (Wh, or litres
 * for a volume told in thousandths of m3), so that nothing is lost to rounding; times are UTC epoch ms.
 */

/**
 * What a declared index says: `installation`, a meter begins here with this index; `removal`, it ends here with it;
 * `reset`, it was set to this index; `reading`, a person read it.
 */
export const indexKinds = ['installation', 'removal', 'reset', 'reading'] as const
export type IndexKind = (typeof indexKinds)[number]

/** One index: declared by a person, or read by a device, then `source` says which installation gave it. */
export type Mark = { time: number; value: number; kind: IndexKind | 'device'; source: string }

/** Where a meter begins again at zero, if that is known, and the most that can go through it in an hour. */
export type MeterRule = { rollover: number | null; maxPerHour: number }

/** What went through between two indexes. It is estimated when a reset or another device came between them. */
export type Flow = { from: number; to: number; amount: number; isEstimated: boolean }

/** What was found beside plain rises: the indexes before and after it. */
export type Notice = {
  kind: 'rollover' | 'reset' | 'replacement' | 'handover' | 'implausible'
  time: number
  before: number
  after: number
}

/** A meter's flows, in the order of time, and the span in which it is expected to count; infinite where nobody said. */
export type MeterFlows = { flows: Flow[]; notices: Notice[]; begin: number; end: number }

const hourMs = 3_600_000

// At one moment a removal ends what was, then an installation or a reset begins anew, then indexes are read.
const rank = { removal: 0, installation: 1, reset: 1, reading: 2, device: 2 } as const

/** Puts marks in the order in which `findFlows` takes them. */
export function sortMarks(marks: readonly Mark[]): Mark[] {
  return marks.toSorted((a, b) => a.time - b.time || rank[a.kind] - rank[b.kind])
}

/**
 * What went through a meter between its indexes, `marks` in the order of `sortMarks`. A fall is a rollover where the
 * meter is known to roll over and that much could have passed; a single index that does not fit between its neighbours
 * is left out; else a fall of one device is a reset, after which at least the new index has passed, and a fall or jump
 * from one device to the next is another meter, whose beginning nobody declared: what passed meanwhile is missing.
 */
export function findFlows(marks: readonly Mark[], rule: MeterRule): MeterFlows {
  const flows: Flow[] = []
  const notices: Notice[] = []
  let before: Mark | null = null
  for (const [i, mark] of marks.entries()) {
    if (before === null) {
      before = mark
      continue
    }
    const notice = (kind: Notice['kind']) =>
      notices.push({ kind, time: mark.time, before: before!.value, after: mark.value })
    const begins = mark.kind === 'installation' || mark.kind === 'reset'
    if (begins || before.kind === 'removal') {
      notice(mark.kind === 'reset' ? 'reset' : 'replacement')
      before = mark
      continue
    }
    const step = judge(before, mark, findNext(marks, i), rule)
    if (step.notice !== null) notice(step.notice)
    if (step.amount !== null)
      flows.push({ from: before.time, to: mark.time, amount: step.amount, isEstimated: step.isEstimated === true })
    if (!step.isLeftOut) before = mark
  }
  const first = marks[0]
  const last = marks.at(-1)
  return {
    flows,
    notices,
    begin: first?.kind === 'installation' ? first.time : Number.NEGATIVE_INFINITY,
    end: last?.kind === 'removal' ? last.time : Number.POSITIVE_INFINITY,
  }
}

type Step = { amount: number | null; notice: Notice['kind'] | null; isEstimated?: true; isLeftOut?: true }

const leftOut: Step = { amount: null, notice: 'implausible', isLeftOut: true }

function judge(before: Mark, mark: Mark, next: Mark | undefined, rule: MeterRule): Step {
  if (mark.time === before.time)
    return mark.value === before.value ? { amount: null, notice: null, isLeftOut: true } : leftOut
  const isHandover = before.source !== mark.source && before.kind === 'device' && mark.kind === 'device'
  const rise = riseBetween(before, mark, rule)
  if (rise !== null) {
    if (isHandover) return { amount: rise, notice: 'handover', isEstimated: true }
    return { amount: rise, notice: mark.value < before.value ? 'rollover' : null }
  }
  const isDevice = mark.kind === 'device'
  if (isDevice && next !== undefined && riseBetween(before, next, rule) !== null) return leftOut
  if (isHandover) return { amount: null, notice: 'replacement' }
  if (mark.value < before.value) {
    if (mark.value > bound(before, mark, rule)) return { amount: null, notice: 'replacement' }
    return { amount: mark.value, notice: 'reset', isEstimated: true }
  }
  // A jump that the next index bears out is another meter; one that nothing bears out is an error of reading.
  if (isDevice && (next === undefined || riseBetween(mark, next, rule) === null)) return leftOut
  return { amount: null, notice: 'replacement' }
}

/** The next index of the same course, at a later time; a declared beginning ends the course. */
function findNext(marks: readonly Mark[], at: number): Mark | undefined {
  for (let i = at + 1; i < marks.length; i++) {
    const mark = marks[i]!
    if (mark.kind === 'installation' || mark.kind === 'reset') return undefined
    if (mark.time > marks[at]!.time) return mark
  }
  return undefined
}

/** What passed from one index to another, over a rollover or not; null when it cannot have. */
function riseBetween(before: Mark, after: Mark, rule: MeterRule): number | null {
  const most = bound(before, after, rule)
  const rise = after.value - before.value
  if (rise >= 0) return rise <= most ? rise : null
  if (rule.rollover === null) return null
  const over = rise + rule.rollover
  return over >= 0 && over <= most ? over : null
}

function bound(before: Mark, after: Mark, { maxPerHour }: MeterRule): number {
  return Math.max(1, (maxPerHour * (after.time - before.time)) / hourMs)
}

/**
 * What went through some meters in one window, in steps; null when nothing is known of it. `estimatedAmount` is the part
 * of it that was spread over windows or follows a reset. The shares are of the time in which the meters were expected to
 * count, and sum to 1, or are all 0 where none was.
 */
export type Consumption = Span & {
  amount: number | null
  estimatedAmount: number
  measured: number
  estimated: number
  missing: number
}

/**
 * Folds the flows of meters into windows, which come in the order of time and do not overlap. What passed between two
 * indexes of one window is measured; where a window's limit lies between them, it is spread evenly over the time
 * between, each part is estimated, and the parts sum to the whole.
 */
export function foldConsumption(meters: readonly MeterFlows[], windows: readonly Span[]): Consumption[] {
  const sums = windows.map(() => ({ amount: 0, estimatedAmount: 0, measuredMs: 0, estimatedMs: 0, expectedMs: 0 }))
  for (const { flows, begin, end } of meters) {
    for (const [i, window] of windows.entries())
      sums[i]!.expectedMs += Math.max(0, Math.min(window.end, end) - Math.max(window.start, begin))
    let first = 0
    for (const flow of flows) {
      while (first < windows.length && windows[first]!.end <= flow.from) first++
      for (let i = first; i < windows.length && windows[i]!.start < flow.to; i++) {
        const window = windows[i]!
        const from = Math.max(flow.from, window.start)
        const to = Math.min(flow.to, window.end)
        const amount = passedBy(flow, to) - passedBy(flow, from)
        const isEstimated = flow.isEstimated || from > flow.from || to < flow.to
        const sum = sums[i]!
        sum.amount += amount
        if (isEstimated) sum.estimatedAmount += amount
        if (isEstimated) sum.estimatedMs += to - from
        else sum.measuredMs += to - from
      }
    }
  }
  return windows.map((window, i) => {
    const { amount, estimatedAmount, measuredMs, estimatedMs, expectedMs } = sums[i]!
    // A device may speak before the installation that was declared, or after the removal: what it counted counts.
    const wholeMs = Math.max(expectedMs, measuredMs + estimatedMs)
    const share = (ms: number) => (wholeMs === 0 ? 0 : ms / wholeMs)
    return {
      ...window,
      amount: measuredMs + estimatedMs === 0 ? null : amount,
      estimatedAmount,
      measured: share(measuredMs),
      estimated: share(estimatedMs),
      missing: share(wholeMs - measuredMs - estimatedMs),
    }
  })
}

/** How much of a flow had passed at a time, in whole steps: differences of it sum to the whole. */
function passedBy({ from, to, amount }: Flow, time: number): number {
  return time >= to ? amount : Math.round(amount * ((time - from) / (to - from)))
}
