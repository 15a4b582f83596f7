import type { Quantity } from '../domain/quantity.ts'
import type { Aggregate, Reading } from '../domain/reading.ts'
import type { ReadingColumns } from '../store/reading-store.ts'

/*
 * The data set of the store's benchmarks, and the questions that are asked of it, the same for every store. Devices send
 * four quantities at a time, at a steady interval with some jitter; a part of the messages arrives up to a day late.
 * Every reading follows from the options alone, in whichever order they are made.
 */

const dayMs = 86_400_000
const jitterMs = 2000
const lateShare = 0.05
const longestDelayMs = 200

/** What the devices send: `city` is what sensors do, `noise` has nothing that compression could hold on to. */
export type Values = 'city' | 'noise'

/** How large a data set is: `rounds` messages of each device, spread over `days` days from `from` (UTC epoch ms) on. */
export type DataSet = { devices: number; days: number; rounds: number; from: number; values: Values }

export const measured: Quantity[] = ['fill_level', 'temperature', 'battery_level', 'rssi']

/** A data set of about so many readings. */
export function planData(readings: number, { devices = 2000, days = 30, values = 'city' as Values } = {}): DataSet {
  const rounds = Math.max(1, Math.floor(readings / (devices * measured.length)))
  return { devices, days, rounds, from: Date.parse('2025-03-01T00:00Z'), values }
}

export function deviceName(device: number): string {
  return `device-${device}`
}

/** Where the data set ends, UTC epoch ms. */
export function endOf({ from, days }: DataSet): number {
  return from + days * dayMs
}

/** Batches of at least `batch` readings, in the order in which they arrive. */
export function* makeArrivals(data: DataSet, batch: number): Generator<Reading[]> {
  const devices = Array.from({ length: data.devices }, (_, i) => ({
    deviceId: deviceName(i),
    next: startDevice(data, i),
  }))
  // What is late, by the round in which it arrives.
  const late: Reading[][] = []
  let made: Reading[] = []
  for (let round = 0; ; round++) {
    const isOver = round >= data.rounds
    if (!isOver)
      for (const { deviceId, next } of devices) {
        const { values, arrival, ...told } = next(round)
        const readings = measured.map(
          (quantity, i): Reading => ({ deviceId, channel: '', quantity, value: values[i]!, ...told }),
        )
        if (arrival === round) made.push(...readings)
        else {
          late[arrival] ??= []
          late[arrival].push(...readings)
        }
      }
    made.push(...(late[round] ?? []))
    delete late[round]
    for (; made.length >= batch; made = made.slice(batch)) yield made.slice(0, batch)
    if (isOver && round >= late.length) break
  }
  if (made.length > 0) yield made
}

/** The same readings in columns, some devices after others, `days` days of them in a batch of at least `batch` readings. */
export function* makeHistory(data: DataSet, batch = 100_000, days = 30): Generator<ReadingColumns[]> {
  const rounds = Math.ceil((data.rounds / data.days) * days)
  const together = Math.ceil(batch / (rounds * measured.length))
  for (let device = 0; device < data.devices; device += together) {
    const nexts = Array.from({ length: Math.min(together, data.devices - device) }, (_, i) =>
      startDevice(data, device + i),
    )
    for (let round = 0; round < data.rounds; round += rounds) {
      const end = Math.min(data.rounds, round + rounds)
      yield nexts.flatMap((next, i) => layMessages(deviceName(device + i), next, round, end))
    }
  }
}

/** Columns of the messages of one device, which its quantities share. */
function layMessages(deviceId: string, next: Next, from: number, to: number): ReadingColumns[] {
  const column = () => new Float64Array(to - from)
  const shared = { observedAt: column(), receivedAt: column(), seqs: column() }
  const history = measured.map((quantity) => ({ deviceId, channel: '', quantity, ...shared, values: column() }))
  for (let round = from; round < to; round++) {
    const { observedAt, receivedAt, seq, values } = next(round)
    const at = round - from
    shared.observedAt[at] = observedAt
    shared.receivedAt[at] = receivedAt
    shared.seqs[at] = seq
    for (const [i, each] of history.entries()) each.values[at] = values[i]!
  }
  return history
}

