import { setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { Config } from '../config.ts'
import { learnIntervals } from '../inventory/learned-intervals.ts'
import { foldStatus, loadStatus, type StatusListener } from '../inventory/status-fold.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { openRegistry } from '../store/registry.ts'

/* Folds the status table, away from the thread that answers requests, and posts every row that it wrote. */

/** Between two folds; changes made through the API wake it before. */
const pauseMs = 1000

/**
 * A fold that takes long is followed by a pause as many times as long, and no longer than that: those who ask have the
 * processors meanwhile, and what is heard twice is judged once.
 */
const pauseShare = 2
const longestPauseMs = 3000

const port = parentPort!
const { config } = workerData as { config: Config }
const dataDir = config.PARVIS_DATA_DIR
const registry = await openRegistry({ dataDir, database: config.PARVIS_REGISTRY })
const reader = openIngestReader(dataDir)
const learner = learnIntervals()
const listener: StatusListener = {
  put: (rows) => port.postMessage({ rows }),
  remove: (removed) => port.postMessage({ removed }),
  reach: (revision) => port.postMessage({ revision }),
}

let isClosing = false
let wake = new AbortController()
port.on('message', (message: { close?: true }) => {
  isClosing ||= message.close === true
  wake.abort()
})

await loadStatus(registry, listener)
port.postMessage({ loaded: true })
while (!isClosing) {
  let hasMore = false
  const began = performance.now()
  wake = new AbortController()
  try {
    ;({ hasMore } = await foldStatus(registry, reader, { listener, learner }))
    port.postMessage({ failure: null })
  } catch (error) {
    // The next second tries again.
    port.postMessage({ failure: (error as Error).message })
  }
  const tookMs = performance.now() - began
  const pause = Math.min(longestPauseMs, Math.max(pauseMs, pauseShare * tookMs))
  if (!hasMore && !isClosing) await setTimeout(pause, undefined, { signal: wake.signal }).catch(() => {})
}
reader.close()
await registry.destroy()
port.close()
