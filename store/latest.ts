import type { DatabaseSync } from 'node:sqlite'
import type { Quantity } from '../domain/quantity.ts'
import type { Latest, Reading, SeriesKey } from '../domain/reading.ts'

/*
 * The newest reading of every series, in one row for a device's channel: whoever asks for a whole city reads a fourth of
 * the rows. `quantities` are those that there are, in order, between spaces; `data` holds of each its value, observedAt,
 * receivedAt and seq, as little-endian doubles.
 */
export const latestSchema = `
  CREATE TABLE IF NOT EXISTS latest (
    device_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    quantities TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (device_id, channel)
  ) WITHOUT ROWID, STRICT;
`

const bytesEach = 4 * 8

type Told = Pick<Reading, 'value' | 'observedAt' | 'receivedAt' | 'seq'>
type Entry = Told & { quantity: Quantity }
type Stored = { quantities: string; data: Uint8Array }

/** The writing half; it joins the transaction of the caller. */
export function openLatest(database: DatabaseSync) {
  const read = database.prepare('SELECT quantities, data FROM latest WHERE device_id = ? AND channel = ?')
  const put = database.prepare(`
    INSERT INTO latest (device_id, channel, quantities, data) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET quantities = excluded.quantities, data = excluded.data`)
  const drop = database.prepare('DELETE FROM latest WHERE device_id = ? AND channel = ?')
  const all = database.prepare('SELECT device_id AS deviceId, channel, quantities, data FROM latest')

  function entriesOf(deviceId: string, channel: string): Entry[] {
    const stored = read.get(deviceId, channel) as Stored | undefined
    return stored === undefined ? [] : readEntries(stored)
  }

  function write(deviceId: string, channel: string, entries: readonly Entry[]) {
    if (entries.length === 0) drop.run(deviceId, channel)
    else put.run(deviceId, channel, entries.map((each) => each.quantity).join(' '), writeData(entries))
  }

  /** Moves latest to what is newer among some readings; of equal times the later uplink counts. */
  function move(readings: readonly Reading[]) {
    const channels = new Map<string, Reading[]>()
    let last: Reading | undefined
    let list: Reading[] = []
    for (const each of readings) {
      if (each.deviceId !== last?.deviceId || each.channel !== last.channel) {
        const key = `${each.deviceId}\n${each.channel}`
        list = channels.get(key) ?? []
        if (list.length === 0) channels.set(key, list)
        last = each
      }
      list.push(each)
    }
    for (const ofChannel of channels.values()) moveChannel(ofChannel)
  }

  function moveChannel(readings: readonly Reading[]) {
    const { deviceId, channel } = readings[0]!
    const entries = entriesOf(deviceId, channel)
    let hasChanged = false
    for (const { quantity, value, observedAt, receivedAt, seq } of readings) {
      const at = entries.findIndex((each) => each.quantity === quantity)
      const known = entries[at]
      if (
        known !== undefined &&
        (observedAt < known.observedAt || (observedAt === known.observedAt && seq < known.seq))
      )
        continue
      const entry = { quantity, value, observedAt, receivedAt, seq }
      if (known === undefined) insert(entries, entry)
      else entries[at] = entry
      hasChanged = true
    }
    if (hasChanged) write(deviceId, channel, entries)
  }

  /** Says what the newest reading of a series is, or that there is none. */
  function replace({ deviceId, channel, quantity }: SeriesKey, reading: Told | null) {
    const others = entriesOf(deviceId, channel).filter((each) => each.quantity !== quantity)
    if (reading === null) return write(deviceId, channel, others)
    const { value, observedAt, receivedAt, seq } = reading
    insert(others, { quantity, value, observedAt, receivedAt, seq })
    write(deviceId, channel, others)
  }

  /** Forgets what was observed before a time, UTC epoch ms. */
  function forget(before: number) {
    for (const { deviceId, channel, ...stored } of all.all() as ({ deviceId: string; channel: string } & Stored)[]) {
      const entries = readEntries(stored)
      const left = entries.filter((each) => each.observedAt >= before)
      if (left.length < entries.length) write(deviceId, channel, left)
    }
  }

  return { move, replace, forget }
}

