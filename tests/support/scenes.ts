import type { Page, Route } from 'playwright-core'
import type { Site } from './site.ts'
import { until } from './until.ts'

/*
 * What readers may have in view: every page, its details, its forms, dialogs and refusals. The accessibility trial looks
 * for barriers in them, and pictures are taken of them.
 */

export type Look = { language: 'fr' | 'en'; colorScheme: 'light' | 'dark' }

/** Every pair of language and theme. */
export const looks: Look[] = (['fr', 'en'] as const).flatMap((language) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ language, colorScheme })),
)

/** Something that a reader may have in view, and how it comes about on a page in French. */
export type Scene = { name: string; open(page: Page): Promise<unknown> }

/** What those find who are not signed in. */
export async function listEntrances(site: Site): Promise<Scene[]> {
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
export async function listPages(site: Site, page: Page): Promise<Scene[]> {
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
        await page.getByRole('link', { name: 'Voir et corriger : Valeur hors plage' }).first().click()
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

export const at = (address: string): Scene => ({ name: address, open: (page) => goTo(page, address) })

/** The dialog that a button of a page opens. */
export const over = (address: string, button: string | RegExp): Scene => ({
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
export async function goTo(page: Page, address: string): Promise<void> {
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

export async function wear(page: Page, { language, colorScheme }: Look): Promise<void> {
  await page.emulateMedia({ colorScheme })
  // By script, since an open dialog lets nobody at the buttons behind it.
  await page.evaluate(`document.querySelector('button[lang=${language}]').click()`)
  await isQuiet(page)
}

/** What else a picture shows: things just made with their secret, deeper states of a page, and what goes wrong. */
export async function listMore(site: Site, page: Page): Promise<Scene[]> {
  const bins = await site.request<{ items: { assetId: string; id: string }[] }>(
    'GET',
    '/assets?kind=waste_container&limit=1',
  )
  const bin = `#/assets/${encodeURIComponent(bins.items[0]!.id)}`
  const button = (name: string | RegExp) => page.getByRole('button', { name }).first()
  const asked = (address: string, name: string, buttons: (string | RegExp)[], fields: [RegExp, string][]): Scene => ({
    name,
    open: async (page) => {
      await goTo(page, address)
      for (const each of buttons.slice(0, -1)) await button(each).click()
      for (const [label, text] of fields) {
        const field = page.getByLabel(label).first()
        await field.selectOption(text).catch(() => field.fill(text))
      }
      await button(buttons.at(-1)!).click()
      await isQuiet(page)
    },
  })
  const failing = (name: string, address: string, fail: (route: Route) => Promise<void>): Scene => ({
    name,
    open: async (page) => {
      await page.goto('/#/site-map')
      await page.route('**/api/v1/**', fail)
      await page.goto(`/${address}`)
      await page.getByRole('alert').first().waitFor()
      await page.unroute('**/api/v1/**')
    },
  })
  return [
    ...['#/nowhere', '#/assets/nothing', '#/devices/nothing', '#/models/nothing', '#/assets?q=zzzz'].map(at),
    ...['#/map?kind=street_light', '#/devices?adopt=yes', '#/models?q=fill'].map(at),
    over(bin, 'Corriger'),
    over(bin, 'Retirer'),
    over(bin, 'Installer un appareil'),
    {
      name: 'chart as a table',
      open: async (page) => {
        await goTo(page, bin)
        await page.getByText('Voir en tableau').click()
        await page.getByLabel('Comparer avec').selectOption('week')
        await isQuiet(page)
      },
    },
    asked('#/devices?adopt=yes', 'adopting', [/^Adopter/], []),
    {
      name: 'menu',
      open: async (page) => {
        await page.setViewportSize({ width: 320, height: 700 })
        await goTo(page, '#/devices')
        await button('Pages').click()
      },
    },
    asked(
      '#/devices',
      'secret of a new device',
      ['Ajouter un appareil', 'Ajouter'],
      [
        [/^Identifiant/, 'sonde-neuve'],
        [/^Modèle/, 'generic-json'],
      ],
    ),
    asked(
      '#/devices',
      'device that is there already',
      ['Ajouter un appareil', 'Ajouter'],
      [
        [/^Identifiant/, 'probe-odd'],
        [/^Modèle/, 'generic-json'],
      ],
    ),
    asked('#/tokens/%2B', 'secret of a token', ['Créer un jeton'], [[/^Pour qui/, 'Écran du dépôt']]),
    asked(
      '#/integrations/%2B',
      'secret of an integration',
      ['Ajouter une intégration'],
      [
        [/^Nom/, 'lorawan-ville'],
        [/^Format/, 'chirpstack-v4'],
        [/^Sujets/, 'application/+/device/+/event/+'],
      ],
    ),
    at('#/integrations/lorawan-ville'),
    asked(
      '#/bridges/%2B',
      'bridge',
      ['Ajouter un pont'],
      [
        [/^Nom \(/, 'operateur'],
        [/^Intégration/, 'lorawan-ville'],
        [/^Adresse/, 'mqtt://127.0.0.1:9'],
        [/^Sujets/, 'application/+/device/+/event/+'],
      ],
    ),
    at('#/bridges/operateur'),
    at('#/bridges'),
    at('#/integrations'),
    asked(
      '#/people/%2B',
      'link of a person',
      ['Ajouter et créer le lien'],
      [
        [/^Nom \(/, 'Camille Dupré'],
        [/^Nom d’utilisateur/, 'camille.dupre'],
      ],
    ),
    at('#/people'),
    { name: 'import with its columns', open: openImportColumns },
    {
      name: 'import that is done',
      open: async (page) => {
        await openImportColumns(page)
        await button('Vérifier le fichier').click()
        await button('Importer ce fichier').click()
        await page.getByText('Import terminé').waitFor()
      },
    },
    asked('#/models/generic-json', 'trial', ['Essayer'], [[/^Message/, '{"readings":{"fill_level":42,"chaleur":3}}']]),
    failing('nothing answers', '#/assets', (route) => route.abort()),
    failing('service in error', '#/devices', (route) => route.fulfill({ status: 500, json: {} })),
  ]
}

async function openImportColumns(page: Page): Promise<void> {
  await goTo(page, '#/import')
  const text = 'Identifiant;Désignation;Nature;Latitude;Longitude;Teinte\nabri-1;Abri;Abri;47,75;7,34;vert\n'
  const file = { name: 'mobilier.csv', mimeType: 'text/csv', buffer: Buffer.from(text) }
  await page.locator('input[type=file]').setInputFiles(file)
  await page.getByText('2. La correspondance').waitFor()
}
