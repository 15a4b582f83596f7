import { z } from 'zod'
import { type Detail, Problem, tellDetail } from '../domain/problem.ts'
import { quoteText } from '../domain/text.ts'
import { timeSchema } from '../domain/time.ts'
import { type LineError, parseNumber, type Table, type TableLine } from './csv.ts'

/**
 * How a file of another house is read: `columns` says which column of the file holds which field, `defaults` gives
 * what the file does not have, `values` replaces what it calls by other names, and `templates` makes a
 * field out of several columns: `{"id": "lot-{Exer}-{#}"}`, where `{#}` is the line. Columns that are not named are left out.
 */
export const mappingSchema = z.strictObject({
  columns: z.record(z.string(), z.string()).default({}),
  defaults: z.record(z.string(), z.string()).default({}),
  values: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  templates: z.record(z.string(), z.string()).default({}),
})
export type Mapping = z.input<typeof mappingSchema>

/** What a cell of a column is. */
export type ColumnType = 'text' | 'number' | 'time' | 'date' | 'json'

/** Most errors of one file that are told one by one. */
export const maxLineErrors = 1000

/** One line of the file as fields, before any schema has seen it. */
export type MappedLine = { line: number; fields: Record<string, unknown> }

/** Before the name of an attribute in a header: `attributes.volume`. */
const attributePrefix = 'attributes.'

/**
 * Makes fields out of a table's cells: numbers with a decimal comma, RFC 3339 times, JSON, and `attributes.<name>`
 * columns where `attributes` is a column. Errors are added to those of the table. Throws Problem `bad_request` for a
 * column that is not known.
 */
export function mapTable(
  table: Table,
  columnTypes: Readonly<Record<string, ColumnType>>,
  mapping?: Mapping,
): { lines: MappedLine[]; errors: LineError[] } {
  const profile = mapping === undefined ? undefined : mappingSchema.parse(mapping)
  const sources = findSources(table.columns, columnTypes, profile)
  const errors = [...table.errors]
  const lines = table.lines.map((each) => mapLine(each, sources, columnTypes, profile, errors))
  return { lines, errors }
}

/** Refuses a file: nothing of it was imported, and each bad line is named. */
export function refuseFile(errors: readonly LineError[]): never {
  const sorted = errors.toSorted((a, b) => a.line - b.line)
  const bad = new Set(sorted.map((each) => each.line)).size
  const told = sorted.slice(0, maxLineErrors).map(({ line, column, message }) => ({
    path: column === undefined ? `line ${line}` : `line ${line}, ${column}`,
    message,
    line,
    ...(column === undefined ? {} : { column }),
  }))
  const { line, column, message } = told[0]!
  const field = column === undefined ? '' : `, ${column}`
  const detail = {
    fr: `rien n’a été importé : ${bad} ligne${bad === 1 ? '' : 's'} à corriger ; ligne ${line}${field} : ${tellDetail(message, 'fr')}`,
    en: `nothing was imported: ${bad} bad line${bad === 1 ? '' : 's'}; line ${line}${field}: ${tellDetail(message, 'en')}`,
  }
  throw new Problem('bad_request', detail, told)
}

type Source = { field: string; column: string }

function findSources(
  columns: readonly string[],
  columnTypes: Readonly<Record<string, ColumnType>>,
  profile: z.infer<typeof mappingSchema> | undefined,
): Source[] {
  const known = Object.keys(columnTypes)
  const nameOf = (name: string) => {
    if ('attributes' in columnTypes && name.startsWith(attributePrefix)) return name
    return known.find((each) => each.toLowerCase() === name.toLowerCase())
  }
  for (const field of Object.keys(profile?.templates ?? {})) if (nameOf(field) !== field) refuseField(field)
  if (profile !== undefined && Object.keys({ ...profile.columns, ...profile.templates }).length > 0)
    return Object.entries(profile.columns).map(([field, column]) => {
      if (nameOf(field) !== field) refuseField(field)
      if (!columns.includes(column))
        throw new Problem('bad_request', {
          fr: `ligne 1 : il n’y a pas de colonne « ${column} »`,
          en: `line 1: there is no column "${column}"`,
        })
      return { field, column }
    })
  return columns
    .filter((column) => column !== '')
    .map((column) => {
      const field = nameOf(column)
      if (field === undefined)
        throw new Problem('bad_request', {
          fr: `ligne 1 : la colonne « ${column} » est inconnue ; les colonnes sont ${known.join(', ')}`,
          en: `line 1: unknown column "${column}"; the columns are ${known.join(', ')}`,
        })
      return { field, column }
    })
}

