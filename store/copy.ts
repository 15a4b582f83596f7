import { gatherHistory, layHistory } from './history.ts'
import type { ReadingStore } from './reading-store.ts'

/** A day of a series that differs between two stores. `day` is the UTC date. */
export type DayDifference = {
  deviceId: string
  channel: string
  quantity: string
  day: string
  from: { count: number; sum: number }
  to: { count: number; sum: number }
}

/** How far a copy is: devices looked at, readings written so far, days that had to be copied. */
export type CopyProgress = { devices: number; ofDevices: number; readings: number; days: number }

/** What a copy came to. `differences` are the days that are not equal in the end; at most `maxDifferences` are listed. */
export type CopyReport = CopyProgress & {
  rejected: { deviceId: string; reason: string; count: number }[]
  differences: DayDifference[]
  isEqual: boolean
}

const dayMs = 86_400_000
const day = { kind: 'fixed', ms: dayMs } as const
const everything = { from: -62_167_219_200_000, to: 253_402_300_800_000 }
const maxDifferences = 1000
// Sums are added in another order on each side.
const sumTolerance = 1e-9

/**
 * Copies the readings of some devices from one store to another, and compares the two by day and series. Days whose
 * counts and sums agree already are passed over: a copy that was cut short goes on where it was, and one that is done
 * again writes nothing. Throws what the stores throw.
 */
export async function copyReadings(
  from: ReadingStore,
  to: ReadingStore,
  devices: readonly string[],
  onProgress: (progress: CopyProgress) => void = () => {},
): Promise<CopyReport> {
  // Most devices of a city have fewer in a year: each of their blocks is then written once.
  const batchReadings = to.lay === undefined ? 10_000 : 200_000
  const progress: CopyProgress = { devices: 0, ofDevices: devices.length, readings: 0, days: 0 }
  const rejected = new Map<string, CopyReport['rejected'][number]>()
  const differences: DayDifference[] = []
  let isEqual = true

  async function copySpan(deviceId: string, span: { from: number; to: number }) {
    const batch = gatherHistory()
    const flush = async () => {
      const count = batch.count()
      for (const { reason } of (await layHistory(to, batch.take())).rejected) {
        const key = JSON.stringify([deviceId, reason])
        const known = rejected.get(key)
        if (known !== undefined) known.count++
        else if (rejected.size < maxDifferences) rejected.set(key, { deviceId, reason, count: 1 })
      }
      progress.readings += count
      onProgress(progress)
    }
    for await (const reading of from.scan({ devices: [deviceId], ...span })) {
      batch.add(reading)
      if (batch.count() >= batchReadings) await flush()
    }
    if (batch.count() > 0) await flush()
  }

  for (const deviceId of devices) {
    const before = await findDifferences(from, to, deviceId)
    const days = [...new Set(before.map((each) => Date.parse(each.day)))].sort((a, b) => a - b)
    for (const span of joinDays(days)) await copySpan(deviceId, span)
    progress.days += days.length
    const after = before.length === 0 ? [] : await findDifferences(from, to, deviceId)
    if (after.length > 0) isEqual = false
    differences.push(...after.slice(0, maxDifferences - differences.length))
    progress.devices++
    onProgress(progress)
  }
  return { ...progress, rejected: [...rejected.values()], differences, isEqual }
}

/** The days of a device's series of which `to` does not hold what `from` does; what only `to` holds is left in peace. */
async function findDifferences(from: ReadingStore, to: ReadingStore, deviceId: string): Promise<DayDifference[]> {
  const wanted = await summarizeDays(from, deviceId)
  const found = await summarizeDays(to, deviceId)
  const differences: DayDifference[] = []
  for (const [key, each] of wanted) {
    const other = found.get(key) ?? { count: 0, sum: 0 }
    const isSame = other.count === each.count && isNear(other.sum, each.sum)
    if (isSame) continue
    const [channel, quantity, time] = JSON.parse(key) as [string, string, number]
    const date = new Date(time).toISOString().slice(0, 10)
    differences.push({ deviceId, channel, quantity, day: date, from: each, to: other })
  }
  return differences
}

async function summarizeDays(store: ReadingStore, deviceId: string) {
  const days = new Map<string, { count: number; sum: number }>()
  const question = { devices: [deviceId], ...everything, window: day }
  for (const { channel, quantity, points } of await store.query({ ...question, aggregate: 'count' }))
    for (const [time, count] of points) days.set(JSON.stringify([channel, quantity, time]), { count, sum: 0 })
  for (const { channel, quantity, points } of await store.query({ ...question, aggregate: 'sum' }))
    for (const [time, sum] of points) {
      const known = days.get(JSON.stringify([channel, quantity, time]))
      if (known !== undefined) known.sum = sum
    }
  return days
}

/** Days that follow each other, as one span each. */
function joinDays(days: readonly number[]): { from: number; to: number }[] {
  const spans: { from: number; to: number }[] = []
  for (const start of days) {
    const last = spans.at(-1)
    if (last?.to === start) last.to = start + dayMs
    else spans.push({ from: start, to: start + dayMs })
  }
  return spans
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= sumTolerance * Math.max(1, Math.abs(a), Math.abs(b))
}
