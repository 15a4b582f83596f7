import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keepOrder } from '../../inventory/slot-order.ts'
import { keepSignatures } from '../../inventory/text-signatures.ts'

test('numbers stay in order, however many come, go and change at a time', () => {
  const rounds = fc.array(
    fc.array(fc.record({ slot: fc.nat(199), key: fc.option(fc.nat(1000)) }), { minLength: 1, maxLength: 40 }),
    { minLength: 1, maxLength: 8 },
  )
  fc.assert(
    fc.property(fc.nat(200), rounds, (first, changes) => {
      const keys = new Map<number, number>()
      const order = keepOrder((a, b) => keys.get(a)! - keys.get(b)! || a - b)
      const expected = () => [...keys.keys()].sort((a, b) => keys.get(a)! - keys.get(b)! || a - b)
      for (let slot = 0; slot < first; slot++) {
        keys.set(slot, (slot * 7919) % 1000)
        order.add(slot)
      }
      expect([...order.slots()]).toEqual(expected())
      for (const round of changes) {
        for (const { slot, key } of round) {
          if (keys.has(slot)) order.drop(slot)
          keys.delete(slot)
          if (key === null) continue
          keys.set(slot, key)
          order.add(slot)
        }
        expect([...order.slots()]).toEqual(expected())
      }
    }),
  )
})

test('signatures let every text through that contains the word, also one that took another’s place, and few others', () => {
  const text = fc.string({ unit: fc.constantFrom(...'abcde é7'), maxLength: 40 })
  fc.assert(
    fc.property(
      fc.array(text, { minLength: 1, maxLength: 20 }),
      text,
      fc.nat(),
      fc.nat(10),
      (texts, other, at, length) => {
        const signatures = keepSignatures()
        for (const [slot, each] of texts.entries()) signatures.set(slot, each)
        const slot = at % texts.length
        signatures.set(slot, other)
        const kept = texts.with(slot, other)
        for (const each of kept) {
          const word = each.slice(at % (each.length + 1)).slice(0, length)
          const mayContain = signatures.sift(word)
          for (const [i, candidate] of kept.entries()) if (candidate.includes(word)) expect(mayContain(i)).toBe(true)
        }
      },
    ),
  )
  const signatures = keepSignatures()
  for (let i = 0; i < 5000; i++) signatures.set(i, `asset-${i} banc ${i} rue de la paix`)
  const mayContain = signatures.sift('conteneur')
  expect(Array.from({ length: 5000 }, (_, i) => i).filter(mayContain).length).toBeLessThan(500)
})
