import { parse } from 'csv-parse'
import { neutralise, restore } from '../domain/formula.ts'
import { type Detail, Problem } from '../domain/problem.ts'

/** One line of a table: where it stands in the file (1 is the header), and its cells, trimmed; empty ones are left out. */
export type TableLine = { line: number; cells: ReadonlyMap<string, string> }

/** What is wrong with one line, and in which column. */
export type LineError = { line: number; column?: string; message: Detail }

export type Encoding = 'utf-8' | 'utf-16le' | 'windows-1252'
export type Separator = ';' | ',' | '\t'

/** A table with a header, and how its file was read. */
export type Table = {
  encoding: Encoding
  separator: Separator
  columns: string[]
  lines: TableLine[]
  errors: LineError[]
}

/** Largest file that is read, in bytes. */
export const maxTableBytes = 64 * 2 ** 20

/** Most lines of one file. */
export const maxTableLines = 250_000

/** Bytes of text that are parsed before others get a turn. */
const sliceLength = 65_536

const maxLineLength = 65_536
const separators: readonly Separator[] = [';', ',', '\t']

/**
 * Reads a CSV file as spreadsheets write it: comma, semicolon or tab, whichever the header has most of; UTF-8 or
 * UTF-16 with a byte order mark, UTF-8 without one, else Windows-1252. Lines with too few or too many cells, and
 * where the file breaks off, are told as errors. Throws Problem `payload_too_large`, or `bad_request` when there is no
 * header or a column is named twice.
 */
export async function readTable(file: string | Uint8Array): Promise<Table> {
  if (file.length > maxTableBytes)
    throw new Problem('payload_too_large', {
      fr: `un fichier a au plus ${maxTableBytes} octets`,
      en: `a file has at most ${maxTableBytes} bytes`,
    })
  const { text: raw, encoding } = typeof file === 'string' ? readText(file) : decodeText(file)
  // The parser counts the line ends of Windows twice inside quotation marks, and lines are told to people.
  const text = raw.replace(/\r\n?/g, '\n')
  const separator = findSeparator(text)
  const parser = parse({
    delimiter: separator,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxLineLength,
    trim: true,
  })
  const table: Table = { encoding, separator, columns: [], lines: [], errors: [] }
  let next = 0
  const feed = () => {
    while (next < text.length) {
      const slice = text.slice(next, next + sliceLength)
      next += sliceLength
      if (!parser.write(slice)) return void parser.once('drain', feed)
    }
    parser.end()
  }
  feed()
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (table.columns.length === 0) table.columns = readHeader(record)
      else addLine(table, record, info.lines)
      if (table.lines.length > maxTableLines)
        throw new Problem('payload_too_large', {
          fr: `un fichier a au plus ${maxTableLines} lignes`,
          en: `a file has at most ${maxTableLines} lines`,
        })
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_'))) throw error
    const { lines } = error as Error & { lines?: number }
    table.errors.push({
      line: lines ?? table.lines.length + 2,
      message: {
        fr: `le fichier n’est plus lisible à partir d’ici, sans doute un guillemet qui n’est pas fermé (${error.message})`,
        en: `the file cannot be read from here on, most likely a quotation mark that is not closed (${error.message})`,
      },
    })
  }
  if (table.columns.length === 0 && table.errors.length === 0)
    throw new Problem('bad_request', { fr: 'le fichier est vide', en: 'the file is empty' })
  return table
}

/**
 * A number as people write it: with a decimal comma or point, and spaces between thousands. Null for anything else,
 * `1,234.5` among it: that comma could be either.
 */
export function parseNumber(text: string): number | null {
  const compact = text.replace(/(?<=\d)[ \u00A0\u202F](?=\d{3}(?!\d))/g, '')
  if (!/^[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?$/.test(compact)) return null
  const number = Number(compact.replace(',', '.'))
  return Number.isFinite(number) ? number : null
}

/**
 * A line of CSV, with commas, as a spreadsheet may open it: a text that begins as a formula does, with or without
 * apostrophes before it, gets one more, so that it is not run and `readTable` gives it back. Numbers stay numbers,
 * negative ones too.
 */
export function formatCsvLine(cells: readonly (string | number | boolean | null | undefined)[]): string {
  return `${cells.map(formatCell).join(',')}\n`
}

function formatCell(cell: string | number | boolean | null | undefined): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell !== 'string') return String(cell)
  const safe = neutralise(cell)
  return /[",;\r\n\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

type Text = { text: string; encoding: Encoding }

function readText(text: string): Text {
  return { text: text.replace(/^\uFEFF/, ''), encoding: 'utf-8' }
}

function decodeText(bytes: Uint8Array): Text {
  const decode = (encoding: Encoding): Text => ({
    text: new TextDecoder(encoding, { fatal: encoding === 'utf-8' }).decode(bytes),
    encoding,
  })
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decode('utf-16le')
  try {
    // The decoder takes the byte order mark away.
    return decode('utf-8')
  } catch {
    return decode('windows-1252')
  }
}

function findSeparator(text: string): Separator {
  const header =
    text
      .slice(0, maxLineLength)
      .split(/\r?\n/)
      .find((line) => line.trim() !== '') ?? ''
  const bare = header.replace(/"[^"]*"/g, '')
  const counts = separators.map((separator) => bare.split(separator).length)
  return separators[counts.indexOf(Math.max(...counts))]!
}

function readHeader(record: readonly string[]): string[] {
  const columns = record.map((column) => column.trim())
  // Spreadsheets leave empty columns at the end.
  while (columns.at(-1) === '') columns.pop()
  const twice = columns.find((column, i) => columns.indexOf(column) !== i)
  if (twice !== undefined)
    throw new Problem('bad_request', {
      fr: `ligne 1 : la colonne « ${twice} » y est deux fois`,
      en: `line 1: the column "${twice}" is there twice`,
    })
  return columns
}

function addLine(table: Table, record: readonly string[], line: number): void {
  const { columns } = table
  if (record.every((cell) => cell === '')) return
  const extra = record.slice(columns.length).some((cell) => cell !== '')
  if (extra || record.length < columns.length) {
    const message = {
      fr: `l’en-tête a ${columns.length} colonnes, cette ligne en a ${record.length} : vérifiez ses séparateurs et ses guillemets`,
      en: `the header has ${columns.length} columns, this line has ${record.length}: check its separators and quotation marks`,
    }
    table.errors.push({ line, message })
    return
  }
  const cells = new Map<string, string>()
  for (const [i, column] of columns.entries()) if (record[i] !== '') cells.set(column, restore(record[i]!))
  table.lines.push({ line, cells })
}
