import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCircle, parsePolygon } from '../../domain/place.ts'
import { foldText, searchWords } from '../../inventory/search.ts'
import { countStatus, listStatus } from '../../inventory/status.ts'
import { openStatusBoard } from '../../inventory/status-board.ts'
import { listStatusChanges } from '../../inventory/status-changes.ts'
import { statusSorts } from '../../inventory/status-order.ts'
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
        const rows = new Map(batches.flat().map((each) => [each.id, each]))
        const visible = [...rows.values()].filter((row) => services === null || services.includes(row.service ?? ''))
        const seen: ReturnType<typeof listStatus>['items'] = []
        let cursor: string | undefined
        do {
          const page = listStatus({ services }, board, { limit, cursor, sort }, now)
          seen.push(...page.items)
          cursor = page.next ?? undefined
        } while (cursor !== undefined)
        expect(seen.map((each) => each.assetId).toSorted()).toEqual(visible.map((row) => row.id).toSorted())
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
  const shown = (sort: 'id' | '-id' | 'label' | '-label') =>
    listStatus(all, board, { limit: 50, sort }, now).items.map((each) => `${each.assetId} ${each.label} ${each.kind}`)
  board.put(['b', 'd'].map((id) => makeRow(id)))
  expect(shown('id')).toEqual(['b b bench', 'd d bench'])
  board.put(['c', 'a', 'e'].map((id) => makeRow(id)))
  board.put([makeRow('c', { kind: 'shelter', label: 'z' })])
  board.remove(['d', 'nothing'])
  board.put([makeRow('f', { label: 'a' })])
  const byId = ['a a bench', 'b b bench', 'c z shelter', 'e e bench', 'f a bench']
  expect([shown('id'), shown('-id')]).toEqual([byId, byId.toReversed()])
  const byLabel = ['a a bench', 'f a bench', 'b b bench', 'e e bench', 'c z shelter']
  expect([shown('label'), shown('-label')]).toEqual([byLabel, byLabel.toReversed()])
  expect(board.find('d')).toBeUndefined()
})

test('a filter takes what it would take of the rows one by one, through changes and removals', () => {
  const words = ['rue', 'paix', 'été', 'a', 'n°7']
  const row = fc.record({
    id: fc.nat(15).map((n) => `a-${n}`),
    kind: fc.constantFrom('bench', 'shelter', 'fountain'),
    label: fc.constantFrom('banc', 'abri', 'conteneur'),
    service: fc.constantFrom('Propreté', 'Voirie', null),
    district: fc.constantFrom('Centre', null),
    life_cycle: fc.constantFrom('in_service', 'disposed'),
    silent_at: fc.option(fc.constantFrom(now - 5, now + 5)),
    latitude: fc.option(fc.constantFrom(46, 47)),
    search: fc.array(fc.constantFrom(...words), { maxLength: 3 }).map((each) => foldText(each.join(' '))),
  })
  const filter = fc.record(
    {
      kind: fc.constantFrom('bench', 'shelter', 'vehicle'),
      service: fc.constantFrom('Voirie', 'Énergie'),
      district: fc.constant('Centre'),
      lifeCycle: fc.constantFrom('in_service' as const, 'disposed' as const),
      state: fc.constantFrom('silent' as const, 'working' as const),
      q: fc.array(fc.constantFrom(...words, 'ru', 'zz'), { maxLength: 2 }).map((each) => each.join(' ')),
      areas: fc.constant([{ kind: 'box', west: 7, east: 8, south: 46.5, north: 48 } as const]),
    },
    { requiredKeys: [] },
  )
  const changes = fc.array(
    fc.record({ put: fc.array(row, { maxLength: 30 }), gone: fc.array(fc.nat(15), { maxLength: 4 }) }),
    {
      maxLength: 5,
    },
  )
  fc.assert(
    fc.property(changes, filter, fc.constantFrom(...statusSorts), (rounds, wanted, sort) => {
      const board = openStatusBoard()
      const rows = new Map<string, StatusTable>()
      for (const { put, gone } of rounds) {
        const made = put.map(({ id, ...more }) => makeRow(id, { ...more, longitude: more.latitude && 7.5 }))
        board.put(made)
        for (const each of made) rows.set(each.asset_id, each)
        // Orders are put right when they are asked for: in between, and after more has changed.
        listStatus(all, board, { limit: 1, sort }, now)
        board.remove(gone.map((n) => `a-${n}`))
        for (const n of gone) rows.delete(`a-${n}`)
      }
      const expected = [...rows.values()].filter(
        (each) =>
          (wanted.kind === undefined || each.kind === wanted.kind) &&
          (wanted.service === undefined || each.service === wanted.service) &&
          (wanted.district === undefined || each.district === wanted.district) &&
          (wanted.lifeCycle ?? (each.life_cycle === 'disposed' ? '' : each.life_cycle)) === each.life_cycle &&
          (wanted.state === undefined || (each.silent_at === now - 5 ? 'silent' : 'working') === wanted.state) &&
          (wanted.areas === undefined || each.latitude === 47) &&
          searchWords(wanted.q ?? '').every((word) => each.search.includes(word)),
      )
      const asked = { ...wanted, state: wanted.state && [wanted.state] }
      const found = listStatus(all, board, { limit: 100, sort, ...asked }, now).items
      expect(found.map((each) => each.assetId).toSorted()).toEqual(expected.map((each) => each.asset_id).toSorted())
      const counted = countStatus(all, board, { by: 'district', ...asked }, now)
      expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(expected.length)
    }),
  )
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
  board.put([makeRow('near', { search: 'abri' })])
  expect([ids({ q: 'abri' }), ids({ q: 'paix' })]).toEqual([['near'], []])
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
  const working = listStatusChanges(all, board, { state: ['working'] }, now)
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
