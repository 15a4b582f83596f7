import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import mqtt from 'mqtt'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { openIngestFile } from '../store/ingest-file.ts'
import { newVisitor, startBrowser } from '../tests/support/browser.ts'
import { startPlatform } from '../tests/support/platform.ts'
import { until } from '../tests/support/until.ts'
import { readStartEnvironment, readStartFlags } from './support/platform.ts'
import { quantile } from './support/quantiles.ts'
import { layDownRegister } from './support/register-data.ts'
import { median, type Row, report, round } from './support/report.ts'
import { traceFrames } from './support/trace.ts'

/*
 * What a reader of the pages waits for, in Debian's Chromium on the same machine as the platform, which draws maps by the
 * processor: Today with an empty cache, the map of 50,000 assets, a frame of it that is moved, and clicks while devices
 * publish 10,000 changes of state a minute. Every visit is signed in and has a cache of its own.
 * Options: --assets N, --rate R (changes a minute), --repeats N, --only today or map, --json.
 */

const { values: options } = parseArgs({
  options: {
    assets: { type: 'string', default: '50000' },
    rate: { type: 'string', default: '10000' },
    repeats: { type: 'string', default: '3' },
    only: { type: 'string', default: 'today,map' },
    json: { type: 'boolean', default: false },
  },
})
const assets = Number(options.assets)
const repeats = Number(options.repeats)
const looksAt = (name: 'today' | 'map') => options.only.split(',').includes(name)
const perSecond = Number(options.rate) / 60

/** Devices that publish; each is heard every few seconds. */
const publishers = 500
const clicks = 24

/** Moves of the hand that drags the map, sixty a second. */
const moved = 120

/** Long enough that what a page still does after it is shown is seen. */
const quietMs = 1000

const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
// One of fifty is disposed of, and on no map.
const registered = Math.ceil((assets * 50) / 49)
const size = { assets: registered, devices: registered, installations: registered }
const { credentials, token } = await layDownRegister({ dataDir: folder, database: 'sqlite' }, size, publishers)
layDownActivity(registered)
const platform = await startPlatform({
  dataDir: folder,
  execArguments: readStartFlags(),
  env: readStartEnvironment(),
})
await until(async () => (await countPoints()) >= assets, 120_000)
const browser = await startBrowser({ webGl: true })
const { context: entrance } = await newVisitor(browser, platform.httpUrl)
const door = await entrance.newPage()
await door.goto(`/#token=${token}`)
await door.locator('main#content').waitFor()
const storageState = await entrance.storageState()
await entrance.close()

/** Who was heard when: two of a hundred never, three five days ago, the others within the last minute. */
function layDownActivity(devices: number): void {
  const database = openIngestFile(folder)
  const put = database.prepare('INSERT INTO activity (device_id, last_seen_at, seq) VALUES (?, ?, ?)')
  const now = Date.now()
  database.exec('BEGIN')
  for (let i = 0; i < devices; i++)
    if (i % 100 > 1) put.run(`load-${i}`, i % 100 < 5 ? now - 5 * 86_400_000 : now - (i % 60_000), i + 1)
  database.exec('COMMIT')
  database.close()
}

