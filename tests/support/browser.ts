import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import { ensureDebianPackage } from './debian.ts'

// No sandbox inside a container, WebGL without a graphics card, and nothing that the browser would ask of the network by
// itself.
const launchArguments = [
  '--no-sandbox',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts Debian's Chromium. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await ensureDebianPackage('chromium', 'chromium'), args: launchArguments })
}

// Below the tests' own limit, so that what was looked for is told.
const lookTimeoutMs = 25_000

/** What the pages of one context did that they never may. */
export type Watch = { foreignRequests: string[]; violations: string[]; errors: string[] }

/** A visitor of its own, cookies and storage included, who is watched: see Watch. */
export async function newVisitor(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<{ context: BrowserContext; watch: Watch }> {
  const context = await browser.newContext({
    baseURL: origin,
    locale: 'fr-FR',
    timezoneId: 'Europe/Paris',
    viewport: { width: 1400, height: 900 },
    ...options,
  })
  context.setDefaultTimeout(lookTimeoutMs)
  const watch: Watch = { foreignRequests: [], violations: [], errors: [] }
  context.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) watch.foreignRequests.push(request.url())
  })
  context.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) watch.violations.push(message.text())
  })
  context.on('weberror', (error) => watch.errors.push(error.error().message))
  return { context, watch }
}
