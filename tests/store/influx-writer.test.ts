import { afterEach, expect, test, vi } from 'vitest'
import type { Reading } from '../../domain/reading.ts'
import { type InfluxServer, openInfluxStore } from '../../store/influx.ts'

const time = Date.parse('2026-03-01T00:00Z')
const readings = Array.from(
  { length: 100_000 },
  (_, i): Reading => ({
    deviceId: `meter-${i % 100}`,
    channel: '',
    quantity: 'active_power',
    value: i,
    observedAt: time + i,
    receivedAt: time + i,
    seq: i,
  }),
)

afterEach(() => void vi.restoreAllMocks())

/** The lines of each write to a server that takes so long for one, and so long for each line of it. */
async function listBatches(answerMs: number, lineMs: number): Promise<number[]> {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const batches: number[] = []
  const server: Partial<InfluxServer> = {
    name: 'test',
    prepare: async () => true,
    async write(lines) {
      const count = lines.trim().split('\n').length
      batches.push(count)
      now += answerMs + count * lineMs
    },
  }
  const store = openInfluxStore(server as InfluxServer)
  for (let i = 0; i < 3; i++) await store.write(readings)
  expect(batches.reduce((a, b) => a + b)).toBe(3 * readings.length)
  return batches
}

test('batches grow to their largest where the way is long', async () => {
  expect(Math.max(...(await listBatches(1500, 0)))).toBe(20_000)
})

test('batches shrink until one is taken in time where lines are slow', async () => {
  const batches = await listBatches(0, 4)
  expect(batches.slice(0, 4)).toEqual([5000, 2500, 1250, 625])
  for (const count of batches.slice(3)) expect(count * 4).toBeLessThanOrEqual(4000)
})