async function countPoints(): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${platform.httpUrl}/api/v1/status/assets/points`, { headers })
  return ((await answer.json()) as { id: string[] }).id.length
}

/** Notes when an element that a selector finds is there, tasks that took over 50 ms, and how long clicks took. */
const watching = (selector: string) => `
  window.longTasks = []; window.answers = []; window.shownAt = null
  new PerformanceObserver((list) => { for (const { startTime, duration } of list.getEntries()) longTasks.push({ startTime, duration }) }).observe({ type: 'longtask', buffered: true })
  new PerformanceObserver((list) => { for (const each of list.getEntries()) if (each.interactionId > 0) answers.push({ id: each.interactionId, ms: each.duration, waited: each.processingStart - each.startTime, ran: each.processingEnd - each.processingStart }) }).observe({ type: 'event', durationThreshold: 16, buffered: true })
  new MutationObserver((_, observer) => {
    if (document.querySelector(${JSON.stringify(selector)}) === null) return
    observer.disconnect()
    requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => { shownAt = performance.now() }; port2.postMessage(0) })
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true })`

async function visit<Found>(selector: string, look: (page: Page) => Promise<Found>): Promise<Found> {
  const visitor: BrowserContextOptions = { storageState, viewport: { width: 1400, height: 900 } }
  const { context, watch } = await newVisitor(browser, platform.httpUrl, visitor)
  try {
    const page = await context.newPage()
    await page.addInitScript(watching(selector))
    const found = await look(page)
    if (watch.errors.length > 0) throw new Error(`the page threw: ${watch.errors.join('; ')}`)
    return found
  } finally {
    await context.close()
  }
}

/** Milliseconds since the navigation; the last long task is that after which the page is quiet. */
type Today = { kb: number; figuresMs: number; answerMs: number; quietMs: number; longestMs: number }

function lookAtToday(): Promise<Today> {
  return visit('main section article', async (page) => {
    const sizes = new Map<string, number>()
    page.on('requestfinished', (request) => {
      const measured = request.sizes().catch(() => ({ responseBodySize: 0, responseHeadersSize: 0 }))
      void measured.then((each) => sizes.set(request.url(), each.responseBodySize + each.responseHeadersSize))
    })
    await page.goto('/#/today')
    await waitFor(page, 'shownAt !== null')
    // What a person would do first: a click as soon as there is something to see.
    await page.locator('h1').click()
    await setTimeout(quietMs)
    const { longTasks, answers, shownAt } = await readWatch(page)
    const own = [...sizes].filter(([url]) => !/\/(library|maplibre)[^/]*$/.test(url))
    const ends = longTasks.map(({ startTime, duration }) => startTime + duration)
    return {
      kb: own.reduce((sum, [, bytes]) => sum + bytes, 0) / 1000,
      figuresMs: shownAt,
      // What took less than a frame is not told.
      answerMs: Math.max(16, ...answers.map(({ ms }) => ms)),
      quietMs: Math.max(shownAt, ...ends),
      longestMs: Math.max(0, ...longTasks.map(({ duration }) => duration)),
    }
  })
}

type Answer = { id: number; ms: number; waited: number; ran: number }
type WatchState = { longTasks: { startTime: number; duration: number }[]; answers: Answer[]; shownAt: number }

// The policy of the pages forbids what Playwright's own waiting evaluates.
async function waitFor(page: Page, condition: string): Promise<void> {
  while (!(await page.evaluate<boolean>(condition))) await setTimeout(50)
}
const readWatch = (page: Page) => page.evaluate<WatchState>('({ longTasks, answers, shownAt })')

/** `listMs` until the list beside the map has its first assets, `shownMs` until all that the map shows is drawn. */
type OnMap = {
  listMs: number
  shownMs: number
  panMs: number
  panned: number[]
  answers: Answer[]
  longTasks: number[]
}

function lookAtMap(): Promise<OnMap> {
  return visit('ol li button', async (page) => {
    await page.goto('/#/map')
    await waitFor(page, `performance.getEntriesByName('map-shown').length > 0 && shownAt !== null`)
    const shownMs = await page.evaluate<number>(`performance.getEntriesByName('map-shown')[0].startTime`)
    const { shownAt } = await readWatch(page)
    await setTimeout(quietMs)
    const panned = await traceFrames(browser, page, () => pan(page))
    const publishing = startPublishing()
    await setTimeout(2 * quietMs)
    await page.evaluate('answers.length = 0; longTasks.length = 0')
    await clickAbout(page)
    clearInterval(publishing)
    const { answers, longTasks } = await readWatch(page)
    return {
      listMs: shownAt,
      shownMs,
      panned,
      panMs: median(panned) ?? 0,
      answers,
      longTasks: longTasks.map((each) => each.duration),
    }
  })
}

async function pan(page: Page): Promise<void> {
  const box = (await page.locator('.maplibregl-canvas').boundingBox())!
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
  await page.mouse.move(x, y)
  await page.mouse.down()
  // A hand waits for no frame.
  const moves: Promise<void>[] = []
  for (let i = 1; i <= moved; i++) {
    moves.push(page.mouse.move(x + 150 * Math.sin(i / 10), y + 2 * i))
    await setTimeout(16)
  }
  await Promise.all(moves)
  await page.mouse.up()
}

/** What a person does: an asset of the list, its card closed, farther and nearer, now and then more of the list. */
async function clickAbout(page: Page): Promise<void> {
  const list = page.locator('ol li button')
  const acts = [
    (i: number) => list.nth(i).click(),
    () => page.locator('article.panel header button').click(),
    () => page.locator('.maplibregl-ctrl-zoom-out').click(),
    () => page.locator('.maplibregl-ctrl-zoom-out').click(),
  ]
  for (let i = 0; i < clicks; i++) {
    await acts[i % acts.length]!(i)
    await setTimeout(250)
  }
  await setTimeout(500)
}

/** Each device tells in turn of an empty and of a full battery: every message changes the state of its asset. */
function startPublishing(): NodeJS.Timeout {
  const began = performance.now()
  let published = 0
  return setInterval(() => {
    for (const due = ((performance.now() - began) / 1000) * perSecond; published < due; published++) {
      const client = clients[sent % clients.length]!
      const battery = Math.floor(sent++ / clients.length) % 2 === 0 ? 10 : 90
      const payload = JSON.stringify({ readings: { battery_level: battery } })
      client.publish(`devices/${client.options.clientId}/up`, payload, { qos: 1 })
    }
  }, 20)
}

let sent = 0
const clients = await Promise.all(
  credentials.map(({ id, secret }) =>
    mqtt.connectAsync(`mqtt://127.0.0.1:${platform.mqttPort}`, { clientId: id, username: id, password: secret }),
  ),
)
const todays: Today[] = []
const maps: OnMap[] = []
try {
  for (let i = 0; i < repeats; i++) {
    if (looksAt('today')) todays.push(await lookAtToday())
    if (looksAt('map')) maps.push(await lookAtMap())
  }
} finally {
  await Promise.all(clients.map((client) => client.endAsync()))
  await browser.close()
  await platform.stop()
  rmSync(folder, { recursive: true, force: true })
}

