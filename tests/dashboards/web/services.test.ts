import { readFileSync } from 'node:fs'
import type { MqttClient } from 'mqtt'
import type { Download, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { comeBack, enter, findBarriers, hold, type Site, skipToContent, startSite, tabTo } from '../../support/site.ts'

const hourMs = 3_600_000
const markup = '=1+1 <img src=x onerror="document.title=1"> \u202Egras'
// Wherever the hour of now is told twice or not at all, as at the end of summer time, here it is told once.
const inUtc = { timezoneId: 'UTC' }
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

let site: Site
const devices = new Map<string, MqttClient>()

beforeAll(async () => {
  site = await startSite()
  for (const id of ['probe-1', 'probe-2', 'probe-3', 'probe-m']) devices.set(id, await site.connectDevice(id))
  for (const [id, label] of [
    ['bin-1', 'Conteneur, rue de la Paix'],
    ['bin-m', markup],
  ])
    await site.request('POST', '/assets', { id, kind: 'waste_container', label, district: 'Centre' })
  const installedAt = '2020-01-01T00:00:00Z'
  await site.request('POST', '/installations', { deviceId: 'probe-1', assetId: 'bin-1', installedAt })
  await site.request('POST', '/installations', { deviceId: 'probe-m', assetId: 'bin-m', installedAt })
  // A day in which each probe says something of its own.
  await publishDay('probe-1', 40)
  await publishDay('probe-2', 70)
  await publishDay('probe-3', 20)
  await publishDay('probe-m', 10)
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

function publish(id: string, payload: unknown) {
  return devices.get(id)!.publishAsync(`devices/${id}/up`, JSON.stringify(payload), { qos: 1 })
}
async function publishDay(id: string, level: number) {
  const now = Date.now()
  await publish(
    id,
    Array.from({ length: 24 }, (_, i) => ({ observedAt: now - (24 - i) * hourMs, readings: { fill_level: level } })),
  )
}
/** A time as a field for date and time takes it, on the visitor's clock. */
function toField(page: Page, time: number): Promise<string> {
  return page.evaluate(
    `(() => { const at = new Date(${time}); return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16) })()`,
  )
}
async function read(download: Download): Promise<string[][]> {
  const text = readFileSync((await download.path())!, 'utf8').replace(/^\uFEFF/, '')
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','))
}
const bin = (page: Page) => page.getByRole('row').filter({ hasText: 'rue de la Paix' })

test('a bin is found on the page of waste, seen to fill, and then among those to empty today', async () => {
  const page = await site.signIn('viewer', '#/waste')
  await page.getByLabel('Rechercher').fill('paix')
  await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
  await bin(page).getByText(/40\s%/).waitFor()
  const task = page.getByRole('link', { name: 'À vider aujourd’hui' })
  await task.getByText('0', { exact: true }).waitFor()
  await publish('probe-1', { readings: { fill_level: 85 } })
  await expect
    .poll(async () => {
      await comeBack(page)
      return bin(page).textContent()
    })
    .toMatch(/85\s%/)
  await task.getByText('1', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Effacer les filtres' }).click()
  await expect.poll(() => page.locator('tbody tr').count()).toBe(2)
  await task.click()
  await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
  await page.getByRole('heading', { name: 'Seulement : À vider aujourd’hui' }).waitFor()
}, 120_000)

test('the list and its file say the same, in the same order, and no name is more than text', async () => {
  const page = await site.signIn('viewer', '#/waste')
  await page.getByRole('link', { name: 'Remplissage', exact: true }).click()
  await expect.poll(() => page.url()).toContain('sort=fill_level')
  await expect.poll(() => page.locator('tbody th[scope=row] a').first().textContent()).toBe(markup)
  const shown = await page
    .locator('tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) => [
        row.querySelector('th a')!.getAttribute('href')!.split('/').at(-1),
        Number.parseFloat(row.querySelector('td')!.textContent!),
      ]),
    )
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Télécharger la liste en CSV' }).click(),
  ])
  const [head, ...lines] = await read(download)
  const column = head!.indexOf('fill_level')
  expect(lines.map((line) => [line[0], Number(line.at(column - head!.length))])).toEqual(shown)
  expect(readFileSync((await download.path())!, 'utf8')).toContain("'=1+1")
}, 90_000)

