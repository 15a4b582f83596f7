import { type Window, windowAt } from '../domain/window.ts'
import { allHours, dayMs, hourMs, hoursPerDay } from './embedded-time.ts'

/** Some part of a day; `from` and `to` are UTC epoch ms. */
export type DaySpan = { day: number; from: number; to: number }

/** What of [from, to) lies in a day. */
export function spanOf(day: number, from: number, to: number): DaySpan {
  return { day, from: Math.max(from, day * dayMs), to: Math.min(to, (day + 1) * dayMs) }
}

/** The marks of the hours of a day that lie in its span whole. */
export function wholeHours({ day, from, to }: DaySpan): number {
  const begin = Math.ceil(from / hourMs) - day * hoursPerDay
  const end = Math.floor(to / hourMs) - day * hoursPerDay
  return begin >= end ? 0 : maskOf(begin, end)
}

/** The marks of the hours of a day of which any part lies in its span. */
export function touchedHours({ day, from, to }: DaySpan): number {
  if (from >= to) return 0
  return maskOf(Math.floor(from / hourMs) - day * hoursPerDay, Math.ceil(to / hourMs) - day * hoursPerDay)
}

function maskOf(begin: number, end: number): number {
  return ((allHours >> begin) << begin) & (2 ** end - 1)
}

/** The marks of the hours of a day in whose middle no window begins. */
export function alignedHours(window: Window, day: number): number {
  if (window.kind === 'fixed') return window.ms % hourMs === 0 ? allHours : 0
  let hours = allHours
  for (let time = day * dayMs; time < (day + 1) * dayMs; ) {
    const { end } = windowAt(window, time)
    if (end % hourMs !== 0 && end < (day + 1) * dayMs) hours &= ~(1 << (Math.floor(end / hourMs) - day * hoursPerDay))
    time = end
  }
  return hours
}
