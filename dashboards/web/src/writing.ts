import type { Language } from './language.ts'

/**
 * The words that go with a count, which comes as it is written. French says one of none and of one ("0 relevé"), English
 * of one alone (CLDR's plural rules).
 */
export const plural: Record<Language, (count: string, one: string, many: string) => string> = {
  fr: (count, one, many) => (count === '0' || count === '1' ? one : many),
  en: (count, one, many) => (count === '1' ? one : many),
}

// A narrow space where no line ends.
const space = '\u202f'

/** French as the Imprimerie nationale sets it: no line begins with a mark that a space precedes, none ends with «. */
export function setFrench(text: string): string {
  return text.replace(/ (?=[:;?!»](?:[\s,.)]|$))|(?<=\d) (?=%)|(?<=«) /g, space)
}

/** A table of French texts, set as French is; what a text is filled with is set along with it. */
export function setFrenchTable<Table>(table: Table): Table {
  const set = (value: unknown): unknown => {
    if (typeof value === 'string') return setFrench(value)
    if (typeof value === 'function') return (...told: unknown[]) => set(value(...told))
    if (Array.isArray(value)) return value.map(set)
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, set(each)]))
    return value
  }
  return set(table) as Table
}
