import { z } from 'zod'
import { say } from './issue.ts'
import { timeSchema } from './time.ts'

/**
 * How far a command to a device is. `queued`: it waits here, until its device or network listens. `sent`: handed over to
 * the device's connection, or to its network. `acknowledged`: the device has it, or, of a command that asked for no
 * confirmation, its network has sent it. `expired`: its time was over before that. `failed`: it was refused on its way.
 */
export const commandStates = ['queued', 'sent', 'acknowledged', 'expired', 'failed'] as const
export type CommandState = (typeof commandStates)[number]

/** Bounds of commands: what may wait, for how long, and what is kept of those that ended. */
export const commandLimits = {
  openPerDevice: 20,
  open: 10_000,
  bytes: 1024,
  dataChars: 8192,
  lifeMs: 24 * 3_600_000,
  longestLifeMs: 30 * 24 * 3_600_000,
  keptPerDevice: 200,
  keptMs: 400 * 24 * 3_600_000,
} as const

/** What a command is made from: values for the device's model to encode, or raw bytes. */
export const newCommandSchema = z
  .strictObject({
    data: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'What the model of the device encodes.', examples: [{ dimming_level: 40 }] }),
    hex: z
      .string()
      .regex(/^([0-9a-fA-F]{2})*$/, {
        error: say({ fr: 'des octets en hexadécimal', en: 'expected bytes in hexadecimal' }),
      })
      .max(2 * commandLimits.bytes)
      .optional()
      .describe('Raw bytes instead.'),
    base64: z
      .base64()
      .max(2 * commandLimits.bytes)
      .optional()
      .describe('Raw bytes instead.'),
    fPort: z.number().int().min(1).max(223).optional().describe('Port of LoRaWAN; the codec may name another.'),
    confirmed: z.boolean().default(false).describe('Whether the network asks the device for a confirmation.'),
    expiresAt: timeSchema
      .optional()
      .meta({ format: 'date-time', description: 'RFC 3339; a day from now when left out, 30 days at most.' }),
  })
  .refine(({ data, hex, base64 }) => [data, hex, base64].filter((each) => each !== undefined).length === 1, {
    error: say({ fr: 'data, hex ou base64 : un seul des trois', en: 'expected one of data, hex and base64' }),
  })
export type NewCommand = z.output<typeof newCommandSchema>
