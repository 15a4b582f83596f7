import type { DatabaseSync } from 'node:sqlite'
import { isQuantity, type Quantity } from '../domain/quantity.ts'
import type { SeriesKey } from '../domain/reading.ts'
import { hoursPerDay } from './embedded-time.ts'
import { prepareInsert } from './insert.ts'

/**
 * The series of the embedded store, and which hours of which day hold fresh readings of each channel of a device, which is
 * known by the first of its series: `hours` has bit 0 for the first hour of a UTC day. A bit may be set for an hour that
 * is empty by now, never the other way round. `series_revision` holds a token that changes with either table.
 */
export const seriesSchema = `
  CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    quantity TEXT NOT NULL,
    UNIQUE (device_id, channel, quantity)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS fresh_days (
    day INTEGER NOT NULL,
    first INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    PRIMARY KEY (day, first)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS series_revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO series_revision (id, token) VALUES (1, 0);
`

/** A device's channel that the writer knows: the id of its first series, and of the day that it last wrote to the hours that are marked for sure. */
export type KnownChannel = {
  deviceId: string
  channel: string
  first: number
  series: Map<string, KnownSeries>
  day: number
  hours: number
}

/** A series that the writer knows. `part` is its last one of the batch that is being sorted, `batch` the number of that. */
export type KnownSeries = { id: number; of: KnownChannel; part: number; batch: number }

/** Series of one device: a name of a channel is the device's own choice, and each takes memory and disk for good. */
export const maxSeriesPerDevice = 4096
// Devices whose series are remembered (a few hundred bytes each); past it the longest remembered is looked up again.
const maxKnownDevices = 50_000

type KnownDevice = { channels: Map<string, KnownChannel>; count: number }

/** What a writer remembers of the series, so that a reading of a known one costs no statement but its own. */
export function openSeriesBook(database: DatabaseSync) {
  const readToken = database.prepare('SELECT token FROM series_revision')
  const writeToken = database.prepare('UPDATE series_revision SET token = ?')
  const seriesOfDevice = database.prepare('SELECT id, channel, quantity FROM series WHERE device_id = ? ORDER BY id')
  const addSeries = database.prepare('INSERT INTO series (device_id, channel, quantity) VALUES (?, ?, ?) RETURNING id')
  const putMarks = prepareInsert(
    database,
    'fresh_days',
    ['day', 'first', 'hours'],
    'DO UPDATE SET hours = hours | excluded.hours WHERE hours & excluded.hours <> excluded.hours',
  )
  // Marks that the piece of writing is to leave.
  let marks: [day: number, first: number, hours: number][] = []

  const devices = new Map<string, KnownDevice>()
  let token: number | null = null
  let hasChanged = false
  // Readings of one device's channel mostly come together.
  let lastDevice: KnownDevice | undefined
  let last: KnownChannel | undefined

  function forgetDevices() {
    devices.clear()
    lastDevice = last = undefined
  }

  function knowDevice(deviceId: string): KnownDevice {
    const device: KnownDevice = { channels: new Map(), count: 0 }
    for (const row of seriesOfDevice.all(deviceId) as { id: number; channel: string; quantity: Quantity }[])
      addKnown(device, deviceId, row.id, row)
    if (devices.size >= maxKnownDevices) devices.delete(devices.keys().next().value!)
    devices.set(deviceId, device)
    return device
  }

  // Ids come in ascending order: the first one of a channel is known before the others.
  function addKnown(
    device: KnownDevice,
    deviceId: string,
    id: number,
    { channel, quantity }: Omit<SeriesKey, 'deviceId'>,
  ) {
    let of = device.channels.get(channel)
    if (of === undefined) {
      of = { deviceId, channel, first: id, series: new Map(), day: Number.NaN, hours: 0 }
      device.channels.set(channel, of)
    }
    const series: KnownSeries = { id, of, part: 0, batch: 0 }
    of.series.set(quantity, series)
    device.count++
    return series
  }

  /** Finds or adds a series that is not among those of the last channel; a text says why it cannot be. */
  function search(key: SeriesKey): KnownSeries | string {
    const { deviceId, channel, quantity } = key
    if (last?.deviceId !== deviceId) lastDevice = devices.get(deviceId) ?? knowDevice(deviceId)
    const device = lastDevice!
    last = device.channels.get(channel)
    const known = last?.series.get(quantity)
    if (known !== undefined) return known
    const fault = findFault(key) ?? (device.count < maxSeriesPerDevice ? null : tooMany)
    if (fault !== null) return fault
    const { id } = addSeries.get(deviceId, channel, quantity) as { id: number }
    hasChanged = true
    const added = addKnown(device, deviceId, id, key)
    last = added.of
    return added
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
      marks = []
    },

    /** Finds or adds the series of a reading; a text says why it cannot be. */
    find(key: SeriesKey): KnownSeries | string {
      if (last !== undefined && key.deviceId === last.deviceId && key.channel === last.channel) {
        const known = last.series.get(key.quantity)
        if (known !== undefined) return known
      }
      return search(key)
    },

    /** Marks that a channel holds fresh readings of an hour (since the epoch), at the end of this piece of writing. */
    mark(channel: KnownChannel, hour: number) {
      const day = Math.floor(hour / hoursPerDay)
      const bit = 1 << (hour - day * hoursPerDay)
      if (channel.day !== day) {
        channel.day = day
        channel.hours = 0
      }
      if ((channel.hours & bit) !== 0) return
      channel.hours |= bit
      marks.push([day, channel.first, bit])
    },

    /** Says that this piece of writing takes the marks of one channel and day away. */
    unmark(deviceId: string, channel: string, day: number) {
      const known = devices.get(deviceId)?.channels.get(channel)
      if (known?.day === day) known.day = Number.NaN
      hasChanged = true
    },

    /** Says that this piece of writing takes marks away. */
    forgetMarks() {
      forgetDevices()
      hasChanged = true
    },

    /** Ends a piece of writing. */
    end() {
      if (putMarks(marks, (mark, values) => void values.push(...mark)) > 0) hasChanged = true
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

const tooMany = `the device has ${maxSeriesPerDevice} series already`

function findFault({ deviceId, channel, quantity }: SeriesKey): string | null {
  if (!isQuantity(quantity)) return `there is no quantity "${quantity}"`
  if (!deviceId.isWellFormed() || !channel.isWellFormed()) return 'the device id or channel is not Unicode text'
  return null
}
