import { type DecodedReading, type Fault, fault } from '../domain/fault.ts'
import type { ModelTable, TableField } from '../domain/model-table.ts'
import { maxReadingsPerUplink } from '../domain/uplink.ts'
import { addFault, closeFaults, newFaultList } from './fault-list.ts'
import { isObject, readTime, tellItem } from './json-payload.ts'
import { compileFields } from './json-table.ts'
import type { JsonField } from './model.ts'
import { readNormalizedPayload } from './normalized-payload.ts'
import type { Draft } from './parvis-json.ts'
import { readPath } from './path.ts'
import { convertTo } from './units.ts'

/** What a table made of an answer: readings, what is wrong, and the paths that it says nothing of. */
export type Mapped = { readings: DecodedReading[]; faults: Fault[]; unmapped: string[] }

/** Most paths of one answer that are told as unmapped. */
const maxUnmapped = 100
const maxDepth = 8
// A power of two, by which dividing loses nothing.
const farPoint = 2 ** 20

/** Whether a unit goes with the quantity of its field; one that is not given always does. */
export function isFieldUnit({ quantity, unit }: TableField): boolean {
  return convertTo(quantity, 0, unit) !== undefined
}

/** A field with its unit worked into scale and offset. Throws RangeError when the unit does not go with the quantity. */
export function toJsonField({ unit, scale = 1, offset = 0, ...field }: TableField): JsonField {
  if (unit === undefined && scale === 1 && offset === 0) return field
  // A conversion is a straight line, told by two of its points; far apart, so that their difference has all its digits.
  const zero = convertTo(field.quantity, 0, unit)
  const far = convertTo(field.quantity, farPoint, unit)
  if (zero === undefined || far === undefined) throw new RangeError(`${unit} is no unit of ${field.quantity}`)
  const slope = (far - zero) / farPoint
  // (told * scale + offset) in the message's unit, and from there to the quantity's own.
  return { ...field, scale: scale * slope, offset: offset * slope + zero }
}

/**
 * Compiles a table to what reads a codec's answer: one object, or an array of them. What the codec's normalised payload
 * gives comes first; of a series that both give, the table's counts. An answer of which nothing becomes a reading
 * is a fault that names what was in it.
 */
export function compileTable(table: ModelTable): (data: unknown, normalized?: unknown) => Mapped {
  const readFields = compileFields(table.fields.map(toJsonField))
  const time = table.time?.split('.')
  const known = new Set([
    ...table.fields.flatMap(({ path, channelPath }) => (channelPath === undefined ? [path] : [path, channelPath])),
    ...(table.time === undefined ? [] : [table.time]),
    ...table.ignored,
  ])
  return (data, normalized) => {
    const draft: Draft = { readings: [], faults: newFaultList(), seen: 0 }
    const unmapped = new Set<string>()
    const items: readonly unknown[] = Array.isArray(data) ? data : [data]
    for (const [index, item] of items.entries()) {
      const where = tellItem(index, Array.isArray(data))
      if (draft.seen > maxReadingsPerUplink) {
        addFault(draft.faults, 'too_many_readings', { limit: maxReadingsPerUplink })
        break
      }
      if (!isObject(item)) {
        addFault(draft.faults, 'answer_no_object', { where })
        draft.seen++
        continue
      }
      const told = time === undefined ? undefined : readPath(item, time)
      const observedAt = told === undefined || told === null ? undefined : readTime(told)
      draft.seen += Math.max(1, table.fields.length)
      if (observedAt === null) addFault(draft.faults, 'bad_time', { where })
      else readFields(item, observedAt, where, draft)
      for (const path of listPaths(item)) if (!isKnown(known, path) && unmapped.size < maxUnmapped) unmapped.add(path)
    }
    addNormalized(draft.readings, normalized)
    if (draft.readings.length === 0 && draft.faults.kept.length === 0 && unmapped.size > 0)
      addFault(draft.faults, 'nothing_mapped', { names: [...unmapped].join(', ') })
    return { readings: draft.readings, faults: closeFaults(draft.faults), unmapped: [...unmapped] }
  }
}

function addNormalized(readings: DecodedReading[], normalized: unknown): void {
  if (normalized === undefined) return
  const taken = new Set(readings.map(({ channel, quantity }) => `${quantity} ${channel}`))
  for (const each of readNormalizedPayload(normalized))
    if (!taken.has(`${each.quantity} ${each.channel}`)) readings.push(each)
}

// A path that is mapped or ignored covers what stands below it.
function isKnown(known: ReadonlySet<string>, path: string): boolean {
  for (let at = path.length; at > 0; at = path.lastIndexOf('.', at - 1)) if (known.has(path.slice(0, at))) return true
  return false
}

/** The paths of an answer at which a value stands, in their order. */
export function listPaths(value: unknown, prefix = '', depth = 0): string[] {
  if (typeof value !== 'object' || value === null || depth === maxDepth) return prefix === '' ? [] : [prefix]
  return Object.entries(value)
    .slice(0, maxUnmapped)
    .flatMap(([key, each]) => listPaths(each, prefix === '' ? key : `${prefix}.${key}`, depth + 1))
}

/** The fault of a codec that says itself what is wrong. */
export function toldFault(errors: readonly unknown[]): Fault {
  return fault('codec_error', { error: errors.map(String).join('; ') })
}
