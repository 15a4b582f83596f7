import { closeSync, openSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { openSource, type Source } from '../../ingest/source.ts'
import { type Group, type Journal, journalFolder } from '../../store/journal.ts'
import { listSegments } from '../../store/journal-segment.ts'
import { appendAll, openTestJournal } from '../support/ingest.ts'
import { makeFolder } from '../support/registry.ts'

let dataDir: string
let journal: Journal
let groups: Group[]

beforeEach(async () => {
  dataDir = makeFolder()
  groups = []
  journal = await openTestJournal(dataDir, (group) => groups.push(group))
})

// Each in a group of its own.
async function append(...payloads: string[]) {
  for (const payload of payloads) await appendAll(journal, [{ deviceId: 'a', payload }])
}

// All in one group.
const appendTogether = (...payloads: string[]) =>
  appendAll(
    journal,
    payloads.map((payload) => ({ deviceId: 'a', payload })),
  )

const open = (afterSeq = 0) => openSource(journalFolder(dataDir), afterSeq, () => {})
const take = (source: Source, limit = 2000) => source.take(limit).map(({ payload }) => Buffer.from(payload).toString())

test('what was handed over comes from memory, without a look at the files', async () => {
  await append('1', '2')
  const source = openSource('/nowhere', 0, () => {})
  for (const group of groups) source.offer(group)
  expect(source.hasMore).toBe(true)
  expect(take(source)).toEqual(['1', '2'])
  expect(source.hasMore).toBe(false)
  expect(take(source)).toEqual([])
})

test('what was not handed over comes from the files, and nothing comes twice', async () => {
  await append('1', '2', '3', '4')
  const source = open()
  source.offer(groups[2]!)
  // A gap before the first group: the files give it, and what is behind it too.
  expect(take(source)).toEqual(['1', '2', '3', '4'])
  source.offer(groups[3]!)
  expect(take(source)).toEqual([])
  await append('5')
  source.offer(groups[4]!)
  expect(take(source)).toEqual(['5'])
  source.close()
})

test('a hole between two groups is read from the files', async () => {
  await append('1', '2', '3')
  const source = open()
  source.offer(groups[0]!)
  source.offer(groups[2]!)
  expect(take(source)).toEqual(['1'])
  expect(take(source)).toEqual(['2', '3'])
  expect(take(source)).toEqual([])
  source.close()
})

test('batches are bounded by uplinks, in memory and in the files', async () => {
  await appendTogether('1', '2', '3')
  await append('4')
  for (const isOffered of [true, false]) {
    const source = open()
    if (isOffered) for (const group of groups) source.offer(group)
    expect(take(source, 2)).toEqual(['1', '2'])
    expect(source.hasMore).toBe(true)
    expect(take(source, 2)).toEqual(['3', '4'])
    expect(take(source, 2)).toEqual([])
    source.close()
  }
})

test('what came from memory is not read from the files again', async () => {
  await append('1', '2')
  const source = open()
  for (const group of groups) source.offer(group)
  expect(take(source)).toEqual(['1', '2'])
  const [segment] = listSegments(journalFolder(dataDir))
  const file = openSync(segment!.path, 'r+')
  writeSync(file, 'damaged', 0)
  closeSync(file)
  await append('3')
  expect(take(source)).toEqual(['3'])
  expect(source.damage).toEqual({ regions: 0, lostUplinks: 0 })
  source.close()
})

const steps = fc.array(
  fc.oneof(
    fc.record({ append: fc.integer({ min: 1, max: 5 }), isOffered: fc.boolean() }),
    fc.record({ take: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ rewind: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
  { maxLength: 30 },
)

test('whatever was handed over, and however it is taken: every uplink comes in its order, again only behind a rewind', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      dataDir = makeFolder()
      groups = []
      const own = await openTestJournal(dataDir, (group) => groups.push(group))
      journal = own
      const source = open()
      let taken = 0
      const takeOn = (limit: number) => {
        const seqs = source.take(limit).map(({ seq }) => seq)
        expect(seqs.length).toBeLessThanOrEqual(limit)
        for (const seq of seqs) expect(seq).toBe(++taken)
        return seqs.length > 0
      }
      for (const step of list)
        if ('take' in step) takeOn(step.take)
        else if ('rewind' in step) {
          taken = Math.floor(taken * step.rewind)
          source.rewind(taken)
        } else {
          await appendTogether(...Array(step.append).fill('x'))
          if (step.isOffered) for (const group of groups) source.offer(group)
          groups = []
        }
      while (takeOn(3));
      expect(taken).toBe(own.lastSeq)
      expect(source.damage).toEqual({ regions: 0, lostUplinks: 0 })
      source.close()
      await own.close()
    }),
    { numRuns: 60 },
  )
})

test('a rewind gives again what was taken behind the cursor, from the files', async () => {
  await append('1', '2', '3')
  const source = open()
  for (const group of groups) source.offer(group)
  expect(take(source)).toEqual(['1', '2', '3'])
  source.rewind(1)
  expect(take(source)).toEqual(['2', '3'])
  source.close()
})

test('begins behind its cursor', async () => {
  await append('1', '2', '3')
  const source = open(2)
  for (const group of groups) source.offer(group)
  expect(take(source)).toEqual(['3'])
})
