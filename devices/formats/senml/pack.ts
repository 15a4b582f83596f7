import type { DecodedReading } from '../../../domain/fault.ts'
import { isQuantity, type Quantity, stateValue } from '../../../domain/quantity.ts'
import { maxReadingsPerUplink } from '../../../domain/uplink.ts'
import { addFault, type FaultList } from '../../fault-list.ts'
import { isObject, tellItem } from '../../json-payload.ts'
import { convertTo, recognizeQuantity } from '../../units.ts'

// RFC 8428, 4.4: the version that this is; a pack of a higher one may mean something else.
const senmlVersion = 10
// RFC 8428, 4.5.3: a time below 2^28 is relative to now, in seconds.
const relativeBelowS = 2 ** 28

/** What is known beside the pack: when it came, and the device that its topic names, for names that have none. */
export type PackContext = { receivedAt: number; device: string | undefined }

/** What holds for the records after the one that tells it (RFC 8428, 4.1). */
type Base = { name: string; time: number; unit: string | undefined; value: number; sum: number }

/**
 * Resolves a pack's records (RFC 8428, 4.6) and reads them: name to device and quantity, unit to the quantity's own,
 * relative times to the time of reception. A pack speaks of one device; records of another are faults.
 */
export function readPack(pack: readonly unknown[], context: PackContext, faults: FaultList) {
  const base: Base = { name: '', time: 0, unit: undefined, value: 0, sum: 0 }
  const readings: DecodedReading[] = []
  let device: string | undefined
  if (pack.length > maxReadingsPerUplink) addFault(faults, 'too_many_readings', { limit: maxReadingsPerUplink })
  for (const [index, record] of pack.slice(0, maxReadingsPerUplink).entries()) {
    const where = tellItem(index, true)
    if (!isObject(record) || !takeBase(record, base)) {
      addFault(faults, 'senml_bad_record', { where })
      // What a base value was meant to say is not known any more: nor is what the others mean.
      break
    }
    if (!hasValue(record)) continue
    const name = splitName(base.name, text(record.n) ?? '', context.device)
    if (name === null) {
      addFault(faults, 'no_device', { path: 'bn' })
      continue
    }
    device ??= name.device
    // RFC 8428, 4.4: who does not know such a field must not use the record.
    const unknown = Object.keys(record).find((key) => key.endsWith('_'))
    if (unknown !== undefined) addFault(faults, 'senml_unknown_field', { key: unknown, where })
    else if (device !== name.device) addFault(faults, 'senml_other_device', { deviceId: name.device, where })
    else readRecord(record, base, name.measure, context, where, readings, faults)
  }
  if (device === undefined && faults.kept.length === 0) addFault(faults, 'senml_empty')
  return { device, readings }
}

// Answers whether what the record sets for itself and those after it can be read.
function takeBase(record: Record<string, unknown>, base: Base): boolean {
  const { bn, bt, bu, bv, bs, bver } = record
  if (bver !== undefined && !(typeof bver === 'number' && bver <= senmlVersion)) return false
  if (bn !== undefined) {
    if (typeof bn !== 'string') return false
    base.name = bn
  }
  if (bu !== undefined) {
    if (typeof bu !== 'string') return false
    base.unit = bu
  }
  for (const [told, key] of [
    [bt, 'time'],
    [bv, 'value'],
    [bs, 'sum'],
  ] as const) {
    if (told === undefined) continue
    if (typeof told !== 'number' || !Number.isFinite(told)) return false
    base[key] = told
  }
  return true
}

function hasValue({ v, vb, vs, vd, s }: Record<string, unknown>): boolean {
  return [v, vb, vs, vd, s].some((each) => each !== undefined)
}

/** RFC 9039: the URN of a device, then what it measures. */
const deviceUrn = /^(urn:dev:[a-z0-9]+:[^:_/]+)[:_/]?(.*)$/i
const separators = /[/:._-]+$/

/**
 * The device and the measure of a name. The name of a device's URN says itself where it ends; else what the base name
 * has is the device; else what stands before the last `:` or `/`; else the topic names it.
 */
function splitName(base: string, own: string, fallback: string | undefined) {
  const urn = deviceUrn.exec(base + own)
  if (urn !== null) return { device: urn[1]!, measure: urn[2]! }
  const trimmed = base.replace(separators, '')
  if (trimmed !== '') return { device: toDeviceId(trimmed), measure: own }
  const at = Math.max(own.lastIndexOf(':'), own.lastIndexOf('/'))
  if (at > 0) return { device: toDeviceId(own.slice(0, at)), measure: own.slice(at + 1) }
  return fallback === undefined ? null : { device: fallback, measure: own }
}

// An address such as http://[2001:db8::2]/ without what no device id may have.
function toDeviceId(name: string): string {
  return name
    .replace(/^[a-z]+:\/\//i, '')
    .replace(separators, '')
    .replaceAll('/', '.')
}

function readRecord(
  record: Record<string, unknown>,
  base: Base,
  measure: string,
  { receivedAt }: PackContext,
  where: string,
  readings: DecodedReading[],
  faults: FaultList,
): void {
  const time = record.t === undefined ? 0 : record.t
  if (typeof time !== 'number' || !Number.isFinite(time)) {
    addFault(faults, 'bad_time', { where })
    return
  }
  const seconds = base.time + time
  const observedAt = Math.round(seconds < relativeBelowS ? receivedAt + seconds * 1000 : seconds * 1000)
  const unit = text(record.u) ?? base.unit
  // A sum of power over time is energy: watts times seconds.
  const isEnergy = record.v === undefined && record.s !== undefined && unit === 'W'
  const quantity = isEnergy ? 'energy_active_import' : recognizeQuantity(measure.toLowerCase(), unit)
  if (quantity === null) {
    // Texts and data are labels, not readings.
    if (record.v !== undefined || record.vb !== undefined)
      addFault(faults, 'unknown_quantity', { quantity: measure || (unit ?? ''), where })
    return
  }
  const value = isEnergy ? readSum(record, base) : readValue(record, base, quantity, unit)
  if (value === undefined) addFault(faults, 'senml_bad_value', { quantity, unit: unit ?? '', where })
  else readings.push({ channel: channelOf(measure, quantity, unit), quantity, value, observedAt })
}

function readSum({ s }: Record<string, unknown>, base: Base): number | undefined {
  return typeof s === 'number' ? convertTo('energy_active_import', base.sum + s, 'J') : undefined
}

function readValue({ v, vb, vs }: Record<string, unknown>, base: Base, quantity: Quantity, unit: string | undefined) {
  if (typeof vb === 'boolean') return Number(vb)
  if (typeof vs === 'string') return stateValue(quantity, vs)
  return typeof v === 'number' && Number.isFinite(v) ? convertTo(quantity, base.value + v, unit) : undefined
}

// Of `temp1` and `temp2` the number is the channel; of `pm10` it is not.
function channelOf(measure: string, quantity: Quantity, unit: string | undefined): string {
  const name = measure.toLowerCase()
  const numbered = isQuantity(name) ? null : /^(.+?)[-_.]?(\d{1,3})$/.exec(name)
  return numbered !== null && recognizeQuantity(numbered[1]!, unit) === quantity ? numbered[2]! : ''
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
