import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { deviceIdSchema } from '../domain/id.ts'
import { defineQuantity, quantityNames } from '../domain/quantity.ts'
import type { Latest } from '../domain/reading.ts'
import { formatTime, timeSchema } from '../domain/time.ts'
import type { HistoryEntry } from '../inventory/history.ts'
import type { Page } from '../inventory/page.ts'
import { tagOf } from '../store/access.ts'

/** Items of one page of a list, when the request names no number, and at most. */
export const pageLimits = { usual: 50, most: 500 } as const

/** Which page of a list, as query parameters. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(pageLimits.most).default(pageLimits.usual).describe('Items of a page.'),
  cursor: z.string().max(1024).optional().describe('`next` of the page before.'),
}

/** One page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next: z.string().nullable().describe('Cursor of the next page, or null.') })
}

/** A whole list, in the shape of a page. */
export function wholeList<Item>(items: Item[]): { items: Item[]; next: null } {
  return { items, next: null }
}

/** Answers one object with its entity tag, which a change of it may name in `If-Match`. */
export function tagged<Thing extends object>(reply: FastifyReply, thing: Thing): Thing {
  reply.header('etag', tagOf(thing))
  return thing
}

/** A time in a request. */
export const timeIn = timeSchema.meta({
  format: 'date-time',
  description: 'RFC 3339, with any offset.',
  examples: ['2026-03-01T09:00:00+01:00'],
})

/** As what was known of installations at a time. */
export const asKnownAt = timeIn
  .optional()
  .describe('As the installations were known then; as they are known now when left out.')

/** A time in an answer. */
export const timeOut = z.string().meta({
  format: 'date-time',
  description: 'RFC 3339, UTC, with milliseconds.',
  examples: ['2026-03-01T08:00:00.000Z'],
})

/** A time that may not have come yet, as an answer tells it. */
export function tellTime(time: number | null): string | null {
  return time === null ? null : formatTime(time)
}

/** The path of one object of a noun that goes by an id. */
export const idParams = z.object({ id: deviceIdSchema.meta({ description: 'Percent-encoded.' }) })

export const quantitySchema = z.enum(quantityNames as [(typeof quantityNames)[number], ...typeof quantityNames])

/** One reading, as the API tells it. */
export const readingSchema = z
  .object({
    deviceId: z.string(),
    channel: z.string().describe('Empty for most devices.'),
    quantity: quantitySchema,
    value: z.number(),
    unit: z.string().describe('UCUM code.'),
    observedAt: timeOut,
    receivedAt: timeOut,
  })
  .meta({
    id: 'Reading',
    examples: [
      {
        deviceId: 'probe-1',
        channel: '',
        quantity: 'fill_level',
        value: 72.5,
        unit: '%',
        observedAt: '2026-03-01T08:00:00.000Z',
        receivedAt: '2026-03-01T08:00:00.412Z',
      },
    ],
  })

/** A reading in the API's words. */
export function tellReading(reading: Omit<Latest, 'seq'>): z.infer<typeof readingSchema> {
  const { deviceId, channel, quantity, value, observedAt, receivedAt } = reading
  return {
    deviceId,
    channel,
    quantity,
    value,
    unit: defineQuantity(quantity).unit,
    observedAt: formatTime(observedAt),
    receivedAt: formatTime(receivedAt),
  }
}

/** One change, as the API tells it. */
export const historyEntrySchema = z
  .object({
    revision: z.number().int().describe('Changes that were made together have the same.'),
    recordedAt: timeOut,
    actor: z.object({
      kind: z.enum(['token', 'account', 'command', 'system']),
      id: z.string(),
      name: z.string().nullable(),
    }),
    reason: z.string().nullable(),
    kind: z.string().describe('What was changed.'),
    id: z.string(),
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'HistoryEntry' })

/** A page of a history in the API's words. The times of installations are told as everywhere. */
export function tellHistory({ items, next }: Page<HistoryEntry>) {
  const tellVersion = (version: HistoryEntry['before']) =>
    version === null
      ? null
      : Object.fromEntries(
          Object.entries(version).map(([name, value]) => [
            name,
            name.endsWith('At') && typeof value === 'number' ? formatTime(value) : value,
          ]),
        )
  return {
    items: items.map((item) => ({
      ...item,
      actor: { ...item.actor, kind: item.actor.kind as 'token' | 'account' | 'command' | 'system' },
      recordedAt: formatTime(item.recordedAt),
      before: tellVersion(item.before),
      after: tellVersion(item.after),
    })),
    next,
  }
}

/** A text in both languages. */
export const labelSchema = z.object({ fr: z.string(), en: z.string() })
