import { z } from 'zod'
import { deadLetterReasons, type Fault, faultText } from '../../domain/fault.ts'
import { deviceIdSchema } from '../../domain/id.ts'
import { formatTime } from '../../domain/time.ts'
import { groupDeadLetters, listDeadLetters } from '../../inventory/dead-letters.ts'
import { wrongCursor } from '../../inventory/page.ts'
import { openView } from '../../inventory/view.ts'
import type { DeadLetter } from '../../store/ingest-file.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import type { Language } from '../language.ts'
import { pageOf, pageQuery, timeOut, wholeList } from '../shapes.ts'

const deadLetterSchema = z
  .object({
    id: z.string(),
    reason: z.enum(deadLetterReasons),
    detail: z.string().describe('What was wrong, in the language of `Accept-Language`.'),
    deviceId: z.string().nullable(),
    topic: z.string(),
    payload: z.string().describe('As it was received, in base64.'),
    payloadHex: z.string().describe('Its first 1,024 bytes in hexadecimal.'),
    payloadText: z.string().nullable().describe('As text, when it is printable UTF-8.'),
    receivedAt: timeOut,
  })
  .meta({ id: 'DeadLetter' })

const query = z.strictObject({
  ...pageQuery,
  reason: z.enum(deadLetterReasons).optional(),
  deviceId: deviceIdSchema.optional(),
  model: z.string().max(128).optional().describe('Of devices of this model.'),
  code: z.string().max(64).optional().describe('What was wrong first, as the groups tell it.'),
})

export const deadLetterRoutes: Routes = (api, { config, reader }) => {
  api.get(
    '/dead-letters',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['ingest'],
        summary: 'Uplinks that could not become readings, or not all of them; newest first',
        querystring: query,
        response: { 200: pageOf(deadLetterSchema) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query
      const before = cursor === undefined ? undefined : readCursor(cursor)
      const view = await openView(request.access)
      const found = await listDeadLetters(request.access, reader, view, { ...filter, limit: limit + 1, before })
      const items = found.slice(0, limit)
      const language = languageOf(request, config)
      return {
        items: items.map((letter) => tellDeadLetter(letter, language)),
        next: found.length > limit ? String(items.at(-1)!.seq) : null,
      }
    },
  )

  api.get(
    '/dead-letters/groups',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['ingest'],
        summary: 'Dead letters by cause: reason, model, and what was wrong; the largest group first',
        response: { 200: pageOf(groupSchema) },
      },
    },
    async (request) =>
      wholeList(
        (await groupDeadLetters(request.access, reader)).map(({ firstAt, lastAt, faults, ...group }) => ({
          ...group,
          detail: tellFaults(faults, languageOf(request, config)),
          firstAt: formatTime(firstAt),
          lastAt: formatTime(lastAt),
        })),
      ),
  )

  api.get(
    '/dead-letters/counts',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['ingest'],
        summary: 'How many dead letters there are, by reason',
        response: {
          200: z.object({ items: z.array(z.object({ reason: z.enum(deadLetterReasons), count: z.number().int() })) }),
        },
      },
    },
    async (request) => {
      const view = await openView(request.access)
      if (view.deviceIds === null) return { items: reader.deadLetterCounts() }
      const letters = await listDeadLetters(request.access, reader, view, { limit: Number.POSITIVE_INFINITY })
      const byReason = Map.groupBy(letters, (letter) => letter.reason)
      return { items: [...byReason].map(([reason, { length: count }]) => ({ reason, count })) }
    },
  )
}

const groupSchema = z.object({
  reason: z.enum(deadLetterReasons),
  code: z.string().describe('What was wrong first.'),
  quantity: z.string().nullable(),
  model: z.string().nullable(),
  count: z.number().int(),
  devices: z.array(z.string()).describe('The first 20.'),
  deviceCount: z.number().int(),
  firstAt: timeOut,
  lastAt: timeOut,
  newestId: z.string(),
  detail: z.string().describe('What was wrong with the newest, in the language of `Accept-Language`.'),
})

function tellFaults(faults: readonly Fault[], language: Language): string {
  return faults.map((fault) => faultText(fault, language)).join(' ')
}

function tellDeadLetter(letter: DeadLetter, language: Language): z.infer<typeof deadLetterSchema> {
  const { seq, reason, faults, deviceId, topic, payload, receivedAt } = letter
  return {
    id: String(seq),
    reason,
    detail: tellFaults(faults, language),
    deviceId,
    topic,
    payload: Buffer.from(payload).toString('base64'),
    payloadHex: Buffer.from(payload.subarray(0, 1024)).toString('hex'),
    payloadText: readText(payload),
    receivedAt: formatTime(receivedAt),
  }
}

function readCursor(cursor: string): number {
  const seq = /^\d{1,16}$/.test(cursor) ? Number(cursor) : Number.NaN
  if (!Number.isSafeInteger(seq)) throw wrongCursor()
  return seq
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function readText(payload: Uint8Array): string | null {
  try {
    const text = utf8.decode(payload)
    return /[^\P{Cc}\t\n\r]/u.test(text) ? null : text
  } catch {
    return null
  }
}
