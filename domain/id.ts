import { z } from 'zod'
import { say } from './issue.ts'

// MQTT's own separators and wildcards, control characters and lone surrogates have no place in a topic level.
const idPattern = /^[^/+#\p{C}]{1,128}$/u

/** A device id or an integration's name: 1 to 128 characters, without `/ + #` or control characters. */
export const deviceIdSchema = z.string().regex(idPattern, {
  error: say({
    fr: 'de 1 à 128 caractères, sans / + # ni caractère de contrôle',
    en: 'expected 1 to 128 characters, without / + # or control characters',
  }),
})

/** Whether a text from outside is a device id, without the cost of a schema. */
export function isDeviceId(text: string): boolean {
  return idPattern.test(text)
}