/** The readings of a history message by message, as devices sent them. */
export function listMessages(history: readonly ReadingColumns[]): Reading[] {
  const readings: Reading[] = []
  for (let from = 0; from < history.length; from += measured.length) {
    const together = history.slice(from, from + measured.length)
    const { observedAt, receivedAt, seqs } = together[0]!
    for (const [i, time] of observedAt.entries())
      for (const { deviceId, channel, quantity, values } of together) {
        const told = { observedAt: time, receivedAt: receivedAt[i]!, seq: seqs[i]! }
        readings.push({ deviceId, channel, quantity, value: values[i]!, ...told })
      }
  }
  return readings
}

type Next = ReturnType<typeof startDevice>

// Gives the messages of a device in the order of time, each with the round in which it arrives.
function startDevice(data: DataSet, device: number) {
  const { devices, rounds, from, days } = data
  const intervalMs = (days * dayMs) / rounds
  const phaseMs = (intervalMs - jitterMs) * (device / devices)
  const random = makeRandom(device + 1)
  const measure = data.values === 'noise' ? startNoise(random) : startSensor(random)
  return (round: number) => {
    const observedAt = Math.floor(from + round * intervalMs + phaseMs + random() * jitterMs)
    const isLate = random() < lateShare
    const receivedAt = observedAt + Math.floor(isLate ? random() * dayMs : 50 + random() * longestDelayMs)
    const arrival = isLate ? Math.max(round, Math.floor((receivedAt - from - phaseMs) / intervalMs)) : round
    const seq = 1 + arrival * devices * 2 + (isLate ? devices : 0) + device
    return { observedAt, receivedAt, seq, values: measure(observedAt), arrival }
  }
}

// A container that fills and is emptied, the weather, a battery, and a radio's reception.
function startSensor(random: () => number): (time: number) => number[] {
  let fill = random() * 90
  let drift = 0
  let battery = 60 + random() * 40
  const reception = -70 - random() * 40
  return (time) => {
    fill = fill > 95 ? random() * 3 : fill + random() * 0.6
    drift = drift * 0.98 + (random() - 0.5) * 0.6
    battery = Math.max(0, battery - random() * 0.004)
    const temperature = 11 + 6 * Math.sin((time / dayMs) * 2 * Math.PI - 2.3) + drift
    return [
      Math.round(fill * 10) / 10,
      Math.round(temperature * 10) / 10,
      Math.round(battery),
      Math.round(reception + (random() + random() + random() - 1.5) * 8),
    ]
  }
}

function startNoise(random: () => number): () => number[] {
  return () => measured.map(() => Math.round(random() * 1000) / 10)
}

/** A small generator of the same numbers each time (mulberry32), in [0, 1). */
export function makeRandom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A question in words that every store understands: of one device (`one`), or of `all` together, which gives one
 * series. `latest` asks for the newest reading of each series of all devices.
 */
export type Question = {
  name: string
  of: 'one' | 'all'
  quantity: Quantity
  from: number
  to: number
} & ({ ask: 'latest' } | { ask: 'points' } | { ask: 'windows'; windowMs: number; aggregate: Aggregate })

/** The questions of the benchmark, over the last 30 days of a data set. */
export function listQuestions(data: DataSet): Question[] {
  const to = endOf(data)
  const from = to - Math.min(30, data.days) * dayMs
  const middle = from + Math.floor((to - from) / dayMs / 2) * dayMs
  const quantity = 'temperature'
  const hourly = { ask: 'windows', windowMs: 3_600_000 } as const
  return [
    { name: 'latest of all series', of: 'all', quantity, from, to, ask: 'latest' },
    { name: 'a day of one series', of: 'one', quantity, from: middle, to: middle + dayMs, ask: 'points' },
    { name: 'hourly means of one series', of: 'one', quantity, from, to, ...hourly, aggregate: 'mean' },
    { name: 'hourly sums of all devices', of: 'all', quantity, from, to, ...hourly, aggregate: 'sum' },
    // No window of whole hours: the embedded store reads blocks, where hours are told by its rollups.
    {
      name: 'half-hourly sums of all devices',
      of: 'all',
      quantity,
      from,
      to,
      ask: 'windows',
      windowMs: 1_800_000,
      aggregate: 'sum',
    },
  ]
}
