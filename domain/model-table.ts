import { z } from 'zod'
import { isChannel } from './channel.ts'
import { say } from './issue.ts'
import { isQuantity, type Quantity } from './quantity.ts'

/** Bounds of a table: a codec that answers more than this is no sensor's. */
export const tableLimits = { fields: 200, ignored: 500, pathChars: 200 } as const

const pathSchema = z.string().min(1).max(tableLimits.pathChars)
const channelSchema = z.string().refine(isChannel, {
  error: say({ fr: 'une voie : 64 caractères au plus', en: 'expected a channel: at most 64 characters' }),
})

/**
 * One value of what a codec answers, or of a JSON payload: the quantity that stands at a path of keys such as
 * `air.temp` or `sockets.0.power`. `unit` is that of the message; the value is brought to the quantity's own, after
 * `scale` and `offset` (told * scale + offset). A text is looked up in `values`.
 */
export const tableFieldSchema = z.strictObject({
  path: pathSchema,
  quantity: z.custom<Quantity>((name) => typeof name === 'string' && isQuantity(name), {
    error: say({ fr: 'une grandeur de la table à /quantities', en: 'expected a quantity of the table at /quantities' }),
  }),
  unit: z.string().max(20).optional(),
  channel: channelSchema.optional(),
  channelPath: pathSchema.optional(),
  channels: z.array(channelSchema).max(100).optional(),
  scale: z
    .number()
    .refine((scale) => scale !== 0, {
      error: say({ fr: 'un nombre autre que 0', en: 'expected a number other than 0' }),
    })
    .optional(),
  offset: z.number().optional(),
  values: z.record(z.string().max(100), z.number()).optional(),
})
export type TableField = z.infer<typeof tableFieldSchema>

/** How the readings are found: the fields, where the time stands, and the paths that are known to be of no interest. */
export const modelTableSchema = z.strictObject({
  fields: z.array(tableFieldSchema).max(tableLimits.fields).default([]),
  time: pathSchema.optional(),
  ignored: z.array(pathSchema).max(tableLimits.ignored).default([]),
})
export type ModelTable = z.infer<typeof modelTableSchema>

export const emptyTable: ModelTable = { fields: [], ignored: [] }
