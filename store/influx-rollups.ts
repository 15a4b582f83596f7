import type { DatabaseSync } from 'node:sqlite'
import type { Summary } from '../domain/aggregate.ts'
import { isQuantity, type Quantity } from '../domain/quantity.ts'
import type { Reading, SeriesKey } from '../domain/reading.ts'
import { hourMs } from './embedded-time.ts'
import type { InfluxServer } from './influx.ts'
import { encodeTag, maxInfluxTimeMs, minInfluxTimeMs } from './influx-line.ts'

/*
 * Hourly rollups in InfluxDB: measurement "hourly", tags `device`, `channel` and `quantity`, fields `count`, `sum`, `min`,
 * `max`, `first` and `last`, at the beginning of the hour. They follow from the readings alone: an hour is told anew from
 * all of its readings, never added to. Which hours are not told yet stands in ingest's file, written in the transaction
 * that moves the cursor over the readings that made them so; every other hour since `known_from` is, if only as empty.
 */

/** The measurement that holds the rollups. */
export const hourlyMeasurement = 'hourly'
/** The fields of a rollup. */
export const hourlyFields = ['count', 'sum', 'min', 'max', 'first', 'last'] as const

const schema = `
  CREATE TABLE IF NOT EXISTS rollup_places (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    known_from INTEGER -- hour since 1970
  );
  CREATE TABLE IF NOT EXISTS stale_hours (
    place INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    hour INTEGER NOT NULL, -- since 1970
    since INTEGER NOT NULL, -- UTC epoch ms
    version INTEGER NOT NULL,
    PRIMARY KEY (place, quantity, hour)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS stale_hours_by_since ON stale_hours (place, since);
`

// An hour is told once it has been over, and known to be stale, for so long: late readings seldom come alone.
const usualRestMs = 300_000
// After an error nothing is told for so long; queries read the readings meanwhile.
const pauseMs = 60_000
const linesPerWrite = 5000
// InfluxDB holds these hours whole.
const firstHour = Math.ceil(minInfluxTimeMs / hourMs)
const endHour = Math.floor((maxInfluxTimeMs + 1) / hourMs)

export type RollupOptions = {
  /** How long InfluxDB may still lose what it acknowledged: a rollup is relied on when it has been there for so long. */
  settleMs: number
  restMs?: number
  now?(): number
  onTrouble?(text: string): void
}

type Unit = { quantity: Quantity; hour: number; version: number }

/** Which hours are told by rollups: none before `knownFrom`, and none of those in `stale`; hours since 1970. */
export type ToldHours = { knownFrom: number; stale: readonly number[] }

/** Which hours of a quantity are told, for readers of ingest's file; null where there are no rollups. */
export function openToldHours(database: DatabaseSync, name: string) {
  let statements: { place: Statement; stale: Statement } | null = null

  function prepare() {
    if (statements === null && hasTables(database))
      statements = {
        place: database.prepare('SELECT id, known_from AS knownFrom FROM rollup_places WHERE name = ?'),
        stale: database.prepare(
          'SELECT hour FROM stale_hours WHERE place = ? AND quantity = ? AND hour >= ? AND hour < ? ORDER BY hour',
        ),
      }
    return statements
  }

  return (quantity: Quantity, from: number, to: number): ToldHours | null => {
    const opened = prepare()
    const place = opened?.place.get(name) as { id: number; knownFrom: number | null } | undefined
    if (opened === null || place === undefined || place.knownFrom === null) return null
    const stale = opened.stale.all(place.id, quantity, from, to) as { hour: number }[]
    return { knownFrom: place.knownFrom, stale: stale.map(({ hour }) => hour) }
  }
}

type Statement = ReturnType<DatabaseSync['prepare']>