const latestOfDevices = `
  SELECT wanted.key, channel, quantities, data
  FROM json_each(?) AS wanted CROSS JOIN latest ON device_id = wanted.value`

/** The newest reading of every series of some devices, by device, channel and quantity. */
export function readLatest(database: DatabaseSync, deviceIds: readonly string[]): Latest[] {
  const wanted = [...new Set(deviceIds)].sort()
  const statement = database.prepare(latestOfDevices)
  statement.setReturnArrays(true)
  const found: Latest[] = []
  const rows = statement.all(JSON.stringify(wanted)) as unknown as [number, string, string, Uint8Array][]
  for (const [key, channel, quantities, data] of rows) {
    const names = namesOf(quantities)
    const view = new DataView(data.buffer, data.byteOffset)
    for (let i = 0; i < names.length; i++)
      found.push({ deviceId: wanted[key]!, channel, ...readEntry(view, i, names[i]!) })
  }
  return found
}

/** Every device that has a newest reading, by id. */
export function listHeard(database: DatabaseSync): string[] {
  const rows = database.prepare('SELECT DISTINCT device_id FROM latest ORDER BY device_id').all()
  return (rows as { device_id: string }[]).map((row) => row.device_id)
}

/** The series that have a newest reading: of one device, or of all. */
export function listLatestSeries(database: DatabaseSync, deviceId: string | null): SeriesKey[] {
  const statement = database.prepare(
    `SELECT device_id AS deviceId, channel, quantities FROM latest WHERE ${deviceId === null ? '? IS NULL' : 'device_id = ?'}`,
  )
  const rows = statement.all(deviceId) as { deviceId: string; channel: string; quantities: string }[]
  return rows.flatMap(({ quantities, ...of }) => namesOf(quantities).map((quantity) => ({ ...of, quantity })))
}

/** Carries a file over in which every series had a row of its own. */
export function gatherLatest(database: DatabaseSync): void {
  const columns = database.prepare('PRAGMA table_info(latest)').all() as { name: string }[]
  if (!columns.some(({ name }) => name === 'quantity')) return
  database.exec(`ALTER TABLE latest RENAME TO latest_of_series; ${latestSchema}`)
  const rows = database.prepare(`
    SELECT device_id AS deviceId, channel, quantity, value, observed_at AS observedAt, received_at AS receivedAt, seq
    FROM latest_of_series`)
  const { move } = openLatest(database)
  for (const row of rows.all()) move([row as Latest])
  database.exec('DROP TABLE latest_of_series')
}

/** Puts a series in its place. */
function insert(entries: Entry[], entry: Entry): void {
  const at = entries.findIndex((each) => each.quantity > entry.quantity)
  entries.splice(at < 0 ? entries.length : at, 0, entry)
}

function readEntries({ quantities, data }: Stored): Entry[] {
  const view = new DataView(data.buffer, data.byteOffset)
  return namesOf(quantities).map((quantity, i) => readEntry(view, i, quantity))
}

function readEntry(view: DataView, i: number, quantity: Quantity): Entry {
  const at = i * bytesEach
  return {
    quantity,
    value: view.getFloat64(at, true),
    observedAt: view.getFloat64(at + 8, true),
    receivedAt: view.getFloat64(at + 16, true),
    seq: view.getFloat64(at + 24, true),
  }
}

function writeData(entries: readonly Entry[]): Uint8Array {
  const data = new Uint8Array(entries.length * bytesEach)
  const view = new DataView(data.buffer)
  for (const [i, { value, observedAt, receivedAt, seq }] of entries.entries()) {
    view.setFloat64(i * bytesEach, value, true)
    view.setFloat64(i * bytesEach + 8, observedAt, true)
    view.setFloat64(i * bytesEach + 16, receivedAt, true)
    view.setFloat64(i * bytesEach + 24, seq, true)
  }
  return data
}

// Devices of one model tell the same quantities: few texts are ever seen.
const knownNames = new Map<string, Quantity[]>()
const maxKnownNames = 1000

function namesOf(quantities: string): Quantity[] {
  let names = knownNames.get(quantities)
  if (names === undefined) {
    if (knownNames.size >= maxKnownNames) knownNames.clear()
    names = quantities.split(' ') as Quantity[]
    knownNames.set(quantities, names)
  }
  return names
}
