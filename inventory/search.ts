import { type RawBuilder, type SqlBool, sql } from 'kysely'

/**
 * A text as searches compare it: lower case, accents folded, ligatures told apart, so that "Éclairage" is found by
 * "eclairage" in any database.
 */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll('œ', 'oe')
    .replaceAll('æ', 'ae')
    .replaceAll('ß', 'ss')
    .replaceAll('’', "'")
}

/** The condition that a column of folded text contains a folded word. */
export function contains(column: string, word: string): RawBuilder<SqlBool> {
  const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`
  return sql<SqlBool>`${sql.ref(column)} like ${pattern} escape '\\'`
}

/** The words of a search, folded; at most eight of them count. */
export function searchWords(q: string): string[] {
  return foldText(q)
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 8)
}
