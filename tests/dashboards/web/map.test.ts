import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi } from '../../support/api.ts'
import { newVisitor } from '../../support/browser.ts'
import { readAloud } from '../../support/read-aloud.ts'
import { findBarriers, focused, hold, type Site, startSite, tabTo } from '../../support/site.ts'
import { until } from '../../support/until.ts'

/* Today and the map, on a few assets that the tests move themselves. */

let site: Site
let bin: MqttClient

beforeAll(async () => {
  site = await startSite({ webGl: true })
  await add('bin-1', 'waste_container', 'Conteneur, place de la Paix', 47.7508, 7.3359)
  await add('bin-2', 'waste_container', 'Conteneur, rue du Port', 47.7408, 7.3259)
  await add('lamp-1', 'street_light', 'Luminaire du port', 47.7308, 7.3159)
  await site.request('POST', '/assets', { id: 'bench-1', kind: 'bench', label: 'Banc sans position' })
  bin = await site.connectDevice('probe-1')
  await site.request('POST', '/installations', {
    deviceId: 'probe-1',
    assetId: 'bin-1',
    installedAt: '2020-01-01T00:00:00Z',
  })
  await fill(40)
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

const add = (id: string, kind: string, label: string, latitude: number, longitude: number) =>
  site.request('POST', '/assets', { id, kind, label, latitude, longitude, district: 'Gare', service: 'Propreté' })
const shows = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()

/** Publishes a fill level, and waits until the status list tells it. */
async function fill(level: number): Promise<void> {
  await bin.publishAsync('devices/probe-1/up', JSON.stringify({ readings: { fill_level: level } }), { qos: 1 })
  const state = level >= 90 ? 'attention' : 'working'
  await until(async () => {
    const { items } = await site.request<{ items: { assetId: string }[] }>('GET', `/status/assets?state=${state}`)
    return items.some((each) => each.assetId === 'bin-1')
  })
}

describe('today', () => {
  test('tells what needs a person, with a way to all of them, and four figures with what they rest on', async () => {
    await fill(93)
    const page = await site.signIn('viewer')
    await page.getByRole('heading', { level: 1, name: 'Aujourd’hui' }).waitFor()
    const card = page.getByRole('article', { name: 'Conteneurs presque pleins' })
    await card.getByRole('link', { name: 'Conteneur, place de la Paix' }).waitFor()
    const figures = page.getByRole('region', { name: 'Quatre chiffres du jour' })
    expect(await figures.getByRole('article').count()).toBe(4)
    await figures.getByText('Sur 1 conteneur qui parle, de 2 en service').waitFor()
    await card.getByRole('link', { name: /Voir tout/ }).click()
    await page.waitForURL(/#\/map\?.*attention=nearly_full/)
    await page.getByRole('button', { name: /Conteneur, place de la Paix/ }).waitFor()
    expect(await page.getByRole('button', { name: /rue du Port/ }).count()).toBe(0)
    await fill(40)
    // The stream of changes takes it away, without a reload.
    await page.getByRole('button', { name: /place de la Paix/ }).waitFor({ state: 'detached' })
  })
})

describe('the map', () => {
  test('what a screen reader is handed of the map, its list and its card says what they show, in this order', async () => {
    const page = await site.signIn('viewer', '#/map')
    await page.getByRole('button', { name: /place de la Paix/ }).click()
    await page.getByRole('article', { name: 'Conteneur, place de la Paix' }).waitFor()
    const told = await readAloud(page)
    const expected = [
      'heading "Carte"',
      'searchbox "Rechercher"',
      'region "Équipements dans cette vue"',
      'heading "Équipements dans cette vue"',
      'button "En marche Conteneur, place de la Paix Conteneur à déchets · Gare" pressed',
      'region "Carte des équipements. La liste à côté dit la même chose."',
      'button "Agrandir"',
      'StaticText "Conteneur, place de la Paix : ses derniers relevés sont affichés sur la carte, après elle."',
      'article "Conteneur, place de la Paix"',
      'button "Fermer"',
      'link "Ouvrir la fiche"',
    ]
    expect(told.filter((line) => expected.includes(line))).toEqual(expected)
    // Nothing that is used, or that holds a part of the page, is without a name.
    const named = /^(button|link|combobox|searchbox|option|region|article|image|navigation|heading|group) ""/
    expect(told.filter((line) => named.test(line))).toEqual([])
  })

  test('is drawn from this address alone; list, figures and card tell the same, and follow what happens', async () => {
    const page = await site.signIn('viewer', '#/map')
    await page
      .getByRole('region', { name: 'Carte des équipements' })
      .or(page.locator('.maplibregl-canvas'))
      .first()
      .waitFor()
    await shows(page, '3 équipements')
    await shows(page, /1 sans position/)
    await page.waitForURL(/z=/)
    expect(await findBarriers(page)).toEqual([])
    await page.getByRole('button', { name: /place de la Paix/ }).click()
    const card = page.getByRole('article', { name: 'Conteneur, place de la Paix' })
    await card.getByText(/40\s%/).waitFor()
    await fill(97)
    await card.getByText('À voir').waitFor()
    await page.getByRole('button', { name: /À voir.*place de la Paix/ }).waitFor()
    await fill(40)
    await card.getByText('En marche').waitFor()
    await card.getByRole('link', { name: 'Ouvrir la fiche' }).click()
    await page.getByRole('heading', { level: 1, name: 'Conteneur, place de la Paix' }).waitFor()
  })

  test('comes to what was chosen before it was there; signs follow what happens while it is held by hand', async () => {
    const page = await site.signIn('viewer', '#/assets')
    const library = await hold(page, /\/library-/)
    await page.route(/\/api\/v1\/settings$/, (route) => route.abort(), { times: 1 })
    await page.goto('/#/map')
    await page.getByRole('button', { name: /place de la Paix/ }).click()
    await page.getByRole('article', { name: 'Conteneur, place de la Paix' }).waitFor()
    // What does not answer is not what a browser cannot do.
    await page.getByRole('alert').getByText('Parvis ne répond pas').waitFor()
    await page.getByRole('button', { name: 'Réessayer' }).click()
    library.release()
    await page.waitForURL((url) => Number(/z=([\d.]+)/.exec(url.hash)?.[1]) >= 16.9)
    const read = () => page.evaluate<string>(`document.querySelector('canvas.signs').toDataURL()`)
    await page.locator('.maplibregl-canvas').hover({ position: { x: 5, y: 5 } })
    await page.mouse.down()
    const held = await read()
    await fill(97)
    await page.getByRole('button', { name: /À voir.*place de la Paix/ }).waitFor()
    await expect.poll(read).not.toBe(held)
    await fill(40)
    await expect.poll(read).toBe(held)
    await page.mouse.up()
    // A line that goes to the head of the list takes the focus of who stands on it along.
    await page.getByRole('button', { name: 'Réduire' }).click()
    for (const [level, name] of [
      [97, /À voir.*place de la Paix/],
      [40, /En marche.*place de la Paix/],
    ] as const) {
      const line = page.locator('.list').getByRole('button', { name: /place de la Paix/ })
      await line.focus()
      await fill(level)
      await page.getByRole('button', { name }).waitFor()
      expect(await focused(page)).toContain('place de la Paix')
    }
  })

  test('has an address for every view: centre, zoom, filters and the chosen asset', async () => {
    const page = await site.signIn('viewer', '#/assets')
    const place = (text: string) => /c=([^&]+)&z=([^&]+)/.exec(text)!.slice(1)
    const asked: string[] = []
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url())
      if (/\/status\/assets\/(points|stream)$/.test(pathname)) asked.push(pathname + search)
    })
    await page.goto('/#/map')
    await page.waitForURL(/z=/)
    await page.getByLabel('Type').selectOption('Conteneur à déchets')
    await shows(page, '2 équipements')
    asked.length = 0
    await page.getByRole('button', { name: /rue du Port/ }).click()
    await page.waitForURL(/asset=bin-2/)
    // The move has ended: it is close enough to see one asset alone.
    await page.waitForURL((url) => Number(/z=([\d.]+)/.exec(url.hash)?.[1]) >= 16.9)
    const found = page.url()
    await page.locator('.maplibregl-canvas').focus()
    await page.keyboard.press('ArrowRight')
    await page.waitForURL((url) => place(url.hash)[0] !== place(found)[0])
    const shared = page.url()
    const other = await site.signIn('viewer', new URL(shared).hash)
    await other.getByRole('article', { name: 'Conteneur, rue du Port' }).waitFor()
    expect(await other.getByLabel('Type').inputValue()).toBe('waste_container')
    await shows(other, '1 équipement')
    await other.waitForURL((url) => place(url.hash).join() === place(shared).join())
    // A move changes the address and not what is on the map: nothing was read again for it in all that time.
    expect(asked).toEqual([])
  })

  test('by keyboard alone: a search, an asset of the list, its card and its page', async () => {
    const page = await site.signIn('viewer', '#/map')
    await page.waitForURL(/z=/)
    await page.getByLabel('Rechercher').focus()
    await page.keyboard.type('paix')
    await shows(page, '1 équipement')
    for (let i = 0; i < 12 && !(await focused(page)).includes('place de la Paix'); i++) await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('article', { name: 'Conteneur, place de la Paix' }).waitFor()
    await tabTo(page, 'Ouvrir la fiche')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Conteneur, place de la Paix' }).waitFor()
  })

  test('without WebGL the list stands alone, holds all, and says so', async () => {
    const page = await site.visit()
    await page.addInitScript(
      'const get = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext = function (kind, ...rest) { return /^webgl/.test(kind) ? null : get.call(this, kind, ...rest) }',
    )
    await page.goto(`/#token=${await site.token('viewer')}`)
    await page.locator('main#content').waitFor()
    await page.goto('/#/map?z=18&c=0,0')
    await shows(page, 'Ce navigateur ne peut pas dessiner la carte.')
    await shows(page, '3 équipements')
    await page.getByRole('button', { name: /Luminaire du port/ }).click()
    await page.getByRole('article', { name: 'Luminaire du port' }).waitFor()
  })
})

