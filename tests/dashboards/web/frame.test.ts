import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { MqttClient } from 'mqtt'
import type { Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parvis } from '../../support/platform.ts'
import { comeBack, focused, hold, type Site, startSite, tabTo } from '../../support/site.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const markup = '<img src=x onerror="document.title=1"> {{7*7}} <b>gras</b>'
const maxCompressedBytes = 60_000

let site: Site
const devices = new Map<string, MqttClient>()

beforeAll(async () => {
  site = await startSite()
  for (const id of ['probe-1', 'probe-2', 'probe-3', markup.replaceAll('/', '')])
    devices.set(id, await site.connectDevice(id))
  await addAsset('bin-1', 'waste_container', 'Conteneur, rue de la Paix')
  await addAsset('bin-2', 'waste_container', markup)
  const installedAt = '2020-01-01T00:00:00Z'
  await site.request('POST', '/installations', { deviceId: 'probe-1', assetId: 'bin-1', installedAt })
  await site.request('POST', '/installations', { deviceId: 'probe-2', assetId: 'bin-2', installedAt })
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

const addAsset = (id: string, kind: string, label: string) => site.request('POST', '/assets', { id, kind, label })
const signIn = (hash = '', options: Parameters<Site['visit']>[0] = {}) => site.signIn('viewer', hash, options)

function publish(id: string, payload: unknown) {
  const bytes = payload instanceof Buffer ? payload : JSON.stringify(payload)
  return devices.get(id)!.publishAsync(`devices/${id}/up`, bytes, { qos: 1 })
}

const shows = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()

describe('signing in', () => {
  test('a link signs in, and its token is gone from the address and the history', async () => {
    const page = await signIn()
    await shows(page, 'Se déconnecter')
    expect(page.url()).toBe(`${site.platform.httpUrl}/`)
    expect(await page.evaluate('document.cookie')).toBe('')
    await page.reload()
    await shows(page, 'Se déconnecter')
  })

  test('a form takes a token and says how to get it; a wrong one is refused in words', async () => {
    const page = await site.visit()
    await page.goto('/')
    await page.getByRole('button', { name: 'Se connecter avec un jeton' }).click()
    await shows(page, 'token create --role viewer')
    await page.getByLabel('Jeton d’accès').fill('not-a-token')
    await page.getByRole('button', { name: 'Se connecter', exact: true }).click()
    await page.getByRole('alert').getByText('n’est pas connu').waitFor()
    await page.getByLabel('Jeton d’accès').fill(await site.token('viewer'))
    await page.keyboard.press('Enter')
    await page.locator('main#content').waitFor()
    await page.getByRole('button', { name: 'Se déconnecter' }).click()
    await page.getByLabel('Nom d’utilisateur').waitFor()
    await page.reload()
    await page.getByLabel('Nom d’utilisateur').waitFor()
  })

  test('a token that is revoked ends the session, and the page says so', async () => {
    const mine = await parvis<{ id: string; token: string }>(site.dataDir, 'token', 'create', '--role', 'admin')
    const page = await site.visit()
    await page.goto(`/#token=${mine.token}`)
    await page.locator('main#content').waitFor()
    await fetch(`${site.platform.httpUrl}/api/v1/tokens/${mine.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${mine.token}` },
    })
    await shows(page, 'Vous n’êtes plus connecté')
  })
})

