import type { z } from 'zod'
import { assetLineSchema, deviceLineSchema } from '../domain/asset.ts'
import { isAssetKind } from '../domain/asset-kind.ts'
import { type Encoding, type LineError, readTable, type Separator } from './csv.ts'
import { assetColumns } from './import-assets.ts'
import { deviceColumns } from './import-devices.ts'
import { type ColumnType, type Mapping, mapTable } from './import-mapping.ts'
import { listOptions, suggestMapping } from './import-suggestion.ts'
import { isUnknownKind } from './line-faults.ts'
import { addIssues } from './line-issues.ts'

export const importKinds = ['assets', 'devices'] as const
export type ImportKind = (typeof importKinds)[number]

/** Lines that are shown as they would become, and values of a column that are listed. */
const previewedLines = 8
const listedValues = 40

/** What a field of an import is; `options` lists its values where they are fixed. */
export type ImportField = { name: string; type: ColumnType; isNeeded: boolean; options: string[] | null }

/**
 * How a file was understood: its encoding and separator, its columns with their first distinct values, and what its first
 * lines become by `mapping`, which is the given one, or one that is suggested.
 */
export type ImportPreview = {
  encoding: Encoding
  separator: Separator
  lineCount: number
  columns: { name: string; values: string[]; valueCount: number }[]
  fields: ImportField[]
  mapping: Mapping
  lines: { line: number; fields: Record<string, unknown>; errors: LineError[] }[]
}

const kinds: Record<
  ImportKind,
  { columns: Readonly<Record<string, ColumnType>>; schema: z.ZodType; needed: string[] }
> = {
  assets: { columns: assetColumns, schema: assetLineSchema, needed: ['id', 'kind', 'label'] },
  devices: { columns: deviceColumns, schema: deviceLineSchema, needed: ['id', 'model'] },
}

/** Reads a file without importing anything. Throws Problem `bad_request`, or `payload_too_large`. */
export async function previewImport(
  kind: ImportKind,
  file: string | Uint8Array,
  given: Mapping | undefined,
): Promise<ImportPreview> {
  const { columns: columnTypes, schema, needed } = kinds[kind]
  const table = await readTable(file)
  const columns = table.columns.filter((name) => name !== '').map((name) => listValues(name, table.lines))
  const mapping: Mapping = given ?? suggestMapping(columns, Object.keys(columnTypes))
  const isEmpty = Object.keys({ ...mapping.columns, ...mapping.templates }).length === 0
  const first = { ...table, lines: table.lines.slice(0, previewedLines) }
  const mapped = isEmpty ? { lines: [], errors: table.errors } : mapTable(first, columnTypes, mapping)
  return {
    encoding: table.encoding,
    separator: table.separator,
    lineCount: table.lines.length + table.errors.length,
    columns,
    fields: Object.entries(columnTypes).map(([name, type]) => ({
      name,
      type,
      isNeeded: needed.includes(name),
      options: listOptions(name),
    })),
    mapping,
    lines: mapped.lines.map(({ line, fields }) => {
      const errors = mapped.errors.filter((each) => each.line === line)
      const parsed = schema.safeParse(fields, { reportInput: true })
      if (!parsed.success) addIssues(errors, line, parsed.error.issues)
      if (kind === 'assets' && typeof fields.kind === 'string' && !isAssetKind(fields.kind))
        errors.push({ line, column: 'kind', message: isUnknownKind(fields.kind) })
      return { line, fields, errors }
    }),
  }
}

function listValues(name: string, lines: readonly { cells: ReadonlyMap<string, string> }[]) {
  const values = new Set<string>()
  for (const { cells } of lines) {
    const cell = cells.get(name)
    if (cell !== undefined) values.add(cell)
  }
  return { name, values: [...values].slice(0, listedValues), valueCount: values.size }
}
