import { dayKind, hourMs, wallTime } from '../calendar.ts'
import { between, smoothNoise } from '../random.ts'
import { type Behaviour, batteryValues, outdoorTemperature, value } from './surroundings.ts'

/** The share of bays taken, by the hour of the wall clock and the kind of day. */
function demand(time: number): number {
  const { day, hour } = wallTime(time)
  const { weekday, publicHoliday } = dayKind(day)
  if (hour < 6.5 || hour >= 22) return 0.35
  if (weekday === 6 || publicHoliday) return 0.3
  if (hour < 8.5) return 0.45
  if (hour < 12) return weekday === 5 ? 0.8 : 0.7
  if (hour < 14) return 0.55
  return hour < 18.5 ? 0.75 : 0.5
}

/** A parking bay: taken while a slow noise of its own stays under the demand of the hour, so that cars stay a while. */
export const parkingBay: Behaviour = (device, time) => {
  const stayHours = between(device.seed, 30, 0.5, 1.6)
  const wish = 0.5 + 0.5 * smoothNoise(device.seed, 31, time / (stayHours * hourMs))
  return [
    value('occupancy', wish < demand(time) ? 1 : 0),
    value('temperature', outdoorTemperature(time) + 1),
    ...batteryValues(device, time),
  ]
}