describe('what is arriving', () => {
  test('a reading shows as it is stored, without a reload, and a pause holds the list', async () => {
    const page = await signIn('#/live')
    const live = page.getByRole('region', { name: 'En direct' })
    await live.getByText('Connecté').waitFor()
    await publish('probe-1', { readings: { fill_level: 41.5, battery_level: 88 } })
    await live
      .getByRole('listitem')
      .filter({ hasText: 'probe-1' })
      .filter({ hasText: /41,5\s%/ })
      .waitFor()
    await live.getByText(/Batterie 88\s%/).waitFor()

    await live.getByRole('button', { name: 'Mettre en pause' }).click()
    await live.getByText('En pause', { exact: true }).waitFor()
    await publish('probe-1', { readings: { fill_level: 43.5 } })
    await publish('probe-1', { readings: { fill_level: 44.5 } })
    // Once another page shows them, this one was told of them too.
    const other = await signIn('#/live')
    await other.getByRole('region', { name: 'En direct' }).getByText('Connecté').waitFor()
    await publish('probe-1', { readings: { fill_level: 45.5 } })
    await shows(other, /45,5\s%/)
    expect(await live.getByText(/45,5\s%/).count()).toBe(0)
    await live.getByRole('button', { name: 'Reprendre' }).click()
    await live.getByText(/45,5\s%/).waitFor()
  })

  test('the stream is open on pages that listen only, and while they are in view', async () => {
    const page = await signIn('#/today')
    const open = new Set<Request>()
    page.on('request', (request) => {
      if (request.url().endsWith('/api/v1/stream')) open.add(request)
    })
    for (const ended of ['requestfailed', 'requestfinished'] as const)
      page.on(ended as 'requestfailed', (request) => void open.delete(request))
    await page.reload()
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.goto('/#/accessibility')
    await page.getByRole('heading', { level: 1, name: 'Déclaration d’accessibilité' }).waitFor()
    expect(open.size).toBe(0)

    await page.goto('/#/live')
    await page.getByRole('region', { name: 'En direct' }).getByText('Connecté').waitFor()
    expect(open.size).toBe(1)
    const turn = (hidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`,
      )
    await turn(true)
    await expect.poll(() => open.size).toBe(0)
    await turn(false)
    await expect.poll(() => open.size).toBe(1)
    await page.goto('/#/accessibility')
    await expect.poll(() => open.size).toBe(0)
  })

  test('the list stays short, however much arrives, and the rate is told', async () => {
    const page = await signIn('#/live')
    const live = page.getByRole('region', { name: 'En direct' })
    await live.getByText('Connecté').waitFor()
    for (let i = 0; i < 80; i++) await publish('probe-2', { readings: { distance: i / 10 } })
    await live.getByText('7,9 m', { exact: true }).waitFor()
    expect(await live.getByRole('listitem').count()).toBeLessThanOrEqual(30)
    await live
      .getByText(/^[1-9]/)
      .first()
      .waitFor()
  })
})

describe('assets', () => {
  test('an asset opens with its latest readings, its chart, its table and its installations, and stays current', async () => {
    await publish('probe-1', { readings: { fill_level: 61, temperature: -4.5 } })
    await stored('probe-1', 61)
    const page = await signIn('#/assets')
    await page.getByRole('row').filter({ hasText: 'rue de la Paix' }).getByText(/61\s%/).waitFor()
    await page.getByRole('link', { name: 'Conteneur, rue de la Paix' }).click()
    const latest = page.getByRole('table', { name: 'Derniers relevés' })
    await latest
      .getByRole('row')
      .filter({ hasText: 'Température' })
      .getByText(/−4,5\s°C/)
      .waitFor()
    await page.getByRole('img', { name: /^Remplissage, .*entre/ }).waitFor()
    await page.getByText('Voir en tableau').click()
    await page.getByRole('table', { name: 'Remplissage' }).getByRole('row').nth(1).waitFor()
    await page.getByRole('region', { name: 'Appareils installés' }).getByText('probe-1').waitFor()

    await publish('probe-1', { readings: { fill_level: 62.5 } })
    await latest.getByText(/62,5\s%/).waitFor()
  })

  test('the figures and the filters tell the same, and the address keeps the filter', async () => {
    await addAsset('lamp-1', 'street_light', 'Luminaire du port')
    await listed('street_light', 1)
    const page = await signIn('#/assets')
    await page
      .getByRole('navigation', { name: 'Équipements par état' })
      .getByRole('link', { name: /Jamais vu/ })
      .click()
    await shows(page, 'Luminaire du port')
    expect(page.url()).toContain('#/assets?state=never_seen')
    await page.getByLabel('Type').selectOption('Conteneur à déchets')
    await shows(page, 'Rien ne correspond à ces filtres.')
    await page.getByRole('button', { name: 'Effacer les filtres' }).click()
    await page.getByLabel('Rechercher').fill('LUMINAIRE')
    await page.waitForURL(/q=LUMINAIRE/)
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
    await page.getByRole('link', { name: 'Luminaire du port' }).click()
    await shows(page, 'Aucun appareil n’est installé ici')
    await page.getByRole('link', { name: 'Tous les équipements' }).click()
    expect(await page.getByLabel('Rechercher').inputValue()).toBe('LUMINAIRE')
  })

  test('a long list goes forth and back by pages', async () => {
    for (let i = 0; i < 26; i++) await addAsset(`bench-${String(i).padStart(2, '0')}`, 'bench', `Banc ${i}`)
    await listed('bench', 26)
    const page = await signIn('#/assets?kind=bench')
    await page.getByRole('link', { name: 'Banc 24', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Suivants' }).click()
    await page.getByRole('link', { name: 'Banc 25', exact: true }).click()
    await page.getByRole('link', { name: 'Tous les équipements' }).click()
    await page.getByRole('link', { name: 'Banc 25', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Précédents' }).click()
    await page.getByRole('link', { name: 'Banc 0', exact: true }).waitFor()
    // The cursor of one list is of no use in another, which is on its way.
    const held = await hold(page, /\/status\/assets\?.*kind=waste_container/)
    await page.getByLabel('Type').selectOption('Conteneur à déchets')
    await held.first
    expect(await page.getByRole('button', { name: 'Suivants' }).count()).toBe(0)
    held.release()
    await page.getByRole('link', { name: 'Conteneur, rue de la Paix' }).waitFor()
  })

  test('names with markup are text in lists, headings and titles', async () => {
    const id = markup.replaceAll('/', '')
    await publish('probe-2', { readings: { fill_level: 12 } })
    await publish(id, { readings: { fill_level: 13 } })
    const page = await signIn('#/assets?kind=waste_container')
    await page.getByRole('link', { name: markup, exact: true }).click()
    await page.getByRole('heading', { level: 1, name: markup, exact: true }).waitFor()
    await page.goto('/#/devices')
    await page.getByRole('link', { name: `Sonde ${id}`, exact: true }).click()
    await page.getByRole('heading', { level: 1, name: `Sonde ${id}`, exact: true }).waitFor()
    expect(await page.locator('img, main b').count()).toBe(0)
    expect(await page.title()).toMatch(/Parvis$/)
  })
})

describe('who is faster than the platform', () => {
  test('loses nothing that was typed, and is not led back from where a link led meanwhile', async () => {
    const page = await site.visit()
    await page.clock.install()
    await page.goto(`/#token=${await site.token('viewer')}`)
    await page.locator('main#content').waitFor()
    await page.goto('/#/assets?kind=waste_container')
    const search = page.getByLabel('Rechercher')
    await search.waitFor()
    const type = `(text) => {
      const field = document.querySelector('input[type=search]')
      field.value = text
      field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    }`
    // All in one breath: no pause of the typing is over in between.
    await page.evaluate(`(${type})('paix '); const kind = [...document.querySelectorAll('select')].at(-1);
      kind.value = 'bench'; kind.dispatchEvent(new Event('change', { bubbles: true }))`)
    await page.waitForURL(/q=paix&.*kind=bench/)
    // A space that another word may follow stays.
    expect(await search.inputValue()).toBe('paix ')
    await page.evaluate(`(${type})('paix du'); location.hash = '#/assets/bin-1'`)
    await page.getByRole('heading', { level: 1, name: 'Conteneur, rue de la Paix' }).waitFor()
    await page.clock.fastForward(1000)
    expect(page.url()).toMatch(/#\/assets\/bin-1$/)
  })

  test('gets no part of a history twice', async () => {
    const page = await signIn('#/live')
    await addAsset('bench-h', 'bench', 'Banc des heures')
    for (let i = 0; i < 11; i++) await site.request('PATCH', '/assets/bench-h', { address: `${i}, quai` })
    await page.goto('/#/assets/bench-h')
    const history = page.getByRole('region', { name: 'Historique' })
    const older = await hold(page, /\/history\?.*cursor=/)
    const more = history.getByRole('button', { name: 'Voir plus ancien' })
    await more.click()
    await more.click()
    await expect.poll(() => older.asked.length).toBe(2)
    let answers = 0
    await Promise.all([
      page.waitForResponse((response) => response.url().includes('cursor=') && ++answers === 2),
      older.release(),
    ])
    await history.getByText('ajout').waitFor()
    await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))')
    expect(await history.getByRole('listitem').count()).toBe(12)
  })

  test('is told when an answer breaks off, and when signing out did not succeed', async () => {
    const page = await signIn('#/assets?kind=waste_container')
    await page.getByRole('link', { name: 'Conteneur, rue de la Paix' }).waitFor()
    await page.route(/\/status\/assets\?/, (route) => route.fulfill({ body: '{"items": [' }))
    await comeBack(page)
    await page.getByRole('alert').getByText('Parvis ne répond pas').waitFor()
    await page.unroute(/\/status\/assets\?/)

    await page.route(/\/api\/v1\/session$/, (route) => route.abort())
    await page.getByRole('button', { name: 'Se déconnecter' }).click()
    await page.getByRole('alert').getByText('Vous êtes toujours connecté').waitFor()
    await page.unroute(/\/api\/v1\/session$/)
    await page.getByRole('button', { name: 'Réessayer' }).click()
    await page.getByLabel('Nom d’utilisateur').waitFor()
  })

  test('in one tab is the same in all of them', async () => {
    const page = await signIn('#/assets')
    const other = await page.context().newPage()
    await other.goto(`/#token=${await site.token('admin')}`)
    await other.locator('main#content').waitFor()
    await page.locator('nav.side').getByRole('link', { name: 'Personnes' }).waitFor()
    await other.getByRole('button', { name: 'Se déconnecter' }).click()
    await page.getByText('Vous n’êtes plus connecté').waitFor()
  })
})

