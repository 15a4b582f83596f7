import type { DatabaseSync } from 'node:sqlite'
import { openEmbeddedStore } from './embedded.ts'
import type { ReadingStore } from './reading-store.ts'

/** Which reading store, and what it needs to be reached; `retentionDays` is for a database that has yet to be made. */
export type StoreChoice = { retentionDays?: number | undefined } & (
  | { kind: 'embedded' }
  | {
      kind: 'influxdb1'
      url: string
      database: string
      username?: string | undefined
      password?: string | undefined
    }
  | { kind: 'influxdb2'; url: string; token: string; org: string; bucket: string }
  | { kind: 'influxdb3'; url: string; database: string; token?: string | undefined }
)

// A server that answers later than this does not answer: a batch is a few thousand lines.
const timeoutMs = 10_000

/** How long a server may still lose what it acknowledged, in ms: VictoriaMetrics lost seconds of data at kill -9. */
export function settleTimeMs(choice: StoreChoice): number {
  return choice.kind === 'embedded' ? 0 : 60_000
}

/**
 * `signal` ends what is under way; `hasWritten`: a server that has no database has lost what was written before;
 * `onDamage` is told what of the embedded store cannot be read, and why rollups of InfluxDB wait; with `readsReadings`
 * InfluxDB answers from the readings alone, for who compares them.
 */
export type OpenOptions = {
  readOnly?: boolean
  hasWritten?: boolean
  readsReadings?: boolean
  signal?: AbortSignal
  onDamage?(text: string): void
}

/** Opens a reading store; `database` is ingest's file, in which the embedded one stands. */
export type OpenStore = (database: DatabaseSync, options?: OpenOptions) => ReadingStore

/** How to open the reading store that was chosen; client libraries are loaded only for the one that needs them. */
export async function loadStore(choice: StoreChoice): Promise<OpenStore> {
  if (choice.kind === 'embedded') return openEmbeddedStore
  const { openInfluxStore } = await import('./influx.ts')
  const openServer = await loadServer(choice)
  return (database, { hasWritten, readOnly, readsReadings, signal, onDamage } = {}) =>
    openInfluxStore(openServer(signal), {
      hasWritten,
      database,
      readOnly,
      readsReadings,
      rollups: { settleMs: settleTimeMs(choice), ...(onDamage === undefined ? {} : { onTrouble: onDamage }) },
    })
}

async function loadServer(choice: Exclude<StoreChoice, { kind: 'embedded' }>) {
  if (choice.kind === 'influxdb1') {
    const { openInflux1 } = await import('./influx1.ts')
    return (signal?: AbortSignal) => openInflux1({ ...choice, timeoutMs, signal })
  }
  if (choice.kind === 'influxdb2') {
    const { openInflux2 } = await import('./influx2.ts')
    return (signal?: AbortSignal) => openInflux2({ ...choice, timeoutMs, signal })
  }
  const { openInflux3 } = await import('./influx3.ts')
  return (signal?: AbortSignal) => openInflux3({ ...choice, timeoutMs, signal })
}
