import type { ModelTable, TableField } from '../domain/model-table.ts'
import { defineQuantity, isQuantity, type Quantity, stateValue } from '../domain/quantity.ts'
import { isObject } from './json-payload.ts'
import { isFieldUnit, listPaths } from './model-table.ts'
import { readPath } from './path.ts'

/** What the words of a name stand for; the first row whose words are all there counts. `at` bounds the value. */
const names: readonly { words: string; quantity: Quantity; at?: (value: number) => boolean; unit?: string }[] = [
  {
    words: 'bat(tery)?|vbat|batt|vdd|batv|batvolt|batmv|batterymv',
    quantity: 'battery_voltage',
    at: (v) => v > 100,
    unit: 'mV',
  },
  {
    words: 'bat(tery)?|vbat|batt|vdd|batv|batvolt',
    quantity: 'battery_voltage',
    at: (v) => v <= 5 && !Number.isInteger(v),
  },
  { words: 'vbat|vdd|batv|batvolt', quantity: 'battery_voltage', at: (v) => v <= 30 },
  { words: 'bat(tery)?|batt|batterylevel|soc', quantity: 'battery_level' },
  { words: 'hum(idity)?|rh', quantity: 'relative_humidity' },
  { words: 'soil moisture|soilmoisture|vwc', quantity: 'soil_moisture' },
  { words: 'temp(erature)?|tmp|ambienttemperature|airtemperature', quantity: 'temperature' },
  { words: 'pm25|pm2', quantity: 'pm2_5' },
  { words: 'pm10', quantity: 'pm10' },
  { words: 'co2|eco2', quantity: 'co2' },
  { words: 'pressure|baro(meter|metric)?|press', quantity: 'pressure' },
  { words: 'lux|light|illuminance|illumination|luminosity|brightness', quantity: 'illuminance' },
  { words: 'laeq|leq|noise|sound', quantity: 'sound_level' },
  { words: 'fill|filling|fullness|remplissage', quantity: 'fill_level' },
  { words: 'distance|ultrasonic|depth', quantity: 'distance' },
  { words: 'weight|mass|poids', quantity: 'weight' },
  { words: 'dim(ming)?|dimlevel', quantity: 'dimming_level' },
  { words: 'occupied|occupancy|occupation|parking', quantity: 'occupancy' },
  { words: 'door|dooropen|contact|opened', quantity: 'door_state' },
  { words: 'leak|leakage|flood', quantity: 'water_leak' },
  { words: 'people|visitors|passengers|persons', quantity: 'people_count' },
  { words: 'wind speed|windspeed', quantity: 'wind_speed' },
  { words: 'wind direction|winddirection', quantity: 'wind_direction' },
  { words: 'tilt|inclination', quantity: 'tilt' },
  { words: 'lat|latitude', quantity: 'latitude' },
  { words: 'lon|lng|longitude', quantity: 'longitude' },
  { words: 'export|injected energy', quantity: 'energy_active_export' },
  { words: 'energy|kwh|wh|activeenergy', quantity: 'energy_active_import' },
  { words: 'gas volume|gasvolume', quantity: 'gas_volume' },
  { words: 'volume|water total|watertotal|waterindex', quantity: 'water_volume' },
  { words: 'pulse|pulses|pulsecount|counter|count', quantity: 'pulse_count' },
  { words: 'voltage|volt', quantity: 'voltage' },
  { words: 'current|amp(ere)?s?', quantity: 'current' },
  { words: 'power|watts?|activepower', quantity: 'active_power' },
  { words: 'frequency', quantity: 'frequency' },
]

/** The units that stand in names, by the word that says them. */
const unitWords: Readonly<Record<string, string>> = {
  c: 'Cel',
  celsius: 'Cel',
  degc: 'Cel',
  f: '[degF]',
  fahrenheit: '[degF]',
  k: 'K',
  v: 'V',
  volt: 'V',
  volts: 'V',
  mv: 'mV',
  millivolts: 'mV',
  a: 'A',
  ma: 'mA',
  w: 'W',
  kw: 'kW',
  wh: 'Wh',
  kwh: 'kWh',
  mwh: 'MWh',
  mm: 'mm',
  cm: 'cm',
  m: 'm',
  ppm: 'ppm',
  pct: '%',
  percent: '%',
  percentage: '%',
  hpa: 'hPa',
  pa: 'Pa',
  kpa: 'kPa',
  mbar: 'mbar',
  bar: 'bar',
  lux: 'lx',
  lx: 'lx',
  l: 'l',
  litres: 'l',
  liters: 'l',
  m3: 'm3',
  db: 'dB',
  dba: 'dB',
  kg: 'kg',
  g: 'g',
  hz: 'Hz',
  ms: 'm/s',
  kmh: 'km/h',
}

/** Units as answers write them beside a value. */
const unitTexts: Readonly<Record<string, string>> = {
  '°c': 'Cel',
  ºc: 'Cel',
  c: 'Cel',
  '°f': '[degF]',
  f: '[degF]',
  '%rh': '%',
  'µg/m³': 'ug/m3',
  'μg/m³': 'ug/m3',
  'm³': 'm3',
  lux: 'lx',
  'db(a)': 'dB',
  dba: 'dB',
  '°': 'deg',
  litre: 'l',
  litres: 'l',
  pa: 'Pa',
  hpa: 'hPa',
  kpa: 'kPa',
  mv: 'mV',
  v: 'V',
}

