/*
 * How the embedded store counts time: days and hours since the Unix epoch, in UTC. Which hours of a day hold readings is
 * a number whose bit 0 stands for the first hour, the marks of the day.
 */
export const hourMs = 3_600_000
export const hoursPerDay = 24
export const dayMs = hoursPerDay * hourMs
/** The marks of a day that holds readings of every hour. */
export const allHours = 2 ** hoursPerDay - 1

/** The times that the store takes, UTC epoch ms: RFC 3339 tells the years 0000 to 9999. */
export const minTimeMs = -62_167_219_200_000
export const maxTimeMs = 253_402_300_799_999

/** The day of a time (UTC epoch ms). */
export function dayOf(time: number): number {
  return Math.floor(time / dayMs)
}

/** The hour of a time (UTC epoch ms). */
export function hourOf(time: number): number {
  return Math.floor(time / hourMs)
}

/** The hours that a day's marks tell, as SQLite's json_each reads them. */
export function listHours(day: number, marks: number): string {
  const hours: number[] = []
  for (let i = 0; i < hoursPerDay; i++) if ((marks >> i) & 1) hours.push(day * hoursPerDay + i)
  return `[${hours.join()}]`
}
