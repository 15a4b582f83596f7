import type { z } from 'zod'
import { Problem } from '../domain/problem.ts'

/** What a schema makes of a value from outside. Throws Problem `bad_request`, which names every bad field. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }))
  const detail = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
  throw new Problem('bad_request', detail, errors)
}
