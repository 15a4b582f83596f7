import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startSite } from './site.ts'

/*
 * Pictures of pages to look at: `npx node tests/support/pictures.ts <folder> '#/assets' '#/map' ...`
 * after `npm run build`, writes each address at a desk and on a phone, in both themes, French at the desk and English on the phone.
 */
const [folder, ...addresses] = process.argv.slice(2)
if (folder === undefined || addresses.length === 0) throw new Error('pictures <folder> <address>...')
mkdirSync(folder, { recursive: true })

const sizes = [
  { name: 'desk', language: 'fr', viewport: { width: 1280, height: 900 } },
  { name: 'phone', language: 'en', viewport: { width: 320, height: 700 } },
]

const site = await startSite({ city: { assets: 200 }, webGl: true })
for (const colorScheme of ['light', 'dark'] as const)
  for (const { name, language, viewport } of sizes) {
    const page = await site.signIn('admin', '', { colorScheme, viewport, reducedMotion: 'reduce' })
    page.setDefaultTimeout(60_000)
    await page.evaluate(`localStorage.setItem('parvis.language', '${language}')`)
    await page.reload()
    for (const address of addresses) {
      await page.goto(`/${address}`)
      await page.bringToFront()
      await page.locator('main :is(section, form, table, article)').first().waitFor()
      // What the platform is asked for is drawn once the network is still; a stream of events does not count.
      await page.waitForTimeout(2500)
      const file = address.replaceAll(/[^\w-]+/g, '-').replace(/^-/, '')
      await page.screenshot({
        path: join(folder, `${file}-${name}-${colorScheme}.png`),
        fullPage: name === 'phone',
        timeout: 60_000,
      })
    }
    await page.context().close()
  }
await site.close()
