import { Problem } from '../domain/problem.ts'
import type { Reading } from '../domain/reading.ts'
import { maxClockAheadMs, type Uplink } from '../domain/uplink.ts'
import { openJournalReader } from '../store/journal-reader.ts'
import { type DecodeRules, decodeUplinks } from './decode.ts'
import { rememberFrames } from './frames.ts'
import type { ReplayTools } from './replay.ts'

const uplinksPerStep = 1000
// Readings that are remembered at most, about 150 bytes each.
const maxRemembered = 1_000_000

/**
 * For a store that keeps the last write of a key, whatever its `seq`: remembers what uplinks that a replay leaves alone have
 * given, so that it writes none of its older readings over them. Only those observed before `before` (UTC epoch ms) can
 * meet a reading of the replay: what arrived late. Throws a Problem when these are too many.
 */
export function openNewerReadings(
  tools: ReplayTools,
  { afterSeq, before, isNewer }: { afterSeq: number; before: number; isNewer(uplink: Uplink): boolean },
) {
  const rules: DecodeRules = { ...tools.rules, frames: rememberFrames(), states: new Map() }
  const reader = openJournalReader(tools.journalFolder, { afterSeq })
  const seqs = new Map<string, number>()

  function remember(reading: Reading) {
    if (reading.observedAt >= before + maxClockAheadMs) return
    if (seqs.size >= maxRemembered) throw new Problem('replay_too_large')
    const key = keyOf(reading)
    seqs.set(key, Math.max(reading.seq, seqs.get(key) ?? 0))
  }

  return {
    /** Reads on to where ingest is by now; yields between its steps, and not at its end. */
    async *readOn(): AsyncGenerator<void> {
      for (let isFirst = true; reader.position < tools.cursor(); isFirst = false) {
        if (!isFirst) yield
        const batch = reader.read(uplinksPerStep)
        if (batch.length === 0) return
        const { decoded, pending } = await decodeUplinks(batch.filter(isNewer), tools.book, rules)
        const late = await Promise.all(pending.map(({ decoding }) => decoding))
        for (const { readings } of [...decoded, ...late]) for (const reading of readings) remember(reading)
      }
    },
    /** Whether a later uplink gave this reading's key a value too. */
    has: (reading: Reading) => (seqs.get(keyOf(reading)) ?? -1) > reading.seq,
    close: () => reader.close(),
  }
}

function keyOf({ deviceId, channel, quantity, observedAt }: Reading): string {
  return `${deviceId}\n${channel}\n${quantity} ${observedAt}`
}
