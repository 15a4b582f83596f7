import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Site, startSite } from '../../support/site.ts'
import { runAccessibilityTrial } from '../../trials/accessibility.ts'

let site: Site

beforeAll(async () => {
  site = await startSite({ city: { assets: 40 } })
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

// Names depend on the language and contrast on the theme: two looks meet both of each. `npm run trials` takes all four.
test('no page has a barrier that can be found by a machine, nor is cut off at small widths', async () => {
  const { scenes, barriers } = await runAccessibilityTrial(site, {
    looks: [
      { language: 'fr', colorScheme: 'light' },
      { language: 'en', colorScheme: 'dark' },
    ],
    isWhole: false,
  })
  expect(barriers).toEqual({})
  expect(scenes.length).toBeGreaterThan(40)
}, 240_000)
