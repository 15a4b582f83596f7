import type { DatabaseSync } from 'node:sqlite'
import { startFold } from '../domain/aggregate.ts'
import { isQuantity, type Quantity } from '../domain/quantity.ts'
import type { Aggregate, Reading, SeriesKey } from '../domain/reading.ts'
import { type Window, windowEnd } from '../domain/window.ts'
import type { ReadingStore, Series, SeriesQuery, SeriesRange } from './reading-store.ts'

/*
 * Readings as rows of SQLite, clustered by the hour first: what is written now lies together at the end of the tree,
 * whatever the number of series. A series is read hour by hour, a seek each. `delay` is receivedAt less observedAt,
 * which takes fewer bytes.
 */
const schema = `
  CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    quantity TEXT NOT NULL,
    UNIQUE (device_id, channel, quantity)
  );
  CREATE TABLE IF NOT EXISTS readings (
    hour INTEGER NOT NULL,
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    delay INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (hour, series, at)
  ) WITHOUT ROWID;
`

const hourMs = 3_600_000
// Points of an answer when the query sets no limit of its own.
const pointsMax = 1_000_000
// Series whose ids are remembered; past it the memory begins anew.
const rememberedMax = 500_000
const rowsPerPage = 2000
// Hours that one transaction removes.
const hoursPerRemoval = 240

type Row = { hour: number; series: number; at: number; value: number; delay: number; seq: number }
type KnownSeries = SeriesKey & { id: number }

/**
 * The embedded reading store, in an SQLite file that the caller opens and closes. `write` joins the caller's transaction
 * when there is one. With `readOnly` it reads beside the writer, and creates nothing.
 */
