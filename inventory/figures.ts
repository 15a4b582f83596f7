import { setImmediate } from 'node:timers/promises'
import type { Asset } from '../domain/asset.ts'
import type { AssetKind } from '../domain/asset-kind.ts'
import { compareTexts } from '../domain/compare.ts'
import { Problem } from '../domain/problem.ts'
import type { Quantity } from '../domain/quantity.ts'
import { aggregates, type Latest } from '../domain/reading.ts'
import { parseWindow, windowStart } from '../domain/window.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { Series, SeriesQuery } from '../store/reading-store.ts'
import { inParts } from '../store/registry.ts'
import { type FigureInput, kindFigures, type Past } from './figure-table.ts'
import { installationsAt, toInstallation } from './installations.ts'
import { decodeCursor, encodeCursor, type PageRequest } from './page.ts'
import { type Part, readLatest, readParts } from './series-parts.ts'
import { type AssetStatus, type StatusFilter, selectSlots, tellStatus } from './status.ts'
import type { StatusBoard } from './status-board.ts'

type Reader = Pick<IngestReader, 'latestOf' | 'readings'>

/** One figure of an asset; `observedAt` (UTC epoch ms) where it is a reading. */
export type FigureValue = { value: number; observedAt: number | null }
export type FigureRow = AssetStatus & { figures: Record<string, FigureValue | null> }

/** What is asked of the figures: which assets, one task of the day, and an order by a figure or by `label`. */
export type FigureQuery = StatusFilter &
  PageRequest & { kind: AssetKind; task?: string | undefined; sort?: string | undefined; zone: string }

/** How long figures are told before they are made again: a list is sorted, paged and filtered by people meanwhile. */
const keptMs = 5000
const mostKept = 64
const dayMs = 86_400_000

/** Most assets of a kind whose figures are made; the answer says when there are more. */
const maxAssets = 20_000

/** Devices whose readings are asked of a store at once. */
const devicesPerQuery = 500

type Made = ReadonlyMap<string, Record<string, FigureValue | null>>

const kept = new WeakMap<StatusBoard, Map<string, { made: Promise<Made>; madeAt: number }>>()

/**
 * The figures of assets of a kind, a row each, in the order of `sort` (`-` before it: from the largest), with how many
 * each task of the day holds for. What is not known comes last. Throws Problem `bad_request` for an unknown order.
 */
export async function listFigures(
  access: Access,
  reader: Reader,
  board: StatusBoard,
  { kind, task, sort = 'label', zone, limit, cursor, ...filter }: FigureQuery,
  now = Date.now(),
) {
  const { figures = [], tasks = [] } = kindFigures[kind] ?? {}
  const chosen = tasks.find((each) => each.code === task)
  if (task !== undefined && chosen === undefined)
    throw new Problem('bad_request', { fr: `task : ${task} n’est pas de ${kind}`, en: `task: ${kind} has no ${task}` })
  const key = sort.replace(/^-/, '')
  if (key !== 'label' && !figures.some((figure) => figure.name === key))
    throw new Problem('bad_request', { fr: `sort : ${key} n’est pas de ${kind}`, en: `sort: ${kind} has no ${key}` })
  const made = await makeOnce(access, reader, board, kind, zone, now)
  const found: FigureRow[] = selectSlots(access, board, { ...filter, kind }, now).map((slot) => {
    const status = tellStatus(board, slot, now)
    return { ...status, figures: made.get(status.assetId) ?? {} }
  })
  const holdsFor = (code: string) => {
    const { holds } = tasks.find((each) => each.code === code)!
    return found.filter((row) => holds((name) => row.figures[name]?.value ?? null))
  }
  const listed = (chosen === undefined ? found : holdsFor(chosen.code)).sort(orderBy(key, sort.startsWith('-')))
  const start = cursor === undefined ? 0 : listed.findIndex((row) => row.assetId === decodeCursor(cursor)) + 1
  const items = listed.slice(start, start + limit)
  return {
    items,
    next: start + limit < listed.length ? encodeCursor(items.at(-1)!.assetId) : null,
    total: found.length,
    tasks: tasks.map(({ code, label }) => ({ code, label, count: holdsFor(code).length })),
    figures: figures.map(({ name, label, unit, decimals, quantity, isReading }) => ({
      ...{ name, label, unit, decimals, quantity, isReading },
      known: found.filter((row) => row.figures[name] != null).length,
    })),
  }
}

function orderBy(key: string, isDescending: boolean): (a: FigureRow, b: FigureRow) => number {
  const direction = isDescending ? -1 : 1
  if (key === 'label') return (a, b) => direction * compareTexts(a.label, b.label) || compareTexts(a.assetId, b.assetId)
  return (a, b) => {
    const [first, second] = [a.figures[key]?.value, b.figures[key]?.value]
    if (first === second) return compareTexts(a.assetId, b.assetId)
    if (first === undefined) return 1
    if (second === undefined) return -1
    return direction * (first - second)
  }
}

