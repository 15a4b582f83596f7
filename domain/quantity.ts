/** A text that people read, in both languages of the project. */
export type Label = { fr: string; en: string }

/** One state of a `state` quantity: the word that a payload may use for the number, and what people read. */
export type State = { value: number; name: string; label: Label }

/**
 * What is measured (SensorThings: ObservedProperty). One unit (UCUM code), one kind and one range, for ever: readings
 * that are stored today are read with this table in ten years. A `counter` only rises, but for resets and rollovers.
 */
export type QuantityDefinition = {
  unit: string
  kind: 'gauge' | 'counter' | 'state'
  min: number
  max: number
  decimals: number
  label: Label
  states?: readonly State[]
}

const percent = { unit: '%', kind: 'gauge', min: 0, max: 100, decimals: 1 } as const
const counted = { unit: '1', kind: 'counter', min: 0, max: 1e12, decimals: 0 } as const
const energy = { unit: 'Wh', kind: 'counter', min: 0, max: 1e15, decimals: 0 } as const
const volume = { unit: 'm3', kind: 'counter', min: 0, max: 1e12, decimals: 3 } as const
const concentration = { unit: 'ug/m3', kind: 'gauge', min: 0, max: 10_000, decimals: 1 } as const
const state = { unit: '1', kind: 'state', decimals: 0 } as const

