import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CrashOptions, runCrashTrial } from './crash.ts'

/*
 * The long trials, one after another; `npm run trials -- power-cut` runs those whose name has that word. Each prints what
 * it found, and the exit code says whether all held.
 */

const publishers = 20

const trials: Record<string, Omit<CrashOptions, 'folder' | 'seed'>> = {
  'kill -9, fifty times': { rounds: 50, publishers },
  'power-cut, fifty times': { rounds: 50, publishers, powerCut: {} },
}

const wanted = process.argv[2] ?? ''
let isHeld = true
for (const [name, options] of Object.entries(trials)) {
  if (!name.includes(wanted)) continue
  const folder = mkdtempSync(join(tmpdir(), 'parvis-trial-'))
  const seed = Number(process.env.TRIAL_SEED ?? Date.now() % 1_000_000)
  console.log(`${name} (TRIAL_SEED=${seed})`)
  const report = await runCrashTrial({ ...options, folder, seed, log: (line) => console.log(`  ${line}`) })
  console.log(JSON.stringify(report))
  const { lost, twice, invented, wrong } = report
  if (lost + twice + invented + wrong > 0) isHeld = false
  rmSync(folder, { recursive: true, force: true })
}
console.log(isHeld ? 'all held' : 'NOT HELD')
process.exit(isHeld ? 0 : 1)
