import { neutralise } from '../../../domain/formula.ts'

/** Hands a file to the reader. */
export function download(name: string, content: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  // A name is one path segment, without what file systems refuse.
  link.download = name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-').slice(0, 120)
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** A table as CSV (RFC 4180) that spreadsheets take for what it is, and no text of which they take for a formula. */
export function toCsv(rows: readonly (readonly (string | number | null | undefined)[])[]): Blob {
  const text = rows.map((row) => row.map(toCell).join(',')).join('\r\n')
  return new Blob(['\uFEFF', text, '\r\n'], { type: 'text/csv;charset=utf-8' })
}

function toCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? neutralise(value) : String(value)
  return /[",;\r\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
