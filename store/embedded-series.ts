import type { DatabaseSync } from 'node:sqlite'
import type { Quantity } from '../domain/quantity.ts'
import type { SeriesKey } from '../domain/reading.ts'
import { hoursPerDay } from './embedded-time.ts'

/**
 * The series of the embedded store, and which hours of which day hold readings of each: `hours` has bit 0 for the first
 * hour of a UTC day. A bit may be set for an hour that is empty by now, never the other way round. `revision` holds a
 * token that changes with either table.
 */
export const seriesSchema = `
  CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    quantity TEXT NOT NULL,
    UNIQUE (device_id, channel, quantity)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS series_days (
    day INTEGER NOT NULL,
    series INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    PRIMARY KEY (day, series)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS series_revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO series_revision (id, token) VALUES (1, 0);
`

/**
 * A series that the writer knows, with the first one of its device's channel, the day that it last wrote to and the hours
 * of it that are marked for sure.
 */
export type KnownSeries = { id: number; first: number; channel: string; day: number; hours: number }

/** Series of one device: a name of a channel is the device's own choice, and each takes memory and disk for good. */
export const maxSeriesPerDevice = 4096
// Devices whose series are remembered (a few hundred bytes each); past it the longest remembered is looked up again.
const maxKnownDevices = 50_000

/** What a writer remembers of the series, so that a reading of a known one costs no statement but its own. */
export function openSeriesBook(database: DatabaseSync) {
  const readToken = database.prepare('SELECT token FROM series_revision')
  const writeToken = database.prepare('UPDATE series_revision SET token = ?')
  const seriesOfDevice = database.prepare('SELECT id, channel, quantity FROM series WHERE device_id = ? ORDER BY id')
  const addSeries = database.prepare('INSERT INTO series (device_id, channel, quantity) VALUES (?, ?, ?) RETURNING id')
  const markHour = database.prepare(`
    INSERT INTO series_days (day, series, hours) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET hours = hours | excluded.hours WHERE hours & excluded.hours <> excluded.hours`)

  const devices = new Map<string, Map<string, KnownSeries>>()
  let token: number | null = null
  let hasChanged = false
  // Readings of one device mostly come together.
  let lastId = ''
  let lastDevice: Map<string, KnownSeries> | undefined

  function forgetDevices() {
    devices.clear()
    lastDevice = undefined
  }

  function knowDevice(deviceId: string): Map<string, KnownSeries> {
    const known = new Map<string, KnownSeries>()
    for (const row of seriesOfDevice.all(deviceId) as { id: number; channel: string; quantity: Quantity }[])
      addKnown(known, row.id, row)
    if (devices.size >= maxKnownDevices) devices.delete(devices.keys().next().value!)
    devices.set(deviceId, known)
    return known
  }

  // Ids come in ascending order: the first one of a channel is known before the others.
  function addKnown(known: Map<string, KnownSeries>, id: number, { channel, quantity }: Omit<SeriesKey, 'deviceId'>) {
    let first = id
    for (const other of known.values()) if (other.channel === channel) first = Math.min(first, other.first)
    const series = { id, first, channel, day: Number.NaN, hours: 0 }
    known.set(nameSeries({ channel, quantity }), series)
    return series
  }

  return {
    /**
     * Begins a piece of writing, in its transaction. What is remembered of a transaction that was rolled back, or before
     * another connection wrote, is forgotten.
     */
    begin() {
      const found = (readToken.get() as { token: number }).token
      if (found !== token) forgetDevices()
      token = found
      hasChanged = false
    },

    /** Finds or adds the series of a reading; null when its device has too many. */
    find({ deviceId, channel, quantity }: SeriesKey): KnownSeries | null {
      if (deviceId !== lastId || lastDevice === undefined) {
        lastDevice = devices.get(deviceId) ?? knowDevice(deviceId)
        lastId = deviceId
      }
      const ofDevice = lastDevice
      const name = nameSeries({ channel, quantity })
      let series = ofDevice.get(name)
      if (series === undefined) {
        if (ofDevice.size >= maxSeriesPerDevice) return null
        const { id } = addSeries.get(deviceId, channel, quantity) as { id: number }
        series = addKnown(ofDevice, id, { channel, quantity })
        hasChanged = true
      }
      return series
    },

    /** Marks that a series holds readings of an hour (since the epoch). */
    mark(series: KnownSeries, hour: number) {
      const day = Math.floor(hour / hoursPerDay)
      const bit = 1 << (hour - day * hoursPerDay)
      if (series.day !== day) {
        series.day = day
        series.hours = 0
      }
      if ((series.hours & bit) !== 0) return
      series.hours |= bit
      if (markHour.run(day, series.id, bit).changes !== 0) hasChanged = true
    },

    /** Says that this piece of writing takes the marks of one series and day away. */
    unmark({ deviceId, ...key }: SeriesKey, day: number) {
      const series = devices.get(deviceId)?.get(nameSeries(key))
      if (series?.day === day) series.day = Number.NaN
      hasChanged = true
    },

    /** Says that this piece of writing takes marks away. */
    forgetMarks() {
      forgetDevices()
      hasChanged = true
    },

    /** Ends a piece of writing. */
    end() {
      if (!hasChanged) return
      token = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
      writeToken.run(token)
    },

    /** Forgets all, after a failure in the middle of a piece. */
    forget() {
      forgetDevices()
      token = null
    },
  }
}

// No quantity has a space in its name.
function nameSeries({ channel, quantity }: Omit<SeriesKey, 'deviceId'>): string {
  return channel === '' ? quantity : `${quantity} ${channel}`
}
