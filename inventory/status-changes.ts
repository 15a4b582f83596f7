import type { Access } from '../store/access.ts'
import { match, type StatusFilter, toStatus, toStatusJson } from './status.ts'
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
  const first = match(access, filter, since)
  for (const row of board.rows()) if (first(row)) told.add(row.asset_id)
  let before = since
  const stop = board.listen((assetIds) => {
    for (const id of assetIds) changed.add(id)
  })
  return {
    take(now) {
      const isPast = (time: number | null) => time !== null && time > before && time <= now
      for (const row of board.rows()) if (isPast(row.silent_at) || isPast(row.attention_at)) changed.add(row.asset_id)
      before = now
      const isWanted = match(access, filter, now)
      const events: string[] = []
      for (const id of changed) {
        const row = board.get(id)
        if (row !== undefined && isWanted(row)) {
          told.add(id)
          events.push(`event: status\ndata: ${JSON.stringify(toStatusJson(toStatus(row, now)))}\n\n`)
        } else if (told.delete(id)) events.push(`event: left\ndata: ${JSON.stringify({ assetId: id })}\n\n`)
      }
      changed.clear()
      return { text: events.slice(0, maxTold).join(''), isLagging: events.length > maxTold }
    },
    close: stop,
  }
}
