import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { texts } from '../../dashboards/web/src/pages/accessibility/texts.ts'

const grid = readFileSync(join(import.meta.dirname, '../../docs/accessibility.md'), 'utf8')
const states = new Map(
  Array.from(grid.matchAll(/^\| (\d+\.\d+) .* \| (\w+) \| .+ \|$/gm), ([, id, state]) => [id!, state!]),
)
const idsOf = (state: string) => [...states].filter((each) => each[1] === state).map(([id]) => id)

test('each of the 106 criteria is judged, and the counts above the grid are those of the grid', () => {
  expect(states.size).toBe(106)
  const [held, not, none] = ['C', 'NC', 'NA'].map(idsOf) as [string[], string[], string[]]
  expect(held.length + not.length + none.length).toBe(106)
  const rate = ((100 * held.length) / (held.length + not.length)).toFixed(1)
  expect(grid).toContain(
    `Of 106 criteria: ${held.length} C, ${not.length} NC (${not.join(', ')}), ${none.length} NA: ${rate} % of those that apply hold.`,
  )
})

test('the statement says the same in both languages: how many hold, and each that does not', () => {
  const [held, not] = [idsOf('C'), idsOf('NC')]
  for (const { state, limits } of Object.values(texts)) {
    expect(state.match(/\d+/g)).toEqual(expect.arrayContaining([String(held.length), String(held.length + not.length)]))
    for (const id of not)
      expect(limits.some((limit) => limit.includes(` ${id} `) || limit.includes(` ${id}:`))).toBe(true)
  }
})
