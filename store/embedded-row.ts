import type { Part } from './embedded-block.ts'
import {
  createSink,
  openSource,
  readVarint,
  reserve,
  type Sink,
  type Source,
  take,
  unzigzag,
  writeVarint,
  zigzag,
} from './embedded-bytes.ts'
import { createPart, slicePart } from './embedded-merge.ts'

/*
 * A row of fresh readings is what one uplink told of one channel of a device at one time: its values, one after another
 * (docs/embedded-store.md). Each begins with a number, the place of its series behind the first one of the channel times
 * 16 and its kind: how many decimals its whole number has, or that a double follows. The delay of their reception comes
 * before the values that it belongs to.
 */

/** A row as it is read: its time in UTC epoch ms, the `seq` of its uplink, and its values. */
export type Row = [time: number, seq: number, data: Uint8Array]

/** The number before a value is its kind, and so many times a place. */
export const kinds = 16
const delayKind = 14
const doubleKind = 15
const maxDecimals = 9
const powers = Array.from({ length: maxDecimals + 1 }, (_, i) => 10 ** i)
const scaledLimit = 2 ** 50

/** The delay of the values that follow in a row. */
export function writeDelay(sink: Sink, delay: number): void {
  reserve(sink, 10)
  sink.bytes[sink.at++] = delayKind
  writeVarint(sink, zigzag(delay))
}

/** A value of the series at a place behind the first one of its channel. */
export function writeValue(sink: Sink, place: number, value: number): void {
  reserve(sink, 16)
  for (let decimals = 0; decimals <= maxDecimals; decimals++) {
    const power = powers[decimals]!
    const whole = Math.round(value * power)
    if (whole / power !== value || whole >= scaledLimit || whole <= -scaledLimit) continue
    writeVarint(sink, place * kinds + decimals)
    writeVarint(sink, zigzag(whole))
    return
  }
  writeVarint(sink, place * kinds + doubleKind)
  sink.view.setFloat64(sink.at, value, true)
  sink.at += 8
}

/** The values of a row, in the order in which they came: of one place the last one stands. */
export const found = {
  count: 0,
  places: new Int32Array(64),
  delays: new Float64Array(64),
  values: new Float64Array(64),
}

/** Reads a row into `found`. */
export function readRow(data: Uint8Array): void {
  const source = openSource(data)
  let delay = 0
  let count = 0
  while (source.at < data.length) {
    const head = readVarint(source)
    const kind = head % kinds
    if (kind === delayKind) {
      delay = unzigzag(readVarint(source))
      continue
    }
    if (count === found.places.length) growFound()
    found.places[count] = (head - kind) / kinds
    found.delays[count] = delay
    found.values[count++] = readValue(source, kind)
  }
  found.count = count
}

/** Reads a value of a kind, behind the number that tells it. */
export function readValue(source: Source, kind: number): number {
  if (kind <= maxDecimals) return unzigzag(readVarint(source)) / powers[kind]!
  if (kind !== doubleKind) throw new RangeError(`a value of a kind that is not known: ${kind}`)
  source.at += 8
  return source.view.getFloat64(source.at - 8, true)
}

function growFound() {
  const longer = found.places.length * 2
  found.places = copyInto(new Int32Array(longer), found.places)
  found.delays = copyInto(new Float64Array(longer), found.delays)
  found.values = copyInto(new Float64Array(longer), found.values)
}

function copyInto<Column extends Int32Array | Float64Array>(column: Column, from: Column): Column {
  column.set(from)
  return column
}

const merged = createSink()

/** A row with the values of a later one of the same uplink and time, which stand where both tell of a series. */
export function mergeRows(older: Uint8Array, newer: Uint8Array): Uint8Array {
  const values = new Map<number, { delay: number; value: number }>()
  for (const data of [older, newer]) {
    readRow(data)
    for (let i = 0; i < found.count; i++)
      values.set(found.places[i]!, { delay: found.delays[i]!, value: found.values[i]! })
  }
  merged.at = 0
  let told = Number.NaN
  for (const [place, { delay, value }] of values) {
    if (delay !== told) writeDelay(merged, delay)
    told = delay
    writeValue(merged, place, value)
  }
  return take(merged)
}

/**
 * The parts of all series in the rows of one channel and day, which come by time and `seq`: of one series and time the
 * last one stands. With `only`, that of one series. `dayStart` is in UTC epoch ms.
 */
export function partsOfRows(first: number, dayStart: number, rows: readonly Row[], only?: number): Part[] {
  const parts: Part[] = []
  const counts: number[] = []
  const byPlace = new Map<number, number>()
  const wanted = only === undefined ? -1 : only - first
  for (let i = 0; i < rows.length; i++) {
    const [time, seq, data] = rows[i]!
    readRow(data)
    for (let j = 0; j < found.count; j++) {
      const place = found.places[j]!
      if (wanted >= 0 && place !== wanted) continue
      let p = byPlace.get(place)
      if (p === undefined) {
        p = parts.length
        byPlace.set(place, p)
        parts.push(createPart(first + place, rows.length))
        counts.push(0)
      }
      const part = parts[p]!
      let at = counts[p]!
      if (at > 0 && part.times[at - 1] === time - dayStart) at--
      part.times[at] = time - dayStart
      part.values[at] = found.values[j]!
      part.delays[at] = found.delays[j]!
      part.seqs[at] = seq
      counts[p] = at + 1
    }
  }
  return parts.map((part, p) => slicePart(part, 0, counts[p]!))
}
