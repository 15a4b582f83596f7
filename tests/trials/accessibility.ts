import type { Page } from 'playwright-core'
import { findBarriers, type Site } from '../support/site.ts'
import { until } from '../support/until.ts'
import { findRenderingFaults } from './rendering.ts'

export type Look = { language: 'fr' | 'en'; colorScheme: 'light' | 'dark' }

/** Every pair of language and theme. */
export const looks: Look[] = (['fr', 'en'] as const).flatMap((language) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ language, colorScheme })),
)

// A phone, and a small screen at twice the size.
const widths = [320, 640]
const spacedWidths = [1280, 320]
const desk = { width: 1400, height: 900 }

/** Something that a reader may have in view, and how it comes about on a page in French. */
type Scene = { name: string; open(page: Page): Promise<unknown> }
/** What was looked at, and what is wrong with it, by scene and look: rules of axe-core, or pixels that are cut off. */
export type AccessibilityReport = { scenes: string[]; barriers: Record<string, string[]> }

/**
 * Runs axe-core over every page, its details, forms and dialogs, in each look, and looks whether anything is cut off at
 * small widths; with `isWhole`, axe-core runs at the least of these too, and each is tried with text spaced and without styles. The site must have a simulated city.
 */
export async function runAccessibilityTrial(
  site: Site,
  { looks, isWhole }: { looks: readonly Look[]; isWhole: boolean },
): Promise<AccessibilityReport> {
  const report: AccessibilityReport = { scenes: [], barriers: {} }
  const inside = await site.signIn('admin', '#/site-map', { reducedMotion: 'reduce' })
  const outside = await site.visit({ reducedMotion: 'reduce' })
  await outside.goto('/')
  for (const [page, scenes] of [
    [outside, await listEntrances(site)],
    [inside, await listPages(site, inside)],
  ] as const)
    for (const { name, open } of scenes) {
      await wear(page, { language: 'fr', colorScheme: looks[0]!.colorScheme })
      await open(page)
      report.scenes.push(name)
      for (const look of looks) {
        await wear(page, look)
        const found = [...(await findBarriers(page)), ...((await page.evaluate(findUnmarkedFields)) as string[])]
        // French, which comes first, has the longer words.
        for (const width of look === looks[0] || isWhole ? widths : []) {
          await page.setViewportSize({ width, height: 800 })
          const cut = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
          if (cut > 0) found.push(`cut off at a width of ${width}: ${cut}`)
          if (isWhole && width === widths[0])
            found.push(...(await findBarriers(page)).map((each) => `on a phone, ${each}`))
        }
        await page.setViewportSize(desk)
        if (isWhole && look === looks[0]) found.push(...(await findRenderingFaults(page, spacedWidths)))
        if (found.length > 0) report.barriers[`${name}, ${look.language} ${look.colorScheme}`] = found
      }
    }
  return report
}

// The names of fields that must be filled, and do not say so in their text (RGAA 10.2, 11.10).
const findUnmarkedFields = `[...document.querySelectorAll(':required')]
  .filter((field) => field.checkVisibility() && ![...field.labels].some((label) => /\\((obligatoire|required)\\)/.test(label.textContent)))
  .map((field) => 'needed, and not marked: ' + field.labels[0]?.textContent)`

/** What those find who are not signed in. */
async function listEntrances(site: Site): Promise<Scene[]> {
  const person = { login: 'camille', name: 'Camille', role: 'viewer' }
  const { link } = await site.request<{ link: string }>('POST', '/accounts', person)
  return [
    { name: 'sign-in', open: (page) => page.getByLabel('Nom d’utilisateur').waitFor() },
    {
      name: 'sign-in that is refused',
      open: async (page) => {
        await page.getByLabel('Nom d’utilisateur').fill('personne')
        await page.getByLabel(/^Mot de passe/).fill('une phrase bien longue')
        await page.keyboard.press('Enter')
        await page.getByRole('alert').getByText('incorrect').waitFor()
      },
    },
    {
      name: 'sign-in by token',
      open: async (page) => {
        await page.getByRole('button', { name: 'Se connecter avec un jeton' }).click()
        await page.getByLabel('Jeton d’accès').waitFor()
      },
    },
    at('#/accessibility'),
    {
      name: 'one-time link',
      open: async (page) => {
        await page.goto(link)
        await page.getByLabel('Nouveau mot de passe').fill('court')
      },
    },
    {
      name: 'one-time link that was used',
      open: async (page) => {
        await page.goto('/#link=nothing')
        await page.getByText('Ce lien ne vaut plus').waitFor()
      },
    },
  ]
}

