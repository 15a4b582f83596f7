import type { Decoded, DecodedBatch } from './decode.ts'

/** Bounds of what waits for its codec outside of a batch. Past them ingest takes no more from the journal. */
export const lateLimits = { uplinks: 10_000, bytes: 32 << 20 } as const

/**
 * Uplinks whose codec had not answered when their batch was committed. They join a later commit; until then the cursor
 * stays before the first of them, so that a crash decodes again all that comes after. That is no harm: readings, latest
 * and dead letters are keyed so that writing them twice is writing them once.
 */
export function keepLate(onArrived: (decoded: Decoded) => void) {
  // By seq, in its order: uplinks are added as the journal gives them.
  let waiting = new Map<number, { bytes: number }>()
  let arrived: Decoded[] = []
  let bytes = 0

  return {
    add(pending: DecodedBatch['pending']) {
      for (const { uplink, decoding } of pending) {
        const entry = { bytes: uplink.payload.length + uplink.topic.length }
        const ours = waiting
        ours.set(uplink.seq, entry)
        bytes += entry.bytes
        void decoding.then((decoded) => {
          // What was forgotten meanwhile comes again from the journal.
          if (ours !== waiting) return
          arrived.push(decoded)
          onArrived(decoded)
        })
      }
    },
    /** What has arrived, in the order of the journal; `kept` must be told once it is committed. */
    take(): Decoded[] {
      return arrived.splice(0).sort((a, b) => a.uplink.seq - b.uplink.seq)
    },
    /** Notes that these are committed. */
    kept(decoded: readonly Decoded[]) {
      for (const { uplink } of decoded) {
        bytes -= waiting.get(uplink.seq)?.bytes ?? 0
        waiting.delete(uplink.seq)
      }
    },
    /** Forgets all: the source goes back to the cursor. */
    forget() {
      waiting = new Map()
      arrived = []
      bytes = 0
    },
    /** How far the cursor may go, when all up to `seq` were taken and all that is not here is committed. */
    cursorFor(seq: number, committing: ReadonlySet<number>): number {
      for (const each of waiting.keys()) if (!committing.has(each)) return Math.min(seq, each - 1)
      return seq
    },
    get hasArrived() {
      return arrived.length > 0
    },
    get isFull() {
      return waiting.size >= lateLimits.uplinks || bytes >= lateLimits.bytes
    },
  }
}
