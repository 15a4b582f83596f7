import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCircle, parsePolygon } from '../../domain/place.ts'
import { countStatus, listStatus, statusSorts } from '../../inventory/status.ts'
import { openStatusBoard } from '../../inventory/status-board.ts'
import { listStatusChanges } from '../../inventory/status-changes.ts'
import type { StatusTable } from '../../store/registry-tables.ts'

const now = Date.UTC(2030, 0, 1)
const all = { services: null }

function makeRow(id: string, more: Partial<StatusTable> = {}): StatusTable {
  return {
    asset_id: id,
    kind: 'bench',
    label: id,
    service: null,
    district: null,
    latitude: null,
    longitude: null,
    search: id,
    state: 'working',
    since: now - 1000,
    last_seen_at: null,
    silent_at: null,
    attention_at: null,
    battery: null,
    attentions: '[]',
    device_id: null,
    installation_id: null,
    life_cycle: 'in_service',
    proof: null,
    proof_at: null,
    ...more,
  }
}

const rowArbitrary = fc.record({
  id: fc.integer({ min: 0, max: 60 }).map((n) => `a-${n}`),
  battery: fc.option(fc.integer({ min: 0, max: 3 })),
  silent_at: fc.option(fc.constantFrom(now - 5, now, now + 5)),
  last_seen_at: fc.option(fc.integer({ min: 0, max: 3 })),
  label: fc.constantFrom('banc', 'abri', 'conteneur'),
  service: fc.constantFrom('Propreté', 'Voirie', null),
})

test('pages of any order hold each asset that may be seen once, in order, what is not known last', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(rowArbitrary, { maxLength: 25 }), { maxLength: 4 }),
      fc.constantFrom(...statusSorts),
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom<readonly string[] | null>(null, ['Voirie'], []),
      (batches, sort, limit, services) => {
        const board = openStatusBoard()
        for (const batch of batches) board.put(batch.map(({ id, ...more }) => makeRow(id, more)))
        const visible = board.rows().filter((row) => services === null || services.includes(row.service ?? ''))
        const seen: ReturnType<typeof listStatus>['items'] = []
        let cursor: string | undefined
        do {
          const page = listStatus({ services }, board, { limit, cursor, sort }, now)
          seen.push(...page.items)
          cursor = page.next ?? undefined
        } while (cursor !== undefined)
        expect(seen.map((each) => each.assetId).toSorted()).toEqual(visible.map((row) => row.asset_id).toSorted())
        const key = sort.replace('-', '') as 'battery' | 'lastSeenAt' | 'label'
        if (!['battery', 'lastSeenAt', 'label'].includes(key)) return
        for (const [i, each] of seen.entries()) {
          const before = seen[i - 1]?.[key]
          if (i === 0 || each[key] === null) continue
          expect(before).not.toBeNull()
          expect(sort.startsWith('-') ? before! >= each[key] : before! <= each[key]).toBe(true)
        }
      },
    ),
  )
})

test('a board keeps the order of ids through changes and removals', () => {
  const board = openStatusBoard()
  board.put(['b', 'd'].map((id) => makeRow(id)))
  expect(board.rows().map((row) => row.asset_id)).toEqual(['b', 'd'])
  board.put(['c', 'a', 'e'].map((id) => makeRow(id)))
  board.put([makeRow('c', { kind: 'shelter' })])
  board.remove(['d', 'nothing'])
  expect(board.rows().map((row) => [row.asset_id, row.kind])).toEqual([
    ['a', 'bench'],
    ['b', 'bench'],
    ['c', 'shelter'],
    ['e', 'bench'],
  ])
  expect(board.get('d')).toBeUndefined()
})

test('places, words and life cycles choose; disposed assets are told when asked for', () => {
  const board = openStatusBoard()
  board.put([
    makeRow('near', { latitude: 47.7467, longitude: 7.3389, search: 'banc rue de la paix' }),
    makeRow('far', { latitude: 48, longitude: 7.3389, search: 'banc' }),
    makeRow('gone', { latitude: 47.7467, longitude: 7.3389, life_cycle: 'disposed', state: 'out_of_service' }),
    makeRow('nowhere'),
  ])
  const ids = (filter: Parameters<typeof countStatus>[2]) =>
    listStatus(all, board, { limit: 10, ...filter }, now).items.map((each) => each.assetId)
  expect(ids({})).toEqual(['far', 'near', 'nowhere'])
  expect(ids({ areas: [parseCircle('7.34,47.7467,200')!] })).toEqual(['near'])
  expect(ids({ areas: [parsePolygon('7,47.9 8,47.9 8,48.1 7,48.1')!] })).toEqual(['far'])
  expect(ids({ lifeCycle: 'disposed' })).toEqual(['gone'])
  expect(ids({ q: 'Paix BANC' })).toEqual(['near'])
  expect(countStatus(all, board, {}, now)).toEqual([{ kind: 'bench', state: 'working', count: 3 }])
})

test('who waits for a revision goes on when it is in, or after a while', async () => {
  const board = openStatusBoard()
  let isIn = false
  const waiting = board.waitFor(5, 60_000).then(() => {
    isIn = true
  })
  board.reach(4)
  await board.waitFor(4, 60_000)
  expect(isIn).toBe(false)
  board.reach(5)
  await waiting
  await board.waitFor(6, 1)
})

test('changes tell what came, what left, and deadlines that pass', () => {
  const board = openStatusBoard()
  board.put([makeRow('a', { silent_at: now + 10 }), makeRow('b', { service: 'Voirie' })])
  const working = listStatusChanges(all, board, { state: 'working' }, now)
  const ofVoirie = listStatusChanges({ services: ['Voirie'] }, board, {}, now)
  expect(working.take(now + 5).text).toBe('')
  const left = working.take(now + 10)
  expect(left.text).toBe('event: left\ndata: {"assetId":"a"}\n\n')
  board.put([makeRow('a', { silent_at: now + 99 })])
  expect(working.take(now + 11).text).toContain('"assetId":"a"')
  expect(ofVoirie.take(now + 11).text).toBe('')
  board.put([makeRow('b', { service: 'Voirie', battery: 12 })])
  expect(ofVoirie.take(now + 12).text).toContain('"battery":12')
  ofVoirie.close()
  board.put([makeRow('b', { service: 'Voirie', battery: 13 })])
  expect(ofVoirie.take(now + 13).text).toBe('')
})
