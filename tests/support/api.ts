import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InjectOptions } from 'fastify'
import { pino } from 'pino'
import { buildApi } from '../../api/api.ts'
import { loadConfig } from '../../config.ts'
import type { Reading } from '../../domain/reading.ts'
import { type Role, roles } from '../../domain/role.ts'
import { openStatusBoard } from '../../inventory/status-board.ts'
import { foldStatus } from '../../inventory/status-fold.ts'
import { addToken } from '../../inventory/tokens.ts'
import { systemAccess } from '../../store/access.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { openIngestFile } from '../../store/ingest-file.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { openLatest } from '../../store/latest.ts'
import { openRegistry } from '../../store/registry.ts'
import { databaseOf, release } from './registry.ts'

/** What one of the API's tests works with: the real parts over a folder of its own. */
export type TestApi = Awaited<ReturnType<typeof openTestApi>>

/** Opens the API, not listening, over a registry and an ingest file of its own; `close` removes them. */
export async function openTestApi(env: Record<string, string> = {}, options: { webDir?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-api-'))
  const dataDir = env.PARVIS_DATA_DIR ?? join(folder, 'data')
  const config = loadConfig({ PARVIS_DATA_DIR: dataDir, PARVIS_REGISTRY: await databaseOf(dataDir), ...env }, folder)
  const registry = await openRegistry({ dataDir, database: await databaseOf(dataDir) })
  const access = systemAccess(registry, 'test')
  const ingestFile = openIngestFile(dataDir)
  const store = openEmbeddedStore(ingestFile)
  const reader = openIngestReader(dataDir)
  const log: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void log.push(line) })
  const webDir = options.webDir ?? join(folder, 'web')
  const board = openStatusBoard()
  const app = await buildApi({ config, registry, reader, webDir, logger, board })
  const tokens = {} as Record<Role, string>
  for (const role of roles) tokens[role] = (await addToken(access, { role, name: `a ${role}` })).token

  return {
    app,
    config,
    registry,
    access,
    reader,
    ingestFile,
    tokens,
    log,
    folder,

    /** Brings the status of assets up to date, as the API's thread does. */
    fold: () => foldStatus(registry, reader, { listener: board }),

    /** Calls a route under /api/v1 as a role; without one, without a token. */
    async call(role: Role | null, method: InjectOptions['method'], url: string, payload?: unknown, headers = {}) {
      const response = await app.inject({
        method,
        url: `/api/v1${url}`,
        headers: { ...(role === null ? {} : { authorization: `Bearer ${tokens[role]}` }), ...headers },
        ...(payload === undefined ? {} : { payload: payload as object }),
      })
      const isJson = /[/+]json/.test(String(response.headers['content-type']))
      return { status: response.statusCode, headers: response.headers, body: isJson ? response.json() : response.body }
    },

    /** Stores readings as ingest does, with the latest of their series. */
    async store(readings: readonly (Omit<Reading, 'receivedAt' | 'seq'> & Partial<Reading>)[]) {
      const whole = readings.map((each, i) => ({ receivedAt: each.observedAt, seq: i + 1, ...each }))
      await store.write(whole)
      openLatest(ingestFile).move(whole)
    },

    /** Keeps a dead letter as ingest does. */
    keepDeadLetter(letter: {
      seq: number
      reason: string
      faults: unknown[]
      deviceId?: string
      topic?: string
      payload?: string
      receivedAt?: number
    }) {
      const payload = Buffer.from(letter.payload ?? '')
      ingestFile
        .prepare(
          `INSERT INTO dead_letters (seq, device_id, client_id, topic, received_at, reason, faults, bytes, payload)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          letter.seq,
          letter.deviceId ?? null,
          letter.deviceId ?? 'someone',
          letter.topic ?? `devices/${letter.deviceId}/up`,
          letter.receivedAt ?? 0,
          letter.reason,
          JSON.stringify(letter.faults),
          payload.length,
          payload,
        )
    },

    async close() {
      await app.close()
      reader.close()
      ingestFile.close()
      await registry.destroy()
      release(dataDir)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
