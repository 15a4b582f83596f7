import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Config } from '../config.ts'
import { openIngestFile, readCursor } from '../store/ingest-file.ts'
import { type Group, journalFolder, openJournal } from '../store/journal.ts'
import { acquireLock } from '../store/lock.ts'
import { openRegistry } from '../store/registry.ts'
import { openRoleState, readRoleState } from '../store/role-state.ts'
import { registryAccess } from './access.ts'
import { startBridges } from './bridges.ts'
import { startBroker } from './broker.ts'
import type { SendElsewhere } from './commands.ts'

const lockWaitMs = 5000
const tellMs = 500
const loopSampleMs = 5
// Longer than this nothing may hold the event loop up.
const stallMs = 50

/**
 * Runs the role "broker" over the data folder: the journal's one writer, and the MQTT listeners. `onCommit` gets every
 * group of uplinks as it was made durable. Throws when another process has the role, or a port is taken.
 */
export async function runBroker(
  config: Config,
  log: (level: 'info' | 'warn' | 'error', text: string) => void,
  onCommit?: (group: Group) => void,
) {
  const dataDir = config.PARVIS_DATA_DIR
  const lock = acquireLock(dataDir, 'broker', lockWaitMs)
  const registry = await openRegistry({ dataDir, database: config.PARVIS_REGISTRY, readOnly: true })
  const state = openRoleState(dataDir, 'broker')
  let confirmedSeq = 0
  const journal = await openJournal({
    folder: journalFolder(dataDir),
    maxBytes: config.PARVIS_JOURNAL_MAX_BYTES,
    maxDays: config.PARVIS_JOURNAL_MAX_DAYS,
    usedSeq: readIngestCursor(dataDir),
    confirmedSeq: () => confirmedSeq,
    onCommit,
    log,
  })
  // Bridges tell the broker that they listen, and the broker hands commands to them.
  let sendByBridge: SendElsewhere = () => false
  const broker = await startBroker({
    host: config.PARVIS_MQTT_HOST,
    port: config.PARVIS_MQTT_PORT,
    tlsPort: config.PARVIS_MQTT_TLS_PORT,
    wsPort: config.PARVIS_MQTT_WS_PORT,
    tls:
      config.PARVIS_TLS_CERT === undefined
        ? undefined
        : { certFile: config.PARVIS_TLS_CERT, keyFile: config.PARVIS_TLS_KEY! },
    maxPacketBytes: config.PARVIS_MQTT_MAX_PACKET_BYTES,
    access: registryAccess(registry, (text) => log('error', text)),
    journal,
    sendElsewhere: (...command) => sendByBridge(...command),
    log,
  }).catch(async (error) => {
    await journal.close()
    throw error
  })

  const bridges = await startBridges({
    dataDir,
    registry,
    append: journal.append,
    lastSeq: journal.lastSeq,
    maxPacketBytes: config.PARVIS_MQTT_MAX_PACKET_BYTES,
    onConnected: broker.beginListening,
    log,
  })
  sendByBridge = bridges.send

  // The broker has this thread's event loop to itself: whoever holds it up shows here. The histogram counts its own
  // interval in.
  const loopDelay = monitorEventLoopDelay({ resolution: loopSampleMs })
  loopDelay.enable()
  let stalls = 0
  let longestDelayMs = 0

  function measureLoop() {
    const delayMs = Math.max(0, loopDelay.max / 1e6 - loopSampleMs)
    loopDelay.reset()
    if (delayMs > stallMs) stalls++
    longestDelayMs = Math.max(longestDelayMs, delayMs)
  }

  function tell() {
    measureLoop()
    // Ingest tells over the same kind of file what it holds for good, wherever it runs.
    const ingest = readRoleState(dataDir, 'ingest')
    confirmedSeq = Math.max(0, ingest.counters.confirmed_seq ?? 0)
    state.tell({
      ready: journal.refusal === null,
      detail: journal.refusal?.reason,
      counters: {
        connections: broker.connections,
        bridges_connected: bridges.states.filter(({ state }) => state === 'connected').length,
        published_total: broker.counters.published,
        refused_publishes_total: broker.counters.refusedPublishes,
        forbidden_publishes_total: broker.counters.forbidden,
        refused_connections_total: broker.counters.refusedConnections,
        journal_bytes: journal.sizeBytes,
        journal_last_seq: journal.lastSeq,
        journal_pending: journal.pending,
        event_loop_stalls_total: stalls,
        event_loop_delay_max_ms: longestDelayMs,
        journal_confirmed_seq: confirmedSeq,
        journal_groups_total: journal.counters.groups,
        journal_failures_total: journal.counters.failures,
        journal_torn_bytes: journal.counters.tornBytes,
      },
    })
  }
  tell()
  const timer = setInterval(tell, tellMs)

  return {
    ports: broker.ports,
    async close() {
      clearInterval(timer)
      loopDelay.disable()
      await bridges.close()
      await broker.close()
      await journal.close()
      await registry.destroy()
      await state.close()
      lock.release()
    },
  }
}

// What ingest has committed is used up, even where the journal's own files were lost or put back from an older copy.
function readIngestCursor(dataDir: string): number {
  const database = openIngestFile(dataDir)
  try {
    return readCursor(database)
  } finally {
    database.close()
  }
}
