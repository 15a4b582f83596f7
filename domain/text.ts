import { z } from 'zod'

/** One line of text, of 1 to `max` characters. PostgreSQL refuses U+0000, and no name needs a control character. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u, { error: 'expected a text without control characters' })
