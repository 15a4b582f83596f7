import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBrokerProcess } from '../support/broker-process.ts'
import { looks } from '../support/scenes.ts'
import { startSite } from '../support/site.ts'
import buildPages from '../support/with-pages.ts'
import { abuses, runAbuse } from './abuse.ts'
import { runAccessibilityTrial } from './accessibility.ts'
import { runBadInputTrial } from './bad-input.ts'
import { runCopyTrial } from './copy.ts'
import { type CrashOptions, type CrashReport, runCrashTrial } from './crash.ts'
import { runFuzz } from './fuzz.ts'
import { type Outage, outages, runOutageTrial } from './outage.ts'
import { runReconnects } from './reconnects.ts'

/*
 * The long trials, one after another; `npm run trials -- power-cut` runs those whose name has that word. Each prints what
 * it found, and the exit code says whether all held.
 */

type Place = { folder: string; seed: number; log(line: string): void }
type Report = Record<string, unknown> & { held: boolean }

const tenMinutesMs = 600_000

async function crash(
  place: Place,
  options: Omit<CrashOptions, 'folder' | 'seed' | 'publishers'>,
  isHeld = ({ acknowledged, lost, twice, invented, wrong, sealed, damaged }: CrashReport) =>
    acknowledged > 0 && sealed > 0 && lost + twice + invented + wrong + damaged === 0,
): Promise<Report> {
  const report = await runCrashTrial({ ...place, publishers: 20, ...options })
  return { ...report, held: isHeld(report) }
}

// An outage is caught up within two minutes of its end, and PUBACK never waits for it.
async function outage(place: Place, which: Outage): Promise<Report> {
  const report = await runOutageTrial({
    ...place,
    outages: [which],
    devices: 100,
    perSecond: 1000,
    outageMs: tenMinutesMs,
    killsIn: [which],
  })
  const { acknowledged, lost, twice, invented, disconnected, pubackP99Ms, caughtUpMs } = report
  const isPrompt = pubackP99Ms <= 100 && Object.values(caughtUpMs).every((ms) => ms <= 120_000)
  return { ...report, held: acknowledged > 0 && lost + twice + invented + disconnected === 0 && isPrompt }
}

async function copy({ folder }: Place): Promise<Report> {
  const report = await runCopyTrial({ folder, readings: 1_000_000 })
  const { original, there, back } = report
  const isSame = original.hash === there.hash && original.hash === back.hash
  return { ...report, held: report.isEqual && isSame && report.writtenAgain < report.readings }
}

async function badInput({ folder }: Place): Promise<Report> {
  const report = await runBadInputTrial({ folder, times: 50 })
  return { ...report, held: report.stalls === 0 && report.deadLetters === report.published }
}

// Others connect within half a second throughout, and memory grows by less than 64 MiB.
async function abuse({ log }: Place): Promise<Report> {
  const broker = await startBrokerProcess()
  try {
    let connectMaxMs = 0
    let grownMib = 0
    for (const name of abuses) {
      const report = await runAbuse(broker, name)
      log(
        `${name}: CONNECT of others at most ${Math.round(report.connectMaxMs)} ms, ${Math.round(report.grownMib)} MiB`,
      )
      connectMaxMs = Math.max(connectMaxMs, report.connectMaxMs)
      grownMib = Math.max(grownMib, report.grownMib)
    }
    return { cases: abuses.length, connectMaxMs, grownMib, held: connectMaxMs < 500 && grownMib < 64 }
  } finally {
    await broker.stop()
  }
}

// Memory is flat: at the end not 16 MiB above what it was after two tenths.
async function fuzz({ seed, log }: Place): Promise<Report> {
  const broker = await startBrokerProcess()
  try {
    const report = await runFuzz(broker, { seed, packets: 1_000_000, log })
    const grownMib = report.memoryMib.at(-1)! - report.memoryMib[2]!
    return { ...report, grownMib, held: report.crashes === 0 && grownMib < 16 }
  } finally {
    await broker.stop()
  }
}

// Twenty thousand reconnects are what 500 devices do in two days of one an hour: less than 1 MiB stays of them.
async function reconnects({ log }: Place): Promise<Report> {
  const report = await runReconnects({ reconnects: 20_000, warmUp: 5000, log })
  return { ...report, held: report.grownMib < 1 }
}

async function accessibility(): Promise<Report> {
  await buildPages()
  const site = await startSite({ city: { assets: 200 }, webGl: true })
  try {
    const { scenes, barriers } = await runAccessibilityTrial(site, { looks, isWhole: true })
    return { scenes: scenes.length, looks: looks.length, barriers, held: Object.keys(barriers).length === 0 }
  } finally {
    await site.close()
  }
}

const trials: Record<string, (place: Place) => Promise<Report>> = {
  'kill -9, fifty times': (place) => crash(place, { rounds: 50 }),
  'power-cut, fifty times': (place) => crash(place, { rounds: 50, powerCut: {} }),
  'power-cut without syncs, which must lose': (place) =>
    crash(place, { rounds: 1, powerCut: { deaf: '/journal/' } }, ({ lost }) => lost > 0),
  'bad input, fifty times, holds the event loop up for 50 ms at most': badInput,
  ...Object.fromEntries(
    outages.map((which) => [`outage: InfluxDB ${which} for ten minutes`, (place: Place) => outage(place, which)]),
  ),
  'abuse of the broker in twelve ways': abuse,
  'fuzz: a million packets, bent': fuzz,
  'reconnects with sessions, twenty thousand': reconnects,
  'copy of a million readings to InfluxDB and back': copy,
  'accessibility: every page, dialog and form, in both languages and themes': accessibility,
}

const wanted = process.argv[2] ?? ''
let isHeld = true
for (const [name, run] of Object.entries(trials)) {
  if (!name.includes(wanted)) continue
  const folder = mkdtempSync(join(tmpdir(), 'parvis-trial-'))
  const seed = Number(process.env.TRIAL_SEED ?? Date.now() % 1_000_000)
  console.log(`${name} (TRIAL_SEED=${seed})`)
  const report = await run({ folder, seed, log: (line) => console.log(`  ${line}`) })
  console.log(JSON.stringify(report))
  if (!report.held) isHeld = false
  rmSync(folder, { recursive: true, force: true })
}
console.log(isHeld ? 'all held' : 'NOT HELD')
process.exit(isHeld ? 0 : 1)