export function openEmbeddedStore(database: DatabaseSync, options: { readOnly?: boolean } = {}): ReadingStore {
  const readOnly = options.readOnly === true
  if (readOnly && !hasTable(database)) throw new Error('the file has no readings yet')
  if (!readOnly) database.exec(schema)
  const put = readOnly
    ? null
    : database.prepare(`
        INSERT INTO readings (hour, series, at, value, delay, seq) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET value = excluded.value, delay = excluded.delay, seq = excluded.seq
        WHERE excluded.seq >= seq`)
  const addSeries = readOnly
    ? null
    : database.prepare(
        'INSERT INTO series (device_id, channel, quantity) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id',
      )
  const findSeries = database.prepare('SELECT id FROM series WHERE device_id = ? AND channel = ? AND quantity = ?')
  const hourOfSeries = database.prepare(
    'SELECT at, value FROM readings WHERE hour = ? AND series = ? AND at >= ? AND at < ? ORDER BY at',
  )
  const lastOfHour = database.prepare(
    'SELECT * FROM readings WHERE hour = ? AND series = ? AND at < ? ORDER BY at DESC LIMIT 1',
  )
  const bounds = database.prepare(
    'SELECT min(hour) AS min, max(hour) AS max FROM (SELECT min(hour) AS hour FROM readings UNION ALL SELECT max(hour) FROM readings)',
  )

  const ids = new Map<string, number>()
  // Ids given inside a transaction that may yet be rolled back: looked up once more before they are remembered.
  let unsure: KnownSeries[] = []

  function idOf(reading: SeriesKey): number {
    const { deviceId, channel, quantity } = reading
    const key = `${deviceId}\n${channel}\n${quantity}`
    const known = ids.get(key)
    if (known !== undefined) return known
    const found = (findSeries.get(deviceId, channel, quantity) ?? addSeries!.get(deviceId, channel, quantity)) as {
      id: number
    }
    if (ids.size >= rememberedMax) ids.clear()
    ids.set(key, found.id)
    unsure.push({ deviceId, channel, quantity, id: found.id })
    return found.id
  }

  function confirmIds() {
    for (const { deviceId, channel, quantity, id } of unsure) {
      const found = findSeries.get(deviceId, channel, quantity) as { id: number } | undefined
      if (found?.id !== id) ids.delete(`${deviceId}\n${channel}\n${quantity}`)
    }
    unsure = []
  }

  function inTransaction<Result>(work: () => Result): Result {
    if (database.isTransaction) return work()
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  async function write(readings: readonly Reading[]) {
    const rejected: { index: number; reason: string }[] = []
    confirmIds()
    inTransaction(() => {
      for (let index = 0; index < readings.length; index++) {
        const reading = readings[index]!
        const { quantity, value, observedAt, receivedAt, seq } = reading
        if (!isQuantity(quantity)) rejected.push({ index, reason: `there is no quantity "${quantity}"` })
        else if (!Number.isFinite(value)) rejected.push({ index, reason: `${value} is not a finite number` })
        else {
          const hour = Math.floor(observedAt / hourMs)
          put!.run(hour, idOf(reading), observedAt - hour * hourMs, value, receivedAt - observedAt, seq)
        }
      }
    })
    return { rejected }
  }

  // The hours that hold anything, within [from, to); null when there are none.
  function hoursWithin(from: number, to: number): { first: number; last: number } | null {
    const { min, max } = bounds.get() as { min: number | null; max: number | null }
    if (min === null || max === null || to <= from) return null
    const first = Math.max(min, Math.floor(from / hourMs))
    const last = Math.min(max, Math.floor((to - 1) / hourMs))
    return first <= last ? { first, last } : null
  }

  function* pointsOf(series: number, from: number, to: number): Generator<[number, number]> {
    const hours = hoursWithin(from, to)
    if (hours === null) return
    for (let hour = hours.first; hour <= hours.last; hour++) {
      const begin = hour * hourMs
      const rows = hourOfSeries.all(hour, series, Math.max(0, from - begin), Math.min(hourMs, to - begin))
      for (const row of rows as { at: number; value: number }[]) yield [begin + row.at, row.value]
    }
  }

  async function query(asked: SeriesQuery): Promise<Series[]> {
    const answer: Series[] = []
    let left = asked.limit ?? pointsMax
    const { window, aggregate = 'mean', after } = asked
    for (const series of listSeries(database, asked)) {
      const order = after === undefined ? 1 : compareSeries(series, after.series)
      if (order < 0) continue
      let { from } = asked
      if (order === 0) {
        const end = window === undefined ? after!.time + 1 : windowEnd(window, after!.time)
        from = Math.max(from, end)
      }
      const points = pointsOf(series.id, from, asked.to)
      const found: Series['points'] = []
      for (const point of window === undefined ? points : foldPoints(points, window, aggregate)) {
        found.push(point)
        if (--left === 0) break
      }
      const { deviceId, channel, quantity } = series
      if (found.length > 0) answer.push({ deviceId, channel, quantity, points: found })
      if (left === 0) break
    }
    return answer
  }

  async function lastBefore(series: SeriesKey, time: number): Promise<Reading | null> {
    const { deviceId, channel, quantity } = series
    const found = findSeries.get(deviceId, channel, quantity) as { id: number } | undefined
    const hours = hoursWithin(Number.MIN_SAFE_INTEGER, time)
    if (found === undefined || hours === null) return null
    for (let hour = hours.last; hour >= hours.first; hour--) {
      const row = lastOfHour.get(hour, found.id, time - hour * hourMs) as Row | undefined
      if (row !== undefined) return toReading(row, { deviceId, channel, quantity })
    }
    return null
  }

  // Page by page, each a statement of its own: a slow reader does not keep the write-ahead log from being reset.
  async function* scan({ devices, from, to }: SeriesRange): AsyncGenerator<Reading> {
    const hours = hoursWithin(from, to)
    if (hours === null) return
    const names = new Map<number, SeriesKey>()
    const page = database.prepare(`
      SELECT * FROM readings WHERE (hour, series, at) > (?, ?, ?) AND hour <= ? ${devices === undefined ? '' : 'AND series IN (SELECT value FROM json_each(?))'}
      ORDER BY hour, series, at LIMIT ${rowsPerPage}`)
    const wanted = devices === undefined ? [] : [JSON.stringify(listSeries(database, { devices }).map(({ id }) => id))]
    let [hour, series, at] = [hours.first, -1, -1]
    for (;;) {
      const rows = page.all(hour, series, at, hours.last, ...wanted) as Row[]
      for (const row of rows) {
        const observedAt = row.hour * hourMs + row.at
        if (observedAt >= from && observedAt < to) yield toReading(row, nameOf(row.series, names))
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < rowsPerPage) return
      ;[hour, series, at] = [last.hour, last.series, last.at]
    }
  }

  function nameOf(id: number, names: Map<number, SeriesKey>): SeriesKey {
    let name = names.get(id)
    if (name === undefined) {
      const row = database.prepare('SELECT device_id, channel, quantity FROM series WHERE id = ?').get(id) as SeriesRow
      name = { deviceId: row.device_id, channel: row.channel, quantity: row.quantity }
      names.set(id, name)
    }
    return name
  }

  // A few hours a transaction, so that no reader and no live batch waits long.
  async function remove({ devices, from, to }: SeriesRange): Promise<void> {
    const hours = hoursWithin(from, to)
    if (hours === null) return
    const series = devices === undefined ? [null] : listSeries(database, { devices }).map(({ id }) => id)
    const ofSeries = database.prepare('DELETE FROM readings WHERE hour = ? AND series = ? AND at >= ? AND at < ?')
    const ofAll = database.prepare('DELETE FROM readings WHERE hour = ? AND at >= ? AND at < ?')
    for (let first = hours.first; first <= hours.last; first += hoursPerRemoval)
      inTransaction(() => {
        for (let hour = first; hour <= Math.min(hours.last, first + hoursPerRemoval - 1); hour++) {
          const begin = Math.max(0, from - hour * hourMs)
          const end = Math.min(hourMs, to - hour * hourMs)
          for (const id of series)
            if (id === null) ofAll.run(hour, begin, end)
            else ofSeries.run(hour, id, begin, end)
        }
      })
  }

  return { write, query, lastBefore, scan, remove, close: async () => {} }
}

function foldPoints(points: Iterable<[number, number]>, window: Window, aggregate: Aggregate): [number, number][] {
  const fold = startFold(window, aggregate)
  for (const [time, value] of points) fold.add(time, value)
  fold.finish()
  return fold.points
}

type SeriesRow = { id: number; device_id: string; channel: string; quantity: Quantity }

function hasTable(database: DatabaseSync): boolean {
  return database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'readings'`).get() !== undefined
}

// The series of some devices, in the order of (deviceId, channel, quantity).
function listSeries(
  database: DatabaseSync,
  wanted: Pick<SeriesQuery, 'devices' | 'channel' | 'quantity'>,
): KnownSeries[] {
  const rows = database
    .prepare(
      `SELECT * FROM series WHERE device_id IN (SELECT value FROM json_each(:devices))
       AND (:channel IS NULL OR channel = :channel) AND (:quantity IS NULL OR quantity = :quantity)`,
    )
    .all({
      devices: JSON.stringify(wanted.devices),
      channel: wanted.channel ?? null,
      quantity: wanted.quantity ?? null,
    }) as SeriesRow[]
  return rows
    .map((row) => ({ id: row.id, deviceId: row.device_id, channel: row.channel, quantity: row.quantity }))
    .sort(compareSeries)
}

function compareSeries(a: SeriesKey, b: SeriesKey): number {
  return compare(a.deviceId, b.deviceId) || compare(a.channel, b.channel) || compare(a.quantity, b.quantity)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function toReading(row: Row, series: SeriesKey): Reading {
  const observedAt = row.hour * hourMs + row.at
  return { ...series, value: row.value, observedAt, receivedAt: observedAt + row.delay, seq: row.seq }
}
