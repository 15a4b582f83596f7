import type { ScriptPool, TaskOutcome } from '../scripts/pool.ts'
import type { Operation } from '../scripts/sandbox.ts'
import { isAsPublished } from './compare.ts'
import type { PublishedCodec, PublishedExample } from './published.ts'

/** How the codec wants `recvTime`: as the Date that TS013 says, or as the text that some codecs were written against. */
export type Dialect = { recvTime: 'date' | 'text'; isBare: boolean }

/** An example that did not come out as published. */
export type ExampleFailure = { operation: Operation; name: string; expected: unknown; answer?: unknown; error?: string }

export type CodecCheck = {
  dialect: Dialect
  /** By operation: examples that came out as published, and all of them. */
  counts: Partial<Record<Operation, { passed: number; total: number }>>
  failures: ExampleFailure[]
}

/** Runs a published codec's own examples, in the dialect in which more of them come out as published. */
export async function checkCodec(pool: ScriptPool, codec: PublishedCodec): Promise<CodecCheck> {
  const asDate = await checkWith(pool, codec, { recvTime: 'date', isBare: codec.isBare })
  if (
    !asDate.failures.some(({ name }) =>
      codec.examples.some((each) => each.name === name && each.input.recvTime !== undefined),
    )
  )
    return asDate
  const asText = await checkWith(pool, codec, { recvTime: 'text', isBare: codec.isBare })
  return asText.failures.length < asDate.failures.length ? asText : asDate
}

async function checkWith(pool: ScriptPool, codec: PublishedCodec, dialect: Dialect): Promise<CodecCheck> {
  const counts: CodecCheck['counts'] = {}
  const failures: ExampleFailure[] = []
  for (const example of codec.examples) {
    const count = counts[example.operation] ?? { passed: 0, total: 0 }
    counts[example.operation] = count
    count.total++
    const outcome = await runExample(pool, codec, example, dialect)
    if (isGood(example, outcome)) count.passed++
    else
      failures.push({
        operation: example.operation,
        name: example.name,
        expected: example.expected,
        ...(outcome.ok ? { answer: outcome.answer } : { error: outcome.error }),
      })
  }
  return { dialect, counts, failures }
}

async function runExample(
  pool: ScriptPool,
  codec: PublishedCodec,
  example: PublishedExample,
  dialect: Dialect,
): Promise<TaskOutcome> {
  const script = codec.sources[example.operation]
  if (script === undefined) return { ok: false, kind: 'error', error: 'the codec has no such function' }
  const time = typeof example.input.recvTime === 'string' ? Date.parse(example.input.recvTime) : Number.NaN
  const input = {
    ...example.input,
    ...(dialect.recvTime === 'date' && !Number.isNaN(time) ? { recvTime: time } : {}),
    ...(dialect.isBare ? { bare: true } : {}),
  }
  return pool.run({
    script,
    operation: example.operation,
    input,
    receivedAt: Number.isNaN(time) ? Date.now() : time,
    patient: true,
  })
}

function isGood({ operation, expected }: PublishedExample, outcome: TaskOutcome): boolean {
  if (outcome.ok) return isAsPublished(operation, expected, outcome.answer)
  // A codec may throw what the example has as its error.
  const errors = (expected as { errors?: unknown } | null | undefined)?.errors
  const [error] = Array.isArray(errors) ? errors : []
  return outcome.kind === 'error' && typeof error === 'string' && outcome.error.replace(/^\w*Error: /, '') === error
}
