import { userInfo } from 'node:os'
import type { ParseArgsOptionsConfig } from 'node:util'
import type { Config } from '../config.ts'
import type { Label } from '../domain/quantity.ts'
import { parseTime } from '../domain/time.ts'
import { type Access, type Actor, openAccess } from '../store/access.ts'
import { openRegistry, type Registry } from '../store/registry.ts'

/** The values of a command's options, as node:util gives them. */
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>

/** What a command works with. `language` is that of `PARVIS_LANG`. */
export type Context = {
  config: Config
  language: 'fr' | 'en'
  /** Prints the outcome: `document` alone as JSON with `--json`, `text` otherwise. */
  print(document: unknown, text: string): void
  /** Makes the exit code 1, although there was an outcome to print. */
  fail(): void
  /** Tells how far it is, on stderr; nothing with `--json`. */
  progress(text: string): void
  /** The registry, opened at the first call and closed when the command is over, to who runs the command. */
  access(): Promise<Access>
}

/** One verb of the command line. */
export type Command = {
  /** What follows `parvis`, as the help shows it. */
  usage: string
  summary: Label
  /** What each option is; the names are those of `options`. */
  optionTexts?: Readonly<Record<string, Label>>
  options: ParseArgsOptionsConfig
  /** How many words it takes that are no options: exactly this many. */
  words: number
  /** Throws Problem for a refusal, UsageError for wrong usage. */
  run(context: Context, words: readonly string[], values: OptionValues): Promise<void>
}

/** The command was not used as it wants to be: exit code 2. `told` says how, to people. */
export class UsageError extends Error {
  readonly told: Label

  constructor(told: string | Label) {
    super(typeof told === 'string' ? told : told.en)
    this.told = typeof told === 'string' ? { fr: told, en: told } : told
  }
}

/** A value that an option does not take; `takes` are those that it does, or one of them as an example. */
export function badOption(name: string, value: unknown, takes: readonly string[] | string): UsageError {
  const isChoice = typeof takes !== 'string'
  const list = isChoice ? takes.join(', ') : takes
  return new UsageError({
    fr: `--${name} ne prend pas "${value}", mais ${isChoice ? 'une de ces valeurs' : 'par exemple'} : ${list}`,
    en: `--${name} does not take "${value}", but ${isChoice ? 'one of these' : 'for example'}: ${list}`,
  })
}

/** An option, without which the command cannot do anything. */
export function missingOption(name: string): UsageError {
  return new UsageError({ fr: `il manque --${name}`, en: `--${name} is missing` })
}

/** Why a command does nothing while the platform writes what it wants to lay down anew. */
export const isRunning: Label = {
  fr: 'la plateforme écrit les relevés : arrêtez-la d’abord',
  en: 'the platform is writing the readings: stop it first',
}

/** Opens what a command asks for, once; `close` ends it. */
export function openOnce(config: Config, reason: string | null): { access(): Promise<Access>; close(): Promise<void> } {
  let opened: Promise<Registry> | undefined
  return {
    async access() {
      opened ??= openRegistry({ dataDir: config.PARVIS_DATA_DIR, database: config.PARVIS_REGISTRY })
      return openAccess(await opened, commandActor(), { reason })
    },
    async close() {
      await (await opened)?.destroy()
    },
  }
}

/** Who runs the command: the account of the machine. */
export function commandActor(): Actor {
  try {
    return { kind: 'command', id: userInfo().username, name: null }
  } catch {
    // An account without a name, as containers have.
    return { kind: 'command', id: String(process.getuid?.() ?? 'unknown'), name: null }
  }
}

/** The text of an option, or undefined when it was not given. */
export function textOption(values: OptionValues, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** The text of an option that has to be given. Throws UsageError. */
export function neededOption(values: OptionValues, name: string): string {
  const value = textOption(values, name)
  if (value === undefined) throw missingOption(name)
  return value
}

/** A time of an option, RFC 3339 with its offset, as UTC epoch milliseconds. Throws UsageError. */
export function timeOption(values: OptionValues, name: string): number | undefined {
  const text = textOption(values, name)
  if (text === undefined) return undefined
  const time = parseTime(text)
  if (time === null) throw badOption(name, text, '2026-03-01T08:00:00Z')
  return time
}

/** A number of an option. Throws UsageError. */
export function numberOption(values: OptionValues, name: string): number | undefined {
  const text = textOption(values, name)
  if (text === undefined) return undefined
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) throw badOption(name, text, '12.5')
  return number
}

/** The page that a list command was asked for. Throws UsageError. */
export function pageOptions(values: OptionValues): { limit: number; cursor: string | undefined } {
  const limit = numberOption(values, 'limit') ?? 500
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw badOption('limit', limit, '1 … 500')
  return { limit, cursor: textOption(values, 'cursor') }
}

export const pageOptionConfig: ParseArgsOptionsConfig = { limit: { type: 'string' }, cursor: { type: 'string' } }

export const pageOptionTexts: Readonly<Record<string, Label>> = {
  limit: { fr: 'nombre de lignes, 1 à 500 (500)', en: 'number of lines, 1 to 500 (500)' },
  cursor: { fr: 'le "next" de la page précédente', en: 'the "next" of the page before' },
}

/** Lines of columns that stand below each other. */
export function formatColumns(rows: readonly (readonly (string | number | null)[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (cell === null ? '-' : clean(String(cell)))))
  const widths: number[] = []
  for (const row of texts) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return texts
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

// What stands in a label must not steer the terminal that shows it.
function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ')
}
