import { readFileSync } from 'node:fs'
import mqtt from 'mqtt'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  comeBack,
  enter,
  findBarriers,
  focused,
  hold,
  type Site,
  skipToContent,
  startSite,
  tabTo,
} from '../../support/site.ts'

let site: Site

beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

const file = (name: string, text: string, encoding: BufferEncoding = 'utf8') => ({
  name,
  mimeType: 'text/csv',
  buffer: Buffer.from(text, encoding),
})
/** What stands open on a page has no barrier that a machine finds, and is not cut off on a phone. */
async function expectReachable(page: Page): Promise<void> {
  expect(await findBarriers(page)).toEqual([])
  const size = page.viewportSize()!
  await page.setViewportSize({ width: 320, height: 800 })
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
  await page.setViewportSize(size)
}

const choose = (page: Page, chosen: ReturnType<typeof file>) => page.locator('input[type=file]').setInputFiles(chosen)
/** By keyboard: goes to a field of choices, and presses the first letter of one until it is chosen. */
async function pick(page: Page, label: string, value: string): Promise<void> {
  await tabTo(page, label)
  const letter = await page.evaluate(
    `[...document.activeElement.options].find(({ value }) => value === ${JSON.stringify(value)}).text[0].toLowerCase()`,
  )
  const chosen = () => page.evaluate('document.activeElement.value')
  for (let i = 0; i < 20 && (await chosen()) !== value; i++) await page.keyboard.press(letter as string)
  expect(await chosen()).toBe(value)
}

test('an empty inventory leads those who may fill it to where that is done, and nobody else', async () => {
  const page = await site.signIn('manager', '#/today')
  const empty = page.getByRole('status').filter({ hasText: 'Aucun équipement n’est encore inventorié' })
  await empty.getByRole('link', { name: 'Équipements' }).click()
  await empty.getByRole('link', { name: 'Importer' }).click()
  await page.getByRole('heading', { level: 1, name: 'Importer un fichier' }).waitFor()
  const reader = await site.signIn('viewer', '#/assets')
  const told = reader.getByRole('status').filter({ hasText: 'Aucun équipement n’est encore inventorié' })
  await told.waitFor()
  expect(await told.getByRole('link').count()).toBe(0)
})

