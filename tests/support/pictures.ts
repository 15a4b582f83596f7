import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { startPictureCity } from './picture-city.ts'
import { at, listEntrances, listMore, listPages, looks, type Scene, wear } from './scenes.ts'
import { startSite } from './site.ts'

/*
 * Pictures of the pages to look at: `npx node tests/support/pictures.ts <folder> [--all] [--empty] [<word>...]` after
 * `npm run build`. Every page, detail, form, dialog and refusal is taken, or those whose name or address has one of the
 * words. French by day and English by night, at a desk and on a phone; with `--all` every pair of language and theme.
 * With `--empty` the pages of a platform that has only just been installed.
 */
const [folder, ...rest] = process.argv.slice(2)
if (folder === undefined) throw new Error('pictures <folder> [--all] [--empty] [<word>...]')
const words = rest.filter((word) => !word.startsWith('--'))
const shownLooks = rest.includes('--all') ? looks : [looks[0]!, looks.at(-1)!]
const sizes = { desk: { width: 1280, height: 900 }, phone: { width: 320, height: 700 } }
mkdirSync(folder, { recursive: true })

/** Waits until what is in view is drawn: a map takes its time, without a graphics card. */
async function settle(page: Page): Promise<void> {
  // A map that is out of view is not drawn.
  await page.evaluate('scrollTo(0, document.body.scrollHeight)')
  await page.waitForTimeout((await page.locator('canvas.maplibregl-canvas').count()) > 0 ? 2500 : 500)
  await page.evaluate('scrollTo(0, 0)')
}

async function take(page: Page, { name, open }: Scene): Promise<void> {
  const file = name.replaceAll(/[^\p{L}\d-]+/gu, '-').replaceAll(/^-|-$/g, '')
  await page.setViewportSize(sizes.desk)
  await wear(page, looks[0]!)
  await open(page)
  const fullPage = (await page.locator('dialog[open]').count()) === 0
  for (const look of shownLooks)
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport)
      await wear(page, look)
      await settle(page)
      const path = join(folder!, `${file}.${size}-${look.language}-${look.colorScheme}.png`)
      await page.screenshot({ path, fullPage, timeout: 60_000 })
    }
}

const isWanted = ({ name }: Scene) => words.length === 0 || words.some((word) => name.includes(word))
const site = rest.includes('--empty') ? await startSite() : undefined
const city = site === undefined ? await startPictureCity() : undefined
const shown = site ?? city!.site
try {
  const outside = await shown.visit({ reducedMotion: 'reduce' })
  await outside.goto('/')
  const inside = await shown.signIn('admin', '#/site-map', { reducedMotion: 'reduce' })
  const first: Scene = {
    name: 'first administrator',
    open: async (page) => {
      await page.goto(/\/#link=[\w-]+/.exec(shown.platform.output())![0])
      await page.getByRole('heading', { name: 'Créer le premier administrateur' }).waitFor()
    },
  }
  const entrances = city === undefined ? [] : await listEntrances(shown)
  const addresses = await inside
    .locator('nav.side a')
    .evaluateAll((found) => found.map((link) => link.getAttribute('href') ?? ''))
  const pages =
    city === undefined
      ? addresses.map(at)
      : [
          ...(await listPages(shown, inside)),
          ...[`#/assets/${city.swapped.assetId}`, `#/devices/${city.swapped.deviceId}`].map(at),
          ...(await listMore(shown, inside)),
        ]
  const scenes: [Page, Scene][] = [
    ...[first, ...entrances].map((each): [Page, Scene] => [outside, each]),
    ...pages.map((each): [Page, Scene] => [inside, each]),
  ]
  for (const [page, scene] of scenes.filter(([, scene]) => isWanted(scene)))
    try {
      await take(page, scene)
      if (scene === first) await outside.goto('/')
    } catch (error) {
      console.error(`${scene.name}: ${(error as Error).message}`)
      await page.goto('/#/site-map')
    }
} finally {
  await shown.close()
}