describe('dead letters', () => {
  test('each has its reason in plain words, what to do, and its payload as text and bytes', async () => {
    await publish('probe-3', Buffer.from('{"readings": \u0007\u202e'))
    await publish('probe-3', { readings: { fill_level: 250 } })
    const page = await signIn('#/dead-letters?deviceId=probe-3')
    await page.locator('summary').filter({ hasText: 'Valeur hors plage' }).waitFor()
    await page.locator('summary').filter({ hasText: 'JSON illisible' }).click()
    await shows(page, /corrigez ce que l’appareil envoie/)
    // Others may come, as many as they will: what is being read stays.
    const letters = await hold(page, /\/dead-letters\?/)
    await Promise.all([page.waitForResponse(/\/dead-letters\/groups/), comeBack(page)])
    expect(letters.asked).toEqual([])
    await page.locator('summary').filter({ hasText: 'JSON illisible' }).click()
    await comeBack(page)
    await letters.first
    letters.release()
    await page.locator('summary').filter({ hasText: 'JSON illisible' }).click()
    await page.getByRole('region', { name: 'En texte' }).getByText('{"readings": \u2407\ufffd').waitFor()
    await page
      .getByRole('region', { name: 'En hexadécimal' })
      .getByText(/0000 {2}7b 22 72 65/)
      .waitFor()

    await page.goto('/#/dead-letters')
    await page.getByLabel('Motif').selectOption('out_of_range')
    await expect.poll(() => page.locator('summary').filter({ hasText: 'JSON illisible' }).count()).toBe(0)
    await page.getByRole('button', { name: 'English' }).click()
    await page.locator('summary').filter({ hasText: 'Value out of range' }).waitFor()
    await shows(page, /is outside the range from 0 to 100/)
  })
})

