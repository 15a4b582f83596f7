import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Uplink } from '../../domain/uplink.ts'
import { type Group, type JournalOptions, openJournal } from '../../store/journal.ts'
import { openJournalReader } from '../../store/journal-reader.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parvis-journal-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function open(options: Partial<JournalOptions> = {}) {
  return openJournal({ folder, maxBytes: 64 << 20, maxDays: 30, confirmedSeq: () => 0, log: () => {}, ...options })
}

type Journal = Awaited<ReturnType<typeof open>>

function append(journal: Journal, text: string, topic = 'devices/a/up'): Promise<void> {
  return new Promise((resolve, reject) =>
    journal.append({ clientId: 'a', topic, payload: Buffer.from(text), receivedAt: 1_700_000_000_000 }, (error) =>
      error === null ? resolve() : reject(error),
    ),
  )
}

/** Writes texts as one segment a call, and returns its path. */
async function writeSegment(texts: string[]): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const before = new Set(readdirSync(folder))
  const journal = await open()
  await Promise.all(texts.map((text) => append(journal, text)))
  await journal.close()
  return join(folder, readdirSync(folder).find((name) => !before.has(name))!)
}

function readAll(afterSeq = 0, limit?: number) {
  const told: string[] = []
  const reader = openJournalReader(folder, { afterSeq, onDamage: (text) => told.push(text) })
  const uplinks: Uplink[] = []
  for (let batch = reader.read(limit); batch.length > 0; batch = reader.read(limit)) uplinks.push(...batch)
  reader.close()
  return { uplinks, texts: uplinks.map((each) => Buffer.from(each.payload).toString()), damage: reader.damage, told }
}

describe('a journal', () => {
  test('gives back what was appended, in order, with rising seq, across restarts and segments', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(fc.record({ topic: fc.string(), payload: fc.uint8Array({ maxLength: 3000 }) }), { maxLength: 20 }),
          {
            maxLength: 4,
          },
        ),
        fc.integer({ min: 1, max: 30 }),
        async (sessions, limit) => {
          rmSync(folder, { recursive: true, force: true })
          for (const session of sessions) {
            const journal = await open({ maxBytes: 1 << 20 })
            await Promise.all(
              session.map(
                ({ topic, payload }) =>
                  new Promise<void>((resolve, reject) =>
                    journal.append({ clientId: 'é', topic: topic.toWellFormed(), payload, receivedAt: 5 }, (error) =>
                      error === null ? resolve() : reject(error),
                    ),
                  ),
              ),
            )
            await journal.close()
          }
          mkdirSync(folder, { recursive: true })
          const { uplinks, damage } = readAll(0, limit)
          expect(
            uplinks.map(({ clientId, topic, payload, receivedAt }) => ({
              clientId,
              topic,
              payload: [...payload],
              receivedAt,
            })),
          ).toEqual(
            sessions.flat().map(({ topic, payload }) => ({
              clientId: 'é',
              topic: topic.toWellFormed(),
              payload: [...payload],
              receivedAt: 5,
            })),
          )
          for (const [i, uplink] of uplinks.entries())
            if (i > 0) expect(uplink.seq).toBeGreaterThan(uplinks[i - 1]!.seq)
          expect(damage).toEqual({ regions: 0, lostUplinks: 0 })
        },
      ),
      { numRuns: 30 },
    )
  })

  test('hands every group over as it stands in the file, before it acknowledges', async () => {
    const groups: Group[] = []
    const journal = await open({ onCommit: (group) => groups.push(group) })
    let committedAtAck = 0
    await append(journal, 'one').then(() => {
      committedAtAck = groups.length
    })
    await Promise.all([append(journal, 'two'), append(journal, 'three')])
    await journal.close()
    expect(committedAtAck).toBe(1)
    const bytes = Buffer.concat(groups.map((group) => group.records))
    expect(readFileSync(join(folder, readdirSync(folder)[0]!)).equals(bytes)).toBe(true)
    expect(groups.at(-1)!.lastSeq).toBe(journal.lastSeq)
    expect(groups[1]!.previousSeq).toBe(groups[0]!.lastSeq)
  })

  test('calls back in the order of arrival', async () => {
    const journal = await open()
    const order: number[] = []
    await Promise.all(Array.from({ length: 200 }, (_, i) => append(journal, `${i}`).then(() => order.push(i))))
    await journal.close()
    expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i))
  })

  test('reads on while it is written, a group at a time', async () => {
    const journal = await open()
    const reader = openJournalReader(folder, { afterSeq: 0 })
    expect(reader.read()).toEqual([])
    for (const text of ['a', 'b', 'c']) {
      await append(journal, text)
      expect(reader.read().map((each) => Buffer.from(each.payload).toString())).toEqual([text])
    }
    reader.close()
    await journal.close()
  })

  test('never uses a seq twice, even when ingest was ahead of what is left of the journal', async () => {
    await writeSegment(['a', 'b'])
    rmSync(folder, { recursive: true })
    const journal = await open({ usedSeq: 500 })
    await append(journal, 'c')
    await journal.close()
    expect(readAll(500).texts).toEqual(['c'])
  })
})

