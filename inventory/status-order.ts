import { type AssetState, assetStates } from '../domain/asset.ts'
import { compareTexts } from '../domain/compare.ts'
import { decodeCursor, encodeCursor, wrongCursor } from './page.ts'
import { findPlace } from './slot-order.ts'
import type { StatusBoard } from './status-board.ts'
import type { StatusColumns } from './status-columns.ts'

/* What a list of assets is sorted by, and its pages. A slot is an asset's place on the board. */

/** Whether the asset of a slot is wanted. */
export type SlotTest = (slot: number) => boolean

// What calls for work comes first.
const urgency: readonly AssetState[] = ['silent', 'attention', 'never_seen', 'working', 'out_of_service']

type KeyOf = (slot: number) => number

/** What a list is sorted by, as a number, NaN for what is not known; ids and labels have orders of their own. */
const sortKeys = {
  kind({ codes, names }: StatusColumns): KeyOf {
    const sorted = [...names.kind.known].sort((a, b) => compareTexts(a ?? '', b ?? ''))
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

/** The first `count` slots that are wanted, sorted, after those of the page that gave `cursor`. */
export function takeSorted(
  board: StatusBoard,
  options: { sort: StatusSort; isWanted: SlotTest; count: number; cursor?: string | undefined; now: number },
): number[] {
  const { sort, isWanted, count, cursor, now } = options
  const name = nameOf(sort)
  const isDown = sort.startsWith('-')
  return name === 'id' || name === 'label'
    ? takeInOrder(board, name, isDown, isWanted, count, cursor)
    : takeBest(board, sortKeys[name](board.columns, now), isDown, isWanted, count, cursor)
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

/** The cursor of the page that ends with a slot. */
export function writeCursor({ columns }: StatusBoard, slot: number, sort: StatusSort, now: number): string {
  const name = nameOf(sort)
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

function nameOf(sort: StatusSort): SortName {
  return sort.replace('-', '') as SortName
}
