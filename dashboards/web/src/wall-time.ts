/** A time as a field for date and time holds it, on the reader's wall clock, to the minute. */
export function toField(time: number): string {
  return new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** What such a field holds, as UTC epoch milliseconds; null for nothing. */
export function fromField(text: string): number | null {
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : time
}
