import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import { ensureDebianPackage } from './debian.ts'

// No sandbox inside a container, and nothing that the browser would ask of the network by itself.
const launchArguments = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
// Without a graphics card maps are drawn by the processor, which is slow: only who looks at maps asks for it.
const withoutWebGl = ['--disable-gpu', '--disable-3d-apis']
const withWebGl = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist']

/**
 * Starts Debian's Chromium, in its build without windows, which asks half of the processor time; maps are drawn where
 * `webGl` is asked for.
 */
export async function startBrowser({ webGl = false }: { webGl?: boolean } = {}): Promise<Browser> {
  const args = [...launchArguments, ...(webGl ? withWebGl : withoutWebGl)]
  const name = 'chromium-headless-shell'
  return chromium.launch({ executablePath: await ensureDebianPackage(name, name), args })
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
