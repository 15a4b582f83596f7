import type { AssetKind } from '../domain/asset-kind.ts'
import type { Label, Quantity } from '../domain/quantity.ts'
import type { Aggregate, Latest } from '../domain/reading.ts'
import type { Series } from '../store/reading-store.ts'
import { clearDayDeg, sunAltitudeDeg } from './daylight.ts'

/*
 * What each service reads off its assets at a glance, and what it makes of it for the day: a row for each figure and each
 * task. They are for lists of hundreds; an asset's own page tells its readings and consumption exactly.
 */

/** Days of the wall clock, whole ones, from so many before today until before so many; `toDays` null is up to now. */
export type Past = { quantity: Quantity; fromDays: number; toDays: number | null; window: string; aggregate: Aggregate }

/** What a figure is made from. Times are UTC epoch ms; `points` are the windows of each past that it names. */
export type FigureInput = {
  latest(quantity: Quantity): Latest | null
  past(index: number): readonly Series[]
  latitude: number | null
  longitude: number | null
  zone: string
}

/** One figure of assets of a kind. With `quantity` alone it is the newest reading, and is told as that. */
export type Figure = {
  name: string
  label: Label
  /** UCUM code. */
  unit: string
  decimals: number
  quantity: Quantity
  isReading: boolean
  pasts: readonly Past[]
  tell(input: FigureInput): number | null
}

/** Something to be done today: an asset for which it holds is on the list. */
export type Task = { code: string; label: Label; holds(value: (figure: string) => number | null): boolean }

export type KindFigures = { figures: readonly Figure[]; tasks: readonly Task[] }

const dayMs = 86_400_000

/** A fall of the fill level by so much is an emptying, and no noise of the sensor, in %. */
const emptyingFall = 15
/** A container that fills more slowly than this, in % a day, is not told when it will be full. */
const leastFillRate = 0.5
/** The school's hours on the wall clock, from Monday to Friday. */
const school = { from: 8, to: 18 }

const latest = (quantity: Quantity, label: Label, unit: string, decimals: number): Figure => ({
  name: quantity,
  label,
  unit,
  decimals,
  quantity,
  isReading: true,
  pasts: [],
  tell: (input) => input.latest(quantity)?.value ?? null,
})

const fillPast: Past = { quantity: 'fill_level', fromDays: 3, toDays: null, window: '1h', aggregate: 'mean' }

const fillRate: Omit<Figure, 'name' | 'label' | 'unit' | 'decimals' | 'tell'> = {
  quantity: 'fill_level',
  isReading: false,
  pasts: [fillPast],
}

/** How fast containers fill, in % a day: what they rose between emptyings. Null for less than six hours of readings. */
export function tellFillRate(points: Series['points']): number | null {
  let rise = 0
  let ms = 0
  for (const [i, [time, value]] of points.entries()) {
    const before = points[i - 1]
    if (before === undefined || value - before[1] <= -emptyingFall) continue
    rise += value - before[1]
    ms += time - before[0]
  }
  return ms < dayMs / 4 ? null : Math.max(0, (rise * dayMs) / ms)
}

function hoursUntilFull(input: FigureInput): number | null {
  const level = input.latest('fill_level')?.value
  const rate = tellFillRate(joinOne(input.past(0)))
  if (level === undefined || rate === null) return null
  if (level >= 100) return 0
  return rate < leastFillRate ? null : ((100 - level) / rate) * 24
}

/** The share of windows in which a value is above a limit, of those that `counts`, in %. Null of none. */
function shareAbove(points: Series['points'], limit: number, counts: (time: number) => boolean = () => true) {
  const counted = points.filter(([time]) => counts(time))
  if (counted.length === 0) return null
  return (100 * counted.filter(([, value]) => value > limit).length) / counted.length
}