/** Whoever sees the same is told the same for a while; questions that come meanwhile wait for one answer. */
function makeOnce(access: Access, reader: Reader, board: StatusBoard, kind: AssetKind, zone: string, now: number) {
  const mine = kept.get(board) ?? new Map<string, { made: Promise<Made>; madeAt: number }>()
  kept.set(board, mine)
  const key = JSON.stringify([access.services, kind, zone])
  const known = mine.get(key)
  if (known !== undefined && now - known.madeAt < keptMs) return known.made
  const made = make(access, reader, kind, zone, now)
  made.catch(() => mine.delete(key))
  mine.delete(key)
  if (mine.size >= mostKept) mine.delete(mine.keys().next().value!)
  mine.set(key, { made, madeAt: now })
  return made
}

async function make(access: Access, reader: Reader, kind: AssetKind, zone: string, now: number): Promise<Made> {
  const rows = new Map<string, Record<string, FigureValue | null>>()
  const { figures } = kindFigures[kind] ?? { figures: [] }
  if (figures.length === 0) return rows
  const assets = await readAssets(access, kind)
  const known = rememberLatest(reader, assets)
  const pasts = new Map<string, Map<string, Series[]>>()
  for (const past of figures.flatMap((figure) => figure.pasts)) {
    const key = JSON.stringify(past)
    if (!pasts.has(key)) pasts.set(key, await readKind(known, assets, toQuery(past, zone, now)))
  }
  for (const [id, asset] of assets) {
    const latest = new Map<Quantity, Latest>()
    // Of several channels the first, which is the empty one where there is one.
    for (const each of await readLatest(known, asset.parts))
      if (!latest.has(each.quantity)) latest.set(each.quantity, each)
    const row: Record<string, FigureValue | null> = {}
    for (const figure of figures) {
      const input: FigureInput = {
        latest: (quantity) => latest.get(quantity) ?? null,
        past: (index) => pasts.get(JSON.stringify(figure.pasts[index]))?.get(id) ?? [],
        latitude: asset.latitude,
        longitude: asset.longitude,
        zone,
      }
      const value = figure.tell(input)
      const observedAt = figure.isReading ? (latest.get(figure.quantity)?.observedAt ?? null) : null
      row[figure.name] = value === null ? null : { value, observedAt }
    }
    rows.set(id, row)
    if (rows.size % devicesPerQuery === 0) await setImmediate()
  }
  return rows
}

type KindAsset = Pick<Asset, 'latitude' | 'longitude'> & { parts: Part[] }

/** The assets of a kind that may be seen, and what their readings are made of, in the order of time. */
async function readAssets({ registry }: Access, kind: AssetKind): Promise<Map<string, KindAsset>> {
  const found = await registry
    .selectFrom('assets')
    .select(['id', 'latitude', 'longitude'])
    .where('kind', '=', kind)
    .where('life_cycle', '!=', 'disposed')
    .orderBy('id')
    .limit(maxAssets)
    .execute()
  const assets = new Map(found.map(({ id, ...place }): [string, KindAsset] => [id, { ...place, parts: [] }]))
  for (const ids of inParts([...assets.keys()])) {
    const rows = await installationsAt(registry, undefined)
      .where('asset_id', 'in', ids)
      .orderBy('installed_at')
      .orderBy('id')
      .execute()
    for (const { deviceId, assetId, channel, installedAt, removedAt, calibration } of rows.map(toInstallation))
      assets
        .get(assetId)!
        .parts.push({ deviceId, channel, from: installedAt, to: removedAt ?? Number.POSITIVE_INFINITY, calibration })
  }
  return assets
}

/** A reader that was asked once for the newest readings of all devices, and tells them from memory. */
function rememberLatest(reader: Reader, assets: ReadonlyMap<string, KindAsset>): Reader {
  const devices = [...assets.values()].flatMap((asset) => asset.parts.map((part) => part.deviceId))
  const latest = Map.groupBy(reader.latestOf(devices), (each) => each.deviceId)
  return {
    readings: reader.readings,
    latestOf: (ids) => [...new Set(ids)].sort(compareTexts).flatMap((id) => latest.get(id) ?? []),
  }
}

type KindQuery = Required<Pick<SeriesQuery, 'quantity' | 'from' | 'to' | 'window' | 'aggregate'>>

function toQuery({ quantity, fromDays, toDays, window, aggregate }: Past, zone: string, now: number): KindQuery {
  const day = parseWindow('1d', zone)!
  const daysAgo = (days: number) => windowStart(day, windowStart(day, now) - days * dayMs + dayMs / 2)
  return {
    quantity,
    aggregate,
    window: parseWindow(window, zone)!,
    from: daysAgo(fromDays),
    to: toDays === null ? now + 1 : daysAgo(toDays),
  }
}

