import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addSpan, gapsIn, openRunFile, type Span } from '../../simulators/run-file.ts'

const spans = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 10 })).map(([from, length]) => ({
    from,
    to: from + length,
  })),
  { maxLength: 8 },
)

function covers(list: readonly Span[], point: number): boolean {
  return list.some(({ from, to }) => point >= from && point < to)
}

describe('spans', () => {
  test('added spans cover what each of them covers, and lie apart in order', () => {
    fc.assert(
      fc.property(spans, (list) => {
        const merged = list.reduce<Span[]>(addSpan, [])
        for (let point = 0; point < 70; point++) expect(covers(merged, point)).toBe(covers(list, point))
        for (let i = 1; i < merged.length; i++) expect(merged[i]!.from).toBeGreaterThan(merged[i - 1]!.to)
      }),
    )
  })

  test('gaps are what no span covers', () => {
    fc.assert(
      fc.property(spans, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 30 }), (list, from, length) => {
        const whole = { from, to: from + length }
        const gaps = gapsIn(list.reduce<Span[]>(addSpan, []), whole)
        for (let point = 0; point < 80; point++)
          expect(covers(gaps, point)).toBe(covers([whole], point) && !covers(list, point))
      }),
    )
  })
})

describe('the run file', () => {
  test('keeps secrets and progress, for its owner alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parvis-run-'))
    try {
      const path = join(folder, 'city.json')
      const { run, save } = openRunFile(path)
      run.secrets['light-1'] = 'a secret'
      run.cities[68] = { startMs: 5, sent: [{ from: 5, to: 9 }] }
      save()
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(openRunFile(path).run).toEqual(run)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('leaves what another run has added meanwhile', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parvis-run-'))
    try {
      const path = join(folder, 'city.json')
      const one = openRunFile(path)
      const other = openRunFile(path)
      one.run.secrets['light-1'] = 'one'
      one.save()
      other.run.secrets['light-2'] = 'two'
      other.save()
      expect(openRunFile(path).run.secrets).toEqual({ 'light-1': 'one', 'light-2': 'two' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('without a path nothing is written', () => {
    const { run, save } = openRunFile(undefined)
    save()
    expect(run).toEqual({ secrets: {}, cities: {} })
  })
})
