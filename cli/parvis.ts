import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError, loadConfig } from '../config.ts'
import { Problem, problemDocument } from '../domain/problem.ts'
import type { Label } from '../domain/quantity.ts'
import { reasonSchema } from '../domain/reason.ts'
import { parseInput } from '../inventory/input.ts'
import { type Command, openOnce, UsageError } from './command.ts'
import { commands } from './commands.ts'

/*
 * The command line. Exit code 0: done. 1: refused, or it failed. 2: not used as it wants to be.
 */

const texts = {
  fr: {
    usage: 'usage : parvis',
    verbs: 'Commandes :',
    options: 'Options :',
    reason: 'pourquoi, gardé avec chaque changement',
    json: 'un seul document JSON en sortie',
    help: 'cette aide',
    more: 'parvis <commande> --help en dit plus. PARVIS_DATA_DIR dit où sont les données.',
    unknown: 'commande inconnue',
    wrong: 'mauvais usage',
    words: 'il y a un mot de trop ou de moins',
    failed: 'la commande a échoué',
    nothing: 'rien à montrer',
    fresh: 'nouveau dossier de données, selon PARVIS_DATA_DIR :',
    silent: 'rien ne répond à cette adresse ; le service est-il en marche ?',
  },
  en: {
    usage: 'usage: parvis',
    verbs: 'Commands:',
    options: 'Options:',
    reason: 'why, kept with every change',
    json: 'one JSON document as output',
    help: 'this help',
    more: 'parvis <command> --help says more. PARVIS_DATA_DIR says where the data are.',
    unknown: 'unknown command',
    wrong: 'wrong usage',
    words: 'there is a word too many or too few',
    failed: 'the command failed',
    nothing: 'nothing to show',
    fresh: 'a new data folder, as PARVIS_DATA_DIR says:',
    silent: 'nothing answers at this address; is the service running?',
  },
} as const

type Language = keyof typeof texts

/** Runs one command; answers the exit code. */
async function run(args: readonly string[]): Promise<number> {
  let language: Language = process.env.PARVIS_LANG === 'en' ? 'en' : 'fr'
  const json = args.includes('--json')
  let close = async () => {}
  const found = findCommand(args)
  try {
    if (found === null) {
      const wantsHelp = args.length === 0 || args[0] === 'help' || args.includes('--help') || args.includes('-h')
      if (!wantsHelp)
        throw new UsageError(`${texts[language].unknown}: ${args.filter((each) => !each.startsWith('-')).join(' ')}`)
      process.stdout.write(describeAll(language))
      return args.length === 0 ? 2 : 0
    }
    const { command, rest } = found
    const { values, positionals } = parseCommand(command, rest)
    if (values.help === true) {
      process.stdout.write(describe(command, language))
      return 0
    }
    if (positionals.length !== command.words) throw new UsageError(texts[language].words)
    const config = loadConfig()
    language = config.PARVIS_LANG
    // Who writes its name wrongly would take an empty city for the own one.
    if (!json && !existsSync(config.PARVIS_DATA_DIR))
      process.stderr.write(`${texts[language].fresh} ${config.PARVIS_DATA_DIR}\n`)
    const opened = openOnce(config, readReason(values.reason))
    close = opened.close
    let code = 0
    await command.run(
      {
        config,
        language,
        print: (document, text) => {
          if (json) process.stdout.write(`${JSON.stringify(document)}\n`)
          else if (text === '') process.stderr.write(`${texts[language].nothing}\n`)
          else process.stdout.write(`${text}\n`)
        },
        fail: () => {
          code = 1
        },
        progress: (text) => void (json || process.stderr.write(`${text}\n`)),
        access: opened.access,
      },
      positionals,
      values,
    )
    return code
  } catch (error) {
    return tell(error, json, language, found?.command)
  } finally {
    await close()
  }
}

function readReason(value: string | boolean | undefined): string | null {
  return typeof value === 'string' ? parseInput(reasonSchema, value) : null
}

/** The verb that the first words name: of two words if there is one, else of one. */
function findCommand(args: readonly string[]): { command: Command; rest: string[] } | null {
  for (const length of [2, 1]) {
    const command = commands.get(args.slice(0, length).join(' '))
    if (command !== undefined) return { command, rest: args.slice(length) }
  }
  return null
}

