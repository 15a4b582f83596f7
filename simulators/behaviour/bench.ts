import { dayKind, hourMs, wallTime } from '../calendar.ts'
import { makeCurve, varyByDay } from '../curve.ts'
import type { PlannedDevice } from '../plan.ts'
import { between, hashOf, smoothNoise } from '../random.ts'
import { perDevice } from './per-device.ts'
import { type Behaviour, batteryLevel, clamp, outdoorTemperature, value } from './surroundings.ts'

/** People who sit down or wait, per hour, at an average bench or shelter. */
const footfall = makeCurve(({ day, hour }) => {
  const { weekday, publicHoliday } = dayKind(day)
  if (hour < 6 || hour >= 23) return 0.3
  if (weekday === 6 || publicHoliday) return hour > 13 && hour < 19 ? 14 : 4
  if (hour < 9) return 12
  if (hour < 12) return 8
  if (hour < 14) return 16
  return hour < 19 ? 15 : 5
})

const ownFootfall = perDevice((device) => varyByDay(footfall, device.seed, 0.35))

/** People counted since the device's counter began. */
export function visitsUntil(device: PlannedDevice, time: number): number {
  const share = between(device.seed, 40, 0.5, 1.6)
  return Math.floor((hashOf(device.seed, 42) % 50_000) + share * ownFootfall(device).total(time))
}

/** Whether somebody sits or waits there: a visit lasts about six minutes. */
export function seatedAt(device: PlannedDevice, time: number): boolean {
  const share = between(device.seed, 40, 0.5, 1.6)
  const busy = clamp((ownFootfall(device).rate(time) * share) / 10, 0, 0.9)
  return 0.5 + 0.5 * smoothNoise(device.seed, 41, time / (0.15 * hourMs)) < busy
}

/** A connected bench: who sits there, two sockets that telephones charge at, and the panel that feeds them. */
export const bench: Behaviour = (device, time) => {
  const seated = seatedAt(device, time)
  const { hour } = wallTime(time)
  const daylight = clamp(Math.cos((2 * Math.PI * (hour - 13)) / 24), 0, 1)
  const cloud = 0.6 + 0.4 * smoothNoise(device.areaSeed, 45, time / (2 * hourMs))
  const visits = visitsUntil(device, time)
  return [
    value('occupancy', seated ? 1 : 0),
    value('people_count', visits),
    value('active_power', seated ? 7.5 : 0, 'usb1'),
    value('active_power', seated && smoothNoise(device.seed, 46, time / hourMs) > 0 ? 5 : 0, 'usb2'),
    value('active_power', 60 * daylight * cloud, 'solar'),
    // Of each visitor a watt hour and a little more.
    value('energy_active_export', Math.floor(1.2 * visits), 'usb1'),
    value('energy_active_export', Math.floor(0.4 * visits), 'usb2'),
    value('temperature', Math.round(10 * outdoorTemperature(time)) / 10),
    value('battery_level', Math.round(batteryLevel(device, time))),
  ]
}
