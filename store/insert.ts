import type { DatabaseSync, SQLInputValue } from 'node:sqlite'

// A statement costs as much as what it does; so many rows in one take half the time that they take one by one.
const rowsAtOnce = 16

/**
 * Prepares to insert rows, some of them in one statement. `columns` are those of each row; `onConflict` says what becomes
 * of rows that are there already.
 */
export function prepareInsert(database: DatabaseSync, table: string, columns: readonly string[], onConflict: string) {
  const row = `(${columns.map(() => '?').join()})`
  const prepare = (rows: number) =>
    database.prepare(
      `INSERT INTO ${table} (${columns.join()}) VALUES ${Array(rows).fill(row).join()} ON CONFLICT ${onConflict}`,
    )
  const single = prepare(1)
  const many = prepare(rowsAtOnce)

  /**
   * Inserts rows in their order; `add` puts the values of one behind those of others. Answers how many were inserted or
   * changed; `onFewer` is told the bounds of rows of which not all were.
   */
  return function insert<Each>(
    list: readonly Each[],
    add: (each: Each, values: SQLInputValue[]) => void,
    onFewer: (from: number, to: number) => void = () => {},
  ): number {
    let changes = 0
    for (let from = 0; from < list.length; ) {
      const isMany = list.length - from >= rowsAtOnce
      const to = from + (isMany ? rowsAtOnce : 1)
      const values: SQLInputValue[] = []
      for (let i = from; i < to; i++) add(list[i]!, values)
      const changed = Number((isMany ? many : single).run(...values).changes)
      if (changed < to - from) onFewer(from, to)
      changes += changed
      from = to
    }
    return changes
  }
}