/** Every page that the navigation leads to, one of each kind of detail, and what opens over them. */
async function listPages(site: Site, page: Page): Promise<Scene[]> {
  const links = page.locator('nav.side a')
  await links.first().waitFor()
  const addresses = await links.evaluateAll((found) => found.map((link) => link.getAttribute('href') ?? ''))
  const firstId = async (path: string) =>
    (await site.request<{ items: { id: string }[] }>('GET', path)).items.map(({ id }) => encodeURIComponent(id))[0]
  const details = await Promise.all([
    ...['waste_container', 'street_light', 'energy_meter', 'classroom'].map(
      async (kind) => `#/assets/${await firstId(`/assets?kind=${kind}&limit=1`)}`,
    ),
    firstId('/devices?limit=1').then((id) => `#/devices/${id}`),
    firstId('/accounts?limit=1').then((id) => `#/people/${id}`),
  ])
  // A message that cannot become a reading.
  const probe = await site.connectDevice('probe-odd')
  await probe.publishAsync('devices/probe-odd/up', JSON.stringify({ readings: { fill_level: 250 } }), { qos: 1 })
  const bin = details[0]!
  return [
    ...[...addresses, ...details, '#/assets?labels=list', '#/models/parvis-fill-100', '#/models?new=yes'].map(at),
    ...[
      '#/account',
      '#/accessibility',
      '#/site-map',
      '#/people/%2B',
      '#/tokens/%2B',
      '#/integrations/%2B',
      '#/bridges/%2B',
    ].map(at),
    {
      name: 'dead letters of one group',
      open: async (page) => {
        await goTo(page, '#/dead-letters')
        await page.getByRole('link', { name: 'Voir et corriger : Valeur hors plage' }).click()
        await page.locator('#replay-title').waitFor()
      },
    },
    { name: 'import with errors', open: openImportWithErrors },
    over('#/assets', 'Ajouter un équipement'),
    over(bin, 'Modifier la fiche'),
    over(bin, /^Remplacer/),
    over(bin, 'Ajouter une photo ou un document'),
    over(details.at(-1)!, 'Désactiver'),
  ]
}

const at = (address: string): Scene => ({ name: address, open: (page) => goTo(page, address) })

/** The dialog that a button of a page opens. */
const over = (address: string, button: string | RegExp): Scene => ({
  name: `${button} over ${address}`,
  open: async (page) => {
    await goTo(page, address)
    await page.getByRole('button', { name: button }).first().click()
    await page.getByRole('dialog').waitFor()
  },
})

async function openImportWithErrors(page: Page): Promise<void> {
  await goTo(page, '#/import')
  const text = 'Identifiant;Désignation;Nature;Latitude\nbanc-1;;Banc;47,7\nbanc-2;Banc du parc;Siège;nord\n'
  const file = { name: 'mobilier.csv', mimeType: 'text/csv', buffer: Buffer.from(text) }
  await page.locator('input[type=file]').setInputFiles(file)
  await page.getByLabel('Siège').selectOption('Banc')
  await page.getByRole('button', { name: 'Vérifier le fichier' }).click()
  await page.getByText('2 lignes à corriger').waitFor()
}

/** Opens an address and waits until the page has said what it has to say. */
async function goTo(page: Page, address: string): Promise<void> {
  const viewOf = (text: string) => /#\/([^/?]*)/.exec(text)?.[1]
  // By another page, so that nothing of the same one, such as a dialog, stays.
  if (viewOf(page.url()) === viewOf(address)) await goTo(page, '#/site-map')
  // The heading of what was in view before is not to be taken for that of what comes.
  await page.evaluate(`document.querySelector('h1')?.setAttribute('data-left', '')`)
  await page.goto(`/${address}`)
  await page.locator('main h1:not([data-left])').waitFor()
  await isQuiet(page)
}

/** Nothing is being loaded. */
function isQuiet(page: Page): Promise<void> {
  return until(async () => (await page.getByText(/^(Chargement|Loading)…$/).count()) === 0, 30_000)
}

async function wear(page: Page, { language, colorScheme }: Look): Promise<void> {
  await page.emulateMedia({ colorScheme })
  // By script, since an open dialog lets nobody at the buttons behind it.
  await page.evaluate(`document.querySelector('button[lang=${language}]').click()`)
  await isQuiet(page)
}
