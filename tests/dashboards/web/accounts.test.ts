import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { comeBack, findBarriers, focused, hold, type Site, startSite, tabTo } from '../../support/site.ts'
import { until } from '../../support/until.ts'

let site: Site

const password = 'lampadaire bleu sous la pluie'
const chief = { login: 'd.chef@ville.example', name: 'Dominique Chef' }

beforeAll(async () => {
  site = await startSite()
  await site.request('POST', '/assets', { id: 'ours', kind: 'bench', label: 'Banc du square', service: 'Propreté' })
  await site.request('POST', '/assets', { id: 'theirs', kind: 'bench', label: 'Banc du quai', service: 'Voirie' })
  await until(async () => (await site.request<{ items: unknown[] }>('GET', '/status/assets')).items.length === 2)
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name }).waitFor()

async function signIn(page: Page, login: string, chosen = password): Promise<void> {
  await page.getByLabel('Nom d’utilisateur').fill(login)
  await page.getByLabel(/^Mot de passe/).fill(chosen)
  await page.keyboard.press('Enter')
}

test('the printed link makes the first administrator, who adds a person that sees one service only', async () => {
  const page = await site.visit()
  const printed = /\/#link=[\w-]+/.exec(site.platform.output())![0]
  // What was asked before the link was pasted, and is refused after it, does not take it away.
  const session = await hold(page, /\/api\/v1\/session$/)
  await page.goto('/')
  await session.first
  await page.goto(printed)
  await heading(page, 'Créer le premier administrateur')
  await Promise.all([page.waitForResponse(/\/api\/v1\/session$/), session.release()])
  await heading(page, 'Créer le premier administrateur')
  expect(page.url()).not.toContain('link')
  expect(await findBarriers(page)).toEqual([])
  await page.getByLabel('Votre nom').fill(chief.name)
  await page.getByLabel('Nom d’utilisateur').fill(chief.login)
  await page.getByLabel('Nouveau mot de passe').fill('motdepasse12345')
  await page.getByRole('button', { name: 'Créer le compte' }).click()
  await page.getByRole('alert').getByText('trop facile à deviner').waitFor()
  await page.getByLabel('Nouveau mot de passe').fill(password)
  await page.getByRole('button', { name: 'Créer le compte' }).click()
  await page.locator('main#content').waitFor()
  await page.goto(printed)
  await page.getByText('Ce lien ne vaut plus').waitFor()
  expect(await findBarriers(page)).toEqual([])

  await page.goto('/')
  await page.getByRole('button', { name: 'Se déconnecter' }).click()
  await signIn(page, chief.login.toUpperCase(), 'une fausse phrase bien longue')
  await page.getByRole('alert').getByText('incorrect').waitFor()
  await signIn(page, chief.login.toUpperCase())
  await page.locator('nav.side').getByRole('link', { name: 'Personnes' }).click()
  await page.getByRole('row').filter({ hasText: chief.name }).getByText('actif').waitFor()
  await page.getByRole('link', { name: 'Ajouter une personne' }).click()
  await page.getByRole('textbox', { name: 'Nom', exact: true }).fill('Léa <b>Martin</b>')
  await page.getByLabel('Nom d’utilisateur').fill('lea')
  await page.getByLabel('Rôle').selectOption('gestionnaire')
  await page.getByLabel('Seulement certains services').check()
  await page.getByLabel('Propreté').check()
  // Who passes a role that sees all on the way to another one opens nothing by it.
  await page.getByLabel('Rôle').selectOption('administration')
  await page.getByText('Propreté').waitFor({ state: 'detached' })
  await page.getByLabel('Rôle').selectOption('gestionnaire')
  expect(await page.getByLabel('Propreté').isChecked()).toBe(true)
  await page.getByRole('button', { name: 'Ajouter et créer le lien' }).click()
  const link = page.getByRole('textbox', { name: 'Lien pour Léa <b>Martin</b>' })
  await expect.poll(() => focused(page)).toBe('Lien pour Léa <b>Martin</b>')
  const address = await link.inputValue()
  await page.getByRole('button', { name: 'C’est noté' }).click()
  await page.getByRole('row').filter({ hasText: 'Léa <b>Martin</b>' }).getByText('attend son premier').waitFor()
  expect(await page.content()).not.toContain(new URL(address).hash)

  const hers = await site.visit()
  await hers.goto(address)
  await heading(hers, 'Choisir votre mot de passe')
  await hers.getByLabel('Nouveau mot de passe').fill('fontaine verte au bout du quai')
  await hers.keyboard.press('Enter')
  await hers.locator('main#content').waitFor()
  await hers.goto('/#/assets')
  await hers.getByText('Banc du square').waitFor()
  expect(await hers.getByText('Banc du quai').count()).toBe(0)
  expect(await hers.locator('nav.side').getByRole('link', { name: 'Personnes' }).count()).toBe(0)

  await page.getByRole('link', { name: 'Léa <b>Martin</b>' }).click()
  const name = page.getByRole('textbox', { name: 'Nom', exact: true })
  await expect.poll(() => name.inputValue()).toBe('Léa <b>Martin</b>')
  await name.fill('Léa Martin-Petit')
  await page.getByRole('button', { name: 'Désactiver' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Désactiver' }).click()
  await page.getByText('désactivé', { exact: true }).waitFor()
  // What was being typed, and is not saved, is not written over.
  expect(await name.inputValue()).toBe('Léa Martin-Petit')
  await hers.getByRole('alert').getByText('Vous n’êtes plus connecté').waitFor()
})

test('by keyboard alone one signs in, changes the password and ends another session', async () => {
  const { link } = await site.request<{ link: string }>('POST', '/accounts', {
    login: 'nadia',
    name: 'Nadia',
    role: 'viewer',
  })
  const page = await site.visit()
  await page.goto(link)
  await expect.poll(() => focused(page)).toBe('Choisir votre mot de passe')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await page.locator('main#content').waitFor()

  const other = await site.visit()
  await other.goto('/')
  await expect.poll(() => other.evaluate('document.activeElement.autocomplete')).toBe('username')
  await other.keyboard.type('nadia')
  await other.keyboard.press('Tab')
  await other.keyboard.type(password)
  await other.keyboard.press('Enter')
  await other.locator('main#content').waitFor()
  await tabTo(other, 'Mon compte')
  await other.keyboard.press('Enter')
  await heading(other, 'Mon compte')
  await other.getByRole('button', { name: /Fermer la session/ }).waitFor()
  await tabTo(other, 'Fermer')
  await other.keyboard.press('Enter')
  await other.getByRole('status').getByText('La session est fermée').waitFor()
  await page.getByRole('alert').getByText('Vous n’êtes plus connecté').waitFor()

  await other.getByLabel('Mot de passe actuel').focus()
  await other.keyboard.type(password)
  await other.keyboard.press('Tab')
  await other.keyboard.press('Tab')
  await other.keyboard.type('fontaine verte au bout du quai')
  await other.keyboard.press('Enter')
  await other.getByRole('status').getByText('Le mot de passe est changé').waitFor()
  await other.getByRole('radio', { name: 'English' }).check()
  await heading(other, 'My account')
  await other.getByRole('button', { name: 'Sign out' }).click()
  await other.getByRole('button', { name: 'FR' }).click()
  await signIn(other, 'nadia', 'fontaine verte au bout du quai')
  // The language that she chose is hers wherever she signs in.
  await other.getByRole('button', { name: 'Sign out' }).waitFor()
})

test('a token and the secret of an integration are shown once, renewed and revoked; a bridge tells how it is', async () => {
  const page = await site.signIn('admin', '#/tokens/+')
  await page.getByLabel('Pour qui, pour quoi').fill('Écran du dépôt')
  await page.getByRole('button', { name: 'Créer un jeton' }).click()
  const token = await page.getByRole('textbox', { name: 'Jeton « Écran du dépôt »' }).inputValue()
  const wall = await site.visit()
  await wall.goto(`/#token=${token}`)
  await wall.locator('main#content').waitFor()
  await page.getByRole('button', { name: 'C’est noté' }).click()
  await page.getByRole('button', { name: 'Révoquer le jeton « Écran du dépôt »' }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Révoquer le jeton « Écran du dépôt »' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Révoquer' }).click()
  await page.getByRole('row').filter({ hasText: 'Écran du dépôt' }).getByText('révoqué').waitFor()
  await wall.getByRole('alert').getByText('Vous n’êtes plus connecté').waitFor()

  await page.goto('/#/integrations/%2B')
  await page.getByRole('textbox', { name: 'Nom', exact: true }).fill('ttn')
  await page.getByLabel('Format des messages').selectOption('the-things-stack-v3')
  await page.getByLabel('Sujets MQTT').fill('devices/#')
  await page.getByRole('button', { name: 'Ajouter une intégration' }).click()
  await page.getByRole('alert').waitFor()
  await page.getByLabel('Sujets MQTT').fill('v3/+/devices/+/up\n')
  await page.getByRole('button', { name: 'Ajouter une intégration' }).click()
  const first = await page.getByRole('textbox', { name: 'Secret de ttn' }).inputValue()
  await page.goto('/#/integrations/ttn')
  await page.getByRole('button', { name: 'Renouveler le secret' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Renouveler le secret' }).click()
  const second = await page.getByRole('textbox', { name: 'Secret de ttn' }).inputValue()
  expect(second).not.toBe(first)

  await page.goto('/#/bridges/%2B')
  await page.getByRole('textbox', { name: 'Nom', exact: true }).fill('eu1')
  await page.getByLabel('Intégration').selectOption('ttn')
  await page.getByLabel('Adresse du broker').fill('mqtt://127.0.0.1:9')
  await page.getByLabel('Sujets à suivre').fill('v3/+/devices/+/up')
  await page.getByRole('button', { name: 'Ajouter un pont' }).click()
  await until(async () => {
    await comeBack(page)
    return page.getByText('attend avant de réessayer').isVisible()
  })
  await page.getByRole('button', { name: 'Supprimer' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Supprimer' }).click()
  await page.getByText('Il n’y a pas encore de pont').waitFor()
})
