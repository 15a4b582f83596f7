import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

/** A stretch of simulated time, [from, to), UTC epoch ms. */
export type Span = { from: number; to: number }

const spanSchema = z.object({ from: z.number(), to: z.number() })

const runSchema = z.object({
  /** Devices' secrets by id: the platform tells them once. */
  secrets: z.record(z.string(), z.string()),
  /** By seed, when a city without an end began, and what of its time was sent. */
  cities: z.record(z.string(), z.object({ startMs: z.number(), sent: z.array(spanSchema) })),
})

/** What the simulator has to remember from one run to the next. */
export type Run = z.infer<typeof runSchema>

/**
 * The file that holds devices' secrets and how far a city got; without a path it is only remembered. It is for its
 * owner alone (mode 0600), and replaced in one step. What another run has added meanwhile stays.
 */
export function openRunFile(path: string | undefined): { run: Run; save(): void } {
  const run = readRun(path)
  return {
    run,
    save() {
      if (path === undefined) return
      const { secrets, cities } = readRun(path)
      const text = JSON.stringify({
        secrets: { ...secrets, ...run.secrets },
        cities: { ...cities, ...run.cities },
      } satisfies Run)
      const fresh = `${path}.${process.pid}`
      writeFileSync(fresh, text, { mode: 0o600 })
      renameSync(fresh, path)
    },
  }
}

function readRun(path: string | undefined): Run {
  if (path === undefined || !existsSync(path)) return { secrets: {}, cities: {} }
  return runSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
}

/** The spans and one more, in order, with those that touch made one. */
export function addSpan(spans: readonly Span[], added: Span): Span[] {
  const merged: Span[] = []
  for (const span of [...spans, added].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to)
    else if (span.to > span.from) merged.push({ ...span })
  }
  return merged
}

/** What of `whole` none of the spans covers, in order. */
export function gapsIn(spans: readonly Span[], whole: Span): Span[] {
  const gaps: Span[] = []
  let from = whole.from
  for (const span of addSpan(spans, { from: whole.to, to: whole.to })) {
    if (span.from > from) gaps.push({ from, to: Math.min(span.from, whole.to) })
    from = Math.max(from, span.to)
    if (from >= whole.to) return gaps.filter((gap) => gap.to > gap.from)
  }
  gaps.push({ from, to: whole.to })
  return gaps.filter((gap) => gap.to > gap.from)
}
