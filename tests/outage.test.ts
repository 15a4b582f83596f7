import { expect, test } from 'vitest'
import { makeFolder } from './support/platform.ts'
import { outages, runOutageTrial } from './trials/outage.ts'

// The short form; `npm run trials -- outage` makes each last ten minutes.
test('whatever happens to InfluxDB, devices notice nothing and nothing is lost', { timeout: 240_000 }, async () => {
  const folder = makeFolder()
  const { caughtUpMs, waited, ...report } = await runOutageTrial({
    folder: folder.path,
    outages,
    devices: 10,
    perSecond: 200,
    outageMs: 1000,
    killsIn: ['fails'],
  })
  expect(report).toMatchObject({ lost: 0, twice: 0, invented: 0, disconnected: 0 })
  expect(Object.keys(caughtUpMs)).toEqual(outages)
  for (const outage of outages) if (outage !== 'is slow') expect(waited[outage]).toBeGreaterThan(0)
  expect(report.acknowledged).toBeGreaterThan(1000)
  folder.remove()
})
