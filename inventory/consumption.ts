import { setImmediate } from 'node:timers/promises'
import { listCivilHours } from '../domain/civil-hour.ts'
import {
  type Consumption,
  findFlows,
  foldConsumption,
  type Mark,
  type MeterFlows,
  type MeterRule,
  type Notice,
  sortMarks,
} from '../domain/consumption.ts'
import { Problem } from '../domain/problem.ts'
import { defineQuantity, type Quantity } from '../domain/quantity.ts'
import { parseWindow, type Span, windowAt } from '../domain/window.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import { readAssetParts } from './asset-readings.ts'
import { listMeterIndexes, type MeterIndex } from './meter-indexes.ts'
import { type Part, readParts } from './series-parts.ts'

/** Indexes up to this far outside the span asked for tell what passed at its limits. */
const marginMs = 3 * 86_400_000

/** Most windows, meters and single readings of one answer. */
const limits = { windows: 10_000, meters: 500, readings: 1_000_000 } as const

/** What can go through any meter in an hour, where its own attributes do not say: in the unit of the quantity. */
const usualMaxPerHour = 1e7

/** What went through the meters of an asset, or of what hangs on it; values are in the quantity's unit. */
export type AssetConsumption = {
  points: (Omit<Consumption, 'amount' | 'estimatedAmount'> & { value: number | null; estimatedValue: number })[]
  /** The assets whose meters were counted. */
  meters: string[]
  notices: (Notice & { assetId: string })[]
}

/** `window` is `1h`, `1d` or `1mo`, of the wall clock of `zone`; `from` and `to` are UTC epoch ms. */
export type ConsumptionQuery = {
  quantity: Quantity
  from: number
  to: number
  window: string
  zone: string
  asKnownAt?: number | undefined
}

/**
 * What went through an asset's meters in each window. An asset that counts the quantity itself is asked alone; else all
 * that hang on it are summed, and what hangs on a meter that counts is not counted twice. Throws Problem `not_found`, or
 * `bad_request` for what is no counter, or too much at once.
 */
export async function readConsumption(
  access: Access,
  reader: Pick<IngestReader, 'latestOf' | 'readings'>,
  assetId: string,
  query: ConsumptionQuery,
): Promise<AssetConsumption> {
  const { kind, decimals } = defineQuantity(query.quantity)
  if (kind !== 'counter')
    throw new Problem('bad_request', {
      fr: `quantity : ${query.quantity} n’est pas un compteur`,
      en: `quantity: ${query.quantity} is not a counter`,
    })
  const windows = listWindows(query)
  const steps = 10 ** decimals
  const budget = { left: limits.readings }
  const flows: MeterFlows[] = []
  const meters: string[] = []
  const notices: AssetConsumption['notices'] = []
  let level = [assetId]
  while (level.length > 0) {
    const without: string[] = []
    for (const id of level) {
      const found = await readMeter(access, reader, id, query, steps, budget)
      if (found === null) {
        without.push(id)
        continue
      }
      meters.push(id)
      if (meters.length > limits.meters)
        throw new Problem('bad_request', {
          fr: `au plus ${limits.meters} compteurs à la fois`,
          en: `at most ${limits.meters} meters at once`,
        })
      for (const meter of found) {
        flows.push(meter)
        for (const notice of meter.notices)
          if (notice.time >= query.from && notice.time < query.to)
            notices.push({ ...notice, before: notice.before / steps, after: notice.after / steps, assetId: id })
      }
      await setImmediate()
    }
    level = await listChildren(access, without)
  }
  const points = foldConsumption(flows, windows).map(({ amount, estimatedAmount, ...rest }) => ({
    ...rest,
    value: amount === null ? null : amount / steps,
    estimatedValue: estimatedAmount / steps,
  }))
  return { points, meters, notices }
}

/** The windows that touch the span; the first and the last are whole. */
function listWindows({ window, zone, from, to }: ConsumptionQuery): Span[] {
  const civil = parseWindow(window === '1h' ? '1d' : window, zone)
  if (civil === null || !['1h', '1d', '1mo'].includes(window))
    throw new Problem('bad_request', {
      fr: 'window : attendu 1h, 1d ou 1mo, dans un fuseau IANA comme Europe/Paris',
      en: 'window: expected 1h, 1d or 1mo, in an IANA zone such as Europe/Paris',
    })
  const spans: Span[] = []
  const next =
    window === '1h'
      ? listCivilHours(zone, from, to)
      : (function* () {
          for (let time = from; time < to; ) {
            const span = windowAt(civil, time)
            yield span
            time = span.end
          }
        })()
  for (const span of next) {
    if (spans.length >= limits.windows)
      throw new Problem('bad_request', {
        fr: `au plus ${limits.windows} périodes à la fois`,
        en: `at most ${limits.windows} windows at once`,
      })
    spans.push(span)
  }
  return spans
}

