import { Problem } from '../domain/problem.ts'

/** One page of a list; `next` is the cursor of the page after, or null. */
export type Page<Item> = { items: Item[]; next: string | null }

/** Which page: `limit` items after the one that `cursor` stands for. */
export type PageRequest = { limit: number; cursor?: string | undefined }

/** The key of the last item of the page before. Throws Problem `bad_request` for what is no cursor of ours. */
export function decodeCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString('utf8')
  if (key === '' || encodeCursor(key) !== cursor)
    throw new Problem('bad_request', {
      fr: 'ce curseur ne vient pas d’une liste',
      en: 'this cursor is not one of a list',
    })
  return key
}

/** The refusal of a cursor that another list gave. */
export function wrongCursor(): Problem {
  return new Problem('bad_request', {
    fr: 'ce curseur ne vient pas de cette liste',
    en: 'this cursor is not one of this list',
  })
}

export function encodeCursor(key: string): string {
  return Buffer.from(key, 'utf8').toString('base64url')
}

/** Makes a page out of up to `limit + 1` rows, read in the order of their keys. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  key: (row: Row) => string,
  convert: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(convert),
    next: rows.length > limit && last !== undefined ? encodeCursor(key(last)) : null,
  }
}