function refuseField(field: string): never {
  throw new Problem('bad_request', {
    fr: `la correspondance nomme un champ inconnu « ${field} »`,
    en: `the mapping names an unknown field "${field}"`,
  })
}

function mapLine(
  { line, cells }: TableLine,
  sources: readonly Source[],
  columnTypes: Readonly<Record<string, ColumnType>>,
  profile: z.infer<typeof mappingSchema> | undefined,
  errors: LineError[],
): MappedLine {
  const texts = new Map(Object.entries(profile?.defaults ?? {}))
  for (const { field, column } of sources) {
    const cell = cells.get(column)
    if (cell !== undefined) texts.set(field, replaceValue(profile?.values[field], cell))
  }
  for (const [field, template] of Object.entries(profile?.templates ?? {})) {
    const text = template.replace(/\{([^{}]+)\}/g, (_, name: string) =>
      name === '#' ? String(line) : (cells.get(name) ?? ''),
    )
    if (text.trim() !== '') texts.set(field, text.trim())
  }
  const fields: Record<string, unknown> = {}
  const attributes: Record<string, unknown> = {}
  for (const [field, text] of texts) {
    if (field.startsWith(attributePrefix)) {
      attributes[field.slice(attributePrefix.length)] = readAttribute(text)
      continue
    }
    const cell = readCell(text, columnTypes[field] ?? 'text')
    if ('error' in cell) errors.push({ line, column: field, message: cell.error })
    else fields[field] = cell.value
  }
  if (Object.keys(attributes).length > 0) fields.attributes = { ...(fields.attributes ?? {}), ...attributes }
  return { line, fields }
}

function replaceValue(values: Readonly<Record<string, string>> | undefined, cell: string): string {
  return values !== undefined && Object.hasOwn(values, cell) ? values[cell]! : cell
}

function readCell(text: string, type: ColumnType): { value: unknown } | { error: Detail } {
  if (type === 'number') {
    const value = parseNumber(text)
    return value === null
      ? { error: { fr: `« ${quoteText(text)} » n’est pas un nombre`, en: `"${quoteText(text)}" is not a number` } }
      : { value }
  }
  if (type === 'time') {
    const parsed = timeSchema.safeParse(text)
    if (parsed.success) return { value: parsed.data }
    return {
      error: {
        fr: `« ${quoteText(text)} » n’est pas une date et une heure avec son décalage, comme 2026-03-01T08:00:00+01:00`,
        en: `"${quoteText(text)}" is not a date and time with its offset, such as 2026-03-01T08:00:00+01:00`,
      },
    }
  }
  if (type === 'date') {
    const date = readDate(text)
    if (date !== null) return { value: date }
    return {
      error: {
        fr: `« ${quoteText(text)} » n’est pas une date comme 2026-03-31 ou 31/03/2026`,
        en: `"${quoteText(text)}" is not a date such as 2026-03-31 or 31/03/2026`,
      },
    }
  }
  if (type === 'json')
    try {
      return { value: JSON.parse(text) as unknown }
    } catch {
      return { error: { fr: 'ce n’est pas du JSON', en: 'this is not JSON' } }
    }
  return { value: text }
}

/** A day, as 2026-03-31 or 31/03/2026; a time of day after it is left out. */
function readDate(text: string): string | null {
  const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?$/.exec(text)
  const french = /^(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?: .*)?$/.exec(text)
  if (iso !== null) return `${iso[1]}-${iso[2]}-${iso[3]}`
  if (french === null) return null
  return `${french[3]}-${french[2]!.padStart(2, '0')}-${french[1]!.padStart(2, '0')}`
}

/** A number where it is surely one: `007` and `1e5` are as likely to be a code. */
export function readAttribute(text: string): number | string {
  return /^-?(?:0|[1-9]\d{0,14})(?:[.,]\d+)?$/.test(text) ? parseNumber(text)! : text
}
