import { dayKind, hourMs, wallTime } from '../calendar.ts'
import { between, smoothNoise } from '../random.ts'
import { type Behaviour, batteryValues, clamp, outdoorTemperature, value } from './surroundings.ts'

// Level of an average street by full hour of the wall clock, dB(A).
const byHour = [46, 44, 43, 43, 45, 50, 56, 61, 63, 61, 60, 60, 62, 61, 60, 61, 63, 64, 63, 60, 57, 55, 52, 49] as const

/** A sound level meter: the traffic of the hour, later to bed on Friday and Saturday, quieter on Sundays, and events. */
export const soundLevel: Behaviour = (device, time) => {
  const { day, hour } = wallTime(time)
  const { weekday, publicHoliday } = dayKind(day)
  const full = Math.floor(hour)
  const part = hour - full
  const average = byHour[full]! * (1 - part) + byHour[(full + 1) % 24]! * part
  const quiet = weekday === 6 || publicHoliday ? -4 : 0
  const party = weekday >= 4 && weekday <= 5 && (hour >= 21 || hour < 2) ? 7 : 0
  const passing = 3 * smoothNoise(device.seed, 50, time / (0.1 * hourMs))
  const event = Math.max(0, smoothNoise(device.seed, 51, time / (2 * hourMs)) - 0.8) * 40
  const level = average + quiet + party + passing + event + between(device.seed, 52, -4, 5)
  return [
    value('sound_level', clamp(level, 32, 110)),
    value('temperature', outdoorTemperature(time)),
    ...batteryValues(device, time),
  ]
}
