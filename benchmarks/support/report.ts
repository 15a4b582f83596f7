import { cpus, totalmem } from 'node:os'

/** A line of a benchmark's table: what was measured, and its figures. */
export type Row = Record<string, string | number | null>

/** The middle value; of an even number of them the lower of the two in the middle. Null of none. */
export function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? null
}

/** The medians of what the same benchmark found again and again, figure by figure. */
export function medians<Figures extends Record<string, number>>(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]!) as (keyof Figures)[]
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name]!))])) as Figures
}

/** A figure with as many digits as mean something. */
export function round(value: number, digits = 3): number {
  return Math.abs(value) >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits))
}

/**
 * Prints what a benchmark found: with `--json` one document, else a table as docs/benchmarks.md holds it. `runs` are the
 * single runs behind the medians of `rows`.
 */
export function report(benchmark: { name: string; rows: readonly Row[]; notes?: readonly string[]; runs?: unknown }) {
  const command = `npm run bench -- ${[benchmark.name, ...process.argv.slice(2).filter((each) => each !== '--json')].join(' ')}`
  const { name, rows, notes = [], runs } = benchmark
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.version}`
  const date = new Date().toISOString().slice(0, 16).replace('T', ' ')
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ name, command, machine, date, rows, notes, runs }, null, 2))
    return
  }
  console.log(`\`${command}\`, ${date} UTC, ${machine}\n`)
  console.log(formatTable(rows))
  for (const note of notes) console.log(`\n${note}`)
}

/** A table in Markdown, its columns as wide as they must be. */
export function formatTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const texts = rows.map((row) => names.map((name) => formatCell(row[name] ?? null)))
  const widths = names.map((name, i) => Math.max(name.length, ...texts.map((cells) => cells[i]!.length)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [line(names), line(widths.map((width) => '-'.repeat(width))), ...texts.map(line)].join('\n')
}

function formatCell(value: string | number | null): string {
  return value === null ? '' : typeof value === 'number' ? value.toLocaleString('en-GB') : value
}
