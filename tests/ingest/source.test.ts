import { beforeEach, expect, test } from 'vitest'
import { openSource, type Source } from '../../ingest/source.ts'
import { type Group, type Journal, journalFolder } from '../../store/journal.ts'
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

test('batches are bounded by whole groups in memory, and by uplinks in the files', async () => {
  await append('1', '2', '3')
  const fromFiles = open()
  expect(take(fromFiles, 2)).toEqual(['1', '2'])
  expect(take(fromFiles, 2)).toEqual(['3'])
  fromFiles.close()
  const fromMemory = open()
  for (const group of groups) fromMemory.offer(group)
  expect(take(fromMemory, 2)).toEqual(['1', '2'])
  expect(take(fromMemory, 2)).toEqual(['3'])
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
