import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findBarriers, type Site, startSite } from '../../support/site.ts'

let site: Site

beforeAll(async () => {
  site = await startSite({ city: { assets: 40 } })
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

/** Every page, of the navigation and beside it, and one object of each list that has any. */
async function listAddresses(page: Page): Promise<string[]> {
  const links = page.locator('nav.side a')
  await links.first().waitFor()
  const addresses = await links.evaluateAll((found) => found.map((link) => link.getAttribute('href') ?? ''))
  const objects: string[] = []
  for (const list of ['assets', 'devices']) {
    const { items } = await site.request<{ items: { id: string }[] }>('GET', `/${list}?limit=1`)
    objects.push(`#/${list}/${encodeURIComponent(items[0]!.id)}`)
  }
  const others = [
    '#/assets?labels=list',
    '#/models/parvis-fill-100',
    '#/models?new=yes',
    '#/account',
    '#/accessibility',
  ]
  return [...addresses, ...objects, ...others]
}

/** Opens a page and waits until it has said what it has to say. */
async function open(page: Page, address: string): Promise<void> {
  await page.goto(`/${address}`)
  await page.locator('main :is(section, form, table, article)').first().waitFor()
  await expect.poll(() => page.getByText(/^(Chargement|Loading)…$/).count(), { timeout: 10_000 }).toBe(0)
}

// Names depend on the language and contrast on the theme: two visits meet both of each.
test.each([
  { language: 'Français', colorScheme: 'light' as const },
  { language: 'English', colorScheme: 'dark' as const },
])(
  'no page has a barrier that can be found by a machine: $language, $colorScheme',
  async ({ language, colorScheme }) => {
    const page = await site.signIn('admin', '', { colorScheme, reducedMotion: 'reduce' })
    await page.getByRole('button', { name: language }).click()
    const barriers: Record<string, string[]> = {}
    for (const address of await listAddresses(page)) {
      await open(page, address)
      const found = await findBarriers(page)
      if (found.length > 0) barriers[address] = found
    }
    expect(barriers).toEqual({})
  },
  120_000,
)

test('no page is cut off at a width of 320 pixels, nor at twice the size of a small screen', async () => {
  const page = await site.signIn('admin', '', { viewport: { width: 1280, height: 800 } })
  const addresses = await listAddresses(page)
  for (const width of [320, 640]) {
    await page.setViewportSize({ width, height: 800 })
    for (const address of addresses) {
      await open(page, address)
      const cut = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      expect(cut, `${address} at ${width}`).toBeLessThanOrEqual(0)
    }
  }
}, 120_000)
