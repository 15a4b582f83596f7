import type { Mapping, Preview } from './import-run.svelte.ts'

/** Before the name of an attribute, as fields name it. */
export const attributePrefix = 'attributes.'

/** The field that a column becomes; empty when it is left out. */
export function fieldOf(mapping: Mapping, column: string): string {
  return Object.entries(mapping.columns).find(([, each]) => each === column)?.[0] ?? ''
}

/** A mapping in which a column becomes a field, and nothing else does; an empty field leaves the column out. */
export function mapColumn(mapping: Mapping, column: string, field: string): Mapping {
  const before = fieldOf(mapping, column)
  const columns = Object.fromEntries(
    Object.entries(mapping.columns).filter(([name, each]) => each !== column && name !== field),
  )
  const values = Object.fromEntries(
    Object.entries(mapping.values).filter(([name]) => name !== before && name !== field),
  )
  if (field !== '') columns[field] = column
  return { ...mapping, columns, values }
}

/** A mapping in which a value of a field's column stands for another one; an empty one leaves it as it is. */
export function mapValue(mapping: Mapping, field: string, value: string, meant: string): Mapping {
  const { [value]: _, ...rest } = mapping.values[field] ?? {}
  const replaced = meant === '' ? rest : { ...rest, [value]: meant }
  const { [field]: __, ...others } = mapping.values
  return { ...mapping, values: Object.keys(replaced).length === 0 ? others : { ...others, [field]: replaced } }
}

/** What a file does not say, by field: a value for all lines, or a text with `{Column}` in it. */
export function listFixed({ defaults, templates }: Mapping): { field: string; text: string }[] {
  return Object.entries({ ...defaults, ...templates }).map(([field, text]) => ({ field, text }))
}

/** A mapping with these texts in the place of those before. */
export function withFixed(mapping: Mapping, fixed: readonly { field: string; text: string }[]): Mapping {
  const named = fixed.filter(({ field, text }) => field !== '' && text.trim() !== '')
  const pick = (isTemplate: boolean) =>
    Object.fromEntries(
      named.filter(({ text }) => /\{[^{}]+\}/.test(text) === isTemplate).map(({ field, text }) => [field, text]),
    )
  return { ...mapping, defaults: pick(false), templates: pick(true) }
}

/** The fields that are needed and come from nowhere yet. */
export function findMissing({ fields, mapping }: Pick<Preview, 'fields' | 'mapping'>): string[] {
  const given = { ...mapping.columns, ...mapping.defaults, ...mapping.templates }
  return fields.filter(({ name, isNeeded }) => isNeeded && !(name in given)).map(({ name }) => name)
}
