import type { Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as setTimer } from 'node:timers'
import { setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { type Config, chooseStore } from '../config.ts'
import { internalName } from '../domain/uplink.ts'
import { openStatusBoard } from '../inventory/status-board.ts'
import { loadStore } from '../store/backend.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { acquireLock } from '../store/lock.ts'
import { openRegistry } from '../store/registry.ts'
import { openRoleState } from '../store/role-state.ts'
import { openVault } from '../store/vault.ts'
import { buildApi } from './api.ts'
import { startCommandSender } from './command-sender.ts'
import { limits } from './limits.ts'
import { startStatusFeed } from './status-feed.ts'
import { openUplinkClient } from './uplink-client.ts'

const everyMs = 1000

/** How long a role that is ending may keep the next one waiting. */
const lockWaitMs = 5000

/** The built pages of dashboards/web. */
const builtPages = join(import.meta.dirname, '..', 'dist', 'web')

/**
 * Runs the role `api`: opens the registry and the read side of ingest's file, starts the thread
 * that folds the status table, listens, and once a second tells how it is. Answers the address that it listens on; `close` ends what still runs, within
 * seconds. Throws when another process has the role, or the port is taken.
 */
export async function startApi(
  config: Config,
  options: { logger?: FastifyBaseLogger; webDir?: string } = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const logger =
    options.logger ??
    pino({ level: config.PARVIS_LOG_LEVEL, base: { role: 'api' }, timestamp: pino.stdTimeFunctions.isoTime })
  const dataDir = config.PARVIS_DATA_DIR
  const counters: Record<string, number> = {}
  const opened = new AsyncDisposableStack()
  try {
    const lock = acquireLock(dataDir, 'api', lockWaitMs)
    opened.defer(() => lock.release())
    const registry = await openRegistry({ dataDir, database: config.PARVIS_REGISTRY })
    opened.defer(() => registry.destroy())
    const onDamage = (text: string) => logger.error(text)
    const reader = openIngestReader(dataDir, await loadStore(chooseStore(config)), onDamage)
    opened.defer(() => reader.close())
    const state = openRoleState(dataDir, 'api')
    opened.defer(() => state.close())
    const board = openStatusBoard()
    const feed = await startStatusFeed(config, board, logger)
    opened.defer(() => feed.close())
    const broker = {
      host: config.PARVIS_MQTT_HOST,
      port: config.PARVIS_MQTT_PORT,
      secret: openVault(dataDir).derive(internalName),
    }
    const uplinks = openUplinkClient(broker)
    opened.defer(() => uplinks.close())
    const log = (level: 'warn' | 'error', text: string) => logger[level](text)
    const sender = startCommandSender({ registry, reader, broker, log })
    opened.defer(() => sender.close())
    const webDir = options.webDir ?? builtPages
    const onChange = () => {
      feed.wake()
      sender.wake()
    }
    const app = await buildApi({ config, registry, reader, webDir, logger, counters, uplinks, board, onChange })
    opened.defer(() => closeWithin(app, limits.closeTimeoutMs))
    await app.listen({ host: config.PARVIS_HTTP_HOST, port: config.PARVIS_HTTP_PORT })

    const tell = () => state.tell({ ready: feed.failure === undefined, detail: feed.failure, counters })
    const telling = repeat(tell, everyMs)
    opened.defer(() => telling.stop())
    return { url: addressOf(app.server.address(), config), close: () => opened.disposeAsync() }
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

/** Lets requests that run come to their end, for a while. */
async function closeWithin(app: FastifyInstance, timeoutMs: number): Promise<void> {
  const timer = setTimer(() => app.server.closeAllConnections(), timeoutMs)
  await app.close()
  clearTimeout(timer)
}

/** Runs a task again and again, with a pause after each, so that two runs never overlap. */
function repeat(task: () => void | Promise<void>, pauseMs: number): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      await task()
      await setTimeout(pauseMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    stop() {
      stopping.abort()
      return running
    },
  }
}

function addressOf(address: ReturnType<Server['address']>, config: Config): string {
  const scheme = config.PARVIS_TLS_CERT === undefined ? 'http' : 'https'
  const host = config.PARVIS_HTTP_HOST.includes(':') ? `[${config.PARVIS_HTTP_HOST}]` : config.PARVIS_HTTP_HOST
  const port = typeof address === 'object' && address !== null ? address.port : config.PARVIS_HTTP_PORT
  return `${scheme}://${host}:${port}`
}
