import { createHash } from 'node:crypto'
import { isObject } from '../devices/json-payload.ts'
import { readNormalizedPayload } from '../devices/normalized-payload.ts'
import { type CodecCheck, checkCodec } from '../devices/repositories/examples.ts'
import type { PublishedCodec, PublishedModel } from '../devices/repositories/published.ts'
import { openRepository } from '../devices/repositories/repository.ts'
import type { ScriptPool } from '../devices/scripts/pool.ts'
import type { Operation } from '../devices/scripts/sandbox.ts'
import { suggestTable } from '../devices/suggest-table.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { type ImportedModel, keepImported, type ModelSample } from './models.ts'

export type Count = { passed: number; total: number }
export type Counts = Partial<Record<Operation, Count>>

/** An example that did not come out as published, with where it stands. */
export type FailedExample = { codec: string; operation: Operation; example: string; reason: string }

/** What an import did with one vendor. `unmapped` are names that no quantity is known for, by model. */
export type VendorReport = {
  vendor: string
  codecs: number
  models: number
  counts: Counts
  kept: { added: number; updated: number; unchanged: number; refused: number }
  failures: FailedExample[]
  unmapped: { model: string; names: string[] }[]
  problems: { file: string; error: string }[]
}

export type ImportReport = { layout: string; vendors: VendorReport[]; counts: Counts }

export type CodecImportOptions = {
  /** Only these vendors. */
  vendors?: readonly string[] | undefined
  /** Keeps codecs of which an example fails as well. */
  all?: boolean
  /** Tries and reports, and keeps nothing. */
  dryRun?: boolean
  onVendor?(report: VendorReport, done: number, total: number): void
}

// Codecs of one vendor that are tried side by side: the pool runs two at a time.
const codecsAtOnce = 4
const maxSamples = 5
const maxFailures = 200

/**
 * Imports a copy of a device repository: runs each codec's own examples, and keeps the models whose codecs do what their
 * vendor publishes. One vendor is one transaction: an import that was stopped is taken up by doing it again, for what is
 * already there and unchanged stays. Throws Problem `not_a_repository`.
 */
export async function importCodecs(
  access: Access,
  pool: ScriptPool,
  folder: string,
  options: CodecImportOptions = {},
): Promise<ImportReport> {
  const repository = openRepository(folder, pool)
  if (repository === null) throw new Problem('not_a_repository', folder)
  const { vendors: wanted } = options
  const names = repository.vendors.filter((name) => wanted === undefined || wanted.includes(name))
  const reports: VendorReport[] = []
  for (const name of names) {
    const report = await importVendor(access, pool, await repository.read(name), repository.layout, options)
    reports.push(report)
    options.onVendor?.(report, reports.length, names.length)
  }
  return { layout: repository.layout, vendors: reports, counts: sumCounts(reports.map(({ counts }) => counts)) }
}

async function importVendor(
  access: Access,
  pool: ScriptPool,
  {
    vendor,
    name,
    codecs,
    models,
    problems,
  }: Awaited<ReturnType<NonNullable<ReturnType<typeof openRepository>>['read']>>,
  layout: ImportedModel['origin'],
  { all = false, dryRun = false }: CodecImportOptions,
): Promise<VendorReport> {
  const checks = new Map<PublishedCodec, CodecCheck>()
  const waiting = [...codecs]
  const work = async () => {
    for (let codec = waiting.shift(); codec !== undefined; codec = waiting.shift())
      checks.set(codec, await checkCodec(pool, codec))
  }
  await Promise.all(Array.from({ length: codecsAtOnce }, work))
  const failures = codecs.flatMap((codec) => tellFailures(codec, checks.get(codec)!))
  const good = models.filter(
    ({ codec }) => codec.sources.decodeUplink !== undefined && (all || checks.get(codec)!.failures.length === 0),
  )
  const imported = good.map((model) => toImported(layout, name, model, checks.get(model.codec)!))
  const kept = dryRun
    ? { added: 0, updated: 0, unchanged: 0 }
    : await keepImported(
        access,
        imported.map(({ model }) => model),
      )
  return {
    vendor,
    codecs: codecs.length,
    models: models.length,
    counts: sumCounts([...checks.values()].map(({ counts }) => counts)),
    kept: { ...kept, refused: models.length - good.length },
    failures: failures.slice(0, maxFailures),
    unmapped: imported
      .filter(({ unmapped }) => unmapped.length > 0)
      .map(({ model, unmapped }) => ({ model: model.id, names: unmapped })),
    problems,
  }
}

function toImported(origin: ImportedModel['origin'], vendor: string, model: PublishedModel, check: CodecCheck) {
  const { codec, id, label, description } = model
  const uplinks = codec.examples.filter(
    ({ operation, expected }) => operation === 'decodeUplink' && dataOf(expected) !== undefined,
  )
  const normalized = codec.examples.filter(({ operation }) => operation === 'normalizeUplink')
  const given = normalized.flatMap(({ expected }) => readNormalizedPayload(dataOf(expected)))
  const { table, unmapped } = suggestTable(
    uplinks.map(({ expected }) => dataOf(expected)),
    given,
  )
  const samples = uplinks.slice(0, maxSamples).map(
    ({ name, input, expected }): ModelSample => ({
      name,
      bytes: Buffer.from((input.bytes as number[] | undefined) ?? []).toString('hex'),
      port: typeof input.fPort === 'number' ? input.fPort : null,
      answer: dataOf(expected),
    }),
  )
  const { normalizeUplink, ...sources } = codec.sources
  const passed = codec.examples.length - check.failures.length
  const imported: ImportedModel = {
    id,
    origin,
    vendor,
    label: label.slice(0, 200),
    description: description.slice(0, 2000),
    expectedIntervalS: 3600,
    // Only a codec that shows a normalised payload is asked for one.
    sources: normalized.length > 0 && normalizeUplink !== undefined ? { ...sources, normalizeUplink } : sources,
    dialect: check.dialect,
    table,
    samples,
    examples: { passed, total: codec.examples.length, fingerprint: fingerprintOf(codec) },
  }
  return { model: imported, unmapped }
}

function dataOf(expected: unknown): unknown {
  if (!isObject(expected)) return undefined
  if (Object.hasOwn(expected, 'data')) return expected.data ?? undefined
  return Object.hasOwn(expected, 'errors') ? undefined : expected
}

function fingerprintOf({ sources, examples, isBare }: PublishedCodec): string {
  const ids = Object.entries(sources).map(([operation, script]) => [operation, script.id])
  return createHash('sha256')
    .update(JSON.stringify([ids, examples, isBare]))
    .digest('hex')
    .slice(0, 32)
}

function tellFailures(codec: PublishedCodec, { failures }: CodecCheck): FailedExample[] {
  return failures.map(({ operation, name, error, expected, answer }) => ({
    codec: codec.name,
    operation,
    example: name,
    reason: error ?? `expected ${brief(expected)}, answered ${brief(answer)}`,
  }))
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 300 ? `${text.slice(0, 299)}…` : text
}

function sumCounts(all: readonly Counts[]): Counts {
  const sum: Counts = {}
  for (const counts of all)
    for (const [operation, { passed, total }] of Object.entries(counts) as [Operation, Count][]) {
      const before = sum[operation] ?? { passed: 0, total: 0 }
      sum[operation] = { passed: before.passed + passed, total: before.total + total }
    }
  return sum
}
