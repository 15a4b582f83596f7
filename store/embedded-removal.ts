import type { DatabaseSync } from 'node:sqlite'
import { readingStatements } from './embedded-reader.ts'
import { allHours, dayMs, dayOf, hourMs, hourOf, hoursPerDay, listHours } from './embedded-time.ts'
import type { SeriesRange } from './reading-store.ts'

// Rows that one step takes away at most; but a series with more of them in one hour goes in one.
const rowsPerStep = 5000

/** Removal in small steps: `start` gives a generator that does one each time it is resumed. */
export function openRemoval(database: DatabaseSync) {
  const nextDay = database.prepare(readingStatements.nextDay)
  const daysUp = database.prepare(readingStatements.daysUp)
  const seriesOfDevice = database.prepare('SELECT id FROM series WHERE device_id = ?')
  const seriesAhead = database.prepare(
    'SELECT series FROM readings WHERE hour = ? AND series >= ? ORDER BY series, at LIMIT 1 OFFSET ?',
  )
  const removePart = database.prepare(
    'DELETE FROM readings WHERE hour = ? AND series >= ? AND series < ? AND at >= ? AND at < ?',
  )
  const removeHours = database.prepare('DELETE FROM readings WHERE hour >= ? AND hour < ?')
  const removeOfSeries = database.prepare(`
    DELETE FROM readings WHERE series = ? AND hour IN (SELECT value FROM json_each(?))
      AND hour * ${hourMs} + at >= ? AND hour * ${hourMs} + at < ?`)
  const unmarkDay = database.prepare('DELETE FROM series_days WHERE day = ?')
  const unmarkSeries = database.prepare('DELETE FROM series_days WHERE day = ? AND series = ?')

  function start({ devices, from, to }: SeriesRange): Generator<void> {
    if (devices === undefined) return removeAll(from, to)
    return removeOf([...new Set(devices)], from, to)
  }

  function* removeAll(from: number, to: number): Generator<void> {
    if (from >= to) return
    for (let day = dayOf(from); ; day++) {
      const found = (nextDay.get(day) as { day: number | null }).day
      if (found === null || found > dayOf(to - 1)) return
      day = found
      const last = Math.min(hourOf(to - 1), (day + 1) * hoursPerDay - 1)
      for (let hour = Math.max(hourOf(from), day * hoursPerDay); hour <= last; hour++) yield* removeHour(hour, from, to)
      if (from > day * dayMs || to < (day + 1) * dayMs) continue
      // In one step: what was written to the day meanwhile goes with its marks.
      removeHours.run(day * hoursPerDay, (day + 1) * hoursPerDay)
      unmarkDay.run(day)
      yield
    }
  }

  function* removeHour(hour: number, from: number, to: number): Generator<void> {
    for (let series: number | undefined = 0; series !== undefined; ) {
      const ahead = seriesAhead.get(hour, series, rowsPerStep) as { series: number } | undefined
      const end: number | undefined = ahead && Math.max(ahead.series, series + 1)
      removePart.run(hour, series, end ?? Number.MAX_SAFE_INTEGER, from - hour * hourMs, to - hour * hourMs)
      yield
      series = end
    }
  }

  function* removeOf(devices: readonly string[], from: number, to: number): Generator<void> {
    if (from >= to) return
    for (const device of devices)
      for (const { id } of seriesOfDevice.all(device) as { id: number }[])
        for (const { day } of daysUp.all(id, dayOf(from), dayOf(to - 1)) as { day: number }[]) {
          // Of every hour, not of those marked when the removal began: others may have been since.
          removeOfSeries.run(id, listHours(day, allHours), from, to)
          if (from <= day * dayMs && to >= (day + 1) * dayMs) unmarkSeries.run(day, id)
          yield
        }
  }

  return { start }
}
