import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DownlinkExample, ExamplePayload, FormatExample, ModelExample } from '../../devices/model.ts'
import type { DecodedReading, Fault } from '../../domain/fault.ts'
import { formatTime } from '../../domain/time.ts'

export const modelsFolder = join(import.meta.dirname, '../../devices/models')
export const formatsFolder = join(import.meta.dirname, '../../devices/formats')

/** The moment at which every example is received. */
export const receivedAt = Date.parse('2026-03-02T06:00:00Z')

export function listFolders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

export function readModelExamples(id: string): ModelExample[] {
  return JSON.parse(readFileSync(join(modelsFolder, id, 'examples.json'), 'utf8'))
}

export function readFormatExamples(id: string): FormatExample[] {
  return JSON.parse(readFileSync(join(formatsFolder, id, 'examples.json'), 'utf8'))
}

/** The commands of a format's examples; none for one that has no way back. */
export function readDownlinkExamples(id: string): DownlinkExample[] {
  const file = join(formatsFolder, id, 'downlinks.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}

export function bytesOf(payload: ExamplePayload): Uint8Array {
  if ('hex' in payload) return Uint8Array.from(Buffer.from(payload.hex, 'hex'))
  return Uint8Array.from(Buffer.from('json' in payload ? JSON.stringify(payload.json) : payload.text))
}

/** Decoded readings, as an example writes them. */
export function writeReadings(readings: readonly DecodedReading[]) {
  return readings.map(({ channel, quantity, value, observedAt }) => ({
    ...(channel === '' ? {} : { channel }),
    quantity,
    value,
    ...(observedAt === undefined ? {} : { observedAt: formatTime(observedAt) }),
  }))
}

/** Faults, as the example wants them told: with their params where it names any, by their code alone elsewhere. */
export function writeFaults(faults: readonly Fault[], wanted: readonly Fault[]): Fault[] {
  return faults.map((fault, index) => (wanted[index]?.params === undefined ? { code: fault.code } : fault))
}
