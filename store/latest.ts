import type { DatabaseSync } from 'node:sqlite'
import type { Quantity } from '../domain/quantity.ts'
import type { Latest, Reading, SeriesKey } from '../domain/reading.ts'
import { prepareInsert } from './insert.ts'

/*
 * The newest reading of every series, in one row for a device's channel: whoever asks for a whole city reads a fourth of
 * the rows. `quantities` are those that there are, in order, between spaces; `data` holds of each its value, observedAt,
 * receivedAt and seq, as little-endian doubles. `latest_revision` holds a token that changes with them, so that a writer
 * knows whether what it remembers is true.
 */
export const latestSchema = `
  CREATE TABLE IF NOT EXISTS latest (
    device_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    quantities TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (device_id, channel)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS latest_revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO latest_revision (id, token) VALUES (1, 0);
`

const bytesEach = 4 * 8
// Channels that a writer remembers, a few hundred bytes each; past it the longest remembered is read again.
const maxKnownChannels = 50_000

type Told = Pick<Reading, 'value' | 'observedAt' | 'receivedAt' | 'seq'>
/** A row as the writer remembers it. */
type Row = {
  deviceId: string
  channel: string
  names: Quantity[]
  quantities: string
  data: DataView<ArrayBuffer>
  isChanged: boolean
}

/** The writing half; it joins the transaction of the caller. */
export function openLatest(database: DatabaseSync) {
  const readToken = database.prepare('SELECT token FROM latest_revision')
  const writeToken = database.prepare('UPDATE latest_revision SET token = ?')
  const read = database.prepare('SELECT quantities, data FROM latest WHERE device_id = ? AND channel = ?')
  const put = prepareInsert(
    database,
    'latest',
    ['device_id', 'channel', 'quantities', 'data'],
    'DO UPDATE SET quantities = excluded.quantities, data = excluded.data',
  )
  const drop = database.prepare('DELETE FROM latest WHERE device_id = ? AND channel = ?')
  const names = database.prepare('SELECT device_id AS deviceId, channel FROM latest')
  const known = new Map<string, Map<string, Row>>()
  let count = 0
  let token: number | null = null
  let changed: Row[] = []

  // What is remembered of a transaction that was rolled back, or before another one wrote, is forgotten.
  function begin() {
    const found = (readToken.get() as { token: number }).token
    if (found !== token) known.clear()
    if (known.size === 0) count = 0
    token = found
    changed = []
  }

  function end() {
    const isEmpty = ({ names }: Row) => names.length === 0
    put(
      changed.filter((row) => !isEmpty(row)),
      ({ deviceId, channel, quantities, data }, values) => void values.push(deviceId, channel, quantities, data),
    )
    for (const { deviceId, channel } of changed.filter(isEmpty)) drop.run(deviceId, channel)
    for (const row of changed) row.isChanged = false
    if (changed.length === 0) return
    token = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
    writeToken.run(token)
  }

  function find(deviceId: string, channel: string): Row {
    const row = known.get(deviceId)?.get(channel)
    if (row !== undefined) return row
    const stored = read.get(deviceId, channel) as { quantities: string; data: Uint8Array } | undefined
    const bytes = stored === undefined ? new Uint8Array(0) : Uint8Array.from(stored.data)
    const quantities = stored?.quantities ?? ''
    const names = stored === undefined ? [] : [...namesOf(quantities)]
    const data = new DataView(bytes.buffer)
    const made: Row = { deviceId, channel, names, quantities, data, isChanged: false }
    if (count++ >= maxKnownChannels) known.delete(known.keys().next().value!)
    const ofDevice = known.get(deviceId)
    if (ofDevice === undefined) known.set(deviceId, new Map([[channel, made]]))
    else ofDevice.set(channel, made)
    return made
  }

  function note(row: Row) {
    if (!row.isChanged) changed.push(row)
    row.isChanged = true
  }

  function set(row: Row, quantity: Quantity, reading: Told) {
    let i = row.names.indexOf(quantity)
    if (i < 0) i = addQuantity(row, quantity)
    writeEntry(row.data, i, reading)
    note(row)
  }

  /** Moves latest to what is newer among some readings; of equal times the later uplink counts. */
  function move(readings: readonly Reading[]) {
    begin()
    let row: Row | undefined
    for (const each of readings) {
      const { deviceId, channel, quantity, observedAt, seq } = each
      if (deviceId !== row?.deviceId || channel !== row.channel) row = find(deviceId, channel)
      const i = row.names.indexOf(quantity)
      if (i >= 0) {
        const before = row.data.getFloat64(i * bytesEach + 8, true)
        if (observedAt < before || (observedAt === before && seq < row.data.getFloat64(i * bytesEach + 24, true)))
          continue
      }
      set(row, quantity, each)
    }
    end()
  }

  /** Says what the newest reading of a series is, or that there is none. */
  function replace({ deviceId, channel, quantity }: SeriesKey, reading: Told | null) {
    begin()
    const row = find(deviceId, channel)
    if (reading !== null) set(row, quantity, reading)
    else if (removeQuantities(row, (name) => name === quantity)) note(row)
    end()
  }

  /** Forgets what was observed before a time, UTC epoch ms. */
  function forget(before: number) {
    begin()
    for (const { deviceId, channel } of names.all() as { deviceId: string; channel: string }[]) {
      const row = find(deviceId, channel)
      if (removeQuantities(row, (_, i) => row.data.getFloat64(i * bytesEach + 8, true) < before)) note(row)
    }
    end()
  }

  return { move, replace, forget }
}

/** Makes room for one more quantity in a row, in order, and answers its place. */
function addQuantity(row: Row, quantity: Quantity): number {
  const after = row.names.findIndex((name) => name > quantity)
  const i = after < 0 ? row.names.length : after
  const old = new Uint8Array(row.data.buffer)
  const bytes = new Uint8Array(old.length + bytesEach)
  bytes.set(old.subarray(0, i * bytesEach))
  bytes.set(old.subarray(i * bytesEach), (i + 1) * bytesEach)
  row.names.splice(i, 0, quantity)
  row.quantities = row.names.join(' ')
  row.data = new DataView(bytes.buffer)
  return i
}

/** Takes quantities out of a row; tells whether there were any. */
function removeQuantities(row: Row, isGone: (name: Quantity, i: number) => boolean): boolean {
  const left = [...row.names.keys()].filter((i) => !isGone(row.names[i]!, i))
  if (left.length === row.names.length) return false
  const bytes = new Uint8Array(left.length * bytesEach)
  for (const [at, i] of left.entries())
    bytes.set(new Uint8Array(row.data.buffer, i * bytesEach, bytesEach), at * bytesEach)
  row.names = left.map((i) => row.names[i]!)
  row.quantities = row.names.join(' ')
  row.data = new DataView(bytes.buffer)
  return true
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
    for (let i = 0, at = 0; i < names.length; i++, at += bytesEach)
      found.push({
        deviceId: wanted[key]!,
        channel,
        quantity: names[i]!,
        value: view.getFloat64(at, true),
        observedAt: view.getFloat64(at + 8, true),
        receivedAt: view.getFloat64(at + 16, true),
        seq: view.getFloat64(at + 24, true),
      })
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

function writeEntry(view: DataView, i: number, { value, observedAt, receivedAt, seq }: Told): void {
  const at = i * bytesEach
  view.setFloat64(at, value, true)
  view.setFloat64(at + 8, observedAt, true)
  view.setFloat64(at + 16, receivedAt, true)
  view.setFloat64(at + 24, seq, true)
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
