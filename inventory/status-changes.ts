import type { Access } from '../store/access.ts'
import { match, type StatusFilter, tellStatus, toStatusJson } from './status.ts'
import type { StatusBoard } from './status-board.ts'

/** Changes that are told at once; when there are more, the reader is told to look at the list again. */
const maxTold = 1000

/**
 * Follows what changes of the assets that a filter takes, deadlines that pass among it. `take` gives what changed since
 * the call before, as the text of server-sent events (WHATWG HTML, section 9.2).
 */
export function listStatusChanges(
  access: Pick<Access, 'services'>,
  board: StatusBoard,
  filter: StatusFilter,
  since = Date.now(),
): { take(now: number): { text: string; isLagging: boolean }; close(): void } {
  const changed = new Set<string>()
  const told = new Set<string>()
  const { columns } = board
  const ids = columns.texts.asset_id
  const first = match(access, board, filter, since)
  for (const slot of board.byId()) if (first(slot)) told.add(ids[slot]!)
  let before = since
  const stop = board.listen((assetIds) => {
    for (const id of assetIds) changed.add(id)
  })
  return {
    take(now) {
      const { silent_at, attention_at } = columns.numbers
      const isPast = (time: number) => time > before && time <= now
      for (const slot of board.byId())
        if (isPast(silent_at[slot]!) || isPast(attention_at[slot]!)) changed.add(ids[slot]!)
      before = now
      const isWanted = match(access, board, filter, now)
      const events: string[] = []
      for (const id of changed) {
        const slot = board.find(id)
        if (slot !== undefined && isWanted(slot)) {
          told.add(id)
          events.push(`event: status\ndata: ${JSON.stringify(toStatusJson(tellStatus(board, slot, now)))}\n\n`)
        } else if (told.delete(id)) events.push(`event: left\ndata: ${JSON.stringify({ assetId: id })}\n\n`)
      }
      changed.clear()
      return { text: events.slice(0, maxTold).join(''), isLagging: events.length > maxTold }
    },
    close: stop,
  }
}