function hasTables(database: DatabaseSync): boolean {
  return database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'stale_hours'`).get() !== undefined
}

export type Rollups = ReturnType<typeof openRollups>

/** Keeps the rollups of one InfluxDB right; for the one writer of ingest's file. */
export function openRollups(database: DatabaseSync, server: InfluxServer, options: RollupOptions) {
  const { settleMs, restMs = usualRestMs, now = Date.now, onTrouble = () => {} } = options
  database.exec(schema)
  database.prepare('INSERT OR IGNORE INTO rollup_places (name) VALUES (?)').run(server.name)
  const { id: place } = database.prepare('SELECT id FROM rollup_places WHERE name = ?').get(server.name) as {
    id: number
  }
  const readPlace = database.prepare('SELECT known_from AS knownFrom FROM rollup_places WHERE id = ?')
  const setKnown = database.prepare('UPDATE rollup_places SET known_from = ? WHERE id = ?')
  const mark = database.prepare(`
    INSERT INTO stale_hours (place, quantity, hour, since, version) VALUES (?, ?, ?, ?, 1)
    ON CONFLICT DO UPDATE SET version = version + 1`)
  const list = database.prepare(`
    SELECT quantity, hour, version FROM stale_hours WHERE place = ? AND since <= ? AND hour < ? ORDER BY since LIMIT ?`)
  const remove = database.prepare(
    'DELETE FROM stale_hours WHERE place = ? AND quantity = ? AND hour = ? AND version = ?',
  )
  const defer = database.prepare('UPDATE stale_hours SET since = ? WHERE place = ? AND quantity = ? AND hour = ?')
  // Told, and not yet relied on.
  const told = new Map<string, Unit & { at: number }>()
  let isNew = false
  let pausedUntil = 0

  function readKnown(): number | null {
    return (readPlace.get(place) as { knownFrom: number | null }).knownFrom
  }

  /** The first hour that rollups can tell: of a database that was there before, nobody wrote down what is in it. */
  function knownFrom(): number {
    const known = readKnown()
    if (known !== null) return known
    const first = isNew ? firstHour : Math.ceil(now() / hourMs)
    setKnown.run(first, place)
    return first
  }

  function settle() {
    for (const [key, { quantity, hour, version, at }] of told) {
      if (at > now() - settleMs) continue
      told.delete(key)
      // Readings came meanwhile: the hour has to be told again.
      if (remove.run(place, quantity, hour, version).changes === 0) defer.run(now(), place, quantity, hour)
    }
  }

  function next(): Unit | undefined {
    const until = now() - restMs
    const found = list.all(place, until, Math.floor(until / hourMs), told.size + 1) as Unit[]
    return found.find((each) => !told.has(keyOf(each)))
  }

  async function tell(unit: Unit) {
    const { quantity, hour } = unit
    const summaries = await server.hours!.sum(quantity, hour * hourMs)
    const lines = summaries.map(([series, summary]) => encodeHour(series, hour, summary))
    for (let at = 0; at < lines.length; at += linesPerWrite)
      await server.write(lines.slice(at, at + linesPerWrite).join('\n'))
    told.set(keyOf(unit), { ...unit, at: now() })
  }

  return {
    /** Told by the writer when it has prepared the database: whether it was made then. */
    prepared(wasMade: boolean) {
      isNew = wasMade
    },
    /** The hours of these readings have to be told anew. */
    markReadings(readings: readonly Reading[]) {
      const first = knownFrom()
      const since = now()
      const hours = new Map<Quantity, Set<number>>()
      let last = { quantity: '', hour: Number.NaN }
      for (const { quantity, observedAt } of readings) {
        const hour = Math.floor(observedAt / hourMs)
        if (hour === last.hour && quantity === last.quantity) continue
        last = { quantity, hour }
        if (!(hour >= first && hour < endHour) || !isQuantity(quantity)) continue
        const known = hours.get(quantity)
        if (known === undefined) hours.set(quantity, new Set([hour]))
        else known.add(hour)
      }
      for (const [quantity, each] of hours) for (const hour of each) mark.run(place, quantity, hour, since)
    },
    /** Readings of [from, to) are about to go: the hours that are cut have to be told anew. */
    markCut(quantities: Iterable<Quantity>, from: number, to: number) {
      const first = readKnown() ?? Number.POSITIVE_INFINITY
      const cut = [from, to].filter((time) => time % hourMs !== 0).map((time) => Math.floor(time / hourMs))
      for (const quantity of quantities)
        for (const hour of new Set(cut)) if (hour >= first && hour < endHour) mark.run(place, quantity, hour, now())
    },
    /** What was told lately may be lost. */
    distrust() {
      told.clear()
    },
    /** Tells hours for about `forMs` milliseconds. What fails is tried again later; queries do without. */
    async recompute(forMs: number): Promise<void> {
      if (now() < pausedUntil) return
      settle()
      const begun = performance.now()
      for (let unit = next(); unit !== undefined; unit = next()) {
        try {
          await tell(unit)
        } catch (error) {
          told.clear()
          pausedUntil = now() + pauseMs
          defer.run(now(), place, unit.quantity, unit.hour)
          onTrouble(`hourly rollups wait, and are tried again: ${(error as Error).message}`)
          return
        }
        if (performance.now() - begun >= forMs) return
      }
    },
  }
}

function keyOf({ quantity, hour }: Unit): string {
  return `${quantity} ${hour}`
}

function encodeHour({ deviceId, channel, quantity }: SeriesKey, hour: number, summary: Summary): string {
  if (!Number.isFinite(summary.sum)) throw new RangeError(`the sum of an hour of ${quantity} is beyond all numbers`)
  const ofChannel = channel === '' ? '' : `,channel=${encodeTag(channel)}`
  const fields = hourlyFields.map((field) => `${field}=${summary[field]}`).join()
  return `${hourlyMeasurement}${ofChannel},device=${encodeTag(deviceId)},quantity=${quantity} ${fields} ${hour * hourMs}`
}
