import { wallTime } from '../calendar.ts'
import { seatedAt, visitsUntil } from './bench.ts'
import { type Behaviour, batteryLevel, clamp, outdoorHumidity, outdoorTemperature, value } from './surroundings.ts'

/** A connected bus shelter: who waits, how many came, and the air and the light there. */
export const shelter: Behaviour = (device, time) => {
  const { hour } = wallTime(time)
  const daylight = clamp(Math.cos((2 * Math.PI * (hour - 13)) / 24) + 0.2, 0, 1)
  return [
    value('occupancy', seatedAt(device, time) ? 1 : 0),
    value('people_count', visitsUntil(device, time)),
    value('temperature', tenths(outdoorTemperature(time))),
    value('relative_humidity', tenths(outdoorHumidity(time))),
    value('illuminance', Math.round(5 + 24_000 * daylight ** 2)),
    value('battery_level', tenths(batteryLevel(device, time))),
  ]
}

// It sends the project's own JSON, where nothing rounds but the device.
function tenths(number: number): number {
  return Math.round(number * 10) / 10
}
