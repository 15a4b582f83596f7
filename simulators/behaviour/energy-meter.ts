import { coldness, dayKind, hourMs, isSchoolDay, isWorkDay, wallTime } from '../calendar.ts'
import { type Curve, makeCurve, varyByDay } from '../curve.ts'
import type { PlannedDevice, Site } from '../plan.ts'
import { between, hashOf, smoothNoise, uniform } from '../random.ts'
import { perDevice } from './per-device.ts'
import { type Behaviour, value } from './surroundings.ts'

/** Watts of an average building, by the wall clock: the curve's sum is watt hours. */
type Load = (day: number, hour: number) => number

const loads: Partial<Record<Site, Load>> = {
  school: (day, hour) => {
    const cold = coldness(day)
    if (!isSchoolDay(day)) return 1600 + 900 * cold
    if (hour < 6 || hour >= 19) return 2000 + 1500 * cold
    if (hour < 8 || hour >= 17) return 6000 + 3000 * cold
    return hour >= 11 && hour < 13.5 ? 17_000 + 4000 * cold : 12_000 + 5000 * cold
  },
  town_hall: (day, hour) => {
    const cold = coldness(day)
    if (!isWorkDay(day)) return 5000 + 2000 * cold
    if (hour < 6.5 || hour >= 20) return 6000 + 2500 * cold
    if (hour < 8.5 || hour >= 18) return 18_000 + 5000 * cold
    return hour >= 12 && hour < 13.5 ? 24_000 + 5000 * cold : 32_000 + 7000 * cold
  },
  pool: (day, hour) => {
    // Pumps and air run day and night; heating follows the season, light and showers the opening hours.
    const open = dayKind(day).weekday === 0 ? hour >= 11 && hour < 20 : hour >= 8 && hour < 21
    return 46_000 + 24_000 * coldness(day) + (open ? 38_000 : 0)
  },
}
const otherLoad: Load = (day, hour) => (isWorkDay(day) && hour >= 8 && hour < 18 ? 9000 : 2500)

/** Off-peak hours of the supply contract, by the wall clock. */
function isOffPeak(hour: number): boolean {
  return hour >= 22 || hour < 6
}

type Supply = { offPeak: Curve; peak: Curve }
const supplies = new Map<Site, Supply>()

// Off-peak and peak are two registers of one load, so that their sum is the total at any time.
function supplyOf(site: Site): Supply {
  let supply = supplies.get(site)
  if (supply === undefined) {
    const load = loads[site] ?? otherLoad
    supply = {
      offPeak: makeCurve(({ day, hour }) => (isOffPeak(hour) ? load(day, hour) : 0)),
      peak: makeCurve(({ day, hour }) => (isOffPeak(hour) ? 0 : load(day, hour))),
    }
    supplies.set(site, supply)
  }
  return supply
}

const ownSupply = perDevice((device) => ({
  offPeak: varyByDay(supplyOf(device.site).offPeak, device.seed, 0.12),
  peak: varyByDay(supplyOf(device.site).peak, device.seed, 0.12),
}))

/** What a building takes at a time: registers in Wh that only rise, power in W and VA, each phase's part of it. */
function demandAt(device: PlannedDevice, time: number) {
  const { offPeak, peak } = ownSupply(device)
  const scale = between(device.seed, 70, 0.5, 1.5)
  const flicker = 1 + 0.04 * smoothNoise(device.seed, 73, time / (hourMs / 6))
  const power = scale * (offPeak.rate(time) + peak.rate(time)) * flicker
  const powerFactor = 0.94 + 0.03 * smoothNoise(device.seed, 74, time / hourMs)
  const voltage = 231 + 3 * smoothNoise(device.areaSeed, 75, time / hourMs)
  return {
    offPeakWh: Math.floor((hashOf(device.seed, 71) % 20_000_000) + scale * offPeak.total(time)),
    peakWh: Math.floor((hashOf(device.seed, 72) % 40_000_000) + scale * peak.total(time)),
    isOffPeak: isOffPeak(wallTime(time).hour),
    power,
    powerFactor,
    phases: phaseShares.map((share, i) => ({
      channel: String(i + 1),
      power: power * (share + 0.03 * smoothNoise(device.seed, 76 + i, time / hourMs)),
      voltage: voltage + between(device.seed, 79 + i, -1.5, 1.5),
    })),
  }
}

const phaseShares = [0.36, 0.33, 0.31]

/** A three-phase meter of a building. */
export const energyMeter: Behaviour = (device, time) => {
  const { offPeakWh, peakWh, isOffPeak, power, powerFactor, phases } = demandAt(device, time)
  return [
    value('energy_active_import', offPeakWh + peakWh),
    value('energy_active_export', 0),
    value('active_power', power),
    value('reactive_power', power * Math.tan(Math.acos(powerFactor))),
    value('power_factor', powerFactor),
    value('frequency', 50 + 0.03 * smoothNoise(0x50, 1, time / 60_000)),
    value('tariff', isOffPeak ? 1 : 2),
    ...phases.flatMap((phase) => [
      value('voltage', phase.voltage, phase.channel),
      value('current', phase.power / powerFactor / phase.voltage, phase.channel),
      value('active_power', phase.power, phase.channel),
    ]),
  ]
}

/** A Linky meter: two in three speak the historic mode, with an off-peak and a peak register, the others the standard. */
export const linkyMeter: Behaviour = (device, time) => {
  const { offPeakWh, peakWh, isOffPeak, power, powerFactor, phases } = demandAt(device, time)
  const historic = uniform(device.seed, 82) < 2 / 3
  return [
    ...(historic
      ? [value('energy_active_import', offPeakWh, 'hc'), value('energy_active_import', peakWh, 'hp')]
      : [
          value('energy_active_import', offPeakWh + peakWh),
          value('energy_active_import', offPeakWh, 'f01'),
          value('energy_active_import', peakWh, 'f02'),
        ]),
    value('apparent_power', power / powerFactor),
    value('tariff', isOffPeak ? 1 : 2),
    ...phases.flatMap((phase) => [
      value('voltage', phase.voltage, phase.channel),
      value('current', phase.power / powerFactor / phase.voltage, phase.channel),
    ]),
  ]
}
