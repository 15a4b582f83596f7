import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Label } from '../domain/quantity.ts'

/**
 * How a bridge is, as the broker tells it. `waiting` is between two attempts, and `detail` says why; a bridge that is
 * `connected` may have a detail too, such as a topic that was refused. `qos` is what the other broker granted. Counts are
 * since the broker's start: `received` messages, `journaled` of them, `repeated` ones that the journal had already,
 * `lost` ones of QoS 0 that the journal refused. Times are UTC epoch milliseconds.
 */
export type BridgeState = {
  name: string
  state: 'connecting' | 'connected' | 'waiting'
  since: number
  detail: Label | null
  qos: number | null
  received: number
  journaled: number
  repeated: number
  lost: number
  lastMessageAt: number | null
}

const staleAfterMs = 5000

/** Opens the file in which the broker tells how its bridges are. A state that comes while one is written is passed over. */
export function openBridgeStates(dataDir: string) {
  const file = stateFile(dataDir)
  let isWriting = false
  return {
    async tell(states: readonly BridgeState[]) {
      if (isWriting) return
      isWriting = true
      try {
        await writeFile(`${file}.new`, JSON.stringify({ toldAt: Date.now(), states }))
        await rename(`${file}.new`, file)
      } catch {
        // A full disk: the bridges go on, and what is told becomes stale, which is told too.
      } finally {
        isWriting = false
      }
    },
  }
}

/** What the broker last told of its bridges, by name; nothing while it does not run. */
export function readBridgeStates(dataDir: string): ReadonlyMap<string, BridgeState> {
  try {
    const { toldAt, states } = JSON.parse(readFileSync(stateFile(dataDir), 'utf8')) as {
      toldAt: number
      states: BridgeState[]
    }
    return new Map(Date.now() - toldAt > staleAfterMs ? [] : states.map((state) => [state.name, state]))
  } catch {
    return new Map()
  }
}

function stateFile(dataDir: string): string {
  return join(dataDir, 'state', 'bridges.json')
}
