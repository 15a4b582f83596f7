import type { Quantity } from '../../../domain/quantity.ts'

/**
 * What a group's label tells, and how many digits its number has. A `isRegister` is part of a historic total, a
 * `isPeriod` has the name of a tariff period instead of a number.
 */
export type LabelMeaning = {
  quantity: Quantity
  channel: string
  digits: number
  isRegister?: boolean
  isPeriod?: boolean
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

const phases = ['1', '2', '3']

/** The labels of the historic mode that give a reading (Enedis-NOI-CPT_02E). */
export const historicLabels: ReadonlyMap<string, LabelMeaning> = new Map<string, LabelMeaning>([
  ...historicTariffs.flatMap(({ registers }) =>
    registers.map(([label, channel]): [string, LabelMeaning] => [
      label,
      { quantity: 'energy_active_import', channel, digits: 9, isRegister: true },
    ]),
  ),
  ['PTEC', { quantity: 'tariff', channel: '', digits: 0, isPeriod: true }],
  ['IINST', { quantity: 'current', channel: '', digits: 3 }],
  ...phases.map((phase): [string, LabelMeaning] => [
    `IINST${phase}`,
    { quantity: 'current', channel: phase, digits: 3 },
  ]),
  ['PAPP', { quantity: 'apparent_power', channel: '', digits: 5 }],
])

/**
 * The labels of the standard mode that give a reading (Enedis-NOI-CPT_54E). The distributor's registers (EASD01 to
 * EASD04) count the supplier's energy a second time and are left out.
 */
export const standardLabels: ReadonlyMap<string, LabelMeaning> = new Map<string, LabelMeaning>([
  ['EAST', { quantity: 'energy_active_import', channel: '', digits: 9 }],
  ...Array.from({ length: 10 }, (_, index): [string, LabelMeaning] => {
    const register = String(index + 1).padStart(2, '0')
    return [`EASF${register}`, { quantity: 'energy_active_import', channel: `f${register}`, digits: 9 }]
  }),
  ['EAIT', { quantity: 'energy_active_export', channel: '', digits: 9 }],
  ...phases.map((phase): [string, LabelMeaning] => [
    `IRMS${phase}`,
    { quantity: 'current', channel: phase, digits: 3 },
  ]),
  ...phases.map((phase): [string, LabelMeaning] => [
    `URMS${phase}`,
    { quantity: 'voltage', channel: phase, digits: 3 },
  ]),
  ['SINSTS', { quantity: 'apparent_power', channel: '', digits: 5 }],
  ...phases.map((phase): [string, LabelMeaning] => [
    `SINSTS${phase}`,
    { quantity: 'apparent_power', channel: phase, digits: 5 },
  ]),
  ['NTARF', { quantity: 'tariff', channel: '', digits: 2 }],
])

/** The state of `tariff` for the period that PTEC names; 0 (unknown) for any other. */
export function tariffOfPeriod(period: string): number {
  for (const { periods } of historicTariffs) {
    const index = periods.indexOf(period)
    if (index >= 0) return index + 1
  }
  return 0
}
