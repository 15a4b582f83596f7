import { coldness, isSchoolDay, wallTime } from '../calendar.ts'
import type { PlannedDevice } from '../plan.ts'
import { between, smoothNoise, uniform } from '../random.ts'
import { type Behaviour, batteryValues, clamp, outdoorHumidity, outdoorTemperature, value } from './surroundings.ts'

/** A stretch of a school day, by the wall clock: whether pupils are in, whether the windows stand open. */
type Stretch = { until: number; pupils: boolean; open: boolean }

const outdoorPpm = 425

/** The day begins here, when last evening's air has gone. */
const dayStartHour = 7

/**
 * The stretches of a day. Who teaches there opens the windows at some breaks and not at others; on some warm days they
 * stand open all day.
 */
function stretchesOf(device: PlannedDevice, day: number): Stretch[] {
  if (!isSchoolDay(day)) return [{ until: dayStartHour + 24, pupils: false, open: false }]
  const habit = between(device.seed, 20, 0.2, 1)
  const opens = (breakNumber: number) => uniform(device.seed, 21 + breakNumber, day) < habit
  const warm = coldness(day) < 0.25 && opens(0)
  return [
    { until: 8.1 + between(device.seed, 26, 0, 0.3), pupils: false, open: false },
    { until: 10, pupils: true, open: warm },
    { until: 10.25, pupils: false, open: opens(1) },
    { until: 11.5, pupils: true, open: warm },
    { until: 13.5, pupils: false, open: opens(2) },
    { until: 15, pupils: true, open: warm },
    { until: 15.25, pupils: false, open: opens(3) },
    { until: 16.1, pupils: true, open: warm },
    { until: 17, pupils: false, open: opens(4) },
    { until: dayStartHour + 24, pupils: false, open: false },
  ]
}

/** CO2, ppm: the air of a room goes exponentially towards what people and windows make of it. */
function co2At(device: PlannedDevice, time: number): { ppm: number; pupils: boolean } {
  const wall = wallTime(time)
  const early = wall.hour < dayStartHour
  const day = early ? wall.day - 1 : wall.day
  const hour = early ? wall.hour + 24 : wall.hour
  const crowd = between(device.seed, 27, 0.7, 1.3)
  let ppm = outdoorPpm
  let from = dayStartHour
  for (const { until, pupils, open } of stretchesOf(device, day)) {
    const target = outdoorPpm + (pupils ? (open ? 450 : 2300) * crowd : 0)
    const changesPerHour = open ? 3.5 : 0.45
    const to = Math.min(until, hour)
    ppm = target + (ppm - target) * Math.exp(-changesPerHour * Math.max(0, to - from))
    if (hour < until) return { ppm, pupils }
    from = until
  }
  return { ppm, pupils: false }
}

/** A classroom: CO2 that rises while pupils are in, and falls when somebody opens a window. */
export const classroom: Behaviour = (device, time) => {
  const { ppm, pupils } = co2At(device, time)
  const wall = wallTime(time)
  const cold = coldness(wall.day)
  const heated = isSchoolDay(wall.day) && wall.hour > 6 && wall.hour < 17 ? 20.5 : 17
  const temperature = heated * cold + (1 - cold) * (0.5 * outdoorTemperature(time) + 12) + (pupils ? 0.8 : 0)
  return [
    value('co2', clamp(ppm + 12 * smoothNoise(device.seed, 28, time / 9e5), 400, 5000)),
    value('temperature', temperature + 0.4 * smoothNoise(device.seed, 29, time / 3.6e6)),
    value('relative_humidity', clamp(0.5 * outdoorHumidity(time) + 8 + (pupils ? 6 : 0), 15, 95)),
    value('illuminance', wall.hour > 7 && wall.hour < 19 ? 180 + (pupils ? 240 : 0) : 2),
    ...batteryValues(device, time),
  ]
}
