import { type AssetState, assetStates } from '../domain/asset.ts'
import { attentionRules } from '../domain/attention.ts'
import type { Access } from '../store/access.ts'
import { type AssetStatus, attentionsAt, match, tellStatus } from './status.ts'
import type { StatusBoard } from './status-board.ts'

/** How many of each need are shown. */
const worstShown = 5
const dayMs = 86_400_000

/** A reason why a person should look today: `silent`, or a code of domain/attention.ts. */
export type Need = {
  code: string
  count: number
  /** Of them, those that began in the last 24 hours. */
  recent: number
  /** The assets in service that it could be told of, and those of them that speak: what `count` rests on. */
  of: number
  heard: number
  /** Those that wait longest, a low battery by its level. */
  worst: AssetStatus[]
}

/** What needs a person, and how many assets are in service, have been heard once, and are heard now. */
export type Needs = { needs: Need[]; states: Record<AssetState, number> }

/** What needs a person now, in one walk over the board. */
export function listNeeds(access: Pick<Access, 'services'>, board: StatusBoard, now = Date.now()): Needs {
  const isSeen = match(access, board, {}, now)
  const { columns } = board
  const { codes, names, numbers } = columns
  const states = Object.fromEntries(assetStates.map((state) => [state, 0])) as Record<AssetState, number>
  const isWatched = (slot: number) => !Number.isNaN(numbers.last_seen_at[slot])
  const all = [
    startNeed('silent', isWatched),
    ...attentionRules.map(({ code, kinds }) => {
      // Without kinds of its own a rule is about the device: about the battery, of those that have one.
      if (kinds === undefined) return startNeed(code, (slot) => !Number.isNaN(numbers.battery[slot]))
      const kindCodes = new Set(kinds.map((kind) => names.kind.find(kind)))
      return startNeed(code, (slot) => kindCodes.has(codes.kind[slot]!))
    }),
  ]
  for (const slot of board.byId()) {
    if (!isSeen(slot)) continue
    const state = assetStates[columns.stateAt(slot, now)]!
    states[state]++
    if (state === 'out_of_service') continue
    const calls = state === 'silent' ? ['silent'] : state === 'attention' ? attentionsAt(board, slot, now) : []
    for (const need of all) {
      const holds = calls.includes(need.code)
      // An asset of another kind that calls for the same is one of them too.
      if (!holds && !need.concerns(slot)) continue
      need.of++
      if (state === 'working' || state === 'attention') need.heard++
      if (!holds) continue
      need.count++
      const since = columns.sinceAt(slot, now)
      if (since > now - dayMs) need.recent++
      keepWorst(need.slots, { slot, key: need.code === 'low_battery' ? numbers.battery[slot]! : since })
    }
  }
  return {
    states,
    needs: all.map(({ slots, concerns, ...need }) => ({
      ...need,
      worst: slots.map(({ slot }) => tellStatus(board, slot, now)),
    })),
  }
}

type Kept = { slot: number; key: number }

function startNeed(code: string, concerns: (slot: number) => boolean) {
  return { code, count: 0, recent: 0, of: 0, heard: 0, concerns, slots: [] as Kept[] }
}

function keepWorst(worst: Kept[], kept: Kept): void {
  if (worst.length === worstShown && kept.key >= worst.at(-1)!.key) return
  let at = worst.length
  while (at > 0 && kept.key < worst[at - 1]!.key) at--
  worst.splice(at, 0, kept)
  if (worst.length > worstShown) worst.pop()
}
