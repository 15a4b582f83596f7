import { type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { AssetState } from '../domain/asset.ts'
import type { AssetKind } from '../domain/asset-kind.ts'
import { deviceSilence } from '../domain/attention.ts'
import { formatTime } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import type { RegistryTables, StatusTable } from '../store/registry-tables.ts'
import { decodeCursor, type Page, type PageRequest, toPage } from './page.ts'
import { contains, searchWords } from './search.ts'

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
  latitude: number | null
  longitude: number | null
  service: string | null
  district: string | null
}

/** Which assets. `bbox` is [west, south, east, north] in degrees; each word of `q` is looked for as in the assets. */
export type StatusFilter = {
  kind?: string | undefined
  state?: AssetState | undefined
  service?: string | undefined
  district?: string | undefined
  bbox?: readonly [west: number, south: number, east: number, north: number] | undefined
  q?: string | undefined
}

/** Most assets of one map extract. */
export const maxFeatures = 20_000

/** The status of assets in the order of their ids. Silence is decided by `now`. */
export async function listStatus(
  access: Access,
  { limit, cursor, ...filter }: PageRequest & StatusFilter,
  now = Date.now(),
): Promise<Page<AssetStatus>> {
  let query = access.registry.selectFrom('status').selectAll('status').$call(where(filter, now))
  if (cursor !== undefined) query = query.where('asset_id', '>', decodeCursor(cursor))
  const rows = await query
    .orderBy('asset_id')
    .limit(limit + 1)
    .execute()
  return toPage(
    rows,
    limit,
    (row) => row.asset_id,
    (row) => toStatus(row, now),
  )
}

/** How many assets there are of each kind and state; what there is none of is left out. */
export async function countStatus(
  access: Access,
  filter: StatusFilter,
  now = Date.now(),
): Promise<{ kind: AssetKind; state: AssetState; count: number }[]> {
  const rows = await access.registry
    .selectFrom('status')
    .$call(where(filter, now))
    .select((e) => ['kind', stateAt(now).as('state_now'), e.fn.countAll<number>().as('count')])
    .groupBy(['kind', 'state_now'])
    .orderBy('kind')
    .orderBy('state_now')
    .execute()
  return rows.map((row) => ({ kind: row.kind as AssetKind, state: row.state_now, count: Number(row.count) }))
}

/** The assets that have a position, as a GeoJSON feature collection (RFC 7946); `truncated` when there are more. */
export async function listStatusGeojson(
  access: Access,
  { limit = maxFeatures, ...filter }: StatusFilter & { limit?: number | undefined },
  now = Date.now(),
) {
  const most = Math.min(limit, maxFeatures)
  const rows = await access.registry
    .selectFrom('status')
    .selectAll('status')
    .$call(where(filter, now))
    .where('latitude', 'is not', null)
    .orderBy('asset_id')
    .limit(most + 1)
    .execute()
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
  const { since, lastSeenAt, silentAt } = status
  return {
    ...status,
    since: formatTime(since),
    lastSeenAt: lastSeenAt === null ? null : formatTime(lastSeenAt),
    silentAt: silentAt === null ? null : formatTime(silentAt),
  }
}

/** The state at a time: what works is silent, or calls for attention, once its deadline has passed. */
function stateAt(now: number): RawBuilder<AssetState> {
  return sql<AssetState>`case
    when silent_at <= ${now} then 'silent'
    when attention_at <= ${now} then 'attention'
    else state end`
}

function where(filter: StatusFilter, now: number) {
  return <Output>(query: SelectQueryBuilder<RegistryTables, 'status', Output>) => {
    const { kind, state, service, district, bbox, q } = filter
    let chosen = query
    if (kind !== undefined) chosen = chosen.where('kind', '=', kind)
    if (state !== undefined) chosen = chosen.where(isState(state, now))
    if (service !== undefined) chosen = chosen.where('service', '=', service)
    if (district !== undefined) chosen = chosen.where('district', '=', district)
    for (const word of searchWords(q ?? '')) chosen = chosen.where(contains('search', word))
    if (bbox !== undefined) {
      const [west, south, east, north] = bbox
      chosen = chosen.where('latitude', '>=', south).where('latitude', '<=', north)
      // A box over the antimeridian goes from its west to its smaller east (RFC 7946, 5.2).
      chosen = chosen.where((e) =>
        west <= east
          ? e.and([e('longitude', '>=', west), e('longitude', '<=', east)])
          : e.or([e('longitude', '>=', west), e('longitude', '<=', east)]),
      )
    }
    return chosen
  }
}

// The same as `stateAt`, said so that an index helps. Only what is watched has deadlines.
function isState(state: AssetState, now: number): RawBuilder<SqlBool> {
  if (state === 'silent') return sql<SqlBool>`silent_at <= ${now}`
  if (state === 'attention')
    return sql<SqlBool>`(silent_at > ${now} and (state = 'attention' or attention_at <= ${now}))`
  if (state === 'working')
    return sql<SqlBool>`(state = 'working' and silent_at > ${now} and (attention_at is null or attention_at > ${now}))`
  return sql<SqlBool>`state = ${state}`
}

function toStatus(row: StatusTable, now: number): AssetStatus {
  const isSilent = row.silent_at !== null && row.silent_at <= now
  const isDeviceSilent = !isSilent && row.attention_at !== null && row.attention_at <= now
  const attentions = JSON.parse(row.attentions) as string[]
  const silenceCalls = isDeviceSilent && row.state === 'working'
  return {
    assetId: row.asset_id,
    kind: row.kind as AssetKind,
    label: row.label,
    state: isSilent ? 'silent' : silenceCalls ? 'attention' : row.state,
    since: isSilent ? row.silent_at! : silenceCalls ? row.attention_at! : row.since,
    lastSeenAt: row.last_seen_at,
    silentAt: row.silent_at,
    battery: row.battery,
    attentions: isDeviceSilent ? [...attentions, deviceSilence.code] : attentions,
    deviceId: row.device_id,
    latitude: row.latitude,
    longitude: row.longitude,
    service: row.service,
    district: row.district,
  }
}
