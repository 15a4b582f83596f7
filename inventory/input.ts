import type { z } from 'zod'
import { refuseIssues } from '../domain/issue.ts'

/** What a schema makes of a value from outside. Throws Problem `bad_request`, which names every bad field. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw refuseIssues(parsed.error.issues)
}