/** Every quantity that Parvis knows, by name. Adding one is adding a row; changing one is changing history: never. */
export const quantities = {
  fill_level: { ...percent, label: { fr: 'Remplissage', en: 'Fill level' } },
  distance: { unit: 'm', kind: 'gauge', min: 0, max: 1000, decimals: 3, label: { fr: 'Distance', en: 'Distance' } },
  weight: { unit: 'kg', kind: 'gauge', min: 0, max: 100_000, decimals: 1, label: { fr: 'Poids', en: 'Weight' } },
  lift_count: { ...counted, label: { fr: 'Levées', en: 'Lifts' } },
  temperature: {
    unit: 'Cel',
    kind: 'gauge',
    min: -90,
    max: 200,
    decimals: 1,
    label: { fr: 'Température', en: 'Temperature' },
  },
  relative_humidity: { ...percent, label: { fr: 'Humidité relative', en: 'Relative humidity' } },
  pressure: { unit: 'hPa', kind: 'gauge', min: 300, max: 1200, decimals: 1, label: { fr: 'Pression', en: 'Pressure' } },
  illuminance: {
    unit: 'lx',
    kind: 'gauge',
    min: 0,
    max: 250_000,
    decimals: 0,
    label: { fr: 'Éclairement', en: 'Illuminance' },
  },
  co2: { unit: '[ppm]', kind: 'gauge', min: 0, max: 50_000, decimals: 0, label: { fr: 'CO₂', en: 'CO₂' } },
  pm2_5: { ...concentration, label: { fr: 'Particules PM2,5', en: 'PM2.5 particles' } },
  pm10: { ...concentration, label: { fr: 'Particules PM10', en: 'PM10 particles' } },
  sound_level: {
    unit: 'dB',
    kind: 'gauge',
    min: 0,
    max: 200,
    decimals: 1,
    label: { fr: 'Niveau sonore', en: 'Sound level' },
  },
  active_power: {
    unit: 'W',
    kind: 'gauge',
    min: -1e8,
    max: 1e8,
    decimals: 0,
    label: { fr: 'Puissance active', en: 'Active power' },
  },
  apparent_power: {
    unit: 'VA',
    kind: 'gauge',
    min: 0,
    max: 1e8,
    decimals: 0,
    label: { fr: 'Puissance apparente', en: 'Apparent power' },
  },
  reactive_power: {
    unit: 'var',
    kind: 'gauge',
    min: -1e8,
    max: 1e8,
    decimals: 0,
    label: { fr: 'Puissance réactive', en: 'Reactive power' },
  },
  voltage: { unit: 'V', kind: 'gauge', min: 0, max: 1e6, decimals: 1, label: { fr: 'Tension', en: 'Voltage' } },
  current: { unit: 'A', kind: 'gauge', min: -1e5, max: 1e5, decimals: 2, label: { fr: 'Intensité', en: 'Current' } },
  power_factor: {
    unit: '1',
    kind: 'gauge',
    min: -1,
    max: 1,
    decimals: 3,
    label: { fr: 'Facteur de puissance', en: 'Power factor' },
  },
  frequency: { unit: 'Hz', kind: 'gauge', min: 0, max: 1000, decimals: 2, label: { fr: 'Fréquence', en: 'Frequency' } },
  energy_active_import: { ...energy, label: { fr: 'Énergie active soutirée', en: 'Active energy imported' } },
  energy_active_export: { ...energy, label: { fr: 'Énergie active injectée', en: 'Active energy exported' } },
  energy_reactive: {
    unit: 'varh',
    kind: 'counter',
    min: 0,
    max: 1e15,
    decimals: 0,
    label: { fr: 'Énergie réactive', en: 'Reactive energy' },
  },
  energy_thermal: { ...energy, label: { fr: 'Énergie thermique', en: 'Thermal energy' } },
  water_volume: { ...volume, label: { fr: 'Volume d’eau', en: 'Water volume' } },
  gas_volume: { ...volume, label: { fr: 'Volume de gaz', en: 'Gas volume' } },
  pulse_count: { ...counted, label: { fr: 'Impulsions', en: 'Pulses' } },
  lamp_state: {
    ...state,
    min: 0,
    max: 2,
    label: { fr: 'État de la lampe', en: 'Lamp state' },
    states: [
      { value: 0, name: 'off', label: { fr: 'éteinte', en: 'off' } },
      { value: 1, name: 'on', label: { fr: 'allumée', en: 'on' } },
      { value: 2, name: 'fault', label: { fr: 'en défaut', en: 'fault' } },
    ],
  },
  dimming_level: { ...percent, label: { fr: 'Gradation', en: 'Dimming level' } },
  burning_hours: {
    unit: 'h',
    kind: 'counter',
    min: 0,
    max: 1e6,
    decimals: 1,
    label: { fr: 'Heures d’allumage', en: 'Burning hours' },
  },
  occupancy: {
    ...state,
    min: 0,
    max: 1,
    label: { fr: 'Occupation', en: 'Occupancy' },
    states: [
      { value: 0, name: 'free', label: { fr: 'libre', en: 'free' } },
      { value: 1, name: 'occupied', label: { fr: 'occupé', en: 'occupied' } },
    ],
  },
  people_count: { ...counted, label: { fr: 'Passages', en: 'People counted' } },
  door_state: {
    ...state,
    min: 0,
    max: 1,
    label: { fr: 'État de la porte', en: 'Door state' },
    states: [
      { value: 0, name: 'closed', label: { fr: 'fermée', en: 'closed' } },
      { value: 1, name: 'open', label: { fr: 'ouverte', en: 'open' } },
    ],
  },
  tilt: { unit: 'deg', kind: 'gauge', min: -180, max: 180, decimals: 1, label: { fr: 'Inclinaison', en: 'Tilt' } },
  latitude: { unit: 'deg', kind: 'gauge', min: -90, max: 90, decimals: 6, label: { fr: 'Latitude', en: 'Latitude' } },
  longitude: {
    unit: 'deg',
    kind: 'gauge',
    min: -180,
    max: 180,
    decimals: 6,
    label: { fr: 'Longitude', en: 'Longitude' },
  },
  battery_level: { ...percent, label: { fr: 'Batterie', en: 'Battery' } },
  battery_voltage: {
    unit: 'V',
    kind: 'gauge',
    min: 0,
    max: 60,
    decimals: 3,
    label: { fr: 'Tension de batterie', en: 'Battery voltage' },
  },
  wind_speed: {
    unit: 'm/s',
    kind: 'gauge',
    min: 0,
    max: 120,
    decimals: 1,
    label: { fr: 'Vitesse du vent', en: 'Wind speed' },
  },
  wind_direction: {
    unit: 'deg',
    kind: 'gauge',
    min: 0,
    max: 360,
    decimals: 0,
    label: { fr: 'Direction du vent', en: 'Wind direction' },
  },
  rain_intensity: {
    unit: 'mm/h',
    kind: 'gauge',
    min: 0,
    max: 2000,
    decimals: 1,
    label: { fr: 'Intensité de pluie', en: 'Rain intensity' },
  },
  rain_total: {
    unit: 'mm',
    kind: 'counter',
    min: 0,
    max: 1e6,
    decimals: 1,
    label: { fr: 'Pluie cumulée', en: 'Rain, total' },
  },
  soil_moisture: { ...percent, label: { fr: 'Humidité du sol', en: 'Soil moisture' } },
  water_leak: {
    ...state,
    min: 0,
    max: 1,
    label: { fr: 'Fuite d’eau', en: 'Water leak' },
    states: [
      { value: 0, name: 'dry', label: { fr: 'sec', en: 'dry' } },
      { value: 1, name: 'leak', label: { fr: 'fuite', en: 'leak' } },
    ],
  },
  rssi: {
    unit: 'dBm',
    kind: 'gauge',
    min: -200,
    max: 50,
    decimals: 0,
    label: { fr: 'Signal reçu (RSSI)', en: 'Received signal (RSSI)' },
  },
  snr: {
    unit: 'dB',
    kind: 'gauge',
    min: -50,
    max: 50,
    decimals: 1,
    label: { fr: 'Rapport signal-bruit', en: 'Signal-to-noise ratio' },
  },
  frame_counter: { ...counted, label: { fr: 'Compteur de trames', en: 'Frame counter' } },
  tariff: {
    ...state,
    min: 0,
    max: 10,
    label: { fr: 'Période tarifaire', en: 'Tariff period' },
    states: [
      { value: 0, name: 'unknown', label: { fr: 'inconnue', en: 'unknown' } },
      ...Array.from({ length: 10 }, (_, i) => ({
        value: i + 1,
        name: `tariff_${i + 1}`,
        label: { fr: `période ${i + 1}`, en: `period ${i + 1}` },
      })),
    ],
  },
} as const satisfies Record<string, QuantityDefinition>

/** The name of a quantity. */
export type Quantity = keyof typeof quantities

const table: ReadonlyMap<string, QuantityDefinition> = new Map(Object.entries(quantities))

/** The names, in the table's order. */
export const quantityNames = Object.keys(quantities) as readonly Quantity[]

/** Whether a name from outside is a quantity; `constructor` and `__proto__` are not. */
export function isQuantity(name: string): name is Quantity {
  return table.has(name)
}

/** The definition of a quantity, widened to the common type. */
export function defineQuantity(name: Quantity): QuantityDefinition {
  return table.get(name)!
}

/** The number behind the name of a state (`"on"` of `lamp_state` is 1), or undefined when the quantity has no such state. */
export function stateValue(quantity: Quantity, name: string): number | undefined {
  return table.get(quantity)!.states?.find((each) => each.name === name)?.value
}
