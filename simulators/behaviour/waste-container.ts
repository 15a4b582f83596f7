import { dayKind, dayMs, epochMs, utcOf, wallTime } from '../calendar.ts'
import { cumulate, makeCurve } from '../curve.ts'
import type { PlannedDevice } from '../plan.ts'
import { between, pick, smoothNoise, uniform } from '../random.ts'
import { perDevice } from './per-device.ts'
import { type Behaviour, batteryValues, clamp, outdoorTemperature, value } from './surroundings.ts'

/** Percent per hour into a container of average size in an average street: evenings and weekends, little by night. */
const streetFilling = makeCurve(({ day, hour }) => {
  const { weekday, publicHoliday } = dayKind(day)
  const home = weekday >= 5 || publicHoliday ? 1.35 : 1
  if (hour < 6) return 0.05
  if (hour < 9) return 1.2 * home
  if (hour < 17) return 0.8 * home
  return (hour < 22 ? 1.7 : 0.5) * home
})

/** The same around the market, which is held on Tuesdays, Thursdays and Saturdays. */
const marketFilling = makeCurve(({ day, hour }) => {
  const { weekday } = dayKind(day)
  const market = weekday === 1 || weekday === 3 || weekday === 5
  if (hour < 6 || hour >= 22) return 0.1
  if (market && hour >= 9 && hour < 17) return 7
  return 1.1
})

/** Weekdays of the rounds, 0 Monday; a district has one of these plans. */
const roundPlans: readonly (readonly number[])[] = [
  [0, 3],
  [1, 4],
  [0, 2, 4],
  [1, 3, 5],
]
const marketRounds: readonly number[] = [0, 1, 2, 3, 4, 5]

/** One round in twenty-five does not reach the container: roadworks, a parked car. */
const missedShare = 0.04

/** Twice the longest time between two rounds, were one missed. */
const longestDays = 14

function isRoundDay(device: PlannedDevice, day: number): boolean {
  const rounds = device.site === 'market' ? marketRounds : pick(device.areaSeed, 10, roundPlans)
  return rounds.includes(dayKind(day).weekday) && uniform(device.areaSeed ^ device.seed, 11, day) >= missedShare
}

/** When a lorry comes on a round day, to the second: each container has its place in the round. */
function roundTime(device: PlannedDevice, day: number): number {
  return Math.round(utcOf(day, between(device.seed, 12, 6, 11)) / 1000) * 1000
}

/** When a container is emptied in [from, to). */
export function emptyings(device: PlannedDevice, from: number, to: number): number[] {
  const times: number[] = []
  for (let day = wallTime(from).day; day <= wallTime(to).day; day++) {
    const time = roundTime(device, day)
    if (time >= from && time < to && isRoundDay(device, day)) times.push(time)
  }
  return times
}

/** The newest emptying at or before a time. */
function lastEmptied(device: PlannedDevice, time: number): number {
  const today = wallTime(time).day
  for (let day = today; day > today - longestDays; day--)
    if (isRoundDay(device, day) && roundTime(device, day) <= time) return roundTime(device, day)
  return time - longestDays * dayMs
}

const epochDay = epochMs / dayMs
const roundsBefore = perDevice((device) => cumulate((day) => (isRoundDay(device, epochDay + day) ? 1 : 0)))

/** How often the container was lifted since the epoch. */
export function liftsUntil(device: PlannedDevice, time: number): number {
  const today = wallTime(time).day
  const liftedToday = isRoundDay(device, today) && roundTime(device, today) <= time
  return roundsBefore(device)(today - epochDay) + (liftedToday ? 1 : 0)
}

/** How full a container is, percent. */
export function fillAt(device: PlannedDevice, time: number): number {
  const filling = device.site === 'market' ? marketFilling : streetFilling
  const emptiedAt = lastEmptied(device, time)
  // A bin in a side street takes a week to fill, a busy one two days.
  const pace = between(device.seed, 13, 0.5, 1.9)
  const residue = 2 + 6 * uniform(device.seed, 14, Math.floor(emptiedAt / dayMs))
  return clamp(residue + pace * (filling.total(time) - filling.total(emptiedAt)), 0, 100)
}

/** A container that fills with the hours and days of its street, and is emptied on the rounds of its district. */
export const wasteContainer: Behaviour = (device, time) => {
  const echo = 0.8 * smoothNoise(device.seed, 15, time / 7.2e6)
  const fill = clamp(fillAt(device, time) + echo, 0, 100)
  return [
    value('fill_level', fill),
    value('distance', 0.25 + depthM * (1 - fill / 100)),
    value('temperature', outdoorTemperature(time) + 0.02 * fill),
    value('tilt', 0.6 * smoothNoise(device.seed, 17, time / dayMs)),
    ...batteryValues(device, time),
  ]
}

const depthM = 1.45