async function listChildren({ registry }: Access, parents: readonly string[]): Promise<string[]> {
  if (parents.length === 0) return []
  const rows = await registry
    .selectFrom('assets')
    .select('id')
    .where('parent_id', 'in', parents.slice(0, limits.meters))
    .orderBy('id')
    .limit(limits.meters + 1)
    .execute()
  return rows.map((row) => row.id)
}

/** The flows of an asset's own registers; null when it counts nothing of that quantity. */
async function readMeter(
  access: Access,
  reader: Pick<IngestReader, 'latestOf' | 'readings'>,
  assetId: string,
  query: ConsumptionQuery,
  steps: number,
  budget: { left: number },
): Promise<MeterFlows[] | null> {
  const parts = await readAssetParts(access, assetId, { asKnownAt: query.asKnownAt })
  const declared = await listMeterIndexes(access, [assetId], query)
  const lanes = await readLanes(reader, parts, query, steps, budget)
  if (lanes.length === 0 && declared.length === 0) return null
  const rule = await readRule(access, assetId, query.quantity, steps)
  const marks = declared.map((each) => toMark(each, steps))
  // What a person declares is of the asset's meter: of the first register, where it has several.
  const registers = lanes.length === 0 ? [marks] : lanes.map((lane, i) => (i === 0 ? [...lane, ...marks] : lane))
  return registers.map((each) => findFlows(sortMarks(each), rule))
}

function toMark({ at, value, kind }: MeterIndex, steps: number): Mark {
  return { time: at, value: Math.round(value * steps), kind, source: '' }
}

/**
 * The indexes that devices read, as registers that follow each other: installations of one channel that do not overlap
 * are one. Where a device tells a total, in the empty channel, its other channels are parts of it.
 */
async function readLanes(
  reader: Pick<IngestReader, 'latestOf' | 'readings'>,
  parts: readonly Part[],
  { quantity, from, to }: ConsumptionQuery,
  steps: number,
  budget: { left: number },
): Promise<Mark[][]> {
  const lanes: { channel: string; end: number; marks: Mark[] }[] = []
  for (const [i, part] of parts.entries()) {
    const found = await readParts(reader, [part], {
      quantity,
      from: from - marginMs,
      to: to + marginMs,
      limit: budget.left + 1,
    })
    const hasTotal = found.some((series) => series.channel === '')
    for (const { channel, points } of found) {
      budget.left -= points.length
      if (budget.left < 0)
        throw new Problem('bad_request', {
          fr: `au plus ${limits.readings} relevés à la fois : demandez moins`,
          en: `at most ${limits.readings} readings at once: ask for less`,
        })
      if (hasTotal && channel !== '') continue
      const marks = points.map(
        ([time, value]): Mark => ({ time, value: Math.round(value * steps), kind: 'device', source: String(i) }),
      )
      const lane = lanes.find((each) => each.channel === channel && each.end <= part.from)
      if (lane === undefined) lanes.push({ channel, end: part.to, marks })
      else {
        lane.marks.push(...marks)
        lane.end = part.to
      }
    }
    await setImmediate()
  }
  return lanes.map((lane) => lane.marks)
}

async function readRule({ registry }: Access, assetId: string, quantity: Quantity, steps: number): Promise<MeterRule> {
  const { attributes } = await registry
    .selectFrom('assets')
    .select('attributes')
    .where('id', '=', assetId)
    .executeTakeFirstOrThrow()
  const { rolloverWh, rolloverM3, maxPowerW, maxFlowM3PerH } = JSON.parse(attributes) as Record<string, unknown>
  const isEnergy = defineQuantity(quantity).unit === 'Wh'
  const rollover = isEnergy ? rolloverWh : rolloverM3
  const most = isEnergy ? maxPowerW : maxFlowM3PerH
  return {
    rollover: typeof rollover === 'number' && rollover > 0 ? Math.round(rollover * steps) : null,
    maxPerHour: (typeof most === 'number' && most > 0 ? most : usualMaxPerHour) * steps,
  }
}