describe('importing', () => {
  const rows = [
    'Identifiant;Désignation;Nature;Latitude;Longitude',
    'abri-1;Abri de la gare;Abri;47,75;7,34',
    'abri-2;Abri du port;Aubette;47,74;7,33',
    'banc-1;;Banc;47,73;7,32',
    'banc-2;Banc du parc;Banc;nord;7,31',
  ]

  test('a file with errors is mapped, checked, mended, imported and undone', async () => {
    const page = await site.signIn('manager', '#/import')
    await choose(page, file('mobilier.csv', rows.join('\r\n'), 'latin1'))
    await page.getByText(/lignes\s: 4 · encodage windows-1252 · séparateur point-virgule/).waitFor()
    // What is not recognised is said by the reader.
    await page.getByLabel('Aubette').selectOption('Abri')
    await page.getByRole('row').filter({ hasText: 'abri-2' }).getByText('Abri', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Vérifier le fichier' }).click()
    await page.getByText('2 lignes à corriger').waitFor()
    await page.getByRole('row').filter({ hasText: 'Désignation → Nom' }).getByText('il manque une valeur').waitFor()
    await page.getByRole('row').filter({ hasText: 'Latitude' }).getByText('« nord » n’est pas un nombre').waitFor()
    await expectReachable(page)
    const [bad] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Télécharger les lignes à corriger' }).click(),
    ])
    const given = readFileSync(await bad.path(), 'utf8').split('\r\n')
    expect(given.slice(1, 3).map((line) => line.split(';').slice(0, 3))).toEqual([
      ['banc-1', '', 'Banc'],
      ['banc-2', 'Banc du parc', 'Banc'],
    ])

    const mended = rows.join('\r\n').replace('banc-1;;', 'banc-1;Banc du quai;').replace('nord', '47,72')
    await choose(page, file('mobilier.csv', mended))
    await page.getByText(/encodage utf-8/).waitFor()
    await page.getByLabel('Aubette').selectOption('Abri')
    await page.getByLabel('Nom pour la réutiliser').fill('Mobilier de la ville')
    await page.getByRole('button', { name: 'Enregistrer' }).click()
    await page.getByText('Enregistrée sous « Mobilier de la ville ».').waitFor()
    // What a check says of a mapping that is another by then is not said.
    const checked = await hold(page, /\/imports\/assets\?dryRun=true/, 'POST')
    await page.getByRole('button', { name: 'Vérifier le fichier' }).click()
    await checked.first
    await page.getByLabel('Aubette').selectOption('Banc')
    checked.release()
    await page.getByRole('button', { name: 'Vérifier le fichier' }).waitFor()
    expect(await page.getByRole('button', { name: 'Importer ce fichier' }).count()).toBe(0)
    await page.getByLabel('Aubette').selectOption('Abri')
    await page.getByRole('button', { name: 'Vérifier le fichier' }).click()
    await page.getByText('4 à créer').waitFor()
    // Who leaves the page while the file is on its way finds it again.
    const sent = await hold(page, /\/imports\/assets\?dryRun=false/, 'POST')
    await page.getByRole('button', { name: 'Importer ce fichier' }).click()
    await sent.first
    await page.goto('/#/live')
    await page.getByRole('heading', { level: 1, name: 'En direct' }).waitFor()
    await page.goto('/#/import')
    await page.getByText('Envoi du fichier').waitFor()
    sent.release()
    await page.getByRole('heading', { name: 'Import terminé' }).waitFor()
    expect(await site.request('GET', '/assets/abri-2')).toMatchObject({ kind: 'shelter', latitude: 47.74 })

    const past = page.getByRole('row').filter({ hasText: 'mobilier.csv' })
    await past.getByText('créés : 4').waitFor()
    // What was changed since is not undone, and is named.
    await site.request('PATCH', '/assets/banc-2', { label: 'Banc déplacé' })
    await past.getByRole('button', { name: 'Annuler' }).click()
    await past.getByRole('button', { name: 'Oui, tout annuler' }).click()
    await page.getByRole('alert').getByText('banc-2').waitFor()
    expect(await site.request('GET', '/assets/banc-1')).toMatchObject({ label: 'Banc du quai' })
  })

  test('by keyboard alone: a saved mapping is used again; changes are told and to be allowed; the import is undone', async () => {
    const page = await site.signIn('manager', '#/import')
    await skipToContent(page)
    const asked = page.waitForEvent('filechooser')
    await tabTo(page, 'Choisir un fichier CSV')
    await page.keyboard.press('Space')
    const text = `${rows[0]}\r\nabri-1;Abri de la gare routière;Aubette;47,7;7,3\r\n`
    await (await asked).setFiles(file('corrections.csv', text))
    await page.getByLabel('Correspondance enregistrée').waitFor()
    await pick(page, 'Correspondance enregistrée', 'Mobilier de la ville')
    await page.getByRole('row').filter({ hasText: 'abri-1' }).getByText('Abri', { exact: true }).waitFor()
    // What a column becomes is chosen by hand, and given back.
    await pick(page, 'Ce que devient la colonne Latitude', '')
    await tabTo(page, 'Ce que devient la colonne Nature', 'Shift+Tab')
    await pick(page, 'Ce que devient la colonne Latitude', 'latitude')
    await enter(page, 'Vérifier le fichier')
    await page.getByText('1 à modifier').waitFor()
    await enter(page, 'Voir ce qui change (1)')
    await page
      .getByRole('row')
      .filter({ hasText: 'Abri de la gare routière' })
      .getByText('Abri de la gare', { exact: true })
      .waitFor()
    expect(await page.getByRole('button', { name: 'Importer ce fichier' }).isDisabled()).toBe(true)
    await tabTo(page, 'Autoriser ce fichier à modifier des équipements (1)')
    await page.keyboard.press('Space')
    await enter(page, 'Importer ce fichier')
    await page.getByRole('heading', { name: 'Import terminé' }).waitFor()
    await page.getByRole('row').filter({ hasText: 'corrections.csv' }).getByText('Annuler').waitFor()
    await enter(page, 'Annuler')
    await enter(page, 'Oui, tout annuler')
    await page.getByText('Import annulé. Retirés : 0, rétablis : 1.').waitFor()
    expect(await site.request('GET', '/assets/abri-1')).toMatchObject({ label: 'Abri de la gare' })
  })

  test('who may not import is told so, and offered nothing', async () => {
    const page = await site.signIn('viewer', '#/import')
    await page.getByText('L’import est réservé aux gestionnaires.').waitFor()
    expect(await page.locator('main button, main input').count()).toBe(0)
  })
})

