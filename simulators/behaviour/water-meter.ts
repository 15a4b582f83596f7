import { dayKind, hourMs, isSchoolDay, isWorkDay } from '../calendar.ts'
import { makeCurve, varyByDay } from '../curve.ts'
import { faultSince, type Site } from '../plan.ts'
import { between, hashOf } from '../random.ts'
import { perDevice } from './per-device.ts'
import { type Behaviour, batteryValues, outdoorTemperature, value } from './surroundings.ts'

/** Cubic metres per hour of an average building, by the wall clock. Nothing flows at night, but at the pool. */
const uses: Partial<Record<Site, ReturnType<typeof makeCurve>>> = {
  school: makeCurve(({ day, hour }) => {
    if (!isSchoolDay(day)) return 0
    if (hour < 7.5 || hour >= 18) return 0
    return hour >= 11.5 && hour < 13.5 ? 0.9 : 0.35
  }),
  town_hall: makeCurve(({ day, hour }) => (isWorkDay(day) && hour >= 7 && hour < 19 ? 0.25 : 0)),
  pool: makeCurve(({ day, hour }) => {
    const open = dayKind(day).weekday === 0 ? hour >= 11 && hour < 20 : hour >= 8 && hour < 21
    return open ? 4.5 : hour >= 4 && hour < 6 ? 6 : 0.4
  }),
}

const ownUse = perDevice((device) => varyByDay(uses[device.site] ?? uses.town_hall!, device.seed, 0.25))

/** A leak that nobody hears: half a cubic metre an hour more or less, by day and by night. */
const leakPerHour = { min: 0.3, max: 0.7 }

/** A water meter of a building; with the fault `leak` water flows at night too, from then on. */
export const waterMeter: Behaviour = (device, time) => {
  const scale = between(device.seed, 60, 0.6, 1.8)
  const leakSince = faultSince(device, 'leak', time)
  const leaking = leakSince === undefined ? 0 : between(device.seed, 61, leakPerHour.min, leakPerHour.max)
  const leaked = leakSince === undefined ? 0 : (leaking * (time - leakSince)) / hourMs
  const index = hashOf(device.seed, 62) % 30_000
  return [
    value('water_volume', index + scale * ownUse(device).total(time) + leaked),
    value('temperature', 9 + 0.25 * outdoorTemperature(time)),
    ...batteryValues(device, time),
  ]
}
