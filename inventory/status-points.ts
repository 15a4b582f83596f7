import { assetStates } from '../domain/asset.ts'
import { attentionCodes } from '../domain/attention.ts'
import type { Access } from '../store/access.ts'
import { attentionsAt, match, type StatusFilter } from './status.ts'
import type { StatusBoard } from './status-board.ts'

/** Most assets of one map. */
export const maxPoints = 200_000

/**
 * The assets that have a position, as columns: `id[i]`, `label[i]`... are one asset. Of `kind`, `state`, `service` and
 * `district` a column holds the place in the list of that name under `words`; `attention` is a set of bits in the order
 * of `words.attention`. A fifth of the bytes that features take, and quick to read.
 */
export type StatusPoints = {
  words: {
    kind: string[]
    state: string[]
    attention: string[]
    service: (string | null)[]
    district: (string | null)[]
  }
  id: string[]
  label: string[]
  kind: number[]
  state: number[]
  attention: number[]
  service: number[]
  district: number[]
  longitude: number[]
  latitude: number[]
  /** Assets that are meant and have no position. */
  unplaced: number
  /** Whether there are more. */
  truncated: boolean
}

/** The assets of a map, in the order of their ids. */
export function listStatusPoints(
  access: Pick<Access, 'services'>,
  board: StatusBoard,
  { limit = maxPoints, ...filter }: StatusFilter & { limit?: number | undefined },
  now = Date.now(),
): StatusPoints {
  const isWanted = match(access, board, filter, now)
  const { codes, names, numbers, texts, stateAt } = board.columns
  // Sets of reasons are as few as the rows' texts of them: each is worked out once.
  const bits = names.attentions.known.map((text) => toBits(JSON.parse(text!) as string[]))
  // Of the names that the board knows only those of what is told: the others may be another service's.
  const [kinds, services, districts] = [names.kind, names.service, names.district].map(({ known }) =>
    gather(known),
  ) as [Gathered, Gathered, Gathered]
  const points: StatusPoints = {
    words: {
      kind: kinds.words as string[],
      state: [...assetStates],
      attention: attentionCodes,
      service: services.words,
      district: districts.words,
    },
    ...{
      id: [],
      label: [],
      kind: [],
      state: [],
      attention: [],
      service: [],
      district: [],
      longitude: [],
      latitude: [],
    },
    unplaced: 0,
    truncated: false,
  }
  for (const slot of board.byId()) {
    if (!isWanted(slot)) continue
    const longitude = numbers.longitude[slot]!
    if (Number.isNaN(longitude)) {
      points.unplaced++
      continue
    }
    if (points.id.length >= limit) {
      points.truncated = true
      break
    }
    points.id.push(texts.asset_id[slot]!)
    points.label.push(texts.label[slot]!)
    points.kind.push(kinds.placeOf(codes.kind[slot]!))
    points.state.push(stateAt(slot, now))
    points.attention.push(
      numbers.attention_at[slot]! <= now ? toBits(attentionsAt(board, slot, now)) : bits[codes.attentions[slot]!]!,
    )
    points.service.push(services.placeOf(codes.service[slot]!))
    points.district.push(districts.placeOf(codes.district[slot]!))
    points.longitude.push(longitude)
    points.latitude.push(numbers.latitude[slot]!)
  }
  return points
}

type Gathered = { words: (string | null)[]; placeOf(code: number): number }

/** Names by their numbers on the board, in the order in which they are met. */
function gather(known: readonly (string | null)[]): Gathered {
  const words: (string | null)[] = []
  const places = new Map<number, number>()
  return {
    words,
    placeOf(code) {
      const place = places.get(code)
      if (place !== undefined) return place
      places.set(code, words.length)
      return words.push(known[code]!) - 1
    },
  }
}

function toBits(attentions: readonly string[]): number {
  return attentions.reduce((bits, code) => bits | (1 << attentionCodes.indexOf(code)), 0)
}
