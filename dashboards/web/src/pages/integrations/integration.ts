import type { Label } from '../../../../../domain/quantity.ts'

/** An integration, as the API tells it. */
export type Integration = {
  name: string
  format: string
  topics: string[]
  createdAt: string
  secretSetAt: string | null
  revokedAt: string | null
}
export type Format = { id: string; label: Label }
