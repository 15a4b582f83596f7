import { expect, test } from 'vitest'
import { makeFolder, parvis } from './support/platform.ts'
import { runCopyTrial } from './trials/copy.ts'

// `npm run trials -- copy` takes a million.
const readings = 50_000

test('readings go to InfluxDB and back whole, also when the copy is killed in the middle', {
  timeout: 120_000,
}, async () => {
  const folder = makeFolder()
  const report = await runCopyTrial({ folder: folder.path, readings })
  expect(report.original.count).toBe(readings)
  expect(report.there).toEqual(report.original)
  expect(report.back).toEqual(report.original)
  expect(report.isEqual).toBe(true)
  // The second run went on, and did not begin anew.
  expect(report.writtenAgain).toBeLessThan(readings)
  folder.remove()
})

test('a store that the settings do not tell of is asked for by name', async () => {
  const folder = makeFolder()
  await expect(parvis(folder.path, 'copy', '--from', 'embedded', '--to', 'influxdb1')).rejects.toThrow(
    'PARVIS_INFLUX_URL',
  )
  await expect(parvis(folder.path, 'copy', '--from', 'embedded', '--to', 'embedded')).rejects.toThrow('embedded')
  folder.remove()
})
