import { mkdirSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { formats } from '../../devices/catalogue.ts'
import type { Decode, DeviceModel } from '../../devices/model.ts'
import type { DeadLetterReason } from '../../domain/fault.ts'
import type { Latest, Reading } from '../../domain/reading.ts'
import { type Ingest, type IngestOptions, openIngest } from '../../ingest/ingest.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { type Group, type Journal, journalFolder, openJournal } from '../../store/journal.ts'
import type { ReadingStore } from '../../store/reading-store.ts'
import type { Registry } from '../../store/registry.ts'
import { until } from './until.ts'

/** A model for the tests, whose codec each of them brings. */
export const testModel = {
  id: 'test',
  vendor: 'Parvis',
  label: { fr: 'Essai', en: 'Test' },
  assetKinds: [],
  expectedIntervalS: 3600,
  quantities: ['temperature', 'fill_level'],
  payload: { format: 'parvis' },
} as const satisfies DeviceModel

/** Opens the journal of a data folder, closed with the test. */
export async function openTestJournal(dataDir: string, onCommit?: (group: Group) => void): Promise<Journal> {
  mkdirSync(dataDir, { recursive: true })
  const journal = await openJournal({
    folder: journalFolder(dataDir),
    maxBytes: 64 << 20,
    maxDays: 3650,
    confirmedSeq: () => 0,
    onCommit,
    log: () => {},
  })
  onTestFinished(() => journal.close())
  return journal
}

/** Journals payloads of devices, and waits until they are on disk. */
export async function appendAll(
  journal: Journal,
  messages: readonly { deviceId: string; payload: string | Uint8Array; receivedAt?: number; topic?: string }[],
): Promise<void> {
  await Promise.all(
    messages.map(
      ({ deviceId, payload, receivedAt = Date.now(), topic = `devices/${deviceId}/up` }) =>
        new Promise<void>((resolve, reject) =>
          journal.append({ clientId: deviceId, topic, payload: Buffer.from(payload), receivedAt }, (error) =>
            error === null ? resolve() : reject(error),
          ),
        ),
    ),
  )
}

/** Opens ingest over a data folder, with a codec for `testModel`; disposed of with the test, unless it was before. */
export function openTestIngest(
  options: {
    dataDir: string
    registry: Registry
    decode?: Decode
    wrapStore?(store: ReadingStore): ReadingStore
  } & Partial<Pick<IngestOptions, 'horizonDays' | 'retentionDays' | 'limits' | 'onCommitted' | 'log'>>,
): Ingest {
  const { decode, wrapStore = (store) => store, ...rest } = options
  const ingest = openIngest({
    catalogue: {
      models: new Map([[testModel.id, testModel]]),
      formats,
      compileDecoder: () => decode ?? (() => ({ readings: [], faults: [] })),
    },
    openStore: (database: DatabaseSync) => wrapStore(openEmbeddedStore(database)),
    horizonDays: 730,
    zone: 'Europe/Paris',
    log: () => {},
    ...rest,
  })
  let isDisposed = false
  const { dispose } = ingest
  ingest.dispose = async () => {
    if (!isDisposed) await dispose()
    isDisposed = true
  }
  onTestFinished(() => ingest.dispose())
  return ingest
}

/** Does rounds of work until ingest is behind `seq`. */
export async function catchUp(ingest: Ingest, seq: number): Promise<void> {
  await until(async () => {
    await ingest.step()
    return ingest.cursor >= seq
  })
}

/** What ingest made of everything: readings in order, latest, and dead letters by `seq`. */
export type Outcome = {
  readings: Reading[]
  latest: Latest[]
  deadLetters: { seq: number; reason: DeadLetterReason; faults: number }[]
}

/** Reads all that ingest has stored, of some devices. */
export async function readOutcome(dataDir: string, deviceIds: readonly string[]): Promise<Outcome> {
  const reader = openIngestReader(dataDir)
  try {
    const readings: Reading[] = []
    for await (const each of reader.readings.scan({ from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }))
      readings.push(each)
    const deadLetters = reader.deadLetters({ limit: 100_000 })
    return {
      readings: readings.sort(compareReadings),
      latest: reader.latestOf(deviceIds),
      deadLetters: deadLetters.map(({ seq, reason, faults }) => ({ seq, reason, faults: faults.length })),
    }
  } finally {
    reader.close()
  }
}

function compareReadings(a: Reading, b: Reading): number {
  const key = ({ deviceId, channel, quantity }: Reading) => `${deviceId}\n${channel}\n${quantity}`
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.observedAt - b.observedAt
}