/**
 * The series of each asset by its id. Where one whole device stood on an asset all the time, which is nearly everywhere,
 * hundreds are asked of the store at once; what was swapped, moved or calibrated meanwhile is read by itself.
 */
async function readKind(
  reader: Reader,
  assets: ReadonlyMap<string, KindAsset>,
  query: KindQuery,
): Promise<Map<string, Series[]>> {
  const found = new Map<string, Series[]>()
  const plain = new Map<string, string>()
  for (const [id, { parts }] of assets) {
    const within = parts.filter((part) => part.from < query.to && part.to > query.from)
    const only = within.length === 1 ? within[0]! : null
    const isPlain = only !== null && only.channel === null && only.calibration === null
    if (isPlain && only.from <= query.from && only.to >= query.to) plain.set(only.deviceId, id)
    else if (within.length > 0) found.set(id, await readParts(reader, within, query))
  }
  for (const devices of inParts([...plain.keys()], devicesPerQuery)) {
    for (const series of await reader.readings.query({ ...query, devices })) {
      const id = plain.get(series.deviceId)!
      const known = found.get(id)
      if (known === undefined) found.set(id, [series])
      else known.push(series)
    }
    await setImmediate()
  }
  return found
}

/** A window of assets of a kind, folded: `assets` is how many of them the value rests on. */
export type KindPoint = { time: number; value: number; assets: number }

/** What of each asset's window is folded with others: an aggregate, or what a counter rose by since the window before. */
export const kindAggregates = [...aggregates, 'rise'] as const
export type KindAggregate = (typeof kindAggregates)[number]

/** How the values of assets become one. */
export const kindFolds = ['mean', 'sum', 'min', 'max'] as const
export type KindFold = (typeof kindFolds)[number]

/**
 * The readings of all assets that a filter leaves, by window: first each asset's are folded by `aggregate`, then those of
 * all assets by `fold`; channels of one asset are summed where assets are. `assets` is how many there are in all.
 */
export async function readTogether(
  access: Access,
  reader: Reader,
  board: StatusBoard,
  {
    filter,
    fold,
    ...asked
  }: Omit<KindQuery, 'aggregate'> & { aggregate: KindAggregate; filter: StatusFilter; fold: KindFold },
): Promise<{ points: KindPoint[]; assets: number }> {
  const isRise = asked.aggregate === 'rise'
  // The index before the first window is needed to tell what it rose by.
  const from = isRise ? windowStart(asked.window, windowStart(asked.window, asked.from) - 1) : asked.from
  const query: KindQuery = { ...asked, from, aggregate: asked.aggregate === 'rise' ? 'last' : asked.aggregate }
  const slots = selectSlots(access, board, filter, Date.now())
  const ids = slots.map((slot) => board.columns.texts.asset_id[slot]!)
  const kinds = new Set(slots.map((slot) => board.columns.nameAt('kind', slot) as AssetKind))
  const byTime = new Map<number, number[]>()
  for (const kind of kinds) {
    const assets = await readAssets(access, kind)
    const wanted = new Map(
      ids.flatMap((id): [string, KindAsset][] => {
        const asset = assets.get(id)
        return asset === undefined ? [] : [[id, asset]]
      }),
    )
    const found = await readKind(rememberLatest(reader, wanted), wanted, query)
    for (const series of found.values())
      for (const [time, values] of Map.groupBy(
        withoutParts(series).flatMap((each) => (isRise ? toRises(each.points, asked.from) : each.points)),
        ([time]) => time,
      )) {
        const own = foldValues(
          fold,
          values.map(([, value]) => value),
        )
        const all = byTime.get(time)
        if (all === undefined) byTime.set(time, [own])
        else all.push(own)
      }
  }
  const points = [...byTime]
    .sort(([a], [b]) => a - b)
    .map(([time, values]) => ({ time, value: foldValues(fold, values), assets: values.length }))
  return { points, assets: slots.length }
}

/** Where a device tells a total, in the empty channel, its other channels are parts of it. */
function withoutParts(series: readonly Series[]): Series[] {
  const withTotal = new Set(series.filter((each) => each.channel === '').map((each) => each.deviceId))
  return series.filter((each) => each.channel === '' || !withTotal.has(each.deviceId))
}

// A fall is another beginning of the counter, and no consumption.
function toRises(points: Series['points'], from: number): Series['points'] {
  return points.slice(1).flatMap(([time, value], i): Series['points'] => {
    return time < from ? [] : [[time, Math.max(0, value - points[i]![1])]]
  })
}

function foldValues(fold: KindFold, values: readonly number[]): number {
  if (fold === 'min') return values.reduce((least, value) => Math.min(least, value))
  if (fold === 'max') return values.reduce((most, value) => Math.max(most, value))
  const sum = values.reduce((total, value) => total + value, 0)
  return fold === 'sum' ? sum : sum / values.length
}
