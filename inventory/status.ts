import type { AssetLifeCycle, AssetState } from '../domain/asset.ts'
import type { AssetKind } from '../domain/asset-kind.ts'
import { deviceSilence } from '../domain/attention.ts'
import { type Area, contains } from '../domain/place.ts'
import { Problem } from '../domain/problem.ts'
import { formatTime } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import type { StatusTable } from '../store/registry-tables.ts'
import { decodeCursor, encodeCursor, type Page, type PageRequest } from './page.ts'
import { searchWords } from './search.ts'
import { findAfter, type StatusBoard } from './status-board.ts'

/** What last proved that an asset stands where it should: a message of its device, a photo, or work done on site. */
export const proofKinds = ['message', 'photo', 'installation'] as const
export type ProofKind = (typeof proofKinds)[number]

/** How an asset is, in one row. Times are UTC epoch milliseconds; `attentions` are codes of domain/attention.ts. */
export type AssetStatus = {
  assetId: string
  kind: AssetKind
  label: string
  state: AssetState
  since: number
  lastSeenAt: number | null
  /** When it falls silent, or fell silent, unless it is heard before. */
  silentAt: number | null
  battery: number | null
  attentions: string[]
  deviceId: string | null
  installationId: string | null
  lastProofAt: number | null
  lastProof: ProofKind | null
  lifeCycle: AssetLifeCycle
  latitude: number | null
  longitude: number | null
  service: string | null
  district: string | null
}

/**
 * Which assets: each word of `q` is looked for in id, label, number and place; an asset lies in all of the `areas`.
 * Disposed ones are left out unless `lifeCycle` or `includesDisposed` asks for them.
 */
export type StatusFilter = {
  kind?: string | undefined
  state?: AssetState | undefined
  service?: string | undefined
  district?: string | undefined
  lifeCycle?: AssetLifeCycle | undefined
  includesDisposed?: boolean | undefined
  areas?: readonly Area[] | undefined
  q?: string | undefined
}

type SortKey = string | number | null

// What calls for work comes first.
const urgency: readonly AssetState[] = ['silent', 'attention', 'never_seen', 'working', 'out_of_service']

const sortKeys = {
  id: (row: StatusTable): SortKey => row.asset_id,
  label: (row: StatusTable): SortKey => row.label,
  kind: (row: StatusTable): SortKey => row.kind,
  state: (row: StatusTable, now: number): SortKey => urgency.indexOf(stateAt(row, now)),
  since: (row: StatusTable, now: number): SortKey => sinceAt(row, now),
  lastSeenAt: (row: StatusTable): SortKey => row.last_seen_at,
  lastProofAt: (row: StatusTable): SortKey => row.proof_at,
  battery: (row: StatusTable): SortKey => row.battery,
} as const

/** What a list may be sorted by; with `-` before it, from the last to the first. What is not known comes last. */
export const statusSorts = Object.keys(sortKeys).flatMap((key) => [key, `-${key}`]) as [StatusSort, ...StatusSort[]]
export type StatusSort = keyof typeof sortKeys | `-${keyof typeof sortKeys}`

/** Most assets of one map extract. */
export const maxFeatures = 20_000

/** The status of assets in the order of their ids, or of `sort`. Silence is decided by `now`. */
export function listStatus(
  access: Pick<Access, 'services'>,
  board: StatusBoard,
  { limit, cursor, sort = 'id', ...filter }: PageRequest & StatusFilter & { sort?: StatusSort | undefined },
  now = Date.now(),
): Page<AssetStatus> {
  const isWanted = match(access, filter, now)
  const found =
    sort === 'id'
      ? takeById(board.rows(), isWanted, limit + 1, cursor)
      : takeSorted(board.rows(), isWanted, limit + 1, sort, cursor, now)
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map((row) => toStatus(row, now)),
    next: found.length > limit && last !== undefined ? writeCursor(last, sort, now) : null,
  }
}

