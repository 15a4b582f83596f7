import type { Quantity } from '../../../domain/quantity.ts'

/**
 * What a group's label tells, and how many digits its number has; `scale` brings it to the quantity's unit. A
 * `isRegister` is part of a historic total, a `isPeriod` has the name of a tariff period instead of a number, a
 * `isDated` has a date before its number.
 */
export type LabelMeaning = {
  quantity: Quantity
  channel: string
  digits: number
  scale?: number
  isRegister?: boolean
  isPeriod?: boolean
  isDated?: boolean
}

/**
 * The tariffs of the historic mode. `registers` are the labels of each one's counters, with their channels: the meter
 * sends no total, so where all of a tariff stand in one frame their sum is the total. `periods` are the values of PTEC,
 * in the order of the states of `tariff`: off-peak before peak, blue before white before red, as in the standard mode.
 */
export const historicTariffs: readonly {
  registers: readonly (readonly [label: string, channel: string])[]
  periods: readonly string[]
}[] = [
  { registers: [['BASE', 'base']], periods: ['TH..'] },
  {
    registers: [
      ['HCHC', 'hc'],
      ['HCHP', 'hp'],
    ],
    periods: ['HC..', 'HP..'],
  },
  {
    registers: [
      ['EJPHN', 'ejphn'],
      ['EJPHPM', 'ejphpm'],
    ],
    periods: ['HN..', 'PM..'],
  },
  {
    registers: [
      ['BBRHCJB', 'bbrhcjb'],
      ['BBRHPJB', 'bbrhpjb'],
      ['BBRHCJW', 'bbrhcjw'],
      ['BBRHPJW', 'bbrhpjw'],
      ['BBRHCJR', 'bbrhcjr'],
      ['BBRHPJR', 'bbrhpjr'],
    ],
    periods: ['HCJB', 'HPJB', 'HCJW', 'HPJW', 'HCJR', 'HPJR'],
  },
]

type Row = [label: string, meaning: LabelMeaning]

const phases = ['1', '2', '3']

function row(
  label: string,
  quantity: Quantity,
  channel: string,
  digits: number,
  more: Partial<LabelMeaning> = {},
): Row {
  return [label, { quantity, channel, digits, ...more }]
}

/** A row for each phase: `IRMS` gives IRMS1 to IRMS3, on channels `1` to `3` with `prefix` before. */
function perPhase(label: string, quantity: Quantity, digits: number, prefix = '', more?: Partial<LabelMeaning>): Row[] {
  return phases.map((phase) => row(`${label}${phase}`, quantity, `${prefix}${phase}`, digits, more))
}

function perRegister(label: string, quantity: Quantity, prefix: string, count: number): Row[] {
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(2, '0')
    return row(`${label}${number}`, quantity, `${prefix}${number}`, 9)
  })
}

const dated = { isDated: true }
// kVA.
const thousands = { scale: 1000 }

/** The labels of the historic mode that give a reading (Enedis-NOI-CPT_02E). */
export const historicLabels: ReadonlyMap<string, LabelMeaning> = new Map<string, LabelMeaning>([
  ...historicTariffs.flatMap(({ registers }) =>
    registers.map(([label, channel]) => row(label, 'energy_active_import', channel, 9, { isRegister: true })),
  ),
  row('PTEC', 'tariff', '', 0, { isPeriod: true }),
  row('IINST', 'current', '', 3),
  ...perPhase('IINST', 'current', 3),
  row('PAPP', 'apparent_power', '', 5),
  row('ISOUSC', 'current', 'subscribed', 2),
  row('IMAX', 'current', 'max', 3),
  ...perPhase('IMAX', 'current', 3, 'max'),
  row('PMAX', 'active_power', 'max', 5),
  row('ADPS', 'current', 'overrun', 3),
  ...perPhase('ADIR', 'current', 3, 'overrun'),
])

