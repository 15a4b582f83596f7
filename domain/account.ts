import { z } from 'zod'
import { say } from './issue.ts'

/** What a person is called, in lists and in the audit. */
export const personNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^\P{C}*$/u, { error: say({ fr: 'pas de caractère de contrôle', en: 'expected no control characters' }) })

/** What a person signs in with: a user name or an e-mail address. */
export const loginSchema = z
  .string()
  .trim()
  .regex(/^[^\s\p{C}]{2,254}$/u, {
    error: say({ fr: 'de 2 à 254 caractères, sans espace', en: 'expected 2 to 254 characters without spaces' }),
  })

/** The languages that the pages speak. */
export const languageSchema = z.enum(['fr', 'en'])

/** A login as it is looked for: one person is one, however they type it. */
export function foldLogin(login: string): string {
  return login.trim().normalize('NFKC').toLowerCase()
}
