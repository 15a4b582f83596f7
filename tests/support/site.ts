import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import type { Browser, Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Role } from '../../domain/role.ts'
import { newVisitor, startBrowser, type Watch } from './browser.ts'
import { makeFolder, type Platform, parvis, startPlatform } from './platform.ts'
import { noteRealPackage } from './real-parts.ts'
import { until } from './until.ts'

const root = join(import.meta.dirname, '..', '..')

type VisitorOptions = Parameters<typeof newVisitor>[2]

/** The pages as a visitor meets them: the real platform, and Chromium in front of it. */
export type Site = {
  platform: Platform
  dataDir: string
  browser: Browser
  /** A token of a role, made once. */
  token(role: Role): Promise<string>
  /** Asks the API as an admin; answers the document, or fails with what was refused. */
  request<Answer = unknown>(method: string, path: string, body?: unknown): Promise<Answer>
  /** Registers a device of model `generic-json` and connects it. */
  connectDevice(id: string): Promise<MqttClient>
  /** An empty page of a visitor with own cookies. */
  visit(options?: VisitorOptions): Promise<Page>
  /** A page that is signed in by the link, as the demo prints it, and stands at `hash`. */
  signIn(role: Role, hash?: string, options?: VisitorOptions): Promise<Page>
  /** Ends all visits; fails if a page sent a request elsewhere, broke the policy or threw. For `afterEach`. */
  endVisits(): Promise<void>
  close(): Promise<void>
}

/** Starts the platform with its pages and a browser; with `city`, a simulated city of so many assets publishes to it. */
export async function startSite(
  options: { city?: { assets: number }; env?: Record<string, string>; webGl?: boolean } = {},
): Promise<Site> {
  const folder = makeFolder()
  const [platform, browser] = await Promise.all([
    startPlatform({ dataDir: folder.path, env: options.env }),
    startBrowser(options),
  ])
  const origin = platform.httpUrl
  const tokens = new Map<Role, string>()
  const devices: MqttClient[] = []
  const watches: Watch[] = []
  let city: ChildProcess | undefined

  async function token(role: Role): Promise<string> {
    const made = tokens.get(role) ?? (await makeToken(role))
    tokens.set(role, made)
    return made
  }

  // The command line makes the first one, the API, which is quicker, the others.
  async function makeToken(role: Role): Promise<string> {
    const { token } =
      role === 'admin'
        ? await parvis<{ token: string }>(folder.path, 'token', 'create', '--role', role)
        : await request<{ token: string }>('POST', '/tokens', { role })
    return token
  }

  async function request<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await token('admin')}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as Answer
  }

  async function connectDevice(id: string): Promise<MqttClient> {
    const { secret } = await request<{ secret: string }>('POST', '/devices', {
      id,
      model: 'generic-json',
      label: `Sonde ${id}`,
    })
    const url = `mqtt://127.0.0.1:${platform.mqttPort}`
    const client = await mqtt.connectAsync(url, { clientId: id, username: id, password: secret })
    devices.push(client)
    return client
  }

  async function visit(visitor: VisitorOptions = {}): Promise<Page> {
    const { context, watch } = await newVisitor(browser, origin, visitor)
    watches.push(watch)
    return context.newPage()
  }

  async function signIn(role: Role, hash = '', visitor: VisitorOptions = {}): Promise<Page> {
    const page = await visit(visitor)
    await page.goto(`/#token=${await token(role)}`)
    await page.locator('main#content').waitFor()
    if (hash !== '') await page.goto(`/${hash}`)
    return page
  }

  async function endVisits(): Promise<void> {
    for (const context of browser.contexts()) await context.close()
    for (const { foreignRequests, violations, errors } of watches.splice(0))
      expect({ foreignRequests, violations, errors }).toEqual({ foreignRequests: [], violations: [], errors: [] })
  }

  async function close(): Promise<void> {
    city?.kill()
    for (const device of devices) await device.endAsync()
    await browser.close()
    await platform.stop()
    folder.remove()
  }

  const site = {
    platform,
    dataDir: folder.path,
    browser,
    token,
    request,
    connectDevice,
    visit,
    signIn,
    endVisits,
    close,
  }
  if (options.city !== undefined) city = await startCity(site, options.city.assets)
  return site
}