/** The labels of the standard mode that give a reading (Enedis-NOI-CPT_54E). */
export const standardLabels: ReadonlyMap<string, LabelMeaning> = new Map<string, LabelMeaning>([
  row('EAST', 'energy_active_import', '', 9),
  ...perRegister('EASF', 'energy_active_import', 'f', 10),
  ...perRegister('EASD', 'energy_active_import', 'd', 4),
  row('EAIT', 'energy_active_export', '', 9),
  ...[1, 2, 3, 4].map((quadrant) => row(`ERQ${quadrant}`, 'energy_reactive', `q${quadrant}`, 9)),
  ...perPhase('IRMS', 'current', 3),
  ...perPhase('URMS', 'voltage', 3),
  row('PREF', 'apparent_power', 'subscribed', 2, thousands),
  row('PCOUP', 'apparent_power', 'cutoff', 2, thousands),
  row('SINSTS', 'apparent_power', '', 5),
  ...perPhase('SINSTS', 'apparent_power', 5),
  row('SMAXSN', 'apparent_power', 'max', 5, dated),
  ...perPhase('SMAXSN', 'apparent_power', 5, 'max', dated),
  row('SINSTI', 'apparent_power', 'injected', 5),
  row('SMAXIN', 'apparent_power', 'injected_max', 5, dated),
  row('CCASN', 'active_power', 'mean', 5, dated),
  row('CCAIN', 'active_power', 'injected_mean', 5, dated),
  ...perPhase('UMOY', 'voltage', 3, 'mean', dated),
  row('NTARF', 'tariff', '', 2),
])

const digitsOf = (count: number) => new RegExp(`^\\d{${count}}$`)
const hexOf = (count: number) => new RegExp(`^[0-9A-F]{${count}}$`)
const calendar = /^(?:(?:\d{4}[0-9A-F]{4}|NONUTILE) ?)+$/
// The suppliers' own words: nothing about them is certain but that they can be printed.
const words = /^[\x20-\x7e]*$/

/** What the other groups hold: no reading, but damage shows in them too. */
export const otherLabels: ReadonlyMap<string, RegExp> = new Map([
  ['ADCO', /^[0-9A-Z]{12}$/],
  ['OPTARIF', /^(?:BASE|HC\.\.|EJP\.|BBR[\x20-\x5f])$/],
  ['PEJP', digitsOf(2)],
  ['DEMAIN', /^(?:----|BLEU|BLAN|ROUG)$/],
  ['HHPHC', /^[A-Y]$/],
  ['MOTDETAT', hexOf(6)],
  ['PPOT', hexOf(2)],
  ['ADSC', /^[0-9A-Z]{12}$/],
  ['VTIC', digitsOf(2)],
  ['DATE', /^$/],
  ['NGTF', words],
  ['LTARF', words],
  ['SMAXSN-1', digitsOf(5)],
  ...phases.map((phase): [string, RegExp] => [`SMAXSN${phase}-1`, digitsOf(5)]),
  ['SMAXIN-1', digitsOf(5)],
  ['CCASN-1', digitsOf(5)],
  ['CCAIN-1', digitsOf(5)],
  ['STGE', hexOf(8)],
  ...phases.flatMap((phase): [string, RegExp][] => [
    [`DPM${phase}`, digitsOf(2)],
    [`FPM${phase}`, digitsOf(2)],
  ]),
  ['MSG1', words],
  ['MSG2', words],
  ['PRM', digitsOf(14)],
  ['RELAIS', digitsOf(3)],
  ['NJOURF', digitsOf(2)],
  ['NJOURF+1', digitsOf(2)],
  ['PJOURF+1', calendar],
  ['PPOINTE', calendar],
])

/** The groups that have a date before their data. */
export const datedLabels: ReadonlySet<string> = new Set([
  ...[...standardLabels].filter(([, { isDated }]) => isDated).map(([label]) => label),
  'DATE',
  ...['SMAXSN', 'SMAXSN1', 'SMAXSN2', 'SMAXSN3', 'SMAXIN', 'CCASN', 'CCAIN'].map((label) => `${label}-1`),
  ...phases.flatMap((phase) => [`DPM${phase}`, `FPM${phase}`]),
])

/** The state of `tariff` for the period that PTEC names, or null for none that the mode has. */
export function tariffOfPeriod(period: string): number | null {
  for (const { periods } of historicTariffs) {
    const index = periods.indexOf(period)
    if (index >= 0) return index + 1
  }
  return null
}
