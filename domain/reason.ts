import { z } from 'zod'
import { say } from './issue.ts'

/** Why someone changes something, in a few words; kept with the change. */
export const reasonSchema = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^\P{Cc}*$/u, {
    error: say({ fr: 'un texte sans caractère de contrôle', en: 'expected a text without control characters' }),
  })