/** What assets may be counted by. */
export const statusGroups = ['kind', 'district', 'service'] as const
export type StatusGroup = (typeof statusGroups)[number]

/** How many assets of a group are in a state. It has one of the three names: what was counted by. */
export type StatusCount = {
  kind?: AssetKind
  district?: string | null
  service?: string | null
  state: AssetState
  count: number
}

/** How many assets there are of each state, by kind or another group; what there is none of is left out. */
export function countStatus(
  access: Pick<Access, 'services'>,
  board: StatusBoard,
  { by = 'kind', ...filter }: StatusFilter & { by?: StatusGroup | undefined },
  now = Date.now(),
): StatusCount[] {
  const isWanted = match(access, filter, now)
  const groups = new Map<string | null, Map<AssetState, number>>()
  for (const row of board.rows()) {
    if (!isWanted(row)) continue
    const counts = groups.get(row[by]) ?? new Map<AssetState, number>()
    groups.set(row[by], counts)
    const state = stateAt(row, now)
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  return [...groups]
    .sort(([a], [b]) => compare(a ?? '', b ?? ''))
    .flatMap(([name, counts]) =>
      [...counts].sort(([a], [b]) => compare(a, b)).map(([state, count]) => ({ [by]: name, state, count })),
    )
}

/** The assets that have a position, as a GeoJSON feature collection (RFC 7946); `truncated` when there are more. */
export function listStatusGeojson(
  access: Pick<Access, 'services'>,
  board: StatusBoard,
  { limit = maxFeatures, ...filter }: StatusFilter & { limit?: number | undefined },
  now = Date.now(),
) {
  const most = Math.min(limit, maxFeatures)
  const isWanted = match(access, filter, now)
  const rows = takeById(board.rows(), (row) => row.latitude !== null && isWanted(row), most + 1)
  return {
    type: 'FeatureCollection' as const,
    truncated: rows.length > most,
    features: rows.slice(0, most).map((row) => {
      const { latitude, longitude, ...properties } = toStatusJson(toStatus(row, now))
      return {
        type: 'Feature' as const,
        id: row.asset_id,
        geometry: { type: 'Point' as const, coordinates: [longitude!, latitude!] as [number, number] },
        properties,
      }
    }),
  }
}

/** A status with its times as the API tells them. */
export function toStatusJson(status: AssetStatus) {
  const { since, lastSeenAt, silentAt, lastProofAt } = status
  const tell = (time: number | null) => (time === null ? null : formatTime(time))
  return {
    ...status,
    since: formatTime(since),
    lastSeenAt: tell(lastSeenAt),
    silentAt: tell(silentAt),
    lastProofAt: tell(lastProofAt),
  }
}

/** Whether a row is one of those asked for and may be seen; the cheap questions first. */
export function match(
  { services }: Pick<Access, 'services'>,
  { kind, state, service, district, lifeCycle, includesDisposed = false, areas = [], q }: StatusFilter,
  now: number,
): (row: StatusTable) => boolean {
  const words = searchWords(q ?? '')
  const seen = services === null ? null : new Set<string | null>(services)
  return (row) =>
    (seen === null || seen.has(row.service)) &&
    (kind === undefined || row.kind === kind) &&
    (lifeCycle === undefined ? includesDisposed || row.life_cycle !== 'disposed' : row.life_cycle === lifeCycle) &&
    (state === undefined || stateAt(row, now) === state) &&
    (service === undefined || row.service === service) &&
    (district === undefined || row.district === district) &&
    areas.every((area) => row.latitude !== null && contains(area, [row.longitude!, row.latitude])) &&
    words.every((word) => row.search.includes(word))
}

type RowTest = (row: StatusTable) => boolean

function takeById(rows: readonly StatusTable[], isWanted: RowTest, count: number, cursor?: string): StatusTable[] {
  const found: StatusTable[] = []
  const start = cursor === undefined ? 0 : findAfter(rows, decodeCursor(cursor))
  for (let i = start; i < rows.length && found.length < count; i++) if (isWanted(rows[i]!)) found.push(rows[i]!)
  return found
}

type Keyed = { key: SortKey; id: string }

/** The first rows after the cursor in an order other than that of the rows: one walk, which keeps the best so far. */
function takeSorted(
  rows: readonly StatusTable[],
  isWanted: RowTest,
  count: number,
  sort: StatusSort,
  cursor: string | undefined,
  now: number,
): StatusTable[] {
  const order = orderOf(sort)
  const keyOf = sortKeys[sort.replace('-', '') as keyof typeof sortKeys]
  const after = cursor === undefined ? null : readCursor(cursor)
  const best: (Keyed & { row: StatusTable })[] = []
  for (const row of rows) {
    if (!isWanted(row)) continue
    const each = { key: keyOf(row, now), id: row.asset_id, row }
    if (after !== null && order(each, after) <= 0) continue
    if (best.length === count && order(each, best.at(-1)!) >= 0) continue
    let at = best.length
    while (at > 0 && order(each, best[at - 1]!) < 0) at--
    best.splice(at, 0, each)
    if (best.length > count) best.pop()
  }
  return best.map((each) => each.row)
}

function orderOf(sort: StatusSort): (a: Keyed, b: Keyed) => number {
  const direction = sort.startsWith('-') ? -1 : 1
  return (a, b) => {
    if (a.key !== b.key) {
      if (a.key === null) return 1
      if (b.key === null) return -1
      return direction * compare(a.key, b.key)
    }
    return compare(a.id, b.id)
  }
}

function writeCursor(row: StatusTable, sort: StatusSort, now: number): string {
  if (sort === 'id') return encodeCursor(row.asset_id)
  const key = sortKeys[sort.replace('-', '') as keyof typeof sortKeys](row, now)
  return encodeCursor(JSON.stringify([key, row.asset_id]))
}

function readCursor(cursor: string): Keyed {
  try {
    const [key, id] = JSON.parse(decodeCursor(cursor)) as [unknown, unknown]
    if (typeof id === 'string' && (key === null || typeof key === 'string' || typeof key === 'number'))
      return { key, id }
  } catch {}
  throw new Problem('bad_request', 'this cursor is not one of this list')
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The state at a time: what works is silent, or calls for attention, once its deadline has passed. */
function stateAt({ silent_at, attention_at, state }: StatusTable, now: number): AssetState {
  if (silent_at !== null && silent_at <= now) return 'silent'
  return attention_at !== null && attention_at <= now ? 'attention' : state
}

function sinceAt(row: StatusTable, now: number): number {
  if (row.silent_at !== null && row.silent_at <= now) return row.silent_at
  return row.state === 'working' && row.attention_at !== null && row.attention_at <= now ? row.attention_at : row.since
}

/** A row as it is told. */
export function toStatus(row: StatusTable, now: number): AssetStatus {
  const state = stateAt(row, now)
  const attentions = JSON.parse(row.attentions) as string[]
  const isOneSilent = state !== 'silent' && row.attention_at !== null && row.attention_at <= now
  return {
    assetId: row.asset_id,
    kind: row.kind as AssetKind,
    label: row.label,
    state,
    since: sinceAt(row, now),
    lastSeenAt: row.last_seen_at,
    silentAt: row.silent_at,
    battery: row.battery,
    attentions: isOneSilent ? [...attentions, deviceSilence.code] : attentions,
    deviceId: row.device_id,
    installationId: row.installation_id,
    lastProofAt: row.proof_at,
    lastProof: row.proof as ProofKind | null,
    lifeCycle: row.life_cycle as AssetLifeCycle,
    latitude: row.latitude,
    longitude: row.longitude,
    service: row.service,
    district: row.district,
  }
}
