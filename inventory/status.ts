import { type AssetLifeCycle, type AssetState, assetStates } from '../domain/asset.ts'
import type { AssetKind } from '../domain/asset-kind.ts'
import { deviceSilence } from '../domain/attention.ts'
import { type Area, contains } from '../domain/place.ts'
import { formatTime } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import { decodeCursor, encodeCursor, type Page, type PageRequest, wrongCursor } from './page.ts'
import { searchWords } from './search.ts'
import { findPlace } from './slot-order.ts'
import type { StatusBoard } from './status-board.ts'
import type { StatusColumns } from './status-columns.ts'

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

// What calls for work comes first.
const urgency: readonly AssetState[] = ['silent', 'attention', 'never_seen', 'working', 'out_of_service']

type KeyOf = (slot: number) => number

/** What a list is sorted by, as a number, NaN for what is not known; ids and labels have orders of their own. */
const sortKeys = {
  kind({ codes, names }: StatusColumns): KeyOf {
    const sorted = [...names.kind.known].sort((a, b) => compare(a ?? '', b ?? ''))
    const ranks = names.kind.known.map((kind) => sorted.indexOf(kind))
    return (slot) => ranks[codes.kind[slot]!]!
  },
  state(columns: StatusColumns, now: number): KeyOf {
    const ranks = assetStates.map((state) => urgency.indexOf(state))
    return (slot) => ranks[columns.stateAt(slot, now)]!
  },
  since:
    (columns: StatusColumns, now: number): KeyOf =>
    (slot) =>
      columns.sinceAt(slot, now),
  lastSeenAt:
    ({ numbers }: StatusColumns): KeyOf =>
    (slot) =>
      numbers.last_seen_at[slot]!,
  lastProofAt:
    ({ numbers }: StatusColumns): KeyOf =>
    (slot) =>
      numbers.proof_at[slot]!,
  battery:
    ({ numbers }: StatusColumns): KeyOf =>
    (slot) =>
      numbers.battery[slot]!,
} as const

const orderedKeys = ['id', 'label'] as const

type SortName = keyof typeof sortKeys | (typeof orderedKeys)[number]

/** What a list may be sorted by; with `-` before it, from the last to the first. What is not known comes last. */
export const statusSorts = [...orderedKeys, ...Object.keys(sortKeys)].flatMap((key) => [key, `-${key}`]) as [
  StatusSort,
  ...StatusSort[],
]
export type StatusSort = SortName | `-${SortName}`

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
  const name = sort.replace('-', '') as SortName
  const isDown = sort.startsWith('-')
  const found =
    name === 'id' || name === 'label'
      ? takeInOrder(board, name, isDown, isWanted, limit + 1, cursor)
      : takeBest(board, sortKeys[name](board.columns, now), isDown, isWanted, limit + 1, cursor)
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
    .sort((a, b) => compare(a.name ?? '', b.name ?? ''))
    .flatMap(({ name, ofGroup }) =>
      assetStates
        .map((state, i) => ({ [by]: name, state, count: ofGroup[i]! }))
        .filter(({ count }) => count > 0)
        .sort((a, b) => compare(a.state, b.state)),
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
  const slots = takeInOrder(board, 'id', false, (slot) => !Number.isNaN(latitude[slot]) && isWanted(slot), most + 1)
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

type SlotTest = (slot: number) => boolean

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

/** The first that are wanted after the cursor, along an order that is kept, or back along it. */
function takeInOrder(
  board: StatusBoard,
  name: (typeof orderedKeys)[number],
  isDown: boolean,
  isWanted: SlotTest,
  count: number,
  cursor?: string,
): number[] {
  const slots = name === 'id' ? board.byId() : board.byLabel()
  const found: number[] = []
  const take = (slot: number) => {
    if (isWanted(slot)) found.push(slot)
  }
  const start = cursor === undefined ? null : findCursor(board, slots, name, readCursor(cursor), isDown)
  if (isDown) for (let i = (start ?? slots.length) - 1; i >= 0 && found.length < count; i--) take(slots[i]!)
  else for (let i = start ?? 0; i < slots.length && found.length < count; i++) take(slots[i]!)
  return found
}

/** Where an order goes on after a cursor: its place, itself left out. */
function findCursor(
  { columns }: StatusBoard,
  slots: Uint32Array,
  name: (typeof orderedKeys)[number],
  { key, id }: Keyed,
  isDown: boolean,
): number {
  const { asset_id: ids, label: labels } = columns.texts
  return findPlace(slots, (slot) => {
    if (name === 'label' && labels[slot] !== key) return labels[slot]! < String(key)
    return isDown ? ids[slot]! < id : ids[slot]! <= id
  })
}

type Keyed = { key: string | number | null; id: string }

/**
 * The first that are wanted after the cursor, by a number: one walk along the ids, which keeps a few times as many as are
 * asked for, and drops all but the best of them each time that it has them. Equal ones stay in the order of their ids.
 */
function takeBest(
  board: StatusBoard,
  keyOf: KeyOf,
  isDown: boolean,
  isWanted: SlotTest,
  count: number,
  cursor: string | undefined,
): number[] {
  const slots = board.byId()
  const after = cursor === undefined ? null : readCursor(cursor)
  const rank = (key: number | null) =>
    key === null || Number.isNaN(key) ? Number.POSITIVE_INFINITY : isDown ? -key : key
  const afterRank = after === null ? Number.NEGATIVE_INFINITY : rank(after.key === null ? null : Number(after.key))
  const afterPlace = after === null ? 0 : findCursor(board, slots, 'id', after, false)
  let best: { rank: number; place: number }[] = []
  let worst = Number.POSITIVE_INFINITY
  let isFull = false
  const keepBest = () => {
    best = best.sort((a, b) => (a.rank === b.rank ? a.place - b.place : a.rank < b.rank ? -1 : 1)).slice(0, count)
    if (best.length < count) return
    isFull = true
    worst = best.at(-1)!.rank
  }
  for (let place = 0; place < slots.length; place++) {
    const slot = slots[place]!
    const each = rank(keyOf(slot))
    if (each < afterRank || (each === afterRank && place < afterPlace) || (isFull && each >= worst)) continue
    if (!isWanted(slot)) continue
    best.push({ rank: each, place })
    if (best.length >= 4 * count) keepBest()
  }
  keepBest()
  return best.map((each) => slots[each.place]!)
}

function writeCursor({ columns }: StatusBoard, slot: number, sort: StatusSort, now: number): string {
  const name = sort.replace('-', '') as SortName
  const { asset_id: ids, label: labels } = columns.texts
  const key = name === 'id' ? null : name === 'label' ? labels[slot]! : sortKeys[name](columns, now)(slot)
  // A number that is not known is null in JSON.
  return encodeCursor(JSON.stringify([key, ids[slot]]))
}

function readCursor(cursor: string): Keyed {
  try {
    const [key, id] = JSON.parse(decodeCursor(cursor)) as [unknown, unknown]
    if (typeof id === 'string' && (key === null || typeof key === 'string' || typeof key === 'number'))
      return { key, id }
  } catch {}
  throw wrongCursor()
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
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
