import { parentPort, workerData } from 'node:worker_threads'
import { type Config, chooseStore } from '../config.ts'
import { formats, models } from '../devices/catalogue.ts'
import { compileDecoder } from '../devices/codec.ts'
import { loadStore, settleTimeMs } from '../store/backend.ts'
import type { Group } from '../store/journal.ts'
import { acquireLock } from '../store/lock.ts'
import { openRegistry } from '../store/registry.ts'
import { openRoleState, readRoleState } from '../store/role-state.ts'
import { openIngest } from './ingest.ts'
import { startLiveServer } from './live-server.ts'

/*
 * The thread of the role "ingest". node:sqlite is synchronous: decoding and commits run here, so that the broker's
 * event loop never waits for them. It gets groups of the journal, and tells its cursor, so that no more are sent than
 * it keeps up with.
 */

const lockWaitMs = 5000
const tellMs = 500

const port = parentPort!
const { config } = workerData as { config: Config }
const dataDir = config.PARVIS_DATA_DIR

const lock = acquireLock(dataDir, 'ingest', lockWaitMs)
const registry = await openRegistry({ dataDir, database: config.PARVIS_REGISTRY, readOnly: true })
const live = await startLiveServer(dataDir)
const state = openRoleState(dataDir, 'ingest')
const choice = chooseStore(config)
const ingest = openIngest({
  dataDir,
  registry,
  catalogue: { models, formats, compileDecoder },
  openStore: await loadStore(choice),
  settleMs: settleTimeMs(choice),
  horizonDays: config.PARVIS_HORIZON_DAYS,
  zone: config.PARVIS_TIME_ZONE,
  // InfluxDB drops what is past its retention by itself, and takes thousands of lines in a request for little more than one.
  ...(choice.kind === 'embedded' ? { retentionDays: choice.retentionDays } : { worthUplinks: 8000 }),
  onCommitted(readings) {
    live.tell(readings)
    port.postMessage({ cursor: ingest.cursor })
  },
  log: (level, text) => port.postMessage({ log: { level, text } }),
})

function tell() {
  const { journal_last_seq: lastSeq = 0 } = readRoleState(dataDir, 'broker').counters
  const waiting = Math.max(0, lastSeq - ingest.cursor)
  state.tell({
    ready: ingest.trouble === null,
    detail:
      ingest.trouble === null
        ? undefined
        : {
            fr: `${ingest.trouble} ; ${waiting} messages attendent dans le journal`,
            en: `${ingest.trouble}; ${waiting} messages wait in the journal`,
          },
    counters: {
      waiting,
      cursor: ingest.cursor,
      confirmed_seq: ingest.confirmedSeq,
      uplinks_total: ingest.counters.uplinks,
      readings_total: ingest.counters.readings,
      dead_letters_total: ingest.counters.deadLetters,
      replays_total: ingest.counters.replays,
      codec_runs_total: ingest.codecs.runs,
      codec_timeouts_total: ingest.codecs.timeouts,
      codecs_suspended_total: ingest.codecs.suspended,
      journal_damaged_regions_total: ingest.damage.regions,
      journal_lost_uplinks_total: ingest.damage.lostUplinks,
    },
  })
}
tell()
const timer = setInterval(tell, tellMs)

const running = ingest.run()

port.on('message', async (message: { groups: Group[] } | { close: true }) => {
  if ('groups' in message) {
    for (const group of message.groups) {
      const { buffer, byteOffset, byteLength } = group.records
      ingest.offer({ ...group, records: Buffer.from(buffer, byteOffset, byteLength) })
    }
    return
  }
  clearInterval(timer)
  await ingest.close()
  await running
  await ingest.dispose()
  await live.close()
  await registry.destroy()
  await state.close()
  lock.release()
  port.close()
})
port.postMessage({ ready: true })
