import { getTimes } from 'suncalc'
import { dayMs, epochMs, hourMs, minuteMs, wallTime } from '../calendar.ts'
import { cumulate } from '../curve.ts'
import { faultSince, type Site } from '../plan.ts'
import { between, hashOf, pick, smoothNoise } from '../random.ts'
import { type Behaviour, value } from './surroundings.ts'

/** Where the sun is looked at: the same for the whole city. */
const latitude = 47.7508
const longitude = 7.3359

/** The dimming level, percent, by the hour of the wall clock while it is night; 0 is off. */
type DimmingProfile = (hour: number) => number

const profiles: Partial<Record<Site, DimmingProfile>> = {
  avenue: (hour) => (hour >= 23 || hour < 5 ? 70 : 100),
  park: (hour) => (hour >= 0.5 && hour < 5 ? 0 : 80),
}
const streetProfile: DimmingProfile = (hour) => (hour >= 22 || hour < 6 ? 50 : 100)

type Segment = { from: number; to: number; level: number }
type Sums = { burningMs: number; weightedMs: number }
type Nights = { levelAt(time: number): number; sumsAt(time: number): Sums }

/** The share of its rated power that a lamp takes at a dimming level: the driver takes some at any level. */
export function powerShare(level: number): number {
  return level === 0 ? 0 : 0.08 + 0.92 * (level / 100)
}

/**
 * The nights of a dimming profile, for all its lamps. At Mulhouse the sun always rises and sets within one UTC day, so
 * that a UTC day is night until sunrise and from sunset on.
 */
function makeNights(profile: DimmingProfile): Nights {
  const days = new Map<number, Segment[]>()

  function segmentsOf(day: number): Segment[] {
    let segments = days.get(day)
    if (segments === undefined) {
      if (days.size >= 64) days.clear()
      segments = computeSegments(day)
      days.set(day, segments)
    }
    return segments
  }

  function computeSegments(day: number): Segment[] {
    const start = epochMs + day * dayMs
    const { sunrise, sunset } = getTimes(new Date(start + dayMs / 2), latitude, longitude)
    // Photocells switch at a few lux, some minutes after sunset and before sunrise.
    const up = sunrise!.getTime() - 12 * minuteMs
    const down = sunset!.getTime() + 12 * minuteMs
    // Profiles change on half hours: cutting the night there makes the level constant over each piece.
    const cuts = new Set([start, up, down, start + dayMs])
    for (let i = 1; i < 48; i++) cuts.add(start + (i * hourMs) / 2)
    const sorted = [...cuts].sort((a, b) => a - b)
    return sorted.slice(1).map((to, i) => {
      const from = sorted[i]!
      const night = to <= up || from >= down
      return { from, to, level: night ? profile(wallTime(from).hour) : 0 }
    })
  }

  function sum(segments: readonly Segment[], until: number): Sums {
    const sums = { burningMs: 0, weightedMs: 0 }
    for (const { from, to, level } of segments) {
      if (from >= until || level === 0) continue
      const lasted = Math.min(to, until) - from
      sums.burningMs += lasted
      sums.weightedMs += lasted * powerShare(level)
    }
    return sums
  }

  const burningBefore = cumulate((day) => sum(segmentsOf(day), Infinity).burningMs)
  const weightedBefore = cumulate((day) => sum(segmentsOf(day), Infinity).weightedMs)
  return {
    levelAt(time) {
      const day = Math.floor((time - epochMs) / dayMs)
      return segmentsOf(day).find((each) => time < each.to)?.level ?? 0
    },
    sumsAt(time) {
      const day = Math.floor((time - epochMs) / dayMs)
      const today = sum(segmentsOf(day), time)
      return {
        burningMs: burningBefore(day) + today.burningMs,
        weightedMs: weightedBefore(day) + today.weightedMs,
      }
    },
  }
}

const nightsByProfile = new Map<DimmingProfile, Nights>()

function nightsOf(site: Site): Nights {
  const profile = profiles[site] ?? streetProfile
  let nights = nightsByProfile.get(profile)
  if (nights === undefined) {
    nights = makeNights(profile)
    nightsByProfile.set(profile, nights)
  }
  return nights
}

/**
 * A street light: it follows the sun and its site's dimming profile, and counts its burning hours and energy. With the
 * fault `burns_by_day` it stays on at full power from then on, by night too.
 */
export const streetLight: Behaviour = (device, time) => {
  // Each photocell switches a little earlier or later than the others.
  const shift = between(device.seed, 1, -4, 6) * minuteMs
  const nights = nightsOf(device.site)
  const ratedW = pick(device.seed, 2, ratedPowersW)
  const stuckSince = faultSince(device, 'burns_by_day', time)
  const level = stuckSince === undefined ? nights.levelAt(time - shift) : 100
  const voltage = 231 + 4 * smoothNoise(device.areaSeed, 3, time / hourMs)
  const power = ratedW * powerShare(level) * (1 + 0.01 * smoothNoise(device.seed, 4, time / hourMs))
  const sums = sumsUntil(time, shift, nights, stuckSince)
  return [
    value('lamp_state', level > 0 ? 1 : 0),
    value('dimming_level', level),
    value('active_power', power),
    value('voltage', voltage),
    value('power_factor', level > 0 ? 0.95 : 0),
    value('burning_hours', (hashOf(device.seed, 5) % 9000) + sums.burningMs / hourMs),
    value('energy_active_import', (hashOf(device.seed, 6) % 400_000) + (ratedW * sums.weightedMs) / hourMs),
    // The door at the foot of the mast.
    value('door_state', 0),
    value('tilt', 0.4 * smoothNoise(device.seed, 7, time / dayMs)),
  ]
}

const ratedPowersW = [28, 36, 52, 71]

function sumsUntil(time: number, shift: number, nights: Nights, stuckSince: number | undefined): Sums {
  if (stuckSince === undefined) return nights.sumsAt(time - shift)
  const before = nights.sumsAt(stuckSince - shift)
  const since = time - stuckSince
  return { burningMs: before.burningMs + since, weightedMs: before.weightedMs + since }
}
