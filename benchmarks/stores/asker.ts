import type { Quantity } from '../../domain/quantity.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { deviceName, measured, type Question } from '../store-data.ts'

/** Where a store's data stand, as another process finds them. */
export type Place = { kind: 'parvis'; folder: string } | { kind: 'influxdb' | 'victoriametrics'; url: string }

/** Asks a store the questions of the data set; answers how many points came. */
export type Asker = {
  ask(question: Question, device: string): Promise<number>
  /** How many readings of a quantity there are in [from, to), UTC epoch ms. */
  count(quantity: Quantity, from: number, to: number): Promise<number>
  close(): void
}

export const influxDatabase = 'city'

/** Opens a store that stands somewhere; `devices` are those of the data set. */
export function openAsker(place: Place, devices: number): Asker {
  if (place.kind === 'parvis') return openParvis(place.folder, devices)
  return place.kind === 'influxdb' ? openInflux(place.url) : openVictoriaMetrics(place.url)
}

function openParvis(folder: string, devices: number): Asker {
  // As the API asks: over a connection of its own, that only reads.
  const reader = openIngestReader(folder)
  const everyone = Array.from({ length: devices }, (_, i) => deviceName(i))
  return {
    async ask(question, device) {
      const { quantity, from, to } = question
      if (question.ask === 'latest') return reader.latestOf(everyone).length
      const asked = { devices: question.of === 'one' ? [device] : everyone, quantity, from, to }
      const series =
        question.ask === 'points'
          ? await reader.readings.query(asked)
          : await reader.readings.query({
              ...asked,
              window: { kind: 'fixed', ms: question.windowMs },
              aggregate: question.aggregate,
              together: question.of === 'all',
            })
      return series.reduce((sum, { points }) => sum + points.length, 0)
    },
    async count(quantity, from, to) {
      const window = { kind: 'fixed', ms: to - from } as const
      const asked = { devices: everyone, quantity, from, to, window, aggregate: 'count', together: true } as const
      const series = await reader.readings.query(asked)
      return series.flatMap(({ points }) => points).reduce((sum, [, count]) => sum + count, 0)
    },
    close: () => reader.close(),
  }
}

type InfluxAnswer = { results: { error?: string; series?: { values: unknown[][] }[] }[] }

function openInflux(url: string): Asker {
  async function get(text: string): Promise<unknown[][][]> {
    const response = await fetch(`${url}/query?${new URLSearchParams({ db: influxDatabase, epoch: 'ms', q: text })}`)
    const [answer] = ((await response.json()) as InfluxAnswer).results
    if (answer?.error !== undefined) throw new Error(answer.error)
    return (answer?.series ?? []).map(({ values }) => values)
  }
  return {
    async ask(question, device) {
      const series = await get(influxQuery(question, device))
      const perRow = question.ask === 'latest' ? measured.length : 1
      return series.reduce((sum, values) => sum + values.length * perRow, 0)
    },
    async count(quantity, from, to) {
      const [values] = await get(`SELECT count(${quantity}) FROM readings WHERE time >= ${from}ms AND time < ${to}ms`)
      return Number(values?.[0]?.[1] ?? 0)
    },
    close() {},
  }
}

function influxQuery(question: Question, device: string): string {
  const { quantity, from, to } = question
  const span = `time >= ${from}ms AND time < ${to}ms`
  const where = question.of === 'one' ? `device = '${device}' AND ${span}` : span
  if (question.ask === 'latest')
    return `SELECT ${measured.map((each) => `last(${each})`).join()} FROM readings WHERE ${where} GROUP BY device`
  if (question.ask === 'points') return `SELECT ${quantity} FROM readings WHERE ${where}`
  return `SELECT ${question.aggregate}(${quantity}) FROM readings WHERE ${where} GROUP BY time(${question.windowMs}ms) fill(none)`
}

type PromAnswer = {
  status: string
  error?: string
  data: { result: { values?: unknown[]; value?: [time: number, value: string] }[] }
}

function openVictoriaMetrics(url: string): Asker {
  async function get(path: string, parameters: Record<string, string>): Promise<string> {
    const response = await fetch(`${url}${path}?${new URLSearchParams(parameters)}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`VictoriaMetrics answered ${response.status}: ${text.slice(0, 200)}`)
    return text
  }
  const readResult = (text: string) => (JSON.parse(text) as PromAnswer).data.result

  return {
    async ask(question, device) {
      const { from, to } = question
      // Both ends are included, in seconds.
      const end = String((to - 1) / 1000)
      const name = `readings_${question.quantity}`
      if (question.ask === 'points') {
        const match = `${name}{device="${device}"}`
        const lines = await get('/api/v1/export', { 'match[]': match, start: String(from / 1000), end })
        return lines === '' ? 0 : (JSON.parse(lines) as { values: unknown[] }).values.length
      }
      if (question.ask === 'latest') {
        const query = `last_over_time({__name__=~"readings_.*"}[${(to - from) / 1000}s])`
        return readResult(await get('/api/v1/query', { query, time: end })).length
      }
      const windowS = question.windowMs / 1000
      const over = question.aggregate === 'mean' ? 'avg_over_time' : 'sum_over_time'
      const own = `${over}(${name}${question.of === 'one' ? `{device="${device}"}` : ''}[${windowS}s])`
      // A step tells of the window that ends with it.
      const range = { start: String(from / 1000 + windowS - 0.001), end, step: `${windowS}s`, nocache: '1' }
      const text = await get('/api/v1/query_range', { query: question.of === 'one' ? own : `sum(${own})`, ...range })
      return readResult(text).reduce((sum, { values = [] }) => sum + values.length, 0)
    },
    async count(quantity, from, to) {
      const query = `sum(count_over_time(readings_${quantity}[${(to - from) / 1000}s]))`
      const [found] = readResult(await get('/api/v1/query', { query, time: String((to - 1) / 1000), nocache: '1' }))
      return Number(found?.value?.[1] ?? 0)
    },
    close() {},
  }
}
