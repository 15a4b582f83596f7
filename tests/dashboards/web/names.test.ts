import { readFileSync } from 'node:fs'
import mqtt from 'mqtt'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findUnboundNames, formulaStart, injectionNames, longestName } from '../../support/injection.ts'
import { type Site, startSite } from '../../support/site.ts'
import { until } from '../../support/until.ts'

/*
 * Names that are code elsewhere, on assets, devices, channels, documents and in files: each is the text that it is in
 * every place where it is shown, and turns nothing that stands beside it.
 */

const kind = 'waste_container'
/** Each asset and its device have a name of the corpus, and the same as their id, as far as an id may. */
const things = injectionNames.map((name) => ({
  name,
  id: name
    .replace(/[/+#\p{C}]/gu, '')
    .slice(0, 128)
    .trim(),
}))
const names = things.map(({ name }) => name)
const ids = things.map(({ id }) => id)
/** Devices that nobody registered. */
const strangers = ['perdu', ...ids.map((id) => `perdu-${id}`.slice(0, 128))]
/** Those that turn what stands beside them, and then others: the least battery comes first on Today. */
const worstFirst = [7, 8, 9, 0, 10, ...names.keys()].filter((i, at, all) => all.indexOf(i) === at)
const channel = '=<u>'
// On the map in rows, at a zoom where none is grouped: degrees for 60 pixels.
const centre = { latitude: 47.75, longitude: 7.335, zoom: 17 }
const [stepLatitude, stepLongitude] = [0.0002164, 0.000322]
const placeOf = (i: number) => ({ column: i % 6, row: Math.floor(i / 6) })

// What is waited for may take its time where others work beside it.
const patience = { timeout: 25_000 }

let site: Site

beforeAll(async () => {
  site = await startSite({ webGl: true })
  await site.token('admin')
  const gateway = await openGateway()
  await Promise.all(things.map(({ id, name }, i) => addThing(id, name, i)))
  for (const id of strangers) await gateway.publishAsync(`lost/${id}/up`, '{}', { qos: 1 })
  await gateway.endAsync()
  await until(async () => (await count('/devices/to-adopt?limit=100')) === strangers.length)
  await until(async () => (await count('/status/assets?limit=100&state=attention')) === names.length)
  await until(async () => (await count('/dead-letters?limit=100&reason=out_of_range')) === names.length)
})
afterAll(() => site?.close())
afterEach(() => site.endVisits())

async function count(path: string): Promise<number> {
  return (await site.request<{ items: object[] }>('GET', path)).items.length
}

/** A network that brings messages of devices that nobody registered. */
async function openGateway() {
  const integration = { name: 'lost', format: 'generic-json', topics: ['lost/#'] }
  const { secret } = await site.request<{ secret: string }>('POST', '/integrations', integration)
  const url = `mqtt://127.0.0.1:${site.platform.mqttPort}`
  const gateway = await mqtt.connectAsync(url, { clientId: 'lost', username: 'lost', password: secret })
  // What comes before ingest knows of the integration is of nobody.
  await until(async () => {
    await gateway.publishAsync('lost/perdu/up', '{}', { qos: 1 })
    return (await count('/devices/to-adopt')) > 0
  })
  return gateway
}

/** An asset that was called otherwise before, with a document, and a device on it that says too much. */
async function addThing(id: string, name: string, i: number): Promise<void> {
  const { column, row } = placeOf(i)
  const place = {
    latitude: centre.latitude - row * stepLatitude,
    longitude: centre.longitude + column * stepLongitude,
    ...{ address: name, district: name.slice(0, 120), commune: name.slice(0, 120), service: 'Propreté' },
  }
  const path = `/assets/${encodeURIComponent(id)}`
  await site.request('POST', '/assets', { id, kind, label: 'Avant', ...place })
  await site.request('PATCH', path, { label: name })
  const query = new URLSearchParams({ name: 'texte.txt', caption: name })
  await fetch(`${site.platform.httpUrl}/api/v1${path}/documents?${query}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await site.token('admin')}`,
      'content-type': 'application/octet-stream',
      'x-parvis-reason': encodeURIComponent(name),
    },
    body: 'texte',
  }).then((answer) => expect([answer.status, path]).toEqual([201, path]))
  const device = await site.connectDevice(id)
  await site.request('PATCH', `/devices/${encodeURIComponent(id)}`, { label: name })
  const installedAt = new Date(Date.now() - 6 * 3_600_000).toISOString()
  await site.request('POST', '/installations', { deviceId: id, assetId: id, installedAt })
  const battery = worstFirst.indexOf(i)
  const messages = [
    { observedAt: Date.now() - 3_600_000, channel, readings: { fill_level: 40 } },
    { channel, readings: { fill_level: 95, battery_level: battery } },
    { readings: { fill_level: 250 } },
  ]
  for (const message of messages) await device.publishAsync(`devices/${id}/up`, JSON.stringify(message), { qos: 1 })
}

