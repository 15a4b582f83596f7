import { defineQuantity, type Quantity, type QuantityDefinition } from '../../domain/quantity.ts'

/** The unit ids of Grafana (@grafana/data, valueFormats) by the UCUM codes of domain/quantity.ts. */
const grafanaUnits: Readonly<Record<string, string>> = {
  '%': 'percent',
  '1': 'none',
  '[ppm]': 'ppm',
  A: 'amp',
  Cel: 'celsius',
  Hz: 'hertz',
  V: 'volt',
  VA: 'voltamp',
  W: 'watt',
  Wh: 'watth',
  dB: 'dB',
  dBm: 'dBm',
  deg: 'degree',
  h: 'h',
  hPa: 'pressurehpa',
  kg: 'masskg',
  lx: 'lux',
  m: 'lengthm',
  'm/s': 'velocityms',
  m3: 'm3',
  mm: 'lengthmm',
  'mm/h': 'suffix: mm/h',
  'ug/m3': 'con\u03bcgm3',
  var: 'voltampreact',
  varh: 'suffix: varh',
}

/** Grafana's id of a quantity's unit. Throws for a unit that the table does not have. */
export function grafanaUnit(quantity: Quantity): string {
  const { unit } = defineQuantity(quantity)
  const id = grafanaUnits[unit]
  if (id === undefined) throw new Error(`Grafana's id of the unit ${unit} is not known`)
  return id
}

/** The words of a state quantity, as Grafana's value mappings; nothing for other quantities. */
export function mapStates({ states }: QuantityDefinition, language: 'fr' | 'en') {
  if (states === undefined) return []
  const options = states.map(({ value, label }) => [String(value), { text: label[language], index: value }])
  return [{ type: 'value', options: Object.fromEntries(options) }]
}
