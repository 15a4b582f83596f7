import type { QuantityDefinition } from '../../../domain/quantity.ts'
import type { Language } from './language.ts'

/** How a language writes things, for Intl. */
export type Writing = { language: Language; locale: string }

// Between a number and its unit, where a line must not break.
const space = '\u00a0'

// UCUM codes that Intl writes by itself, as each language does.
const intlUnits: Readonly<Record<string, string>> = { '%': 'percent', Cel: 'celsius' }

// The others, as people write them; what is not here is written like its code.
const symbols: Readonly<Record<string, string>> = {
  '1': '',
  deg: '°',
  m3: 'm³',
  '[ppm]': 'ppm',
  'ug/m3': 'µg/m³',
}

// From ten thousand on, people read the larger unit.
const largerUnits: Readonly<Record<string, string>> = { W: 'kW', Wh: 'kWh', VA: 'kVA', var: 'kvar' }
const largerFrom = 10_000

const formatters = new Map<string, Intl.NumberFormat>()

/** A number as a language writes it; formatters are kept, since making one is slow. */
export function formatNumber(value: number, { locale }: Writing, options: Intl.NumberFormatOptions = {}): string {
  const key = `${locale} ${JSON.stringify(options)}`
  let formatter = formatters.get(key)
  if (formatter === undefined) {
    formatter = new Intl.NumberFormat(locale, options)
    formatters.set(key, formatter)
  }
  // Intl writes the hyphen of keyboards; the minus sign is as wide as a figure, and is read as one.
  return formatter.format(value).replace(/^-/, '−')
}

/** A value with its unit; a state by its label. A quantity that is not in the catalogue is a bare number. */
export function formatValue(value: number, quantity: QuantityDefinition | undefined, writing: Writing): string {
  if (quantity === undefined) return formatNumber(value, writing)
  const state = quantity.states?.find((each) => each.value === value)
  if (state !== undefined) return state.label[writing.language]
  const unit = quantity.unit
  const decimals = { maximumFractionDigits: quantity.decimals }
  const intlUnit = intlUnits[unit]
  if (intlUnit !== undefined)
    return formatNumber(value, writing, { ...decimals, style: 'unit', unit: intlUnit, unitDisplay: 'short' })
  const larger = largerUnits[unit]
  if (larger !== undefined && Math.abs(value) >= largerFrom)
    return `${formatNumber(value / 1000, writing, { maximumFractionDigits: 1 })}${space}${larger}`
  const symbol = symbols[unit] ?? unit
  return `${formatNumber(value, writing, decimals)}${symbol === '' || symbol === '°' ? symbol : space + symbol}`
}

/** The name of a quantity, or the word that the platform has for it. */
export function formatQuantity(name: string, quantity: QuantityDefinition | undefined, { language }: Writing): string {
  return quantity?.label[language] ?? name
}

/** Date and time to the second, on the reader's wall clock. */
export function formatDateTime(time: number, { locale }: Writing): string {
  return dateFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(time)
}

export function formatDate(time: number, { locale }: Writing): string {
  return dateFormat(locale, { dateStyle: 'medium' }).format(time)
}

/** A day as people say it: "mercredi 25 novembre". */
export function formatDay(time: number, { locale }: Writing): string {
  return dateFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' }).format(time)
}

/** Day and time in full words, so that no order of day and month is to be guessed. */
export function formatMoment(time: number, { locale }: Writing, withClock = true): string {
  return dateFormat(locale, { dateStyle: 'full', ...(withClock ? { timeStyle: 'short' } : {}) }).format(time)
}

/** The time of day, `14:05:09` or `14:05`. */
export function formatClock(time: number, { locale }: Writing, withSeconds = true): string {
  return dateFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    ...(withSeconds ? { second: '2-digit' } : {}),
  }).format(time)
}

const steps: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** How long ago, in the largest unit that fits; a future time is now, since clocks differ. */
export function formatAgo(time: number, now: number, { locale }: Writing): string {
  const seconds = Math.max(0, Math.round((now - time) / 1000))
  const [unit, length] = steps.find(([, each]) => seconds >= each) ?? ['second', 1]
  return relativeFormat(locale).format(-Math.floor(seconds / length), unit)
}

/** A length of time in seconds, in full units of the largest one that fits: "1 heure", "15 minutes". */
export function formatLength(seconds: number, writing: Writing): string {
  const [unit, length] = steps.find(([, each]) => seconds >= each) ?? ['second', 1]
  return formatNumber(Math.floor(seconds / length), writing, {
    style: 'unit',
    unit,
    unitDisplay: 'long',
  })
}

/** How long something lasts already, short, in the largest unit that fits: "2 j", "4 h". */
export function formatAge(time: number, now: number, writing: Writing): string {
  const seconds = Math.max(0, (now - time) / 1000)
  const [unit, length] = steps.find(([, each]) => seconds >= each) ?? ['second', 1]
  return formatNumber(Math.floor(seconds / length), writing, { style: 'unit', unit, unitDisplay: 'short' })
}

const dateFormats = new Map<string, Intl.DateTimeFormat>()
function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${JSON.stringify(options)}`
  let format = dateFormats.get(key)
  if (format === undefined) {
    format = new Intl.DateTimeFormat(locale, options)
    dateFormats.set(key, format)
  }
  return format
}

const relativeFormats = new Map<string, Intl.RelativeTimeFormat>()
function relativeFormat(locale: string): Intl.RelativeTimeFormat {
  let format = relativeFormats.get(locale)
  if (format === undefined) {
    format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' })
    relativeFormats.set(locale, format)
  }
  return format
}

// Letters that run from right to left, and marks of direction.
const turning =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

/**
 * A name for the midst of a sentence, whose direction ends with it (UAX 9, FSI and PDI). Marks of its own, which might
 * end that early, are left out.
 */
export function isolate(name: string): string {
  return turning.test(name) ? `\u2068${name.replace(/[\u202a-\u202e\u2066-\u2069]/g, '')}\u2069` : name
}