describe('dead letters', () => {
  test('by keyboard alone: a wrong mapping is mended on the messages that came, saved, and they are replayed into readings', async () => {
    await site.request('POST', '/models', {
      id: 'own-probe',
      label: 'Sonde maison',
      table: { fields: [{ path: 't', quantity: 'temperature', scale: 100 }] },
    })
    const probe = await site.connectDevice('probe-7')
    await site.request('PATCH', '/devices/probe-7', { model: 'own-probe' })
    await probe.publishAsync('devices/probe-7/up', JSON.stringify({ t: 21.5, h: 40 }), { qos: 1 })
    const table = async () =>
      (await site.request<{ table: { fields: object[] } }>('GET', '/models/own-probe')).table.fields

    const page = await site.signIn('technician', '#/dead-letters')
    await page.getByRole('link', { name: 'Voir et corriger : Valeur hors plage' }).waitFor()
    await skipToContent(page)
    await enter(page, 'Voir et corriger : Valeur hors plage')
    await page.getByText('Ce message ne se lirait pas sans faute').waitFor()
    await tabTo(page, '× facteur de t')
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Delete')
    await page.keyboard.press('Tab')
    await page.getByText('Ce message se lirait sans faute').waitFor()
    await pick(page, 'Grandeur de h', 'relative_humidity')
    const outcomes = page.getByRole('table', { name: 'Ce que deviendraient les messages' })
    await outcomes.getByText(/Température 21,5\s°C · Humidité relative 40\s%/).waitFor()
    await expectReachable(page)
    // Until it is saved, nothing is stored and nothing can be replayed.
    expect(await table()).toMatchObject([{ path: 't', scale: 100 }])
    expect(await page.getByRole('button', { name: 'Rejouer ce message' }).isDisabled()).toBe(true)
    await enter(page, 'Enregistrer les changements')
    await page.getByText('Enregistré. Cela vaut').waitFor()
    expect(await table()).toMatchObject([{ path: 't' }, { path: 'h', quantity: 'relative_humidity' }])
    await enter(page, 'Rejouer ce message')
    await page.getByText(/messages relus\s: 1, relevés\s: 2, encore écartés\s: 0/).waitFor()
    await page
      .getByRole('table', { name: 'Derniers relevés de probe-7' })
      .getByText(/21,5\s°C/)
      .waitFor()
  })

  test('who only reads sees what is wrong, and is offered nothing', async () => {
    const lost = await site.connectDevice('probe-8')
    await lost.publishAsync('devices/probe-8/up', 'neither', { qos: 1 })
    const page = await site.signIn('viewer', '#/dead-letters')
    await page.getByRole('link', { name: 'Voir : JSON illisible' }).click()
    await page.getByText('La correction est réservée aux techniciens').waitFor()
    await page.locator('summary').filter({ hasText: 'probe-8' }).waitFor()
    expect(await page.locator('main button').count()).toBe(0)
    await page.goto('/#/devices/probe-8')
    await page.getByRole('heading', { level: 1, name: 'Sonde probe-8' }).waitFor()
    await page.getByText('Aucun relevé encore.').waitFor()
    expect(await page.getByRole('button', { name: /Révoquer|secret|Enregistrer/ }).count()).toBe(0)
  })
})