test('a sensor is swapped with a date in the past: the page says what will change, then readings and chart have', async () => {
  const page = await site.signIn('technician', '#/assets/bin-1', inUtc)
  const latest = page.getByRole('table', { name: 'Derniers relevés' })
  await latest.getByText('probe-1').waitFor()
  await page.getByRole('button', { name: 'Remplacer probe-1' }).click()
  const dialog = page.getByRole('dialog', { name: 'Remplacer probe-1' })
  await dialog.getByLabel('Nouvel appareil').fill('nobody')
  await dialog.getByLabel('Date et heure').fill(await toField(page, Date.now() - 6.5 * hourMs))
  await dialog.getByRole('button', { name: 'Remplacer' }).click()
  // What was typed is still there after a refusal.
  await dialog.getByRole('alert').waitFor()
  expect(await dialog.getByLabel('Nouvel appareil').inputValue()).toBe('nobody')
  expect(await page.evaluate('document.activeElement.type')).toBe('submit')
  await dialog.getByLabel('Nouvel appareil').fill('probe-2')
  await dialog.getByText(/seront ceux de probe-2\s; ceux de probe-1 y compteront jusque-là/).waitFor()
  await dialog.getByRole('button', { name: 'Remplacer' }).click()
  await dialog.waitFor({ state: 'detached' })
  await latest.getByText(/70\s%/).waitFor()
  await page.getByRole('list', { name: 'Changements d’appareil' }).getByText('probe-1 → probe-2').waitFor()

  const chart = page.getByRole('region', { name: 'Évolution' })
  await chart.getByText('Voir en tableau').click()
  const rows = chart.getByRole('row')
  await expect.poll(async () => (await rows.allTextContents()).filter((row) => /70\s%/.test(row)).length).toBe(6)
  const shown = (await rows.allTextContents())
    .slice(1)
    .map((row) => Number.parseFloat(/([\d,]+)\s%/.exec(row)![1]!.replace(',', '.')))
  const [csv] = await Promise.all([
    page.waitForEvent('download'),
    chart.getByRole('button', { name: 'Télécharger en CSV' }).click(),
  ])
  expect(csv.suggestedFilename()).toMatch(/^bin-1 fill_level .*\.csv$/)
  expect((await read(csv)).slice(1).map((line) => Number(line[1]))).toEqual(shown.reverse())
  const [picture] = await Promise.all([
    page.waitForEvent('download'),
    chart.getByRole('button', { name: 'Télécharger en image' }).click(),
  ])
  expect(
    readFileSync((await picture.path())!)
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG')
}, 120_000)

test('a chart moves as often as it is told to, and has a picture once it is there', async () => {
  const page = await site.signIn('viewer', '#/live')
  const plot = await hold(page, /\/chart-plot-.*\.js$/)
  await page.goto('/#/assets/bin-1')
  const chart = page.getByRole('region', { name: 'Évolution' })
  await plot.first
  expect(await chart.getByRole('button', { name: 'Télécharger en image' }).isDisabled()).toBe(true)
  plot.release()
  const [picture] = await Promise.all([
    page.waitForEvent('download'),
    chart.getByRole('button', { name: 'Télécharger en image' }).click(),
  ])
  expect(picture.suggestedFilename()).toMatch(/png$/)

  const readings = await hold(page, /\/readings\?.*quantity=fill_level/)
  await chart.getByRole('button', { name: 'Plus tôt' }).click()
  await readings.first
  await chart.getByRole('button', { name: 'Plus tôt' }).click()
  await expect.poll(() => readings.asked.length).toBe(2)
  const [once, twice] = readings.asked.map((url) => Date.parse(url.searchParams.get('to')!))
  expect(once! - twice!).toBe(12 * hourMs)
  readings.release()
  await chart.getByRole('button', { name: 'Maintenant' }).waitFor()
}, 90_000)

test('an installation is corrected, and the page can be asked for what was known before', async () => {
  const page = await site.signIn('technician', '#/assets/bin-1', inUtc)
  await page.getByRole('button', { name: 'Corriger probe-2' }).click()
  const dialog = page.getByRole('dialog')
  // What somebody else corrected before the reader began, and after the page was read, is not undone without a word.
  type Dated = { items: { id: string; deviceId: string; installedAt: string }[] }
  const known = await site.request<Dated>('GET', '/assets/bin-1/installations')
  const { id } = known.items.find((each) => each.deviceId === 'probe-2')!
  await site.request('PATCH', `/installations/${id}`, { channel: '2' })
  await dialog.getByRole('button', { name: 'Corriger' }).click()
  await dialog.getByRole('alert').getByText('a changé entre-temps').waitFor()
  await dialog.getByRole('button', { name: 'Annuler' }).click()
  await site.request('PATCH', `/installations/${id}`, { channel: null })
  await page.reload()
  await page.getByRole('button', { name: 'Corriger probe-2' }).click()
  await dialog.getByLabel('Posé le').fill(await toField(page, Date.now() - 3 * hourMs))
  await dialog.getByLabel('Motif').fill('Erreur de date')
  await dialog.getByRole('button', { name: 'Corriger' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('region', { name: 'Historique' }).getByText('« Erreur de date »').waitFor()
  const { items } = await site.request<{ items: { deviceId: string; installedAt: string }[] }>(
    'GET',
    '/assets/bin-1/installations',
  )
  const corrected = Date.parse(items.find((each) => each.deviceId === 'probe-2')!.installedAt)
  expect(Math.abs(Date.now() - 3 * hourMs - corrected)).toBeLessThan(10 * 60_000)

  const installations = page.getByRole('region', { name: 'Appareils installés' })
  await installations.getByLabel('Tel qu’on le savait le').fill(await toField(page, Date.now() - 48 * hourMs))
  await installations.getByText('Aucun appareil n’a été installé ici.').waitFor()
  await page.getByRole('status').getByText('telles qu’on les connaissait').waitFor()
  await page.getByRole('button', { name: 'Revenir à ce qu’on sait aujourd’hui' }).first().click()
  await installations.getByText('probe-2').first().waitFor()
}, 90_000)

test('a photo is added and shown; who only reads is offered no change', async () => {
  const page = await site.signIn('technician', '#/assets/bin-1')
  await page.getByRole('button', { name: 'Ajouter une photo ou un document' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Fichier').setInputFiles({ name: 'face.png', mimeType: 'image/png', buffer: png })
  await dialog.getByLabel('Légende').fill('Vue de face')
  await dialog.getByRole('button', { name: 'Ajouter une photo ou un document' }).click()
  const photo = page.getByRole('img', { name: 'Vue de face' })
  await photo.scrollIntoViewIfNeeded()
  await expect
    .poll(() => photo.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth))
    .toBe(1)

  const reader = await site.signIn('viewer', '#/assets/bin-1')
  await reader.getByRole('img', { name: 'Vue de face' }).waitFor()
  for (const name of [/Remplacer/, /Corriger/, /Ajouter/, /Modifier/, /Supprimer/])
    expect(await reader.getByRole('button', { name }).count()).toBe(0)
}, 90_000)

test('an asset is made and edited; somebody else’s change meanwhile is told in words, and nothing typed is lost', async () => {
  const page = await site.signIn('manager', '#/assets')
  await page.getByRole('button', { name: 'Ajouter un équipement' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Identifiant', { exact: false }).first().fill('bench-1')
  await dialog.getByLabel('Type').selectOption('bench')
  await dialog.getByRole('textbox', { name: 'Nom', exact: true }).fill('Banc du parc')
  // While it is on its way it is not closed; and who goes elsewhere is not called back by what came of it.
  const made = await hold(page, /\/api\/v1\/assets$/, 'POST')
  await dialog.getByRole('button', { name: 'Enregistrer' }).click()
  await made.first
  await page.keyboard.press('Escape')
  expect(await dialog.getByRole('button', { name: 'Annuler' }).isDisabled()).toBe(true)
  await page.goto('/#/live')
  await page.getByRole('heading', { level: 1, name: 'En direct' }).waitFor()
  await Promise.all([page.waitForResponse(/\/api\/v1\/assets$/), made.release()])
  await comeBack(page)
  expect(page.url()).toMatch(/#\/live$/)
  await page.goto('/#/assets/bench-1')
  await page.getByRole('heading', { name: 'Banc du parc' }).waitFor()
  await page.getByText('bench-1', { exact: true }).first().waitFor()

  await page.getByRole('button', { name: 'Modifier la fiche' }).click()
  await dialog.getByLabel('Matériau').waitFor()
  await site.request('PATCH', '/assets/bench-1', { district: 'Nord' })
  await dialog.getByRole('textbox', { name: 'Nom', exact: true }).fill('Banc du square')
  await dialog.getByRole('button', { name: 'Enregistrer' }).click()
  await dialog.getByRole('alert').getByText('a changé entre-temps').waitFor()
  expect(await dialog.getByRole('textbox', { name: 'Nom', exact: true }).inputValue()).toBe('Banc du square')
  await page.keyboard.press('Escape')
  await page.goto('/#/assets?labels=bench-1')
  await page.getByRole('img', { name: 'Code QR de bench-1' }).waitFor()
  await page.getByText(`${site.platform.httpUrl}/#/assets/bench-1`).waitFor()
}, 90_000)

test('a building tells what went through its meters, by meter and day, and which one was replaced', async () => {
  await site.request('POST', '/assets', { id: 'school', kind: 'building', label: 'École' })
  for (const id of ['meter-a', 'meter-b'])
    await site.request('POST', '/assets', { id, kind: 'energy_meter', label: id, parentId: 'school' })
  // Around noon of a day of the past: whatever the hour is now, it is one day in Paris, and in the span that is shown.
  const noon = (Math.floor(Date.now() / (24 * hourMs)) - 10) * 24 * hourMs + 10 * hourMs
  for (const [id, kind, hours, value] of [
    ['meter-a', 'installation', 0, 1000],
    ['meter-a', 'removal', 2, 4000],
    ['meter-a', 'installation', 2.1, 50],
    ['meter-a', 'reading', 4, 2050],
    ['meter-b', 'installation', 0, 0],
    ['meter-b', 'reading', 4, 3000],
  ] as const) {
    const at = new Date(noon + hours * hourMs).toISOString()
    await site.request('POST', `/assets/${id}/indexes`, { quantity: 'energy_active_import', kind, value, at })
  }
  const page = await site.signIn('viewer', '#/assets/school')
  const rows = page.locator('table').filter({ hasText: 'meter-b' }).getByRole('row')
  const cells = (row: Locator) => row.locator('td.number').allTextContents()
  await expect.poll(() => cells(rows.last())).toHaveLength(3)
  expect((await cells(rows.last())).map((text) => Number.parseFloat(text))).toEqual([8, 5, 3])
  // In the place of what another meter counted stands what is known of it, and nothing under a wrong name.
  const water = await hold(page, /\/consumption\?quantity=water_volume/)
  const consumption = page.getByRole('region', { name: 'Consommation' })
  await consumption.getByLabel('Grandeur').selectOption('water_volume')
  await water.first
  expect(await consumption.getByRole('row').count()).toBe(0)
  expect(await consumption.getByRole('button', { name: /CSV/ }).count()).toBe(0)
  water.release()
  await consumption.getByLabel('Grandeur').selectOption('energy_active_import')
  await expect.poll(() => cells(rows.last())).toHaveLength(3)
  const [day] = (await rows.filter({ hasNotText: 'inconnue' }).all()).slice(1, 2)
  expect((await cells(day!)).map((text) => Number.parseFloat(text))).toEqual([8, 5, 3])
  await page
    .getByRole('listitem')
    .filter({ hasText: 'compteur remplacé' })
    .getByRole('link', { name: 'meter-a' })
    .waitFor()
  await page.getByRole('button', { name: 'English' }).click()
  await page.getByRole('columnheader', { name: 'meter-a' }).waitFor()
  expect(await findBarriers(page)).toEqual([])
}, 90_000)

test('by keyboard alone: from the work of the day to a bin, and a sensor swapped there', async () => {
  const page = await site.signIn('technician', '#/waste')
  await page.getByRole('link', { name: 'Conteneur, rue de la Paix' }).waitFor()
  await tabTo(page, 'Conteneur, rue de la Paix')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Remplacer probe-2' }).waitFor()
  await tabTo(page, 'Remplacer probe-2')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Remplacer probe-2' })
  await dialog.waitFor()
  expect(await findBarriers(page)).toEqual([])
  await page.keyboard.type('probe-3')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Remplacer probe-3' }).waitFor()
}, 90_000)

// What each service does of a morning: among two assets of a kind, the one that needs a person, and what it did.
const mornings = [
  {
    view: 'lighting',
    kind: 'street_light',
    task: 'in_fault',
    busy: () => ({ lamp_state: 2, active_power: 0 }),
    calm: () => ({ lamp_state: 0, active_power: 1 }),
  },
  {
    view: 'energy',
    kind: 'water_meter',
    link: 'Compteur d’eau',
    task: 'leak',
    busy: (hour: number) => ({ water_volume: 100 + hour }),
    calm: () => ({ water_volume: 100 }),
  },
  {
    view: 'schools',
    kind: 'classroom',
    task: 'to_air',
    busy: () => ({ co2: 1800 }),
    calm: () => ({ co2: 600 }),
  },
  {
    view: 'furniture',
    kind: 'parking_bay',
    task: 'overstay',
    busy: () => ({ occupancy: 1 }),
    calm: () => ({ occupancy: 0 }),
  },
]

test.each(mornings)(
  'by keyboard alone: the day’s work of $view',
  async ({ view, kind, link, task, busy, calm }) => {
    const hours = 40
    const now = Date.now()
    for (const [name, tell] of Object.entries({ busy, calm })) {
      const id = `${kind}-${name}`
      devices.set(id, await site.connectDevice(id))
      await site.request('POST', '/assets', { id, kind, label: `Le ${id}` })
      await site.request('POST', '/installations', { deviceId: id, assetId: id, installedAt: '2020-01-01T00:00:00Z' })
      const items = Array.from({ length: hours }, (_, i) => ({
        observedAt: now - (hours - 1 - i) * hourMs,
        readings: tell(i),
      }))
      await publish(id, items)
    }
    let label = ''
    await expect
      .poll(
        async () => {
          type Answer = { tasks: { code: string; label: { fr: string }; count: number }[] }
          const { tasks } = await site.request<Answer>('GET', `/figures/assets?kind=${kind}`)
          const found = tasks.find(({ code }) => code === task)!
          label = found.label.fr
          return found.count
        },
        { timeout: 15_000 },
      )
      .toBe(1)

    const page = await site.signIn('viewer', `#/${view}`)
    const rows = page.locator('main section table').first().locator('tbody tr')
    await page.getByLabel('Rechercher').waitFor()
    await skipToContent(page)
    if (link !== undefined) {
      await enter(page, link)
      await page.locator('a[aria-current=true]', { hasText: link }).waitFor()
    }
    await expect.poll(() => rows.count()).toBe(2)
    await enter(page, 'Équipement')
    await page.locator('th[aria-sort=ascending]').waitFor()
    // The focus stays where it was: the same key sorts the other way round.
    await page.keyboard.press('Enter')
    await page.locator('th[aria-sort=descending]', { hasText: 'Équipement' }).waitFor()
    await expect.poll(() => rows.first().textContent()).toContain(`Le ${kind}-calm`)
    await enter(page, `1 ${label}`, 'Shift+Tab')
    await page.getByRole('heading', { name: `Seulement : ${label}` }).waitFor()
    await expect.poll(() => rows.count()).toBe(1)
    await enter(page, `Le ${kind}-busy`)
    await page.getByRole('heading', { level: 1, name: `Le ${kind}-busy` }).waitFor()
    const chart = page.getByRole('region', { name: 'Évolution' })
    await chart.getByText('Voir en tableau').waitFor()
    await enter(page, 'Voir en tableau')
    await chart.getByRole('row').nth(2).waitFor()
  },
  90_000,
)
