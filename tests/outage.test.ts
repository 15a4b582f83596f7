import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFolder } from './support/platform.ts'
import { outages, runOutageTrial } from './trials/outage.ts'

// The short form; `npm run trials -- outage` makes each last ten minutes.
let folder: ReturnType<typeof makeFolder>
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => folder.remove())

test.each(outages)('InfluxDB %s: devices notice nothing, and nothing is lost', { timeout: 120_000 }, async (outage) => {
  const report = await runOutageTrial({
    folder: folder.path,
    outage,
    devices: 10,
    perSecond: 200,
    outageMs: 1500,
    killsParvis: outage === 'refuses',
  })
  expect(report).toMatchObject({ lost: 0, invented: 0, disconnected: 0 })
  expect(report.acknowledged).toBeGreaterThan(100)
})
