import type { Reading } from '../domain/reading.ts'
import type { InfluxServer } from './influx.ts'
import { InfluxRefusal } from './influx-http.ts'
import { encodeSeries, findPointFault, findSeriesFault } from './influx-line.ts'
import type { Rollups } from './influx-rollups.ts'
import { ReadingsLostError } from './reading-store.ts'

// A batch of lines grows while InfluxDB takes it well before it would be given up, and shrinks when it does not. Most of the
// time may be the way there, which a larger batch takes once: only one that is near its end is worth less.
const fewestLines = 250
const mostLines = 20_000
const slowMs = 4000
const quickMs = 2000
// Series whose encoded names are remembered.
const maxKnownSeries = 200_000

/** A series as it was last written: how its lines begin, and its latest time in the batch of a number. */
type KnownSeries = { prefix: string; batch: number; latest: number }

type Rejected = { index: number; reason: string }[]

/**
 * The writing half of a store on InfluxDB: of readings with one key in a batch the one with the highest `seq` is written.
 * With `hasWritten` the database is expected to be there: ReadingsLostError, once, when it was not, and whenever it is
 * gone later.
 */
export function openInfluxWriter(
  server: InfluxServer,
  { hasWritten, rollups }: { hasWritten: boolean; rollups: Rollups | null },
) {
  // By device, then by quantity and channel. Few texts are built for a reading: this is most of what writing costs here.
  const known = new Map<string, Map<string, KnownSeries>>()
  let knownCount = 0
  let lastDevice: { id: string; series: Map<string, KnownSeries> } | null = null
  let batches = 0
  let batchLines = 5000
  let isPrepared = false
  let hasLines = hasWritten

  /** The series of a reading; null for one that InfluxDB cannot hold. */
  function findSeries(reading: Reading): KnownSeries | null {
    const { deviceId, channel, quantity } = reading
    if (lastDevice?.id !== deviceId) {
      const series = known.get(deviceId) ?? new Map<string, KnownSeries>()
      known.set(deviceId, series)
      lastDevice = { id: deviceId, series }
    }
    const key = channel === '' ? quantity : `${quantity} ${channel}`
    const found = lastDevice.series.get(key)
    if (found !== undefined) return found
    if (findSeriesFault(reading) !== null) return null
    if (knownCount >= maxKnownSeries) {
      known.clear()
      knownCount = 0
      known.set(deviceId, lastDevice.series)
      lastDevice.series.clear()
    }
    const made = { prefix: `${encodeSeries(reading)} value=`, batch: 0, latest: 0 }
    lastDevice.series.set(key, made)
    knownCount++
    return made
  }

  /** The indices of the readings that can be written, one of each key. */
  function choose(readings: readonly Reading[], rejected: Rejected): number[] {
    const chosen: number[] = []
    const batch = ++batches
    let mayRepeat = false
    for (let index = 0; index < readings.length; index++) {
      const reading = readings[index]!
      const series = findSeries(reading)
      const reason = (series === null ? findSeriesFault(reading) : null) ?? findPointFault(reading)
      if (reason !== null || series === null) {
        rejected.push({ index, reason: reason ?? '' })
        continue
      }
      if (series.batch === batch && reading.observedAt <= series.latest) mayRepeat = true
      series.batch = batch
      series.latest = reading.observedAt
      chosen.push(index)
    }
    return mayRepeat ? dropRepeated(readings, chosen) : chosen
  }

  function encode(readings: readonly Reading[], indices: readonly number[]): string {
    let lines = ''
    for (const index of indices) {
      const reading = readings[index]!
      lines += `${findSeries(reading)!.prefix}${reading.value} ${reading.observedAt}\n`
    }
    return lines
  }

  async function write(readings: readonly Reading[]): Promise<{ rejected: Rejected }> {
    const rejected: Rejected = []
    const chosen = choose(readings, rejected)
    if (chosen.length === 0) return { rejected }
    if (!isPrepared) await prepare()
    rollups?.markReadings(readings)
    for (let at = 0; at < chosen.length; ) {
      const batch = chosen.slice(at, at + batchLines)
      await send(readings, batch, rejected)
      at += batch.length
    }
    rejected.sort((a, b) => a.index - b.index)
    return { rejected }
  }

  // InfluxDB says that it refused lines, seldom which: the batch is halved until a refused line is alone. Lines that it
  // had taken are written again by that, which changes nothing.
  async function send(readings: readonly Reading[], batch: readonly number[], rejected: Rejected): Promise<void> {
    hasLines = true
    const begun = performance.now()
    try {
      await server.write(encode(readings, batch))
    } catch (error) {
      if (!(error instanceof InfluxRefusal)) {
        rollups?.distrust()
        throw error
      }
      if (error.status === 404) {
        await prepare()
        await send(readings, batch, rejected)
        return
      }
      if (batch.length === 1) {
        rejected.push({ index: batch[0]!, reason: error.message })
        return
      }
      const half = batch.length >> 1
      await send(readings, batch.slice(0, half), rejected)
      await send(readings, batch.slice(half), rejected)
      return
    }
    const tookMs = performance.now() - begun
    if (tookMs > slowMs) batchLines = Math.max(fewestLines, batchLines >> 1)
    else if (tookMs < quickMs && batch.length === batchLines) batchLines = Math.min(mostLines, batchLines * 2)
  }

  async function prepare() {
    isPrepared = false
    const isNew = await server.prepare().catch((error: Error) => {
      // A refusal here says nothing of the lines.
      throw new Error(error.message)
    })
    isPrepared = true
    rollups?.prepared(isNew)
    if (isNew && hasLines) throw new ReadingsLostError('InfluxDB had lost its database, which was made again')
  }

  return { write }
}

/** Of readings with one key that with the highest `seq`, of equal ones the last. */
function dropRepeated(readings: readonly Reading[], indices: readonly number[]): number[] {
  const byKey = new Map<string, number>()
  for (const index of indices) {
    const { deviceId, channel, quantity, observedAt, seq } = readings[index]!
    const key = `${deviceId}\n${channel}\n${quantity} ${observedAt}`
    const other = byKey.get(key)
    if (other === undefined || seq >= readings[other]!.seq) byKey.set(key, index)
  }
  return [...byKey.values()]
}