describe('devices', () => {
  test('by keyboard alone: a device that nobody registered is adopted, and its messages become readings', async () => {
    const { secret } = await site.request<{ secret: string }>('POST', '/integrations', {
      name: 'depot',
      format: 'generic-json',
      topics: ['depot/#'],
    })
    const url = `mqtt://127.0.0.1:${site.platform.mqttPort}`
    const gateway = await mqtt.connectAsync(url, { clientId: 'depot', username: 'depot', password: secret })
    // What comes before ingest knows of the integration is of nobody.
    await expect
      .poll(
        async () => {
          const payload = JSON.stringify({ readings: { fill_level: 52 } })
          await gateway.publishAsync('depot/inconnu-1/up', payload, { qos: 1 })
          return (await site.request<{ items: object[] }>('GET', '/devices/to-adopt')).items.length
        },
        { timeout: 15_000, interval: 500 },
      )
      .toBe(1)
    await gateway.endAsync()

    const page = await site.signIn('manager', '#/devices')
    await page.getByRole('button', { name: 'Adopter inconnu-1' }).waitFor()
    await tabTo(page, 'Adopter')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.evaluate('document.activeElement.tagName')).toBe('INPUT')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('generic-json')
    // Whatever was heard meanwhile, the form that is being filled in stays, and so does the focus.
    await page.route(/\/to-adopt/, (route) => route.fulfill({ json: { items: [], next: null } }), { times: 1 })
    await Promise.all([page.waitForResponse(/\/to-adopt/), comeBack(page)])
    await Promise.all([page.waitForResponse(/\/to-adopt/), comeBack(page)])
    expect(await page.evaluate('document.activeElement.value')).toBe('generic-json')
    await tabTo(page, 'Adopter inconnu-1')
    await page.keyboard.press('Enter')
    await page.getByText('inconnu-1 est adopté.').waitFor()
    await page.getByText(/messages relus\s: \d+, relevés\s: [1-9]/).waitFor()
    await tabTo(page, 'Voir ses relevés')
    await page.keyboard.press('Enter')
    await expect.poll(() => focused(page)).toBe('inconnu-1')
    await page.getByRole('table', { name: 'Derniers relevés' }).getByText(/52\s%/).waitFor()
  })

  test('a device is added, its secret shown once, another given, and revoked; the fleet tells its states', async () => {
    const page = await site.signIn('manager', '#/devices')
    await page.getByRole('button', { name: 'Ajouter un appareil' }).click()
    const form = page.getByRole('region', { name: 'Ajouter un appareil' })
    await form.getByLabel('Identifiant').fill('sonde-neuve')
    await form.getByLabel('Modèle').fill('generic-json')
    await form.getByRole('button', { name: 'Ajouter', exact: true }).click()
    const first = await page.locator('code.command').textContent()
    await page.getByText('Il n’est montré que cette fois').waitFor()
    await page.getByRole('link', { name: 'Ouvrir sa page' }).click()
    await page.getByRole('heading', { level: 1, name: 'sonde-neuve' }).waitFor()
    expect(await page.title()).toBe('sonde-neuve · Appareils · Parvis')
    await page.getByText('Envoyer une commande').click()
    await expectReachable(page)
    // Who clicks twice means one command.
    const commands = await hold(page, /\/commands$/, 'POST')
    await page.getByLabel('Contenu').fill('{"dimming_level": 40}')
    const send = page.getByRole('button', { name: 'Envoyer', exact: true })
    await send.click()
    await commands.first
    await send.click()
    commands.release()
    await expect.poll(() => page.getByLabel('Contenu').inputValue()).toBe('')
    expect(commands.asked).toHaveLength(1)
    await page.getByRole('button', { name: 'Donner un autre secret' }).click()
    await page.getByRole('button', { name: 'Oui, changer' }).click()
    await page.getByRole('heading', { name: 'Secret de sonde-neuve' }).waitFor()
    expect(await page.locator('code.command').textContent()).not.toBe(first)
    await page.getByRole('button', { name: 'Révoquer' }).click()
    await page.getByRole('button', { name: 'Oui, révoquer' }).click()
    await page.getByRole('button', { name: 'Rendre actif' }).waitFor()
    expect(await site.request('GET', '/devices/sonde-neuve')).toMatchObject({ lifeCycle: 'revoked' })

    await page.getByRole('link', { name: 'Tous les appareils' }).click()
    await page.getByLabel('Rechercher').fill('sonde-neuve')
    await page.getByRole('row').filter({ hasText: 'sonde-neuve' }).getByText('révoqué').waitFor()
  })

  test('a model is tried on a pasted message, in any of its writings', async () => {
    const page = await site.signIn('technician', '#/models/parvis-fill-100')
    for (const [text, told] of [
      ['01 9c 96 00 7b 02 57', 'Hexadécimal'],
      ['AZyWAHsCVw==', 'Base64'],
    ] as const) {
      await page.getByLabel('Message', { exact: true }).fill(text)
      await page.getByText(`Lu comme ${told}, 7 octets.`).waitFor()
      await page.getByRole('button', { name: 'Essayer' }).click()
      await page.getByRole('table', { name: 'Relevés obtenus' }).waitFor()
    }
  })
})
