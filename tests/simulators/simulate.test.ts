import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { addToken } from '../../inventory/tokens.ts'
import { planCity } from '../../simulators/city.ts'
import { datedReadings, emissionsBetween } from '../../simulators/readings.ts'
import { type SimulateOptions, simulate } from '../../simulators/simulate.ts'
import { systemAccess } from '../../store/access.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { openRegistry } from '../../store/registry.ts'
import { makeFolder, startPlatform } from '../support/platform.ts'
import { until } from '../support/until.ts'

const dayMs = 86_400_000
const today = Math.floor(Date.now() / dayMs) * dayMs

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

/** A platform of its own, and what a simulation needs to know of it. */
async function startCity() {
  const folder = makeFolder()
  undo.push(() => folder.remove())
  const platform = await startPlatform({ dataDir: folder.path })
  undo.push(() => platform.stop())
  const registry = await openRegistry({ dataDir: folder.path, database: 'sqlite' })
  const { token } = await addToken(systemAccess(registry, 'test'), { role: 'admin' })
  await registry.destroy()
  const lines: string[] = []
  const options = (rest: Partial<SimulateOptions>): SimulateOptions => ({
    seed: 3,
    startMs: today - 10 * dayMs,
    speed: 1e6,
    assets: 24,
    httpUrl: platform.httpUrl,
    mqttUrl: `mqtt://127.0.0.1:${platform.mqttPort}`,
    token,
    secretsFile: join(folder.path, 'city.json'),
    signal: new AbortController().signal,
    log: (line) => lines.push(line),
    ...rest,
  })
  return { dataDir: folder.path, options, lines }
}

/** Everything that the platform has stored, a line a reading, in order. */
async function readAll(dataDir: string, from: number, to: number): Promise<string[]> {
  const reader = openIngestReader(dataDir)
  const lines: string[] = []
  for await (const { deviceId, channel, quantity, value, observedAt } of reader.readings.scan({ from, to }))
    lines.push(`${deviceId} ${channel} ${quantity} ${observedAt} ${value}`)
  reader.close()
  return lines.sort()
}

describe('simulate', () => {
  test('a span of the past is stored as the city is planned, whatever the speed', async () => {
    const startMs = today - 10 * dayMs
    const city = planCity({ seed: 3, assets: 24, startMs })
    const planned = new Set<string>()
    for (const device of city.devices)
      for (const each of datedReadings(device, emissionsBetween(device, startMs, startMs + 2 * dayMs)))
        planned.add(`${device.id} ${each.channel} ${each.quantity} ${each.observedAt} ${each.value}`)
    for (const speed of [1e6, 40_000]) {
      const { dataDir, options } = await startCity()
      const summary = await simulate(options({ days: 2, speed }))
      expect(summary).toMatchObject({ assets: 24, devices: city.devices.length, refused: 0 })
      expect(summary.from).toBe(new Date(startMs).toISOString())
      expect(summary.to).toBe(new Date(startMs + 2 * dayMs).toISOString())
      const stored = async () => readAll(dataDir, 0, Date.now() + dayMs)
      await until(async () => (await stored()).length >= planned.size)
      expect(await stored()).toEqual([...planned].sort())
    }
  })

  test('without an end it lays down the past newest day first, is live meanwhile, and goes on where it stopped', async () => {
    const { dataDir, options, lines } = await startCity()
    const startMs = today - 3 * dayMs
    const stop = new AbortController()
    const running = simulate(options({ startMs, days: undefined, speed: 1000, signal: stop.signal }))
    await until(() => lines.some((line) => line.includes('the past is complete')), 60_000)
    const days = lines.flatMap((line) => /^History of (\S+)/.exec(line)?.[1] ?? [])
    expect(days.length).toBeGreaterThanOrEqual(3)
    expect(days).toEqual(days.toSorted().reverse())
    const completeAt = Date.now()
    // Live readings carry the time at which they were received.
    await until(async () => (await readAll(dataDir, completeAt, completeAt + dayMs)).length > 0)
    stop.abort()
    const first = await running
    expect(first.refused).toBe(0)
    const file = join(dataDir, 'city.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8')).cities[3].sent).toHaveLength(1)

    const before = await readAll(dataDir, 0, completeAt)
    const again = new AbortController()
    lines.length = 0
    const second = simulate(options({ startMs: today, days: undefined, speed: 1000, signal: again.signal }))
    await until(() => lines.some((line) => line.includes('the past is complete')), 60_000)
    again.abort()
    const summary = await second
    expect(summary).toMatchObject({ devices: first.devices, refused: 0, from: first.from })
    // Only the time between the two runs was missing.
    expect(summary.messages).toBeLessThan(first.messages / 2)
    expect(await readAll(dataDir, 0, completeAt)).toEqual(before)
  })

  test('says what the platform refuses', async () => {
    const { options } = await startCity()
    await expect(simulate(options({ token: 'nobody', days: 1 }))).rejects.toThrow(/401/)
    await expect(simulate(options({ speed: 0 }))).rejects.toThrow(RangeError)
    await expect(simulate(options({ days: -1 }))).rejects.toThrow(RangeError)
    await expect(simulate(options({ startMs: Date.now() + dayMs }))).rejects.toThrow(RangeError)
  })
})
