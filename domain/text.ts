import { z } from 'zod'
import { say } from './issue.ts'

/** One line of text, of 1 to `max` characters. PostgreSQL refuses U+0000, and no name needs a control character. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u, {
      error: say({ fr: 'un texte sans caractère de contrôle', en: 'expected a text without control characters' }),
    })

/** Longest text from outside that a sentence quotes, so that what is kept and told stays small whatever is sent. */
export const maxQuoteLength = 200

/** A text from outside, at most `maxQuoteLength` characters of it. */
export function cutText(text: string): string {
  return text.length > maxQuoteLength ? `${text.slice(0, maxQuoteLength - 1)}…` : text
}

/** A text from outside as a sentence quotes it: cut, and without what is not seen or turns what follows (UAX 9). */
export function quoteText(text: string): string {
  return cutText(text.replace(/\p{C}/gu, '�'))
}
