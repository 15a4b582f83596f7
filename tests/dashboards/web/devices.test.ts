import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Site, startSite } from '../../support/site.ts'

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
const choose = (page: Page, chosen: ReturnType<typeof file>) => page.locator('input[type=file]').setInputFiles(chosen)

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
    await page.getByText(/4 lignes · encodage windows-1252 · séparateur point-virgule/).waitFor()
    // What is not recognised is said by the reader.
    await page.getByLabel('Aubette').selectOption('Abri')
    await page.getByRole('row').filter({ hasText: 'abri-2' }).getByText('Abri', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Vérifier le fichier' }).click()
    await page.getByText('2 lignes à corriger').waitFor()
    await page.getByRole('row').filter({ hasText: 'Désignation → Nom' }).getByText('il manque une valeur').waitFor()
    await page.getByRole('row').filter({ hasText: 'Latitude' }).getByText('"nord" n’est pas un nombre').waitFor()
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
    await page.getByRole('button', { name: 'Vérifier le fichier' }).click()
    await page.getByText('4 à créer').waitFor()
    await page.getByRole('button', { name: 'Importer 4 lignes' }).click()
    await page.getByRole('heading', { name: 'Import terminé' }).waitFor()
    expect(await site.request('GET', '/assets/abri-2')).toMatchObject({ kind: 'shelter', latitude: 47.74 })

    const past = page.getByRole('row').filter({ hasText: 'mobilier.csv' })
    await past.getByText('4 créés').waitFor()
    // What was changed since is not undone, and is named.
    await site.request('PATCH', '/assets/banc-2', { label: 'Banc déplacé' })
    await past.getByRole('button', { name: 'Annuler' }).click()
    await past.getByRole('button', { name: 'Oui, tout annuler' }).click()
    await page.getByRole('alert').getByText('banc-2').waitFor()
    expect(await site.request('GET', '/assets/banc-1')).toMatchObject({ label: 'Banc du quai' })
  })

  test('a saved mapping is used again; changes are told and to be allowed; the import is undone', async () => {
    const page = await site.signIn('manager', '#/import')
    await choose(page, file('corrections.csv', `${rows[0]}\r\nabri-1;Abri de la gare routière;Aubette;47,7;7,3\r\n`))
    await page.getByLabel('Correspondance enregistrée').selectOption('Mobilier de la ville')
    await page.getByRole('row').filter({ hasText: 'abri-1' }).getByText('Abri', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Vérifier le fichier' }).click()
    await page.getByText('1 à modifier').waitFor()
    await page.getByText('Voir ce qui change (1)').click()
    await page
      .getByRole('row')
      .filter({ hasText: 'Abri de la gare routière' })
      .getByText('Abri de la gare', { exact: true })
      .waitFor()
    const start = page.getByRole('button', { name: 'Importer 1 lignes' })
    expect(await start.isDisabled()).toBe(true)
    await page.getByLabel('Autoriser la modification de 1 équipements').check()
    await start.click()
    await page.getByRole('heading', { name: 'Import terminé' }).waitFor()
    const past = page.getByRole('row').filter({ hasText: 'corrections.csv' })
    await past.getByRole('button', { name: 'Annuler' }).click()
    await past.getByRole('button', { name: 'Oui, tout annuler' }).click()
    await page.getByText('Import annulé : 0 retirés, 1 rétablis.').waitFor()
    expect(await site.request('GET', '/assets/abri-1')).toMatchObject({ label: 'Abri de la gare' })
  })

  test('who may not import is told so, and offered nothing', async () => {
    const page = await site.signIn('viewer', '#/import')
    await page.getByText('L’import est réservé aux gestionnaires.').waitFor()
    expect(await page.locator('main button, main input').count()).toBe(0)
  })
})
