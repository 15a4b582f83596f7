import { setTimeout } from 'node:timers/promises'
import { type Config, chooseStore } from '../config.ts'
import { formats, models } from '../devices/catalogue.ts'
import { compileDecoder } from '../devices/codec.ts'
import { requestReplay } from '../inventory/requests.ts'
import type { Access } from '../store/access.ts'
import { loadStore, settleTimeMs } from '../store/backend.ts'
import type { ReplayState } from '../store/ingest-file.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { acquireLock } from '../store/lock.ts'
import { openRoleState } from '../store/role-state.ts'
import { openIngest } from './ingest.ts'

const pauseMs = 20

/**
 * Does a replay while the platform does not run, with ingest's own lock and work: what stands in the journal is stored
 * first, as it would have been. Throws when ingest runs after all.
 */
export async function replayOffline(
  config: Config,
  access: Access,
  span: { from?: number | null; to?: number | null; deviceId?: string | null; replace?: boolean },
): Promise<ReplayState> {
  const dataDir = config.PARVIS_DATA_DIR
  const lock = acquireLock(dataDir, 'ingest')
  const choice = chooseStore(config)
  const openStore = await loadStore(choice)
  const ingest = openIngest({
    dataDir,
    registry: access.registry,
    catalogue: { models, formats, compileDecoder },
    openStore,
    settleMs: settleTimeMs(choice),
    horizonDays: config.PARVIS_HORIZON_DAYS,
    zone: config.PARVIS_TIME_ZONE,
    log: () => {},
  })
  const reader = openIngestReader(dataDir, openStore)
  // A broker that runs alone hears that no segment of the journal may go.
  const role = openRoleState(dataDir, 'ingest')
  await role.tell({
    ready: false,
    detail: { fr: 'un rejeu est en cours', en: 'a replay runs' },
    counters: { confirmed_seq: 0 },
  })
  try {
    const { id } = await requestReplay(access, span)
    for (;;) {
      const isBusy = await ingest.step()
      const state = reader.replay(id)
      if (state !== null && state.state !== 'running') return state
      if (!isBusy) await setTimeout(pauseMs)
    }
  } finally {
    await role.close()
    reader.close()
    await ingest.dispose()
    lock.release()
  }
}
