import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startPictureCity } from './picture-city.ts'

/*
 * The four pictures of the README, anew: `npm run pictures`, after `npm run build`. The city is simulated; it is the
 * same each time, and its month ends today.
 */
const folder = join(import.meta.dirname, '..', '..', 'docs', 'pictures')
mkdirSync(folder, { recursive: true })

const { site, swapped } = await startPictureCity()
try {
  await takeAll()
} finally {
  await site.close()
}

async function takeAll(): Promise<void> {
  const page = await site.signIn('admin', '', {
    colorScheme: 'light',
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
  })
  page.setDefaultTimeout(60_000)
  await page.evaluate("localStorage.setItem('parvis.language', 'en')")
  await page.reload()

  const take = async (name: string) => {
    // Tiles, charts and what the platform is asked for are drawn once the network is still; streams never end.
    await page.waitForTimeout(5000)
    await page.screenshot({ path: join(folder, `${name}.png`) })
  }

  await page.goto('/#/today')
  await page.getByRole('heading', { level: 2 }).first().waitFor()
  await take('today')

  await page.goto('/#/map')
  await page.locator('canvas.signs').waitFor()
  await take('map')

  await page.goto(`/#/assets/${swapped.assetId}`)
  const chart = page.getByRole('region', { name: 'Over time' })
  await chart.getByRole('button', { name: '30 days' }).click()
  await chart.evaluate((element) => element.scrollIntoView({ block: 'center' }))
  await take('asset')

  await page.goto('/#/dead-letters')
  await page.getByRole('link', { name: 'See and mend: Value out of range' }).click()
  await page.getByLabel('× factor of t').fill('')
  await page.getByLabel('× factor of t').press('Tab')
  await page.getByText('3 of the last 3 messages would be read without a fault').waitFor()
  await take('dead-letters')
}
