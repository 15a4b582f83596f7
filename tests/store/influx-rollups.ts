import type { DatabaseSync } from 'node:sqlite'
import type { InfluxStoreOptions } from '../../store/influx.ts'

/** For a store whose rollups are told at once, and are relied on from the next round on; every hour is over. */
export function withRollups(database: DatabaseSync): InfluxStoreOptions {
  const now = () => Date.parse('2100-01-01T00:00Z')
  const onTrouble = (text: string) => {
    throw new Error(text)
  }
  return { database, rollups: { settleMs: 0, restMs: 0, now, onTrouble } }
}
