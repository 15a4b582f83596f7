import { defineQuantity, isQuantity, type Quantity } from '../domain/quantity.ts'
import { compileScale } from './scale.ts'

/**
 * Units that networks and devices tell, each as a row `[dimension, scale, offset]`: told * scale + offset is in the unit
 * that the table has for its dimension with a scale of 1. Sources: UCUM; SenML units (RFC 8428, 12.1) and secondary
 * units (RFC 8798).
 */
const units: Readonly<Record<string, readonly [dimension: string, scale: number, offset?: number]>> = {
  m: ['length', 1],
  mm: ['length', 0.001],
  cm: ['length', 0.01],
  km: ['length', 1000],
  kg: ['mass', 1],
  g: ['mass', 0.001],
  t: ['mass', 1000],
  Cel: ['temperature', 1],
  '°C': ['temperature', 1],
  K: ['temperature', 1, -273.15],
  '[degF]': ['temperature', 5 / 9, -160 / 9],
  '%': ['ratio', 1],
  '%RH': ['ratio', 1],
  '%EL': ['ratio', 1],
  '/': ['ratio', 100],
  '1': ['number', 1],
  count: ['number', 1],
  hPa: ['pressure', 1],
  mbar: ['pressure', 1],
  Pa: ['pressure', 0.01],
  kPa: ['pressure', 10],
  bar: ['pressure', 1000],
  lx: ['illuminance', 1],
  '[ppm]': ['concentration', 1],
  ppm: ['concentration', 1],
  'ug/m3': ['dust', 1],
  'kg/m3': ['dust', 1e9],
  dB: ['level', 1],
  dBm: ['power level', 1],
  dBW: ['power level', 1, 30],
  W: ['power', 1],
  mW: ['power', 0.001],
  kW: ['power', 1000],
  VA: ['apparent power', 1],
  kVA: ['apparent power', 1000],
  var: ['reactive power', 1],
  kvar: ['reactive power', 1000],
  V: ['voltage', 1],
  mV: ['voltage', 0.001],
  A: ['current', 1],
  mA: ['current', 0.001],
  Hz: ['frequency', 1],
  Wh: ['energy', 1],
  kWh: ['energy', 1000],
  MWh: ['energy', 1e6],
  J: ['energy', 1 / 3600],
  kJ: ['energy', 1 / 3.6],
  MJ: ['energy', 1000 / 3.6],
  varh: ['reactive energy', 1],
  vars: ['reactive energy', 1 / 3600],
  m3: ['volume', 1],
  l: ['volume', 0.001],
  L: ['volume', 0.001],
  h: ['duration', 1],
  min: ['duration', 1 / 60],
  s: ['duration', 1 / 3600],
  deg: ['angle', 1],
  rad: ['angle', 180 / Math.PI],
  lat: ['latitude', 1],
  lon: ['longitude', 1],
  'm/s': ['speed', 1],
  'km/h': ['speed', 1 / 3.6],
  'mm/h': ['rain', 1],
}

// The quantities whose own unit names another dimension than their meaning has.
const dimensions: Partial<Record<Quantity, string>> = { latitude: 'latitude', longitude: 'longitude' }

/**
 * A value told in `unit`, in the quantity's own unit; undefined when the unit does not go with the quantity, or nobody
 * knows it. Without a unit it is taken to be in the quantity's own.
 */
export function convertTo(quantity: Quantity, value: number, unit: string | undefined): number | undefined {
  const own = defineQuantity(quantity).unit
  if (unit === undefined || unit === '' || unit === own) return value
  const from = ownRow(unit)
  const to = ownRow(own)
  if (from === undefined || to === undefined) return undefined
  if (from[0] !== (dimensions[quantity] ?? to[0])) return undefined
  // Both scales at once, so that a division stays one: 21500 of mm to m.
  const scale = from[1] / to[1]
  return compileScale(scale, ((from[2] ?? 0) - (to[2] ?? 0)) / to[1]).toValue(value)
}

function ownRow(unit: string) {
  return Object.hasOwn(units, unit) ? units[unit] : undefined
}

/** What a name may say of the quantity that a unit alone leaves open; the first row that fits counts. */
const hints: readonly { name: RegExp; quantity: Quantity }[] = [
  { name: /batt?(ery)?.*(level|%|percent)|^bat(tery)?$/i, quantity: 'battery_level' },
  { name: /bat/i, quantity: 'battery_voltage' },
  { name: /hum|^rh$/i, quantity: 'relative_humidity' },
  { name: /soil|moist/i, quantity: 'soil_moisture' },
  { name: /fill|level|niveau/i, quantity: 'fill_level' },
  { name: /dim/i, quantity: 'dimming_level' },
  { name: /temp/i, quantity: 'temperature' },
  { name: /press/i, quantity: 'pressure' },
  { name: /co2/i, quantity: 'co2' },
  { name: /pm_?2/i, quantity: 'pm2_5' },
  { name: /pm_?10/i, quantity: 'pm10' },
  { name: /gas|gaz/i, quantity: 'gas_volume' },
  { name: /rain|pluie/i, quantity: 'rain_total' },
  { name: /wind.*dir/i, quantity: 'wind_direction' },
  { name: /tilt|incl/i, quantity: 'tilt' },
  { name: /export|return|inject|produc/i, quantity: 'energy_active_export' },
  { name: /people|person|visit|passage/i, quantity: 'people_count' },
  { name: /lift/i, quantity: 'lift_count' },
  { name: /snr/i, quantity: 'snr' },
  { name: /rssi/i, quantity: 'rssi' },
  { name: /noise|sound|laeq/i, quantity: 'sound_level' },
  { name: /burn|lamp.*hour/i, quantity: 'burning_hours' },
  { name: /door|contact|open/i, quantity: 'door_state' },
  { name: /leak/i, quantity: 'water_leak' },
  { name: /occup|presen/i, quantity: 'occupancy' },
  { name: /volt/i, quantity: 'voltage' },
  { name: /factor/i, quantity: 'power_factor' },
]

/** The quantity that a unit stands for by itself. */
const quantityOfUnit: Readonly<Record<string, Quantity>> = {
  temperature: 'temperature',
  length: 'distance',
  mass: 'weight',
  pressure: 'pressure',
  illuminance: 'illuminance',
  concentration: 'co2',
  level: 'sound_level',
  'power level': 'rssi',
  power: 'active_power',
  'apparent power': 'apparent_power',
  'reactive power': 'reactive_power',
  voltage: 'voltage',
  current: 'current',
  frequency: 'frequency',
  energy: 'energy_active_import',
  'reactive energy': 'energy_reactive',
  volume: 'water_volume',
  latitude: 'latitude',
  longitude: 'longitude',
  speed: 'wind_speed',
  rain: 'rain_intensity',
  number: 'pulse_count',
}

/**
 * Which quantity a measure named `name` and told in `unit` is, or null. A quantity's own name always counts; else the
 * name may choose among what the unit allows; else the unit decides, where it stands for one quantity.
 */
export function recognizeQuantity(name: string, unit: string | undefined): Quantity | null {
  if (isQuantity(name)) return name
  const fits = (quantity: Quantity) => convertTo(quantity, 0, unit) !== undefined
  for (const hint of hints) if (hint.name.test(name) && fits(hint.quantity)) return hint.quantity
  if (unit === '%RH') return 'relative_humidity'
  if (unit === '%EL') return 'battery_level'
  const dimension = unit === undefined ? undefined : ownRow(unit)?.[0]
  return (dimension === undefined ? undefined : quantityOfUnit[dimension]) ?? null
}
