import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { DeadLetterLimits } from '../../ingest/dead-letters.ts'
import { addDevice } from '../../inventory/devices.ts'
import type { Access } from '../../store/access.ts'
import type { Journal } from '../../store/journal.ts'
import { appendAll, catchUp, openTestIngest, openTestJournal, readOutcome } from '../support/ingest.ts'
import { makeAccess, makeFolder } from '../support/registry.ts'

let dataDir: string
let access: Access
let registry: Access['registry']
let journal: Journal

async function openAll() {
  dataDir = makeFolder()
  access = await makeAccess(dataDir)
  registry = access.registry
  for (const id of ['a', 'b', 'c']) await addDevice(access, { id, model: 'generic-json' })
  await registry.updateTable('devices').set({ model: 'test' }).execute()
  journal = await openTestJournal(dataDir)
}
beforeEach(openAll)

// The codec refuses everything.
const open = (limits: DeadLetterLimits) =>
  openTestIngest({ dataDir, registry, limits, decode: () => ({ readings: [], faults: [{ code: 'not_json' }] }) })

async function kept(): Promise<number[]> {
  return (await readOutcome(dataDir, [])).deadLetters.map(({ seq }) => seq).reverse()
}

describe('the bounds of dead letters', () => {
  test('one device keeps its newest, and takes nothing from the others', async () => {
    await appendAll(journal, [{ deviceId: 'b', payload: 'x' }])
    const first = journal.lastSeq
    await appendAll(
      journal,
      Array.from({ length: 10 }, () => ({ deviceId: 'a', payload: 'x' })),
    )
    const ingest = open({ perDevice: 3, total: 100, bytes: 1 << 20 })
    await catchUp(ingest, journal.lastSeq)
    const last = journal.lastSeq
    expect(await kept()).toEqual([first, last - 2, last - 1, last])
  })

  test('in total, and in bytes, the oldest go first', async () => {
    await appendAll(
      journal,
      Array.from({ length: 4 }, (_, i) => ({ deviceId: 'abc'[i % 3]!, payload: 'x' })),
    )
    const ingest = open({ perDevice: 100, total: 3, bytes: 1000 })
    await catchUp(ingest, journal.lastSeq)
    const last = journal.lastSeq
    expect(await kept()).toEqual([last - 2, last - 1, last])
    await appendAll(journal, [{ deviceId: 'b', payload: 'x'.repeat(970) }])
    await catchUp(ingest, journal.lastSeq)
    expect(await kept()).toEqual([last, journal.lastSeq])
  })

  test('those of nobody known are bounded together', async () => {
    await appendAll(
      journal,
      Array.from({ length: 5 }, (_, i) => ({ deviceId: `stranger-${i}`, payload: 'x', topic: 'elsewhere' })),
    )
    await catchUp(open({ perDevice: 2, total: 100, bytes: 1 << 20 }), journal.lastSeq)
    expect(await kept()).toEqual([journal.lastSeq - 1, journal.lastSeq])
  })

  test('hold for every history, over a restart, and keep the newest', async () => {
    const message = fc.record({ deviceId: fc.constantFrom('a', 'b', 'c'), bytes: fc.integer({ min: 0, max: 300 }) })
    const limits = fc.record({
      perDevice: fc.integer({ min: 1, max: 6 }),
      total: fc.integer({ min: 1, max: 12 }),
      bytes: fc.integer({ min: 400, max: 2000 }),
    })
    const parts = fc.array(fc.array(message, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(limits, parts, async (bounds, history) => {
        await openAll()
        const all: { seq: number; deviceId: string; bytes: number }[] = []
        for (const part of history) {
          const ingest = open(bounds)
          await appendAll(
            journal,
            part.map(({ deviceId, bytes }) => ({ deviceId, payload: Buffer.alloc(bytes) })),
          )
          await catchUp(ingest, journal.lastSeq)
          for (const [i, { deviceId, bytes }] of part.entries())
            all.push({
              seq: journal.lastSeq - part.length + 1 + i,
              deviceId,
              bytes: bytes + `devices/${deviceId}/up`.length,
            })
          await ingest.dispose()
          const left = await kept()
          expect(left).toEqual(left.filter((seq) => all.some((each) => each.seq === seq)))
          expect(left).toEqual(expect.arrayContaining(keepNewest(all, bounds)))
          expect(findExceeded(all, left, bounds)).toEqual([])
        }
      }),
      { numRuns: 25 },
    )
  })
})

interface Letter {
  seq: number
  deviceId: string
  bytes: number
}

// Letters that no bound could ever push out: they and all that came after them fit. Which of the others are left
// depends on where ingest's commits fell: a letter that went at an earlier one does not come back.
function keepNewest(all: Letter[], limits: DeadLetterLimits): number[] {
  return all
    .filter(
      ({ seq }) =>
        findExceeded(
          all,
          all.flatMap((each) => (each.seq >= seq ? [each.seq] : [])),
          limits,
        ).length === 0,
    )
    .map(({ seq }) => seq)
}

function findExceeded(all: Letter[], seqs: number[], limits: DeadLetterLimits): string[] {
  const letters = all.filter(({ seq }) => seqs.includes(seq))
  const mostOfOne = Math.max(
    0,
    ...['a', 'b', 'c'].map((id) => letters.filter(({ deviceId }) => deviceId === id).length),
  )
  const bytes = letters.reduce((sum, each) => sum + each.bytes, 0)
  return [
    ...(mostOfOne > limits.perDevice ? ['perDevice'] : []),
    ...(letters.length > limits.total ? ['total'] : []),
    ...(bytes > limits.bytes ? ['bytes'] : []),
  ]
}
