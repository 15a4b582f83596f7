import type { ModelTable } from '../../../../../domain/model-table.ts'
import type { Label } from '../../../../../domain/quantity.ts'
import { change } from '../../api.ts'

export type CatalogueModel = {
  id: string
  origin: 'parvis' | 'ttn' | 'chirpstack' | 'actility' | 'own'
  vendor: string
  label: Label
  description: string
  expectedIntervalS: number
  quantities: string[]
  examples: { passed: number; total: number } | null
  updatedAt: string | null
}
export type Sample = { name: string; bytes: string; port: number | null; answer: unknown }
export type ModelEntry = CatalogueModel & {
  codecs: Record<string, string>
  table: ModelTable | null
  samples: Sample[]
}
type TriedReading = { channel: string; quantity: string; value: number; unit: string; observedAt: string | null }
/** What a model makes of a payload. */
export type Outcome = {
  readings: TriedReading[]
  faults: string[]
  answer: unknown
  warnings: string[]
  unmapped: string[]
  suggestion: ModelTable
}
/** What a model would make of dead letters. */
export type LettersOutcome = {
  tried: number
  readable: number
  items: (Pick<Outcome, 'readings' | 'faults' | 'unmapped'> & {
    deadLetterId: string
    deviceId: string | null
    receivedAt: string
  })[]
}
/** What is not written down yet. */
export type Draft = { table?: ModelTable; source?: string }
export type Trial = { hex: string } | { json: unknown } | { deadLetterId: string }

export const emptyTable: ModelTable = { fields: [], ignored: [] }

export function pathOf(id: string): string {
  return `/models/${encodeURIComponent(id)}`
}

/** Tries a model, or without one a draft alone, on a payload; stores nothing. Throws ApiError. */
export function tryModel(id: string | null, trial: Trial & { fPort?: number }, draft: Draft): Promise<Outcome> {
  return change<Outcome>('POST', `${id === null ? '/models' : pathOf(id)}/try`, { ...trial, ...draft })
}
