import { SvelteMap } from 'svelte/reactivity'
import { get, type Page, type Reading } from '../../api.ts'
import { pickKeyReading } from '../../key-reading.ts'

// A browser opens six connections to a server, and one of them is the stream's.
const maxAtOnce = 3

/** The telling reading of each asset in view, asked for one asset at a time, since a list of assets has no readings. */
export function createKeyReadings() {
  const readings = new SvelteMap<string, Reading | null>()
  const asked = new Set<string>()
  let queue: string[] = []
  let running = 0

  async function work(): Promise<void> {
    if (running >= maxAtOnce) return
    running++
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      const latest = await get<Page<Reading>>(`/assets/${encodeURIComponent(id)}/latest`).catch(() => null)
      if (latest !== null) readings.set(id, pickKeyReading(latest.items))
    }
    running--
  }

  function ask(ids: readonly string[]) {
    queue = [...new Set([...queue, ...ids])]
    for (let i = 0; i < maxAtOnce; i++) void work()
  }

  return {
    of: (assetId: string): Reading | null | undefined => readings.get(assetId),
    /** Says which assets are in view; those that were not asked for yet are. */
    show(ids: readonly string[]): void {
      queue = []
      ask(ids.filter((id) => !asked.has(id)))
      for (const id of ids) asked.add(id)
    },
    /** Asks again for assets whose device was just heard. */
    again: ask,
  }
}