describe('what the pages ask for', () => {
  const policy = (mapOrigin: string) =>
    `default-src 'self'; connect-src 'self'${mapOrigin}; img-src 'self' data:${mapOrigin}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`

  test('Today comes compressed, in less than 250 KB without the library of maps; the policy names no other origin', async () => {
    const page = await site.visit()
    const measured: Promise<readonly [url: string, bytes: number]>[] = []
    const worker = new Promise<void>((resolve) => {
      page.on('request', (request) => request.url().includes('maplibre-gl-worker') && resolve())
    })
    page.on('requestfinished', (request) => {
      const sizes = request
        .sizes()
        .then(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize)
      // A visit that ends first leaves nothing to be measured.
      measured.push(sizes.catch(() => 0).then((bytes) => [request.url(), bytes]))
    })
    const answer = await page.goto(`/#token=${await site.token('viewer')}`)
    expect(answer!.headers()['content-security-policy']).toBe(policy(''))
    expect(answer!.headers()['content-encoding']).toMatch(/^(br|gzip)$/)
    await page.getByRole('region', { name: 'Quatre chiffres du jour' }).waitFor()
    await worker
    const isOfMaps = (url: string) => /\/(library|maplibre)[^/]*$/.test(url)
    const loaded = (await Promise.all(measured)).filter(([url]) => !isOfMaps(url))
    expect(loaded.length).toBeGreaterThan(8)
    expect(loaded.some(([url, bytes]) => url.endsWith('.js') && bytes > 10_000)).toBe(true)
    expect(loaded.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThan(250_000)
  })

  test('a map style that is set adds exactly its own origin', async () => {
    const asked: string[] = []
    const maps = createServer((request, response) => {
      asked.push(request.url!)
      response.setHeader('access-control-allow-origin', '*')
      response.setHeader('content-type', 'application/json')
      const layers = [{ id: 'sea', type: 'background', paint: { 'background-color': '#def' } }]
      response.end(JSON.stringify({ version: 8, sources: {}, layers }))
    })
    await new Promise<void>((resolve) => maps.listen(0, '127.0.0.1', resolve))
    const mapOrigin = `http://127.0.0.1:${(maps.address() as AddressInfo).port}`
    const webDir = join(import.meta.dirname, '../../../dist/web')
    const api = await openTestApi({ PARVIS_MAP_STYLE: `${mapOrigin}/styles/plain.json?key=1` }, { webDir })
    const origin = await api.app.listen({ host: '127.0.0.1', port: 0 })
    const { context, watch } = await newVisitor(site.browser, origin)
    const page = await context.newPage()
    const answer = await page.goto(`/#token=${api.tokens.viewer}`)
    expect(answer!.headers()['content-security-policy']).toBe(policy(` ${mapOrigin}`))
    await page.locator('main#content').waitFor()
    await page.goto('/#/map')
    await page.waitForURL(/z=/)
    expect(asked).toEqual(['/styles/plain.json?key=1'])
    expect(watch.foreignRequests).toEqual([`${mapOrigin}/styles/plain.json?key=1`])
    expect([...watch.violations, ...watch.errors]).toEqual([])
    await context.close()
    await api.close()
    maps.close()
  })
})
