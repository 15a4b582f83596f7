import { z } from 'zod'
import { tellDetail } from '../../domain/problem.ts'
import { formatTime } from '../../domain/time.ts'
import { describeSystem } from '../../inventory/system.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import { timeOut } from '../shapes.ts'

const count = z.number().int()
const bytes = count.describe('Bytes.')

const systemSchema = z
  .object({
    version: z.string(),
    nodeVersion: z.string(),
    store: z.string().describe('Where readings are kept.'),
    database: z.object({ kind: z.enum(['sqlite', 'postgresql']), version: z.string() }),
    roles: z.array(
      z.object({ role: z.string(), ready: z.boolean(), since: timeOut.nullable(), detail: z.string().nullable() }),
    ),
    disk: z.object({ totalBytes: bytes, freeBytes: bytes }).describe('Of the data folder.'),
    sizes: z
      .object({ journal: bytes.nullable(), readings: bytes, registry: bytes.nullable(), documents: bytes })
      .describe('Bytes in the data folder; null for what stands elsewhere, or is not told.'),
    journalMaxBytes: bytes,
    waiting: count.nullable().describe('Messages of the journal that are not stored yet.'),
    deadLetters: count,
    audit: z.object({
      entries: count,
      head: z.object({ revision: count, hash: z.string(), recordedAt: timeOut }).nullable(),
    }),
  })
  .meta({ id: 'System' })

export const systemRoutes: Routes = (api, { config, reader }) => {
  api.get(
    '/system',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['platform'],
        summary: 'How the platform is: roles, versions, disk, what waits, the head of the audit',
        response: { 200: systemSchema },
      },
    },
    async (request) => {
      const language = languageOf(request, config)
      const { roles, audit, ...system } = await describeSystem(request.access, {
        isSqlite: config.PARVIS_REGISTRY === 'sqlite',
        deadLetters: reader.deadLetterCounts().reduce((sum, { count: letters }) => sum + letters, 0),
      })
      return {
        ...system,
        store: config.PARVIS_STORE,
        journalMaxBytes: config.PARVIS_JOURNAL_MAX_BYTES,
        roles: roles.map(({ role, ready, since, detail }) => ({
          role,
          ready,
          since: since === 0 ? null : formatTime(since),
          detail: detail === undefined ? null : tellDetail(detail, language),
        })),
        audit: {
          entries: audit.entries,
          head: audit.head && { ...audit.head, recordedAt: formatTime(audit.head.recordedAt) },
        },
      }
    },
  )
}