/** Nothing of a name became an element, ran, or turned what stands beside it. */
async function expectText(page: Page, where: string, all: readonly string[] = names): Promise<void> {
  const found = await page.evaluate(`({
    elements: document.querySelectorAll('body :is([src=x], script, b, u, [onload], [onmouseover], [autofocus], [href^="javascript:"])').length,
    wider: Math.max(0, document.documentElement.scrollWidth - innerWidth),
    isRun: !/Parvis$/.test(document.title),
    unbound: (${findUnboundNames})(${JSON.stringify(all)}),
  })`)
  expect.soft({ where, ...(found as object) }).toEqual({ where, elements: 0, wider: 0, isRun: false, unbound: [] })
}

async function texts(page: Page, place: string): Promise<string[]> {
  const found = await page.locator(place).allTextContents()
  return found.map((text) => text.replaceAll(/[\u2068\u2069]\s*$|^\s*\u2068/g, '').trim())
}

/** Where all of them stand at once: the address, the elements, what these say, and how many a page shows. */
const lists: [address: string, place: string, expected: readonly string[], most?: number][] = [
  ['#/assets', 'tbody th a', names],
  ['#/assets', 'tbody td.soft.spare', names.map((name) => name.slice(0, 120))],
  ['#/assets?labels=list', '.label .name', names],
  ['#/assets?labels=list', '.label .id', ids],
  ['#/devices', 'tbody th a', names],
  ['#/devices', 'tbody td:last-child a', ids],
  ['#/devices?adopt=yes', '.who strong', strangers],
  ['#/waste', 'tbody th a', names, 15],
  ['#/today', 'article:has(#need-low_battery) li a', worstFirst.slice(0, 5).map((i) => names[i]!)],
  ['#/dead-letters?reason=out_of_range', 'summary .device', ids],
  [`#/map?c=${centre.latitude},${centre.longitude}&z=15`, 'section[aria-labelledby=map-list] bdi', names],
]

test('are text in every list, wherever they turn', async () => {
  const page = await site.signIn('manager')
  for (const width of [1400, 320]) {
    await page.setViewportSize({ width, height: 900 })
    for (const [address, place, expected, most = expected.length] of lists) {
      await page.goto(`/${address}`)
      const known = new Set(expected.map((name) => name.trim()))
      const judge = (found: string[]) => ({ count: found.length, others: found.filter((name) => !known.has(name)) })
      const all = { count: most, others: [] }
      await expect.poll(() => texts(page, place).then(judge), patience).toEqual(all)
      await expectText(page, `${address} ${width}`)
    }
  }
}, 120_000)

/** Where one of them stands, on the page of its asset or its device. */
const details: [view: 'assets' | 'devices', place: string, text: 'name' | 'id'][] = [
  ['assets', 'h1', 'name'],
  ['assets', '.label .name', 'name'],
  ['assets', 'section[aria-labelledby=identity-title] dd', 'name'],
  ['assets', 'section[aria-labelledby=installations-title] .what a', 'id'],
  ['assets', 'ul.marks li', 'id'],
  ['assets', 'section[aria-labelledby=documents-title] .name', 'name'],
  ['assets', 'section[aria-labelledby=history-title] .reason', 'name'],
  ['assets', 'section[aria-labelledby=history-title] dd span', 'name'],
  ['devices', 'h1', 'name'],
  ['devices', 'section[aria-labelledby=installations-title] a', 'id'],
]

test('are text on the page of each asset and device: identity, chart, label, documents and history', async () => {
  const page = await site.signIn('manager')
  for (const thing of things)
    for (const view of ['assets', 'devices'] as const) {
      const address = `/#/${view}/${encodeURIComponent(thing.id)}`
      await page.goto(address)
      await page.locator('section[aria-labelledby=installations-title] a').first().waitFor()
      if (view === 'assets') {
        await page.locator('ul.marks li, section[aria-labelledby=documents-title] .name').nth(1).waitFor()
        await page.locator('section[aria-labelledby=history-title] summary').first().waitFor()
      }
      await page.getByText('Voir en tableau').waitFor()
      await page.evaluate('for (const each of document.querySelectorAll("main details")) each.open = true')
      await page.getByRole('columnheader', { name: channel }).waitFor()
      for (const [of, place, text] of details)
        if (of === view)
          await expect
            .poll(async () => (await texts(page, place)).some((found) => found.includes(thing[text].trim())), patience)
            .toBe(true)
      await expectText(page, address)
    }
}, 120_000)

