import { parentPort, workerData } from 'node:worker_threads'
import type { Config } from '../config.ts'
import { Problem } from '../domain/problem.ts'
import { importAssets } from '../inventory/import-assets.ts'
import { importDevices } from '../inventory/import-devices.ts'
import type { Mapping } from '../inventory/import-mapping.ts'
import type { ImportKind } from '../inventory/import-preview.ts'
import { undoImport } from '../inventory/import-undo.ts'
import { type Actor, openAccess } from '../store/access.ts'
import { openRegistry } from '../store/registry.ts'

/* One import, or the undoing of one, away from the thread that answers requests. */

/** What the thread is to do, and in whose name. */
export type ImportTask = {
  config: Config
  actor: Actor
  services: readonly string[] | null
  reason: string | null
  work:
    | { undo: string }
    | {
        kind: ImportKind
        file: string | Uint8Array
        dryRun: boolean
        allowChanges: boolean
        mapping: Mapping | undefined
      }
}

const tellEveryMs = 200

const importers = { assets: importAssets, devices: importDevices }

const port = parentPort!
const { config, actor, services, reason, work } = workerData as ImportTask
const registry = await openRegistry({ dataDir: config.PARVIS_DATA_DIR, database: config.PARVIS_REGISTRY })
const access = openAccess(registry, actor, { services, reason })
let toldAt = 0
try {
  const outcome =
    'undo' in work
      ? await undoImport(access, work.undo)
      : await importers[work.kind](access, work.file, { ...work, progress: tellProgress })
  port.postMessage({ outcome })
} catch (error) {
  if (!(error instanceof Problem)) throw error
  const { code, detail, errors } = error
  port.postMessage({ problem: { code, detail, errors } })
} finally {
  await registry.destroy()
}

function tellProgress(phase: string, done: number, total: number): void {
  if (Date.now() - toldAt < tellEveryMs) return
  toldAt = Date.now()
  port.postMessage({ progress: { phase, done, total } })
}
