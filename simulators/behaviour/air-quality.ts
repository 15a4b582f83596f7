import { coldness, dayKind, dayMs, hourMs, wallTime } from '../calendar.ts'
import { smoothNoise } from '../random.ts'
import {
  type Behaviour,
  batteryValues,
  clamp,
  outdoorHumidity,
  outdoorTemperature,
  pressureAt,
  value,
} from './surroundings.ts'

/** Particles of a street: wood fires on winter evenings, traffic at its hours, and days without wind. */
export const airQuality: Behaviour = (device, time) => {
  const { day, hour } = wallTime(time)
  const traffic = dayKind(day).weekday < 5 && ((hour > 7 && hour < 9.5) || (hour > 16.5 && hour < 19)) ? 4 : 0
  const fires = hour > 18 || hour < 1 ? 9 * coldness(day) : 0
  const still = 1 + 0.7 * smoothNoise(0x77ea, 4, time / (2 * dayMs))
  const fine = clamp((6 + traffic + fires) * still + 1.5 * smoothNoise(device.seed, 55, time / hourMs), 1, 400)
  return [
    value('pm2_5', fine),
    value('pm10', fine * 1.6 + 2),
    value('temperature', outdoorTemperature(time)),
    value('relative_humidity', outdoorHumidity(time)),
    value('pressure', pressureAt(time)),
    ...batteryValues(device, time),
  ]
}