function parseCommand(command: Command, args: string[]) {
  try {
    return parseArgs({
      args: joinNegativeNumbers(command, args),
      options: {
        ...command.options,
        reason: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
      strict: true,
    }) as { values: Record<string, string | boolean | undefined>; positionals: string[] }
  } catch (error) {
    throw new UsageError(explainOptions(error as Error & { code?: string }))
  }
}

// What node:util says of options, it says in English alone.
function explainOptions({ code, message }: Error & { code?: string }): string | Label {
  const option = /'(--?[^\s'=]+)/.exec(message)?.[1]
  if (option === undefined) return message
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION')
    return { fr: `option inconnue : ${option}`, en: `unknown option: ${option}` }
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return message
  return /does not take/.test(message)
    ? { fr: `${option} ne prend pas de valeur`, en: `${option} takes no value` }
    : { fr: `il manque la valeur de ${option}`, en: `the value of ${option} is missing` }
}

/** `--lon -1.5` is plain to people, but not to node:util, which wants `--lon=-1.5`. */
function joinNegativeNumbers(command: Command, args: readonly string[]): string[] {
  const joined: string[] = []
  for (const each of args) {
    const before = joined.at(-1) ?? ''
    const takesValue = before.startsWith('--') && command.options[before.slice(2)]?.type === 'string'
    if (takesValue && /^-[\d.]/.test(each)) joined[joined.length - 1] = `${before}=${each}`
    else joined.push(each)
  }
  return joined
}

/** Tells what went wrong on stderr, as a problem document with `--json`; answers the exit code. */
function tell(error: unknown, json: boolean, language: Language, command: Command | undefined): number {
  const isUsage = error instanceof UsageError || error instanceof ConfigError
  const problem =
    error instanceof Problem ? error : new Problem(isUsage ? 'bad_request' : 'internal', explain(error, language))
  const document = problemDocument(problem, language)
  if (json) process.stderr.write(`${JSON.stringify(document)}\n`)
  else {
    const title = isUsage
      ? texts[language].wrong
      : problem.code === 'internal'
        ? texts[language].failed
        : document.title
    const colon = language === 'fr' ? ' : ' : ': '
    process.stderr.write(`${title}${document.detail === undefined ? '' : `${colon}${document.detail}`}\n`)
    for (const { path, message } of document.errors ?? []) process.stderr.write(`  ${path}${colon}${message}\n`)
  }
  if (!json && error instanceof UsageError && command !== undefined)
    process.stderr.write(`${texts[language].usage} ${command.usage}\n`)
  return isUsage ? 2 : 1
}

function explain(error: unknown, language: Language): string {
  if (error instanceof UsageError) return error.told[language]
  if (!(error instanceof Error)) return String(error)
  const { code, message } = (error.cause ?? {}) as Partial<Error> & { code?: string }
  if (code === 'ECONNREFUSED') return `${texts[language].silent} (${message})`
  return message === undefined ? error.message : `${error.message}: ${message}`
}

function describe(command: Command, language: Language): string {
  const lines = [
    `${texts[language].usage} ${command.usage}`,
    '',
    command.summary[language],
    '',
    texts[language].options,
  ]
  for (const [name, { type }] of Object.entries(command.options))
    lines.push(formatOption(`--${name}${type === 'string' ? ' …' : ''}`, command.optionTexts?.[name]?.[language] ?? ''))
  lines.push(
    formatOption('--reason …', texts[language].reason),
    formatOption('--json', texts[language].json),
    formatOption('--help', texts[language].help),
  )
  return `${lines.join('\n')}\n`
}

function describeAll(language: Language): string {
  const width = Math.max(...[...commands.keys()].map((name) => name.length))
  const lines = [`${texts[language].usage} <…>`, '', texts[language].verbs]
  for (const [name, command] of commands) lines.push(`  ${name.padEnd(width)}  ${command.summary[language]}`)
  return `${[...lines, '', texts[language].more].join('\n')}\n`
}

function formatOption(option: string, text: string): string {
  return `  ${option.padEnd(24)}${text}`.trimEnd()
}

// `parvis export readings | head` closes the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await run(process.argv.slice(2))