// Code de l'environnement, art. D. 221-28 sq., and arrêté du 27 décembre 2022: CO2 above 800 ppm asks for more air, above
// 1500 ppm for action at once.
const co2Past: Past = { quantity: 'co2', fromDays: 7, toDays: null, window: '1h', aggregate: 'mean' }
const co2Share = (limit: number, written: { fr: string; en: string }): Figure => ({
  name: `above_${limit}`,
  label: { fr: `Part au-dessus de ${written.fr}\u00a0ppm`, en: `Share above ${written.en}\u00a0ppm` },
  unit: '%',
  decimals: 0,
  quantity: 'co2',
  isReading: false,
  pasts: [co2Past],
  tell: (input) => shareAbove(joinOne(input.past(0)), limit, (time) => isSchoolTime(time, input.zone)),
})

const clocks = new Map<string, Intl.DateTimeFormat>()

function isSchoolTime(time: number, zone: string): boolean {
  let clock = clocks.get(zone)
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short', hour: '2-digit', hourCycle: 'h23' })
    clocks.set(zone, clock)
  }
  const [weekday = '', hour = ''] = clock.format(time).split(/,? /)
  return !weekday.startsWith('S') && Number(hour) >= school.from && Number(hour) < school.to
}

/**
 * What counters rose by from the first of their windows to the last, summed: of a device's total, in the empty channel,
 * where it has one, else of its channels. Null where nothing can be told.
 */
export function tellRise(series: readonly Series[]): number | null {
  const withTotal = new Set(series.filter((each) => each.channel === '').map((each) => each.deviceId))
  let rise: number | null = null
  for (const { deviceId, channel, points } of series) {
    if (points.length < 2 || (channel !== '' && withTotal.has(deviceId))) continue
    // A fall is another beginning, not a consumption.
    for (const [i, [, value]] of points.entries())
      if (i > 0) rise = (rise ?? 0) + Math.max(0, value - points[i - 1]![1])
  }
  return rise
}

/** The last index of each day; the day before a span brings the index at its beginning. */
const indexPast = (quantity: Quantity, fromDays: number, toDays: number | null): Past => ({
  quantity,
  fromDays: fromDays + 1,
  toDays,
  window: '1d',
  aggregate: 'last',
})

// Weeks, so that the same days of the week are compared.
const yearDays = 364

function consumption(quantity: Quantity, unit: string, decimals: number): Figure[] {
  const month = indexPast(quantity, 28, 0)
  const yearAgo = indexPast(quantity, yearDays + 28, yearDays)
  const rise = (name: string, label: Label, past: Past): Figure => ({
    name,
    label,
    unit,
    decimals,
    quantity,
    isReading: false,
    pasts: [past],
    tell: (input) => tellRise(input.past(0)),
  })
  return [
    rise('yesterday', { fr: 'Hier', en: 'Yesterday' }, indexPast(quantity, 1, 0)),
    rise('last_4_weeks', { fr: '4 dernières semaines', en: 'Last 4 weeks' }, month),
    rise('year_ago', { fr: 'Un an plus tôt', en: 'A year before' }, yearAgo),
    {
      name: 'change',
      label: { fr: 'Évolution', en: 'Change' },
      unit: '%',
      decimals: 0,
      quantity,
      isReading: false,
      pasts: [month, yearAgo],
      tell(input) {
        const [now, before] = [tellRise(input.past(0)), tellRise(input.past(1))]
        return now === null || before === null || before <= 0 ? null : (100 * (now - before)) / before
      },
    },
  ]
}

/** The least that passed in an hour of the last two days: what never stops may be a leak. */
const leastFlow: Figure = {
  name: 'least_flow',
  label: { fr: 'Débit minimal', en: 'Least flow' },
  unit: 'm3/h',
  decimals: 3,
  quantity: 'water_volume',
  isReading: false,
  pasts: [{ quantity: 'water_volume', fromDays: 2, toDays: null, window: '1h', aggregate: 'last' }],
  tell(input) {
    const points = joinOne(input.past(0))
    if (points.length < 24) return null
    const flows = points
      .slice(1)
      .map(([time, value], i) => ((value - points[i]![1]) * 3_600_000) / (time - points[i]![0]))
    return Math.max(0, Math.min(...flows))
  },
}