const ofToday = (name: keyof Today) => median(todays.map((each) => each[name]))!
const ofMap = (name: 'listMs' | 'shownMs') => median(maps.map((each) => each[name]))!
const panned = maps.flatMap((each) => each.panned)
// A press and its click are one interaction; what took less than a frame is not told one by one.
const answered = maps.flatMap(({ answers }) =>
  [...Map.groupBy(answers, ({ id }) => id).values()].map((same) => Math.max(...same.map(({ ms }) => ms))),
)
const row = (measured: string, value: number, bound: number | null, unit: string): Row => ({
  measured,
  value: round(value),
  unit,
  'at most': bound,
})
const rowsOfToday = () => [
  row('Today, cold: bytes without the library of maps', ofToday('kb'), 250, 'kB'),
  row('Today, cold: figures shown', ofToday('figuresMs'), 1000, 'ms'),
  row('Today, cold: first click answered after', ofToday('answerMs'), null, 'ms'),
  row('Today, cold: end of the last task over 50 ms, the map’s too', ofToday('quietMs'), null, 'ms'),
]
const rowsOfMap = () => [
  row('map: list filled', ofMap('listMs'), 3000, 'ms'),
  row('map: all shown', ofMap('shownMs'), 3000, 'ms'),
  row('map moved: main thread a frame, median', quantile(panned, 0.5), 16, 'ms'),
  row('map moved: main thread a frame, p98', quantile(panned, 0.98), null, 'ms'),
  row('click to next frame under changes, median', quantile(answered, 0.5), 200, 'ms'),
  row('click to next frame under changes, p98', quantile(answered, 0.98), 200, 'ms'),
]
report({
  name: 'pages',
  rows: [...(looksAt('today') ? rowsOfToday() : []), ...(looksAt('map') ? rowsOfMap() : [])],
  notes: [
    `${assets} assets, ${options.rate} changes a minute; ${panned.length} frames moved, ${answered.length} clicks.`,
  ],
  runs: { todays, maps },
})