describe('for everyone', () => {
  test('the language changes texts, numbers and the lang attribute, and is remembered', async () => {
    await publish('probe-1', { readings: { fill_level: 71.5 } })
    await stored('probe-1', 71.5)
    const page = await signIn('#/assets/bin-1')
    await shows(page, /71,5\s%/)
    expect(await page.locator('html').getAttribute('lang')).toBe('fr')
    await page.getByRole('button', { name: 'English' }).click()
    await shows(page, '71.5%')
    await shows(page, 'Latest readings')
    await page.reload()
    await shows(page, 'Latest readings')
    expect(await page.locator('html').getAttribute('lang')).toBe('en')
  })

  test('the theme follows the system, or the reader’s choice', async () => {
    const page = await signIn('', { colorScheme: 'dark' })
    const background = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    const dark = await background()
    await page.getByRole('button', { name: 'Clair' }).click()
    await expect.poll(background).not.toBe(dark)
    const light = await background()
    await page.reload()
    expect(await background()).toBe(light)
  })

  test('by keyboard alone: to an asset, its chart’s table, and back, the focus always seen', async () => {
    await publish('probe-1', { readings: { fill_level: 33 } })
    const page = await signIn('#/assets?kind=waste_container')
    await page.getByRole('link', { name: 'Conteneur, rue de la Paix' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('Aller au contenu')
    await page.keyboard.press('Enter')
    await tabTo(page, 'Conteneur, rue de la Paix')
    await page.keyboard.press('Enter')
    await expect.poll(() => focused(page)).toBe('Conteneur, rue de la Paix')
    await page.getByText('Voir en tableau').waitFor()
    await tabTo(page, 'Voir en tableau')
    await page.keyboard.press('Enter')
    await page.getByRole('table', { name: 'Remplissage' }).waitFor()
    await tabTo(page, '← Tous les équipements', 'Shift+Tab')
    await page.keyboard.press('Enter')
    // The list gives the focus back to where it was left.
    await expect.poll(() => page.url()).toContain('?kind=waste_container')
    await expect.poll(() => focused(page)).toBe('Conteneur, rue de la Paix')
    expect(await page.evaluate('document.activeElement.tagName')).toBe('A')
  })

  test('nothing is cut off on phones and tablets', async () => {
    const page = await signIn()
    for (const hash of ['#/live', '#/assets', '#/assets/bin-1', '#/assets/bin-2', '#/devices', '#/dead-letters']) {
      await page.goto(`/${hash}`)
      await page.locator('main section').first().waitFor()
      for (const width of [820, 390, 320]) {
        await page.setViewportSize({ width, height: 800 })
        const cut = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        expect(cut, `${hash} at ${width}`).toBeLessThanOrEqual(0)
      }
    }
  })

  test('what every visitor loads is small, and holds no inline script or style', () => {
    const built = join(root, 'dist/web')
    const page = readFileSync(join(built, 'index.html'), 'utf8')
    const files = Array.from(page.matchAll(/(?:src|href)="\/([^"]+)"/g), ([, file]) => file!)
    const sizes = files.map((file) => gzipSync(readFileSync(join(built, file))).length)
    expect(files.length).toBeGreaterThan(2)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(maxCompressedBytes)
    expect(page).not.toMatch(/<style|style=|<script>|<script type="module">|https?:/)
  })
})

/** Waits until the API gives a fill level as a device's latest. */
async function stored(deviceId: string, value: number): Promise<void> {
  await expect
    .poll(async () => {
      const { items } = await site.request<{ items: { value: number }[] }>('GET', `/devices/${deviceId}/latest`)
      return items.map((item) => item.value)
    })
    .toContain(value)
}

/**
 * Waits until the status list, which follows the registry within a second or so, has that many assets of a kind: a page
 * that opens before would look again only ten seconds later.
 */
async function listed(kind: string, count: number): Promise<void> {
  await expect
    .poll(
      async () =>
        (await site.request<{ items: unknown[] }>('GET', `/status/assets?kind=${kind}&limit=100`)).items.length,
    )
    .toBe(count)
}
