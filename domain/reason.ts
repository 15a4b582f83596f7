import { z } from 'zod'

/** Why someone changes something, in a few words; kept with the change. */
export const reasonSchema = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^\P{Cc}*$/u, { error: 'expected a text without control characters' })
