import type { Uplink } from '../domain/uplink.ts'
import type { Group } from '../store/journal.ts'
import { type Damage, type JournalReader, openJournalReader } from '../store/journal-reader.ts'
import { readUplinks } from '../store/journal-record.ts'
import type { JournalPlace } from '../store/journal-segment.ts'

/**
 * Gives the uplinks behind a cursor in bounded batches: from the groups that the broker hands over right after it made
 * them durable, while ingest keeps up with them; from the journal's files when it is behind, or in another process.
 */
export function openSource(folder: string, afterSeq: number, onDamage: (text: string) => void) {
  let position = afterSeq
  let reader: JournalReader | null = null
  // Where the files go on behind the groups that were taken.
  let place: JournalPlace | null = null
  const groups: Group[] = []
  const damage: Damage = { regions: 0, lostUplinks: 0 }

  /** Takes a group over. Those that `take` no longer needs are let go. */
  function offer(group: Group) {
    groups.push(group)
  }

  /** The next uplinks; none when there are none now. */
  function take(limit: number): Uplink[] {
    // Groups that the files have already given are dropped; a gap before the first one is read from the files.
    while (groups.length > 0 && groups[0]!.lastSeq <= position) groups.shift()
    const first = groups[0]
    if (first !== undefined && first.previousSeq <= position && first.firstSeq > position) {
      closeReader()
      return takeGroups(limit)
    }
    reader ??= openJournalReader(folder, { afterSeq: position, from: place, sync: true, onDamage })
    const uplinks = reader.read(limit)
    position = Math.max(position, reader.position)
    return uplinks
  }

  function takeGroups(limit: number): Uplink[] {
    const uplinks: Uplink[] = []
    while (groups.length > 0 && uplinks.length < limit && groups[0]!.previousSeq <= position) {
      const group = groups[0]!
      const end = readUplinks(group.records, uplinks, limit)
      position = uplinks.at(-1)!.seq
      if (end === group.records.length) {
        groups.shift()
        place = group.end
      } else
        groups[0] = {
          ...group,
          firstSeq: position + 1,
          previousSeq: position,
          records: group.records.subarray(end),
        }
    }
    return uplinks
  }

  function closeReader() {
    if (reader === null) return
    damage.regions += reader.damage.regions
    damage.lostUplinks += reader.damage.lostUplinks
    reader.close()
    reader = null
  }

  return {
    offer,
    take,
    /** Whether there is more to take already: something was handed over, or the last `take` left bytes behind. */
    get hasMore() {
      return groups.length > 0 || reader?.hasMore === true
    },
    /** Goes back to a cursor: what was taken behind it comes again. */
    rewind(afterSeq: number) {
      closeReader()
      position = afterSeq
      place = null
    },
    get damage(): Damage {
      return {
        regions: damage.regions + (reader?.damage.regions ?? 0),
        lostUplinks: damage.lostUplinks + (reader?.damage.lostUplinks ?? 0),
      }
    },
    close: closeReader,
  }
}

export type Source = ReturnType<typeof openSource>