describe('a damaged journal', () => {
  test('a flipped bit loses its record alone, and says so', async () => {
    const path = await writeSegment(['first', 'second', 'third'])
    const bytes = readFileSync(path)
    bytes[bytes.indexOf('second') + 2]! ^= 0x10
    writeFileSync(path, bytes)
    const { texts, damage, told } = readAll()
    expect(texts).toEqual(['first', 'third'])
    expect(damage).toEqual({ regions: 1, lostUplinks: 1 })
    expect(told.join()).toContain('1 acknowledged uplinks are missing')
  })

  test('a zeroed page loses the records in it alone, wherever it lies', async () => {
    const texts = Array.from({ length: 2000 }, (_, i) => `payload ${i}`)
    for (const page of [0, 3, 20]) {
      rmSync(folder, { recursive: true, force: true })
      const path = await writeSegment(texts)
      const bytes = readFileSync(path)
      bytes.fill(0, page * 4096, (page + 1) * 4096)
      writeFileSync(path, bytes)
      const read = readAll()
      expect(read.damage.regions).toBe(1)
      expect(read.damage.lostUplinks).toBeGreaterThan(50)
      expect(read.texts.length + read.damage.lostUplinks).toBe(2000)
      expect(texts).toEqual(expect.arrayContaining(read.texts))
    }
  })

  test('a torn tail is passed over, and what comes after it is read', async () => {
    const path = await writeSegment(['first', 'second'])
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.subarray(0, bytes.length - 3))
    const told: string[] = []
    const journal = await open({ log: (_, text) => told.push(text) })
    await append(journal, 'third')
    await journal.close()
    expect(told.join()).toMatch(/bytes at the end of .* are no record/)
    expect(journal.counters.tornBytes).toBeGreaterThan(0)
    const { texts, uplinks } = readAll()
    expect(texts).toEqual(['first', 'third'])
    // Ingest may have stored "second": its seq must not come again.
    expect(uplinks[1]!.seq).toBeGreaterThan(2)
  })

  test('a payload that looks like a record never passes for one', async () => {
    const path = await writeSegment(['genuine'])
    const record = readFileSync(path)
    rmSync(path)
    const journal = await open()
    await append(journal, 'before')
    await new Promise<void>((resolve) =>
      journal.append({ clientId: 'a', topic: 't', payload: record, receivedAt: 1 }, () => resolve()),
    )
    await append(journal, 'after')
    await journal.close()
    const forged = join(folder, readdirSync(folder)[0]!)
    const bytes = readFileSync(forged)
    bytes[bytes.indexOf(record) - 1]! ^= 1
    writeFileSync(forged, bytes)
    expect(readAll().texts).toEqual(['before', 'after'])
  })

  test('any damage: what is read was written, in order, and what is missing is counted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 3, maxLength: 60 }),
        fc.array(
          fc.record({
            at: fc.double({ min: 0, max: 0.999, noNaN: true }),
            length: fc.integer({ min: 1, max: 5000 }),
            fill: fc.integer({ min: 0, max: 255 }),
          }),
          {
            maxLength: 4,
          },
        ),
        async (sizes, damages) => {
          rmSync(folder, { recursive: true, force: true })
          const texts = sizes.map((size, i) => `${i}:${'x'.repeat(size)}`)
          const path = await writeSegment(texts)
          const bytes = readFileSync(path)
          for (const { at, length, fill } of damages) {
            const from = Math.floor(at * bytes.length)
            bytes.fill(fill, from, Math.min(from + length, bytes.length))
          }
          writeFileSync(path, bytes)
          // A later start closes the segment, so that everything missing before the last good record can be counted.
          const last = await writeSegment(['last'])
          const read = readAll()
          const good = read.texts.slice(0, -1)
          const order = good.map((text) => texts.indexOf(text))
          expect(order.every((index, i) => index >= 0 && (i === 0 || index > order[i - 1]!))).toBe(true)
          expect(read.texts.at(-1)).toBe('last')
          expect(read.damage.lostUplinks).toBe((order.at(-1) ?? -1) + 1 - good.length)
          expect(last).not.toBe(path)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('limits of a journal', () => {
  test('it refuses at its size, drops what the store confirmed first, and goes on', async () => {
    let confirmed = 0
    const journal = await open({ maxBytes: 1 << 20, confirmedSeq: () => confirmed })
    const payload = 'x'.repeat(10_000)
    let accepted = 0
    const error = await (async () => {
      for (;;) {
        try {
          await append(journal, payload)
          accepted++
        } catch (error) {
          return error as Error
        }
      }
    })()
    expect(error.message).toContain('the journal is full')
    expect(accepted).toBeGreaterThan(90)
    expect(journal.refusal).not.toBeNull()
    expect(readAll().texts.length).toBe(accepted)
    confirmed = journal.lastSeq
    await until(() => journal.refusal === null)
    await append(journal, 'again')
    await journal.close()
    expect(readAll().texts.at(-1)).toBe('again')
    expect(readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)).toBeLessThan(1 << 20)
  })

  test('a disk that fills up is refused, acknowledged uplinks are kept, and it heals by itself', async () => {
    const disk = mountSmallDisk(folder, 24)
    try {
      const told: string[] = []
      const journal = await open({ maxBytes: 1 << 30, log: (level, text) => level === 'error' && told.push(text) })
      await append(journal, 'before')
      // Another program takes the disk, to the last byte.
      disk.fill()
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, i) => append(journal, `full ${i} ${'x'.repeat(9000)}`)),
      )
      expect(results.some((each) => each.status === 'rejected')).toBe(true)
      await until(() => journal.refusal !== null)
      expect(told.join()).toMatch(/refusing uplinks/)
      disk.free()
      await until(() => journal.refusal === null)
      await append(journal, 'after')
      await journal.close()
      const accepted = results.flatMap((each, i) =>
        each.status === 'fulfilled' ? [`full ${i} ${'x'.repeat(9000)}`] : [],
      )
      const { texts, damage } = readAll()
      expect(texts).toEqual(['before', ...accepted, 'after'])
      expect(damage.lostUplinks).toBe(0)
    } finally {
      disk.unmount()
    }
  })

  test('on a disk smaller than its bound it goes on: what is stored makes room', async () => {
    const disk = mountSmallDisk(folder, 24)
    try {
      let journal: Journal | null = null
      journal = await open({ maxBytes: 64 << 20, confirmedSeq: () => journal?.lastSeq ?? 0 })
      const payload = 'x'.repeat(100_000)
      for (let accepted = 0; accepted < 500; )
        await append(journal, payload).then(
          () => accepted++,
          () => until(() => journal!.refusal === null),
        )
      await journal.close()
    } finally {
      disk.unmount()
    }
  })
})

async function until(condition: () => boolean) {
  const deadline = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition was not met within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
