import { type AssetLifeCycle, type AssetState, assetStates } from '../domain/asset.ts'
import type { AssetKind } from '../domain/asset-kind.ts'
import { deviceSilence } from '../domain/attention.ts'
import { compareTexts } from '../domain/compare.ts'
import { type Area, contains } from '../domain/place.ts'
import { formatTime } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import type { Page, PageRequest } from './page.ts'
import { searchWords } from './search.ts'
import type { StatusBoard } from './status-board.ts'
import type { StatusColumns } from './status-columns.ts'
import { type SlotTest, type StatusSort, takeSorted, writeCursor } from './status-order.ts'

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
  /** Any of these. */
  state?: readonly AssetState[] | undefined
  /** A code of domain/attention.ts. */
  attention?: string | undefined
  service?: string | undefined
  district?: string | undefined
  lifeCycle?: AssetLifeCycle | undefined
  includesDisposed?: boolean | undefined
  areas?: readonly Area[] | undefined
  q?: string | undefined
}

/** Most assets of one map extract. */
export const maxFeatures = 20_000

/** The status of assets in the order of their ids, or of `sort`. Silence is decided by `now`. */
export function listStatus(
  access: Pick<Access, 'services'>,
  board: StatusBoard,
  { limit, cursor, sort = 'id', ...filter }: PageRequest & StatusFilter & { sort?: StatusSort | undefined },
  now = Date.now(),
): Page<AssetStatus> {
  const isWanted = match(access, board, filter, now)
  const found = takeSorted(board, { sort, isWanted, count: limit + 1, cursor, now })
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map((slot) => tellStatus(board, slot, now)),
    next: found.length > limit && last !== undefined ? writeCursor(board, last, sort, now) : null,
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
  const isWanted = match(access, board, filter, now)
  const { columns } = board
  const codes = columns.codes[by]
  const counts = new Map<number, number[]>()
  for (const slot of board.byId()) {
    if (!isWanted(slot)) continue
    const code = codes[slot]!
    let ofGroup = counts.get(code)
    if (ofGroup === undefined) {
      ofGroup = assetStates.map(() => 0)
      counts.set(code, ofGroup)
    }
    ofGroup[columns.stateAt(slot, now)]!++
  }
  const named = [...counts].map(([code, ofGroup]) => ({ name: columns.names[by].known[code]!, ofGroup }))
  return named
    .sort((a, b) => compareTexts(a.name ?? '', b.name ?? ''))
    .flatMap(({ name, ofGroup }) =>
      assetStates
        .map((state, i) => ({ [by]: name, state, count: ofGroup[i]! }))
        .filter(({ count }) => count > 0)
        .sort((a, b) => compareTexts(a.state, b.state)),
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
  const isWanted = match(access, board, filter, now)
  const { latitude } = board.columns.numbers
  const slots = takeSorted(board, {
    sort: 'id',
    isWanted: (slot) => !Number.isNaN(latitude[slot]) && isWanted(slot),
    count: most + 1,
    now,
  })
  return {
    type: 'FeatureCollection' as const,
    truncated: slots.length > most,
    features: slots.slice(0, most).map((slot) => tellFeature(board, slot, now)),
  }
}

/** A status with its times as the API tells them. */
export function toStatusJson(status: AssetStatus) {
  const { latitude, longitude } = status
  return { ...tellProperties(status), latitude, longitude }
}

function tellFeature(board: StatusBoard, slot: number, now: number) {
  const status = tellStatus(board, slot, now)
  return {
    type: 'Feature' as const,
    id: status.assetId,
    geometry: { type: 'Point' as const, coordinates: [status.longitude!, status.latitude!] as [number, number] },
    properties: tellProperties(status),
  }
}

// Written out: ten thousand of them go into one map, and copying objects that way takes a third of the time.
function tellProperties(status: AssetStatus) {
  return {
    assetId: status.assetId,
    kind: status.kind,
    label: status.label,
    state: status.state,
    since: formatTime(status.since),
    lastSeenAt: tellTime(status.lastSeenAt),
    silentAt: tellTime(status.silentAt),
    battery: status.battery,
    attentions: status.attentions,
    deviceId: status.deviceId,
    installationId: status.installationId,
    lastProofAt: tellTime(status.lastProofAt),
    lastProof: status.lastProof,
    lifeCycle: status.lifeCycle,
    service: status.service,
    district: status.district,
  }
}

function tellTime(time: number | null): string | null {
  return time === null ? null : formatTime(time)
}

/** Whether the asset of a slot is one of those asked for and may be seen; the cheap questions first. */
export function match(
  { services }: Pick<Access, 'services'>,
  { columns }: StatusBoard,
  { kind, state, attention, service, district, lifeCycle, includesDisposed = false, areas = [], q }: StatusFilter,
  now: number,
): SlotTest {
  const { codes, names, numbers, texts } = columns
  const tests: SlotTest[] = []
  const is = (column: 'kind' | 'service' | 'district' | 'life_cycle', name: string) => {
    const [values, code] = [codes[column], names[column].find(name)]
    tests.push((slot) => values[slot] === code)
  }
  if (services !== null) {
    const seen = new Set(services.map((each) => names.service.find(each)))
    tests.push((slot) => seen.has(codes.service[slot]!))
  }
  if (kind !== undefined) is('kind', kind)
  if (service !== undefined) is('service', service)
  if (district !== undefined) is('district', district)
  if (lifeCycle !== undefined) is('life_cycle', lifeCycle)
  else if (!includesDisposed) {
    const disposed = names.life_cycle.find('disposed')
    tests.push((slot) => codes.life_cycle[slot] !== disposed)
  }
  if (state !== undefined) {
    const wanted = assetStates.map((each) => state.includes(each))
    tests.push((slot) => wanted[columns.stateAt(slot, now)]!)
  }
  if (attention !== undefined) {
    const calls = names.attentions.known.map((text) => (JSON.parse(text!) as string[]).includes(attention))
    tests.push((slot) =>
      attention === deviceSilence.code ? isOneSilent(columns, slot, now) : calls[codes.attentions[slot]!]!,
    )
  }
  for (const word of searchWords(q ?? '')) {
    const mayContain = columns.signatures.sift(word)
    tests.push((slot) => mayContain(slot) && texts.search[slot]!.includes(word))
  }
  for (const area of areas) {
    const { latitude, longitude } = numbers
    tests.push((slot) => !Number.isNaN(latitude[slot]) && contains(area, [longitude[slot]!, latitude[slot]!]))
  }
  return (slot) => {
    for (const test of tests) if (!test(slot)) return false
    return true
  }
}

/** The slots of the assets that a filter takes, in the order of their ids. */
export function selectSlots(
  access: Pick<Access, 'services'>,
  board: StatusBoard,
  filter: StatusFilter,
  now: number,
): number[] {
  const isWanted = match(access, board, filter, now)
  const slots: number[] = []
  for (const slot of board.byId()) if (isWanted(slot)) slots.push(slot)
  return slots
}

const silent = assetStates.indexOf('silent')

/** Whether one of the devices of an asset is silent, and another is not. */
function isOneSilent(columns: StatusColumns, slot: number, now: number): boolean {
  return columns.numbers.attention_at[slot]! <= now && columns.stateAt(slot, now) !== silent
}

/** What an asset calls for attention for, as codes: what its readings tell, and that one of its devices is silent. */
export function attentionsAt({ columns }: StatusBoard, slot: number, now: number): string[] {
  const attentions = JSON.parse(columns.nameAt('attentions', slot)!) as string[]
  return isOneSilent(columns, slot, now) ? [...attentions, deviceSilence.code] : attentions
}

/** The row of a slot as it is told. */
export function tellStatus(board: StatusBoard, slot: number, now: number): AssetStatus {
  const { columns } = board
  const { texts } = columns
  const state = assetStates[columns.stateAt(slot, now)]!
  return {
    assetId: texts.asset_id[slot]!,
    kind: columns.nameAt('kind', slot) as AssetKind,
    label: texts.label[slot]!,
    state,
    since: columns.sinceAt(slot, now),
    lastSeenAt: columns.numberAt('last_seen_at', slot),
    silentAt: columns.numberAt('silent_at', slot),
    battery: columns.numberAt('battery', slot),
    attentions: attentionsAt(board, slot, now),
    deviceId: texts.device_id[slot]!,
    installationId: texts.installation_id[slot]!,
    lastProofAt: columns.numberAt('proof_at', slot),
    lastProof: columns.nameAt('proof', slot) as ProofKind | null,
    lifeCycle: columns.nameAt('life_cycle', slot) as AssetLifeCycle,
    latitude: columns.numberAt('latitude', slot),
    longitude: columns.numberAt('longitude', slot),
    service: columns.nameAt('service', slot),
    district: columns.nameAt('district', slot),
  }
}