test('are text in the label over the map and in its card; the label can be reached, and is taken away by Escape', async () => {
  const page = await site.signIn('viewer', `#/map?c=${centre.latitude},${centre.longitude}&z=${centre.zoom}`)
  await until(async () => (await page.evaluate('performance.getEntriesByName("map-shown").length')) !== 0, 25_000)
  const box = (await page.locator('.maplibregl-canvas').boundingBox())!
  const label = page.locator('.asset-tip')
  const pointAt = async (i: number, offset = 0) => {
    const { column, row } = placeOf(i)
    await page.mouse.move(box.x + box.width / 2 + 60 * column + offset, box.y + box.height / 2 + 60 * row)
  }
  for (const [i, name] of names.entries()) {
    // It may still be drawn.
    await expect
      .poll(() => pointAt(i, Math.random()).then(() => texts(page, '.asset-tip')), patience)
      .toEqual([name.trim()])
    await page.mouse.down()
    await page.mouse.up()
    await expect.poll(() => texts(page, '#chosen-title'), patience).toEqual([name.trim()])
    await expectText(page, `label of ${name}`)
  }
  // The pointer goes from the asset to its label, which stays; Escape takes it away until the pointer has left.
  await pointAt(3)
  await label.hover({ position: { x: 20, y: 10 } })
  expect(await label.count()).toBe(1)
  await page.keyboard.press('Escape')
  await label.waitFor({ state: 'detached' })
  await pointAt(3)
  await pointAt(3, 2)
  expect(await label.count()).toBe(0)
  await pointAt(4)
  await label.waitFor()
  await page.mouse.move(box.x - 50, box.y + 50)
  await label.waitFor({ state: 'detached' })
}, 120_000)

test('are text in the live list, in dialogs, and in the chart’s files', async () => {
  const [{ id, name }] = things as [(typeof things)[0]]
  const page = await site.signIn('manager', '#/live')
  const probe = await site.connectDevice('<b>probe שלום')
  await expect
    .poll(async () => {
      await probe.publishAsync('devices/<b>probe שלום/up', '{"readings":{"temperature":20}}', { qos: 1 })
      return texts(page, 'main ol li a')
    }, patience)
    .toContain('<b>probe שלום')
  await expectText(page, 'live')

  await page.goto(`/#/assets/${encodeURIComponent(id)}`)
  const chart = page.getByRole('region', { name: 'Évolution' })
  for (const [button, ending] of [
    ['Télécharger en CSV', 'csv'],
    ['Télécharger en image', 'png'],
  ]) {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      chart.getByRole('button', { name: button }).click(),
    ])
    expect(file.suggestedFilename()).toMatch(new RegExp(`^-img src=x onerror=.* fill_level [-0-9]+\\.${ending}$`))
    if (ending !== 'csv') continue
    const cells = readFileSync((await file.path())!, 'utf8')
      .replace(/^\uFEFF/, '')
      .split(/[,\r\n]+/)
    expect(cells.filter((cell) => formulaStart.test(cell))).toEqual([])
  }
  for (const button of ['Modifier la fiche', /^Remplacer/, /^Corriger/, /^Supprimer/]) {
    await page.getByRole('button', { name: button }).first().click()
    await page
      .getByRole('dialog')
      .getByText(String(button).includes('Supprimer') ? name : id.slice(0, 9))
      .first()
      .waitFor()
    await expectText(page, `dialog ${button}`)
    await page.keyboard.press('Escape')
  }
}, 120_000)

test('are text while they are imported, however long; none is kept that is longer than names may be', async () => {
  const page = await site.signIn('manager', '#/import')
  const tooLong = longestName.repeat(50)
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`
  const lines = [...names, tooLong].map((name, i) => `odd-${i},${quote(name)},${quote(name)},${quote(name)}`)
  const text = ['=<b>id,kind,<b>label\u202e,service', ...lines, ''].join('\n')
  const file = { name: '<b>\u202e.csv', mimeType: 'text/csv', buffer: Buffer.from(text) }
  await page.locator('input[type=file]').setInputFiles(file)
  await page.getByText(names[0]!).first().waitFor()
  for (const width of [1400, 320]) {
    await page.setViewportSize({ width, height: 900 })
    await expectText(page, `import ${width}`, [...names, file.name])
  }
  await expect(site.request('POST', '/assets', { id: 'long', kind, label: tooLong })).rejects.toThrow('400')
  await expect(site.request('POST', '/devices', { id: 'long', model: 'generic-json', label: tooLong })).rejects.toThrow(
    '400',
  )
}, 90_000)