const rising: Task = {
  code: 'rising',
  label: { fr: 'Consommation en hausse de 20\u00a0% ou plus', en: 'Consumption up by 20% or more' },
  holds: (value) => (value('change') ?? 0) >= 20,
}

const power = latest('active_power', { fr: 'Puissance', en: 'Power' }, 'W', 0)

const rooms: KindFigures = {
  figures: [
    latest('co2', { fr: 'CO₂', en: 'CO₂' }, '[ppm]', 0),
    co2Share(800, { fr: '800', en: '800' }),
    co2Share(1500, { fr: '1\u00a0500', en: '1,500' }),
    latest('temperature', { fr: 'Température', en: 'Temperature' }, 'Cel', 1),
    latest('relative_humidity', { fr: 'Humidité', en: 'Humidity' }, '%', 0),
  ],
  tasks: [
    {
      code: 'to_air',
      label: { fr: 'À aérer maintenant (plus de 1\u00a0500\u00a0ppm)', en: 'To air now (above 1,500\u00a0ppm)' },
      holds: (value) => (value('co2') ?? 0) > 1500,
    },
    {
      code: 'often_high',
      label: { fr: 'Souvent au-dessus de 800 ppm', en: 'Often above 800 ppm' },
      holds: (value) => (value('above_800') ?? 0) > 50 || (value('above_1500') ?? 0) > 0,
    },
  ],
}

const occupied = latest('occupancy', { fr: 'Occupation', en: 'Occupancy' }, '1', 0)

const occupiedShare: Figure = {
  name: 'occupied_share',
  label: { fr: 'Part du temps, depuis hier', en: 'Share of time, since yesterday' },
  unit: '%',
  decimals: 0,
  quantity: 'occupancy',
  isReading: false,
  pasts: [{ quantity: 'occupancy', fromDays: 1, toDays: null, window: '1h', aggregate: 'mean' }],
  tell(input) {
    const points = joinOne(input.past(0))
    return points.length === 0 ? null : (100 * points.reduce((sum, [, value]) => sum + value, 0)) / points.length
  },
}

/** Hours that a bay has been occupied without a break, up to a week. */
const occupiedHours: Figure = {
  name: 'occupied_hours',
  label: { fr: 'Occupée depuis', en: 'Occupied for' },
  unit: 'h',
  decimals: 0,
  quantity: 'occupancy',
  isReading: false,
  pasts: [{ quantity: 'occupancy', fromDays: 7, toDays: null, window: '1h', aggregate: 'min' }],
  tell(input) {
    const now = input.latest('occupancy')
    if (now === null) return null
    if (now.value !== 1) return 0
    const points = joinOne(input.past(0))
    const free = points.findLast(([, least]) => least === 0)
    const since = free === undefined ? points[0]?.[0] : free[0] + 3_600_000
    return since === undefined ? null : Math.max(0, now.observedAt - since) / 3_600_000
  },
}

const visitors: KindFigures = {
  figures: [
    occupied,
    occupiedShare,
    {
      name: 'people_day',
      label: { fr: 'Passages, hier et aujourd’hui', en: 'People, yesterday and today' },
      unit: '1',
      decimals: 0,
      quantity: 'people_count',
      isReading: false,
      pasts: [indexPast('people_count', 1, null)],
      tell: (input) => tellRise(input.past(0)),
    },
    latest('battery_level', { fr: 'Batterie', en: 'Battery' }, '%', 0),
  ],
  tasks: [
    {
      code: 'low_battery',
      label: { fr: 'Batteries à changer', en: 'Batteries to change' },
      holds: (value) => (value('battery_level') ?? 100) < 20,
    },
  ],
}

