import { neutralise } from '../../../../../domain/formula.ts'

/** As much of a file as its columns and first lines need. */
const headBytes = 65_536

/** The first whole lines of a file: enough to see what they become, without sending all of it again. */
export async function headOf(file: Blob): Promise<Blob> {
  if (file.size <= headBytes) return file
  const bytes = new Uint8Array(await file.slice(0, headBytes).arrayBuffer())
  // In UTF-16 a zero follows the line feed.
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe
  return file.slice(0, bytes.lastIndexOf(0x0a) + (isWide ? 2 : 1))
}

/** One record of a CSV text as it stands there, with the line of the file on which it ends; 1 is the first. */
type RawRecord = { line: number; text: string }

/** The records of a CSV text; a quoted cell may go over several lines. Empty lines are left out. */
export function splitRecords(file: string): RawRecord[] {
  const text = file.replace(/\r\n?/g, '\n')
  const records: RawRecord[] = []
  let isQuoted = false
  let start = 0
  let line = 1
  const take = (end: number) => {
    const record = text.slice(start, end)
    if (record.trim() !== '') records.push({ line, text: record })
  }
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '"') isQuoted = !isQuoted
    if (character !== '\n') continue
    if (!isQuoted) {
      take(i)
      start = i + 1
    }
    line++
  }
  take(text.length)
  return records
}

/**
 * The bad lines of a file under its header, as they stand there, with what is wrong in a column more: to be mended, and
 * imported again.
 */
export function toBadLines<Fault extends { line?: number }>(
  text: string,
  separator: string,
  errors: readonly Fault[],
  tell: (error: Fault) => string,
  heading: string,
): string {
  const [header, ...records] = splitRecords(text)
  const byLine = Map.groupBy(errors, (error) => error.line)
  const bad = records.flatMap((record) => {
    const found = byLine.get(record.line)
    return found === undefined ? [] : [`${record.text}${separator}${quote(found.map(tell).join(' ; '))}`]
  })
  return [`${header?.text ?? ''}${separator}${quote(heading)}`, ...bad, ''].join('\r\n')
}

function quote(text: string): string {
  return `"${neutralise(text).replaceAll('"', '""')}"`
}
