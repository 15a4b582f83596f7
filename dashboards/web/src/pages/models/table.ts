import type { ModelTable, TableField } from '../../../../../domain/model-table.ts'

/** Values of an answer that are listed: a codec that says more is no sensor's. */
const mostPaths = 300

/** One value that stands in what a codec answers, or in a JSON payload, and its path of keys. */
export type Leaf = { path: string; value: unknown }

/** What a model's table looks at: what the codec gives as data, where it answers as TS013 does, else the whole. */
export function dataOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'data' in answer ? answer.data : answer
}

/** The values of an answer with their paths, such as `air.temp` or `sockets.0.power`. */
export function listLeaves(data: unknown): Leaf[] {
  const leaves: Leaf[] = []
  const walk = (value: unknown, path: string): void => {
    if (leaves.length >= mostPaths) return
    if (typeof value === 'object' && value !== null)
      for (const [key, each] of Object.entries(value)) walk(each, path === '' ? key : `${path}.${key}`)
    else if (path !== '') leaves.push({ path, value })
  }
  walk(data, '')
  return leaves
}

/** One row of the editor: a field of the table by its place there, or a path that has none yet. */
export type Row = { path: string; value: unknown; index: number | null; field: TableField | null; isIgnored: boolean }

/** What the editor shows: the fields of the table, then what the answer holds beside them. */
export function listRows({ fields, ignored, time }: ModelTable, data: unknown): Row[] {
  const values = new Map(listLeaves(data).map(({ path, value }) => [path, value]))
  const rows: Row[] = fields.map((field, index) => ({
    path: field.path,
    value: values.get(field.path),
    index,
    field,
    isIgnored: false,
  }))
  const known = new Set([...fields.map((field) => field.path), time])
  for (const [path, value] of values)
    if (!known.has(path)) rows.push({ path, value, index: null, field: null, isIgnored: ignored.includes(path) })
  return rows
}

/** A table in which a path stands for a quantity, by what is suggested for it; an empty quantity takes it out. */
export function setQuantity(table: ModelTable, row: Row, quantity: string, suggestion: ModelTable | null): ModelTable {
  if (quantity === '') return { ...table, fields: table.fields.filter((_, index) => index !== row.index) }
  const named = quantity as TableField['quantity']
  const suggested = suggestion?.fields.find((each) => each.path === row.path && each.quantity === quantity)
  if (row.index === null) {
    const field = suggested ?? { path: row.path, quantity: named }
    return { ...table, fields: [...table.fields, field], ignored: table.ignored.filter((path) => path !== row.path) }
  }
  // Another quantity has another unit.
  const { unit: _, ...kept } = row.field!
  return setField(table, row.index, suggested ?? { ...kept, quantity: named })
}

export function setField(table: ModelTable, index: number, field: TableField): ModelTable {
  return { ...table, fields: table.fields.map((each, i) => (i === index ? field : each)) }
}

/** A table that says of a path that it is of no interest, or says it no more. */
export function setIgnored(table: ModelTable, path: string, isIgnored: boolean): ModelTable {
  const others = table.ignored.filter((each) => each !== path)
  return { ...table, ignored: isIgnored ? [...others, path] : others }
}

/** A table with all that is suggested for what it says nothing of. */
export function takeSuggestion(table: ModelTable, suggestion: ModelTable): ModelTable {
  const known = new Set(table.fields.map((field) => field.path))
  return { ...table, fields: [...table.fields, ...suggestion.fields.filter((field) => !known.has(field.path))] }
}

/** A field with a part set as a person wrote it; an empty text takes the part out. Null where it is no number. */
export function writePart(
  field: TableField,
  part: 'unit' | 'channel' | 'scale' | 'offset',
  text: string,
): TableField | null {
  const { [part]: _, ...rest } = field
  const written = text.trim()
  if (written === '') return rest
  if (part === 'unit' || part === 'channel') return { ...rest, [part]: written }
  const number = Number(written.replace(',', '.'))
  return Number.isFinite(number) && (part === 'offset' || number !== 0) ? { ...rest, [part]: number } : null
}

/** What texts stand for, as `on=1, off=0`. */
export function tellValues(values: TableField['values']): string {
  return Object.entries(values ?? {})
    .map(([text, number]) => `${text}=${number}`)
    .join(', ')
}

/** A field with its texts as a person wrote them; null where one has no number. */
export function writeValues(field: TableField, text: string): TableField | null {
  const { values: _, ...rest } = field
  const parts = text.split(',').filter((part) => part.trim() !== '')
  if (parts.length === 0) return rest
  const values: Record<string, number> = {}
  for (const part of parts) {
    const at = part.lastIndexOf('=')
    const number = at < 0 ? Number.NaN : Number(part.slice(at + 1).trim())
    if (!Number.isFinite(number) || part.slice(at + 1).trim() === '') return null
    values[part.slice(0, at).trim()] = number
  }
  return { ...rest, values }
}
