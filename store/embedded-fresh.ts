import type { DatabaseSync } from 'node:sqlite'
import { hourMs } from './embedded-time.ts'

/*
 * Fresh readings are rows of SQLite, one for what an uplink tells of a device's channel and a time, clustered by the hour
 * first: what is written now lies together at the end of the tree, whatever the number of channels. A channel, which is
 * known by its `first` series, is read with one seek for each hour that holds any, which `fresh_days` tells. `hour` counts
 * from the Unix epoch, `at` is in milliseconds from its beginning; `data` is told in embedded-row.ts.
 */
export const freshSchema = `
  CREATE TABLE IF NOT EXISTS fresh (
    hour INTEGER NOT NULL,
    first INTEGER NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (hour, first, at, seq)
  ) WITHOUT ROWID, STRICT;
`

const time = `hour * ${hourMs} + at`
const firstOf = `
  (SELECT min(id) FROM series AS other WHERE other.device_id = stored.device_id AND other.channel = stored.channel)`

/**
 * The statements that read rows and series. The hours of one channel and day are given as a list, which SQLite seeks one
 * by one, in order. The days that hold anything at all are found by a seek each as well, however far apart they are.
 */
export const readingStatements = {
  rows: `
    SELECT ${time}, seq, data FROM fresh
    WHERE first = ? AND hour IN (SELECT value FROM json_each(?)) AND ${time} >= ? AND ${time} < ?
    ORDER BY hour, at, seq`,
  daysUp: `
    WITH RECURSIVE days (day) AS (
      SELECT min(day) FROM fresh_days WHERE day >= ?2
      UNION ALL SELECT (SELECT min(day) FROM fresh_days WHERE day > days.day) FROM days WHERE days.day < ?3
    )
    SELECT day, hours FROM days CROSS JOIN fresh_days USING (day) WHERE first = ?1 AND day <= ?3`,
  dayDown: `
    WITH RECURSIVE days (day) AS (
      SELECT max(day) FROM fresh_days WHERE day <= ?2
      UNION ALL SELECT (SELECT max(day) FROM fresh_days WHERE day < days.day) FROM days WHERE days.day IS NOT NULL
    )
    SELECT day, hours FROM days CROSS JOIN fresh_days USING (day) WHERE first = ?1 LIMIT 1`,
  nextDay: 'SELECT min(day) AS day FROM fresh_days WHERE day >= ?',
  channelsOfDay: 'SELECT first FROM fresh_days WHERE day = ? ORDER BY first',
  extentOfDays: 'SELECT (SELECT min(day) FROM fresh_days), (SELECT max(day) FROM fresh_days)',
  marksOfDay: 'SELECT hours FROM fresh_days WHERE day = ? AND first = ?',
  marksOfChannels: `
    SELECT first, hours FROM json_each(?) AS wanted
    CROSS JOIN fresh_days ON first = wanted.value WHERE day = ?`,
  seriesOfDevices: `
    SELECT stored.id, ${firstOf}, stored.quantity, stored.device_id, stored.channel FROM json_each(?1) AS wanted
    CROSS JOIN series AS stored ON stored.device_id = wanted.value
    WHERE (?2 IS NULL OR stored.quantity = ?2) AND (?3 IS NULL OR stored.channel = ?3)`,
  membersOfDevices: `
    SELECT stored.quantity, json_group_array(stored.id), json_group_array(${firstOf}) FROM json_each(?1) AS wanted
    CROSS JOIN series AS stored ON stored.device_id = wanted.value
    WHERE (?2 IS NULL OR stored.quantity = ?2) AND (?3 IS NULL OR stored.channel = ?3)
    GROUP BY stored.quantity`,
  seriesOfName: `SELECT id, ${firstOf} FROM series AS stored WHERE device_id = ? AND channel = ? AND quantity = ?`,
  nameOfSeries: 'SELECT device_id, channel, quantity FROM series WHERE id = ?',
  seriesOfChannel: 'SELECT id, quantity FROM series WHERE device_id = ? AND channel = ?',
} as const

type Ask = (...params: (string | number | null)[]) => unknown[]

/** Prepares them to be asked; no statement outlives a call. */
export function prepareReading(database: DatabaseSync): Record<keyof typeof readingStatements, Ask> {
  const asks = {} as Record<keyof typeof readingStatements, Ask>
  for (const [name, sql] of Object.entries(readingStatements)) {
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    asks[name as keyof typeof readingStatements] = (...params) => statement.all(...params)
  }
  return asks
}

/** What a file holds: `none` before its writer made the tables, `old` where it is of an older Parvis. */
export function findTables(database: DatabaseSync): 'none' | 'old' | 'all' {
  const has = (name: string) =>
    database.prepare('SELECT 1 FROM main.sqlite_master WHERE name = ?').get(name) !== undefined
  if (has('rollup_ends')) return 'all'
  return has('readings') ? 'old' : 'none'
}