/** What is told of each kind; of others, their state alone. */
export const kindFigures: Partial<Record<AssetKind, KindFigures>> = {
  waste_container: {
    figures: [
      latest('fill_level', { fr: 'Remplissage', en: 'Fill level' }, '%', 0),
      {
        ...fillRate,
        name: 'fill_rate',
        label: { fr: 'Remplissage par jour', en: 'Filling a day' },
        unit: '%',
        decimals: 1,
        tell: (input) => tellFillRate(joinOne(input.past(0))),
      },
      {
        ...fillRate,
        name: 'hours_until_full',
        label: { fr: 'Plein dans', en: 'Full in' },
        unit: 'h',
        decimals: 0,
        tell: hoursUntilFull,
      },
    ],
    tasks: [
      {
        code: 'to_empty',
        label: { fr: 'À vider aujourd’hui', en: 'To empty today' },
        holds: (value) =>
          (value('fill_level') ?? 0) >= 80 || (value('hours_until_full') ?? Number.POSITIVE_INFINITY) < 24,
      },
    ],
  },
  street_light: {
    figures: [
      latest('lamp_state', { fr: 'Lampe', en: 'Lamp' }, '1', 0),
      latest('dimming_level', { fr: 'Gradation', en: 'Dimming' }, '%', 0),
      {
        name: 'burned_week',
        label: { fr: 'Allumée, 7 jours', en: 'Lit, 7 days' },
        unit: 'h',
        decimals: 1,
        quantity: 'burning_hours',
        isReading: false,
        pasts: [indexPast('burning_hours', 7, null)],
        tell: (input) => tellRise(input.past(0)),
      },
      latest('burning_hours', { fr: 'Allumée, en tout', en: 'Lit, in all' }, 'h', 0),
      {
        name: 'sun_height',
        label: { fr: 'Hauteur du soleil', en: 'Height of the sun' },
        unit: 'deg',
        decimals: 0,
        quantity: 'lamp_state',
        isReading: false,
        pasts: [],
        tell({ latest, latitude, longitude }) {
          const lamp = latest('lamp_state')
          if (lamp === null || lamp.value !== 1 || latitude === null || longitude === null) return null
          return sunAltitudeDeg(lamp.observedAt, latitude, longitude)
        },
      },
    ],
    tasks: [
      {
        code: 'in_fault',
        label: { fr: 'En défaut', en: 'In fault' },
        holds: (value) => value('lamp_state') === 2,
      },
      {
        code: 'lit_by_day',
        label: { fr: 'Allumées en plein jour', en: 'Lit by day' },
        holds: (value) => (value('sun_height') ?? -90) > clearDayDeg,
      },
    ],
  },
  energy_meter: { figures: [power, ...consumption('energy_active_import', 'Wh', 0)], tasks: [rising] },
  heat_meter: { figures: consumption('energy_thermal', 'Wh', 0), tasks: [rising] },
  gas_meter: { figures: consumption('gas_volume', 'm3', 0), tasks: [rising] },
  water_meter: {
    figures: [leastFlow, ...consumption('water_volume', 'm3', 1)],
    tasks: [
      {
        code: 'leak',
        label: { fr: 'Ne s’arrête jamais : fuite possible', en: 'Never stops: perhaps a leak' },
        holds: (value) => (value('least_flow') ?? 0) > 0,
      },
      rising,
    ],
  },
  classroom: rooms,
  room: rooms,
  parking_bay: {
    figures: [occupied, occupiedShare, occupiedHours],
    tasks: [
      {
        code: 'overstay',
        label: { fr: 'Occupées depuis plus de 24\u00a0h', en: 'Occupied for more than 24\u00a0h' },
        holds: (value) => (value('occupied_hours') ?? 0) >= 24,
      },
    ],
  },
  bench: visitors,
  shelter: visitors,
}

/** The points of all devices of one channel, the empty one before others, in the order of time. */
function joinOne(series: readonly Series[]): Series['points'] {
  const channel = series.map((each) => each.channel).sort()[0]
  return series
    .filter((each) => each.channel === channel)
    .flatMap((each) => each.points)
    .sort(([a], [b]) => a - b)
}
