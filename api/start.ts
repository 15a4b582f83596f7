import { join } from 'node:path'
import { setTimeout as setTimer } from 'node:timers'
import { setTimeout } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import type { Config } from '../config.ts'
import { foldStatus } from '../inventory/status-fold.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { openRegistry } from '../store/registry.ts'
import { openRoleState } from '../store/role-state.ts'
import { buildApi } from './api.ts'
import { limits } from './limits.ts'

const everyMs = 1000

/** The built pages of dashboards/web. */
const builtPages = join(import.meta.dirname, '..', 'dist', 'web')

/**
 * Runs the role `api`: opens the registry and the read side of ingest's file, listens, and once a second folds the
 * status table and tells how it is. Answers the address that it listens on; `close` ends what still runs, within
 * seconds. Throws when it cannot listen or open its files.
 */
export async function startApi(
  config: Config,
  options: { logger?: FastifyBaseLogger; webDir?: string } = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const logger = options.logger ?? pino({ level: config.PARVIS_LOG_LEVEL, base: { role: 'api' } })
  const dataDir = config.PARVIS_DATA_DIR
  const registry = await openRegistry({ dataDir })
  const reader = openIngestReader(dataDir)
  const counters: Record<string, number> = {}
  const app = await buildApi({ config, registry, reader, webDir: options.webDir ?? builtPages, logger, counters })
  try {
    await app.listen({ host: config.PARVIS_HTTP_HOST, port: config.PARVIS_HTTP_PORT })
  } catch (error) {
    await app.close()
    reader.close()
    await registry.destroy()
    throw error
  }

  const state = openRoleState(dataDir, 'api')
  let detail: string | undefined
  const fold = async () => {
    try {
      await foldStatus(registry, reader)
      detail = undefined
    } catch (error) {
      // The next second tries again; the log says it once, health says it as long as it lasts.
      if (detail === undefined) logger.error({ err: error }, 'the status of assets could not be folded')
      detail = `the status of assets is not kept up to date: ${(error as Error).message}`
    }
  }
  const folding = repeat(fold, everyMs)
  const telling = repeat(async () => state.tell({ ready: detail === undefined, detail, counters }), everyMs)

  return {
    url: addressOf(app.server.address(), config),
    async close() {
      await folding.stop()
      await telling.stop()
      const timer = setTimer(() => app.server.closeAllConnections(), limits.closeTimeoutMs)
      await app.close()
      clearTimeout(timer)
      reader.close()
      await registry.destroy()
      state.close()
    },
  }
}

/** Runs a task again and again, with a pause after each, so that two runs never overlap. */
function repeat(task: () => Promise<void>, pauseMs: number): { stop(): Promise<void> } {
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

function addressOf(address: ReturnType<import('node:net').Server['address']>, config: Config): string {
  const scheme = config.PARVIS_TLS_CERT === undefined ? 'http' : 'https'
  const host = config.PARVIS_HTTP_HOST.includes(':') ? `[${config.PARVIS_HTTP_HOST}]` : config.PARVIS_HTTP_HOST
  const port = typeof address === 'object' && address !== null ? address.port : config.PARVIS_HTTP_PORT
  return `${scheme}://${host}:${port}`
}