// Names that a network adds, or that tell of the message rather than of the world.
const idle =
  /(^|\.)(error|errors|status|type|version|firmware|fw|hw|serial|id|uuid|frame|fport|port|payload|raw|msg|message|model)$/i
const timeNames = /^(time|timestamp|observed_?at|date_?time|measured_?at)$/i

/**
 * A table for what a codec answers, worked out of samples of it: each value whose name and unit are known is mapped, what
 * is left is told as unmapped. `given` are series that come without the table, from a normalised payload.
 */
export function suggestTable(
  samples: readonly unknown[],
  given: readonly { quantity: Quantity; channel: string }[] = [],
): { table: ModelTable; unmapped: string[] } {
  const fields: TableField[] = []
  const taken = new Set(given.map(({ quantity, channel }) => `${quantity} ${channel}`))
  const covered = new Set(given.map(({ quantity }) => quantity))
  const values = collectValues(samples)
  const unmapped: string[] = []
  let time: string | undefined
  for (const [path, { value, item }] of values) {
    if (time === undefined && !path.includes('.') && timeNames.test(path) && isTime(value)) {
      time = path
      continue
    }
    const field = suggestField(path, value, item)
    if (field === null || covered.has(field.quantity)) {
      // A label beside a value is no value that is missing.
      if (field === null && !isBeside(path, values)) unmapped.push(path)
      continue
    }
    const channel = freeChannel(field.quantity, path, taken)
    taken.add(`${field.quantity} ${channel}`)
    fields.push(channel === '' ? field : { ...field, channel })
  }
  return { table: { fields, ...(time === undefined ? {} : { time }), ignored: [] }, unmapped }
}

type Seen = { value: unknown; item: Record<string, unknown> }

function collectValues(samples: readonly unknown[]): Map<string, Seen> {
  const values = new Map<string, Seen>()
  for (const item of samples.flatMap((sample) => (Array.isArray(sample) ? sample.slice(0, 20) : [sample])))
    if (isObject(item))
      for (const path of listPaths(item)) {
        const value = readPath(item, path.split('.'))
        if (!values.has(path) && value !== null && value !== '') values.set(path, { value, item })
      }
  return values
}

/** The field for one value, or null when its name says nothing that is known. */
function suggestField(path: string, value: unknown, item: Record<string, unknown>): TableField | null {
  if (idle.test(path)) return null
  const keys = path.split('.')
  const last = keys.at(-1)!
  const isWrapped = keys.length > 1 && /^(value|val|current|avg|average)$/i.test(last)
  const name = isWrapped ? keys.at(-2)! : last
  const told = isWrapped ? readPath(item, [...keys.slice(0, -1), 'unit']) : undefined
  const words = splitName(name)
  const unit = (typeof told === 'string' ? readUnit(told) : undefined) ?? unitOf(words)
  const own = name.toLowerCase()
  if (isQuantity(own) && isFit(own, value)) return withUnit(path, own, unit)
  const text = ` ${words.join(' ')} ${words.join('')} ${own.replace(/[^a-z0-9]/g, '')} `
  for (const { words: pattern, quantity, at, unit: meant } of names) {
    if (!new RegExp(`\\s(${pattern})\\s`).test(text) || !isFit(quantity, value)) continue
    if (at !== undefined && unit === undefined && !(typeof value === 'number' && at(value))) continue
    const field = withUnit(path, quantity, unit ?? meant)
    if (field !== null) return field
  }
  return null
}

function withUnit(path: string, quantity: Quantity, unit: string | undefined): TableField | null {
  const isOwn = unit === undefined || unit === defineQuantity(quantity).unit
  const field: TableField = isOwn ? { path, quantity } : { path, quantity, unit }
  return isFieldUnit(field) ? field : null
}

// A number, a state that is told by a word of its own, or yes and no for a state of two.
function isFit(quantity: Quantity, value: unknown): boolean {
  const { states } = defineQuantity(quantity)
  if (typeof value === 'number') return true
  if (states === undefined) return false
  return typeof value === 'boolean'
    ? states.length === 2
    : typeof value === 'string' && stateValue(quantity, value) !== undefined
}

/** The words of a name: `TempC_SHT` is temp, c, sht; `co2_ppm` is co2, ppm. */
function splitName(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}

function unitOf(words: readonly string[]): string | undefined {
  for (const word of words.slice(1).reverse()) if (Object.hasOwn(unitWords, word)) return unitWords[word]
  return undefined
}

function readUnit(text: string): string | undefined {
  const key = text.trim().toLowerCase()
  return Object.hasOwn(unitTexts, key)
    ? unitTexts[key]
    : Object.hasOwn(unitWords, key)
      ? unitWords[key]
      : text.trim() || undefined
}

// The first of a quantity has no channel; others are told apart by their paths.
function freeChannel(quantity: Quantity, path: string, taken: ReadonlySet<string>): string {
  if (!taken.has(`${quantity} `)) return ''
  const short = path.split('.').slice(-2).join('.').slice(-64)
  return short
}

function isTime(value: unknown): boolean {
  return typeof value === 'string'
    ? !Number.isNaN(Date.parse(value)) && /^\d{4}-\d\d-\d\dT/.test(value)
    : typeof value === 'number' && value > 1e12
}

// `{ value, unit, displayName }`: unit and name belong to the value.
function isBeside(path: string, values: ReadonlyMap<string, Seen>): boolean {
  const at = path.lastIndexOf('.')
  return at > 0 && /\.(unit|displayname|label|name|id)$/i.test(path) && values.has(`${path.slice(0, at)}.value`)
}
