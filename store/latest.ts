import type { DatabaseSync } from 'node:sqlite'
import type { Quantity } from '../domain/quantity.ts'
import type { Latest, Reading, SeriesKey } from '../domain/reading.ts'
import {
  createSink,
  openSource,
  readVarint,
  reserve,
  type Sink,
  unzigzag,
  writeVarint,
  zigzag,
} from './embedded-bytes.ts'
import { kinds, readValue, writeValue } from './embedded-row.ts'
import { prepareInsert } from './insert.ts'

/*
 * The newest reading of every series, in one row for a device's channel: whoever asks for a whole city reads a fourth of
 * the rows. `names` leads to the quantities that there are, in order, between spaces: devices of one model tell the same.
 * `data` holds their values one after another as a row of fresh readings does, and before those of one uplink when they were
 * observed, how much later received, and its seq. Rows are small because a commit touches most of their pages.
 * `latest_revision` holds a token that changes with them, so that a writer knows whether what it remembers is true.
 */
export const latestSchema = `
  CREATE TABLE IF NOT EXISTS latest_names (
    id INTEGER PRIMARY KEY,
    quantities TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE IF NOT EXISTS latest (
    device_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    names INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (device_id, channel)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS latest_revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO latest_revision (id, token) VALUES (1, 0);
`

// What is remembered of a quantity: value, observedAt, receivedAt and seq.
const numbersEach = 4
const timesKind = 14
// Channels that a writer remembers, a few hundred bytes each; past it the longest remembered is read again.
const maxKnownChannels = 50_000

type Told = Pick<Reading, 'value' | 'observedAt' | 'receivedAt' | 'seq'>
/** A row as the writer remembers it. */
type Row = {
  deviceId: string
  channel: string
  quantities: Quantity[]
  /** The id of their names; null before it is known. */
  names: number | null
  told: Float64Array<ArrayBuffer>
  isChanged: boolean
}