/** A city that lives twenty times as fast as a real one, until all but the few that are silent by design were heard. */
async function startCity(site: Site, assets: number): Promise<ChildProcess> {
  const arguments_ = ['simulate', '--seed', '68', '--speed', '20', '--assets', String(assets)]
  const city = spawn(
    process.execPath,
    [
      join(root, 'cli', 'parvis.ts'),
      ...arguments_,
      ...['--url', site.platform.httpUrl, '--mqtt', `mqtt://127.0.0.1:${site.platform.mqttPort}`],
      ...['--token', await site.token('manager')],
    ],
    { cwd: root, env: { PATH: process.env.PATH, PARVIS_DATA_DIR: site.dataDir }, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let errors = ''
  city.stderr!.on('data', (bytes) => (errors += bytes))
  await until(async () => {
    if (city.exitCode !== null) throw new Error(`the simulated city ended with ${city.exitCode}: ${errors}`)
    const { items } = await site.request<{ items: { state: string; count: number }[] }>('GET', '/status/assets/counts')
    return items.filter((each) => each.state === 'working').reduce((sum, { count }) => sum + count, 0) >= assets / 2
  }, 60_000)
  return city
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds wrong with a page as it stands, by WCAG 2.1 A and AA and its good practices: rule and elements. */
export async function findBarriers(page: Page): Promise<string[]> {
  noteRealPackage('axe-core')
  // A page that was only led elsewhere has it already.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axeSource)
  const violations = (await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.map(({ id, nodes }) => ({ id, targets: nodes.map((node) => node.target.join(' ')) })))`,
  )) as { id: string; targets: string[] }[]
  return violations.map(({ id, targets }) => `${id}: ${targets.join(', ')}`)
}

/** Holds back the requests of a page to what matches, until they are released; tells which they are. */
export async function hold(
  page: Page,
  url: RegExp,
  method = 'GET',
): Promise<{ asked: URL[]; first: Promise<void>; release(): void }> {
  const [first, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const asked: URL[] = []
  await page.route(url, async (route) => {
    if (route.request().method() !== method) return route.fallback()
    asked.push(new URL(route.request().url()))
    first.resolve()
    await released.promise
    // Who asked may have left meanwhile.
    await route.continue().catch(() => {})
  })
  return { asked, first: first.promise, release: released.resolve }
}

/** Has a page ask for all that it asks for again and again, as when it comes back into view. */
export async function comeBack(page: Page): Promise<void> {
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
}

/** The text of what has the focus. */
export function focused(page: Page): Promise<string> {
  return page.evaluate('document.activeElement.textContent.trim()')
}

type Focus = { isPage: boolean; text: string; label: string; outline: string }

// Of what has the focus: its text, what its label says (without what is chosen in it), and how the focus is drawn.
const describeFocus = `(() => {
  const active = document.activeElement
  const label = active.labels?.[0]?.cloneNode(true)
  for (const other of label?.querySelectorAll('input, select, textarea, [aria-hidden]') ?? []) other.remove()
  const tell = (text) => (text ?? '').replace(/\\s+/g, ' ').trim()
  // A field that is not drawn itself shows the focus on what stands for it.
  const drawn = active.classList.contains('visually-hidden') ? active.nextElementSibling : active
  return {
    isPage: active === document.body,
    text: active.tagName === 'SELECT' ? '' : tell(active.textContent),
    label: tell(active.getAttribute('aria-label') ?? label?.textContent),
    outline: getComputedStyle(drawn).outlineStyle,
  }
})()`

/**
 * Presses a key until what bears a name, its text or its label, has the focus; everything on the way must show that it
 * has it.
 */
export async function tabTo(page: Page, name: string, key = 'Tab'): Promise<void> {
  const wanted = name.replace(/\s+/g, ' ')
  const seen: string[] = []
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press(key)
    const { isPage, text, label, outline } = (await page.evaluate(describeFocus)) as Focus
    // Past the last stop comes the page as a whole, and then the first one.
    if (isPage) continue
    expect(outline, `the focus is seen on: ${text} ${label}`).not.toBe('none')
    if (text === wanted || label === wanted) return
    seen.push(text || label)
  }
  throw new Error(`no ${key} reached "${name}", only: ${seen.join(' | ')}`)
}

/** By keyboard: goes to what bears a name and presses Enter. */
export async function enter(page: Page, name: string, key = 'Tab'): Promise<void> {
  await tabTo(page, name, key)
  await page.keyboard.press('Enter')
}

/** By keyboard: goes past the navigation, as the first stop of the Tab key offers. */
export async function skipToContent(page: Page): Promise<void> {
  await page.locator('main h1').waitFor()
  await enter(page, 'Aller au contenu')
}
