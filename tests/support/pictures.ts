import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { pages } from '../../dashboards/web/src/pages.ts'
import { startPictureCity } from './picture-city.ts'

/*
 * Pictures of the pages to look at: `npx node tests/support/pictures.ts <folder> [--all] ['#/assets' ...]` after
 * `npm run build`. Without an address every page is taken. French by day at a desk and English by night on a phone; with
 * `--all` both languages and both themes, at a desk and on a phone.
 */
const [folder, ...rest] = process.argv.slice(2)
if (folder === undefined) throw new Error('pictures <folder> [--all] [<address>...]')
const isAll = rest.includes('--all')
const addresses = rest.filter((word) => word !== '--all')
mkdirSync(folder, { recursive: true })

const sizes = { desk: { width: 1280, height: 900 }, phone: { width: 320, height: 700 } }
const looks = (['fr', 'en'] as const).flatMap((language) =>
  (['light', 'dark'] as const).flatMap((theme) =>
    (['desk', 'phone'] as const).map((size) => ({ language, theme, size })),
  ),
)
const usual = ['fr-light-desk', 'en-dark-phone']

const { site, swapped } = await startPictureCity()
const every = [
  ...pages.map(({ view }) => `#/${view}`),
  `#/assets/${swapped.assetId}`,
  `#/assets?labels=${swapped.assetId}`,
  `#/devices/${swapped.deviceId}`,
  '#/devices?adopt=yes',
  '#/models/parvis-fill-100',
  '#/models?new=yes',
]

/** Waits until the page has said what it has to say. */
async function settle(page: Page): Promise<void> {
  await page.bringToFront()
  await page.locator('main :is(section, form, table, article)').first().waitFor()
  // What the platform is asked for is drawn once the network is still; a stream of events does not count.
  // A map that is out of view is not drawn.
  await page.evaluate('scrollTo(0, document.body.scrollHeight)')
  await page.waitForTimeout(2500)
  await page.evaluate('scrollTo(0, 0)')
}

let agents = 0
/** What is reached by doing, not by an address; the last one signs out. */
const scenes: Record<string, (page: Page) => Promise<void>> = {
  'dead-letter-group': async (page) => {
    await page.goto('/#/dead-letters')
    await page.locator('main a[href*="reason=out_of_range"]').first().click()
  },
  'import-columns': async (page) => {
    await page.goto('/#/import')
    const text =
      'Identifiant;Désignation;Nature;Latitude;Longitude\nabri-1;Abri;Abri;47,75;7,34\nbanc-1;;Banc;nord;7,32\n'
    const file = { name: 'mobilier.csv', mimeType: 'text/csv', buffer: Buffer.from(text) }
    await page.locator('input[type=file]').setInputFiles(file)
  },
  'import-errors': async (page) => {
    await page.getByRole('button', { name: /Vérifier le fichier|Check the file/ }).click()
  },
  link: async (page) => {
    const login = `agent-${++agents}`
    const person = { login, name: 'Agent', role: 'viewer' }
    const { link } = await site.request<{ link: string }>('POST', '/accounts', person)
    await page.goto(`/${new URL(link).hash}`)
  },
  'sign-in': async (page) => {
    await page.context().clearCookies()
    await page.goto('/#/today')
    await page.reload()
  },
}

try {
  for (const { language, theme, size } of looks) {
    const look = `${language}-${theme}-${size}`
    if (!isAll && !usual.includes(look)) continue
    const page = await site.signIn('admin', '', {
      colorScheme: theme,
      viewport: sizes[size],
      reducedMotion: 'reduce',
    })
    page.setDefaultTimeout(60_000)
    await page.evaluate(`localStorage.setItem('parvis.language', '${language}')`)
    await page.reload()
    const take = async (name: string) => {
      await settle(page)
      await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: true, timeout: 60_000 })
    }
    for (const address of addresses.length > 0 ? addresses : every) {
      await page.goto(`/${address}`)
      await take(address.replaceAll(/[^\w-]+/g, '-').replace(/^-/, ''))
    }
    for (const [name, show] of addresses.length > 0 ? [] : Object.entries(scenes))
      try {
        await show(page)
        await take(name)
      } catch (error) {
        console.error(`${name}, ${look}: ${(error as Error).message}`)
      }
    await page.context().close()
  }
} finally {
  await site.close()
}