/** The writing half; it joins the transaction of the caller. */
export function openLatest(database: DatabaseSync) {
  const readToken = database.prepare('SELECT token FROM latest_revision')
  const writeToken = database.prepare('UPDATE latest_revision SET token = ?')
  const read = database.prepare(`
    SELECT id AS names, quantities, data FROM latest JOIN latest_names ON id = names WHERE device_id = ? AND channel = ?`)
  const put = prepareInsert(
    database,
    'latest',
    ['device_id', 'channel', 'names', 'data'],
    'DO UPDATE SET names = excluded.names, data = excluded.data',
  )
  const addNames = database.prepare('INSERT INTO latest_names (quantities) VALUES (?) ON CONFLICT DO NOTHING')
  const findNames = database.prepare('SELECT id FROM latest_names WHERE quantities = ?')
  const drop = database.prepare('DELETE FROM latest WHERE device_id = ? AND channel = ?')
  const listRows = database.prepare('SELECT device_id AS deviceId, channel FROM latest')
  const sink = createSink()
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
    if (changed.length === 0) return
    const filled = changed.filter(({ quantities }) => quantities.length > 0)
    put(filled, (row, values) => {
      row.names ??= nameOf(row.quantities.join(' '))
      sink.at = values.length === 0 ? 0 : sink.at
      const begin = sink.at
      writeRow(sink, row.told)
      values.push(row.deviceId, row.channel, row.names, sink.bytes.subarray(begin, sink.at))
    })
    for (const { deviceId, channel, quantities } of changed) if (quantities.length === 0) drop.run(deviceId, channel)
    for (const row of changed) row.isChanged = false
    token = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
    writeToken.run(token)
  }

  function nameOf(quantities: string): number {
    addNames.run(quantities)
    return (findNames.get(quantities) as { id: number }).id
  }

  function find(deviceId: string, channel: string): Row {
    const row = known.get(deviceId)?.get(channel)
    if (row !== undefined) return row
    const made: Row = { deviceId, channel, quantities: [], names: null, told: new Float64Array(0), isChanged: false }
    const stored = read.get(deviceId, channel) as { names: number; quantities: string; data: Uint8Array } | undefined
    if (stored !== undefined) {
      made.names = stored.names
      made.quantities = [...namesOf(stored.quantities)]
      made.told = new Float64Array(made.quantities.length * numbersEach)
      readRow(stored.data, made.told)
    }
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

  function set(row: Row, quantity: Quantity, { value, observedAt, receivedAt, seq }: Told) {
    let i = row.quantities.indexOf(quantity)
    if (i < 0) i = addQuantity(row, quantity)
    const at = i * numbersEach
    row.told[at] = value
    row.told[at + 1] = observedAt
    row.told[at + 2] = receivedAt
    row.told[at + 3] = seq
    note(row)
  }

  /** Moves latest to what is newer among some readings; of equal times the later uplink counts. */
  function move(readings: readonly Reading[]) {
    begin()
    let row: Row | undefined
    for (const each of readings) {
      const { deviceId, channel, quantity, observedAt, seq } = each
      if (deviceId !== row?.deviceId || channel !== row.channel) row = find(deviceId, channel)
      const at = row.quantities.indexOf(quantity) * numbersEach
      if (at >= 0) {
        const before = row.told[at + 1]!
        if (observedAt < before || (observedAt === before && seq < row.told[at + 3]!)) continue
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
    for (const { deviceId, channel } of listRows.all() as { deviceId: string; channel: string }[]) {
      const row = find(deviceId, channel)
      if (removeQuantities(row, (_, i) => row.told[i * numbersEach + 1]! < before)) note(row)
    }
    end()
  }

  return { move, replace, forget }
}

/** Makes room for one more quantity in a row, in order, and answers its place. */
function addQuantity(row: Row, quantity: Quantity): number {
  const after = row.quantities.findIndex((name) => name > quantity)
  const i = after < 0 ? row.quantities.length : after
  const { told } = row
  row.told = new Float64Array(told.length + numbersEach)
  row.told.set(told.subarray(0, i * numbersEach))
  row.told.set(told.subarray(i * numbersEach), (i + 1) * numbersEach)
  row.quantities.splice(i, 0, quantity)
  row.names = null
  return i
}

/** Takes quantities out of a row; tells whether there were any. */
function removeQuantities(row: Row, isGone: (name: Quantity, i: number) => boolean): boolean {
  const { quantities, told } = row
  const left = [...quantities.keys()].filter((i) => !isGone(quantities[i]!, i))
  if (left.length === quantities.length) return false
  row.quantities = left.map((i) => quantities[i]!)
  row.told = Float64Array.from(left.flatMap((i) => [...told.subarray(i * numbersEach, (i + 1) * numbersEach)]))
  row.names = null
  return true
}

function writeRow(sink: Sink, told: Float64Array): void {
  for (let at = 0; at < told.length; at += numbersEach) {
    reserve(sink, 32)
    const observedAt = told[at + 1]!
    const receivedAt = told[at + 2]!
    const seq = told[at + 3]!
    if (at === 0 || told[at - 3] !== observedAt || told[at - 2] !== receivedAt || told[at - 1] !== seq) {
      sink.bytes[sink.at++] = timesKind
      writeVarint(sink, zigzag(observedAt))
      writeVarint(sink, zigzag(receivedAt - observedAt))
      writeVarint(sink, zigzag(seq))
    }
    writeValue(sink, 0, told[at]!)
  }
}

function readRow(data: Uint8Array, told: Float64Array): void {
  const source = openSource(data)
  let observedAt = 0
  let receivedAt = 0
  let seq = 0
  for (let at = 0; source.at < data.length; at += numbersEach) {
    let kind = readVarint(source)
    if (kind === timesKind) {
      observedAt = unzigzag(readVarint(source))
      receivedAt = observedAt + unzigzag(readVarint(source))
      seq = unzigzag(readVarint(source))
      kind = readVarint(source)
    }
    told[at] = readValue(source, kind % kinds)
    told[at + 1] = observedAt
    told[at + 2] = receivedAt
    told[at + 3] = seq
  }
}

const latestOfDevices = `
  SELECT wanted.key, channel, quantities, data
  FROM json_each(?) AS wanted CROSS JOIN latest ON device_id = wanted.value CROSS JOIN latest_names ON latest_names.id = names`

/** The newest reading of every series of some devices, by device, channel and quantity. */
export function readLatest(database: DatabaseSync, deviceIds: readonly string[]): Latest[] {
  const wanted = [...new Set(deviceIds)].sort()
  const statement = database.prepare(latestOfDevices)
  statement.setReturnArrays(true)
  const found: Latest[] = []
  const rows = statement.all(JSON.stringify(wanted)) as unknown as [number, string, string, Uint8Array][]
  let told = new Float64Array(64)
  for (const [key, channel, quantities, data] of rows) {
    const names = namesOf(quantities)
    if (told.length < names.length * numbersEach) told = new Float64Array(names.length * numbersEach * 2)
    readRow(data, told)
    for (let i = 0, at = 0; i < names.length; i++, at += numbersEach)
      found.push({
        deviceId: wanted[key]!,
        channel,
        quantity: names[i]!,
        value: told[at]!,
        observedAt: told[at + 1]!,
        receivedAt: told[at + 2]!,
        seq: told[at + 3]!,
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
    `SELECT device_id AS deviceId, channel, quantities FROM latest JOIN latest_names ON id = names
     WHERE ${deviceId === null ? '? IS NULL' : 'device_id = ?'}`,
  )
  const rows = statement.all(deviceId) as { deviceId: string; channel: string; quantities: string }[]
  return rows.flatMap(({ quantities, ...of }) => namesOf(quantities).map((quantity) => ({ ...of, quantity })))
}

/** Carries a file over in which every series had a row of its own, or every channel one with doubles. */
export function carryLatestOver(database: DatabaseSync): void {
  const columns = (database.prepare('PRAGMA table_info(latest)').all() as { name: string }[]).map(({ name }) => name)
  if (columns.length === 0 || columns.includes('names')) return
  database.exec(`ALTER TABLE latest RENAME TO old_latest; ${latestSchema}`)
  const { move } = openLatest(database)
  const rows = database.prepare('SELECT * FROM old_latest').all()
  for (const row of rows)
    move(columns.includes('quantity') ? [toReading(row as OldSeries)] : toReadings(row as OldChannel))
  database.exec('DROP TABLE old_latest')
}

type OldSeries = {
  device_id: string
  channel: string
  quantity: Quantity
  value: number
  observed_at: number
  received_at: number
  seq: number
}
type OldChannel = { device_id: string; channel: string; quantities: string; data: Uint8Array }

function toReading({
  device_id: deviceId,
  observed_at: observedAt,
  received_at: receivedAt,
  ...rest
}: OldSeries): Reading {
  return { deviceId, observedAt, receivedAt, ...rest }
}

function toReadings({ device_id: deviceId, channel, quantities, data }: OldChannel): Reading[] {
  const view = new DataView(data.buffer, data.byteOffset)
  return namesOf(quantities).map((quantity, i) => {
    const [value, observedAt, receivedAt, seq] = [0, 8, 16, 24].map((at) => view.getFloat64(i * 32 + at, true))
    return { deviceId, channel, quantity, value: value!, observedAt: observedAt!, receivedAt: receivedAt!, seq: seq! }
  })
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
