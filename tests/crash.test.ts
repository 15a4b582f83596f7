import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFolder } from './support/platform.ts'
import { runCrashTrial } from './trials/crash.ts'

// The short form; `npm run trials` kills fifty times.
const rounds = 4
const publishers = 20
const longMs = 120_000

let folder: ReturnType<typeof makeFolder>
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => folder.remove())

const sound = { lost: 0, twice: 0, invented: 0, wrong: 0, damaged: 0 }

test('kill -9 loses nothing that was acknowledged, and doubles and invents nothing', { timeout: longMs }, async () => {
  const report = await runCrashTrial({ folder: folder.path, rounds, publishers, seed: 1 })
  expect(report).toMatchObject(sound)
  expect(report.acknowledged).toBeGreaterThan(rounds * publishers)
  expect(report.sealed).toBeGreaterThan(0)
})

test('nor does a power cut, which undoes everything that was not synced', { timeout: longMs }, async () => {
  const report = await runCrashTrial({ folder: folder.path, rounds, publishers, seed: 2, powerCut: {} })
  expect(report).toMatchObject(sound)
  expect(report.acknowledged).toBeGreaterThan(rounds * publishers)
  expect(report.sealed).toBeGreaterThan(0)
})

test('the trial finds the loss when the syncs of the journal are not heard', { timeout: longMs }, async () => {
  const report = await runCrashTrial({
    folder: folder.path,
    rounds: 1,
    publishers,
    seed: 3,
    powerCut: { deaf: '/journal/' },
  })
  expect(report.lost).toBeGreaterThan(0)
})
