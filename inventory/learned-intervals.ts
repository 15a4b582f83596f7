/** Gaps that are remembered of one device, and needed before anything is said of it. */
const gapsKept = 20

/** What is learned is told again when it has changed by this much. */
const worthTelling = 0.2

const shortestS = 60

/** How often devices speak, learned from when they were heard. */
export type IntervalLearner = {
  /** Takes in that a device was heard (UTC epoch ms). Answers its interval in seconds when that is news. */
  hear(deviceId: string, time: number): number | null
}

/**
 * Learns intervals. What is learned is the second longest of the last twenty gaps: one outage does not stretch it, and a
 * device that sends in bursts is expected after its long pause, not within its burst. It is held in memory: after a
 * start it takes twenty messages of a device to learn more than what was written down.
 */
export function learnIntervals(): IntervalLearner {
  const courses = new Map<string, { last: number; gaps: Float32Array; count: number; told: number }>()
  return {
    hear(deviceId, time) {
      const course = courses.get(deviceId)
      if (course === undefined) {
        courses.set(deviceId, { last: time, gaps: new Float32Array(gapsKept), count: 0, told: 0 })
        return null
      }
      if (time <= course.last) return null
      course.gaps[course.count++ % gapsKept] = (time - course.last) / 1000
      course.last = time
      if (course.count < gapsKept) return null
      const learned = Math.max(shortestS, Math.ceil(secondLongest(course.gaps)))
      if (Math.abs(learned - course.told) <= worthTelling * course.told) return null
      course.told = learned
      return learned
    },
  }
}

function secondLongest(gaps: Float32Array): number {
  let longest = 0
  let second = 0
  for (const gap of gaps)
    if (gap > longest) {
      second = longest
      longest = gap
    } else if (gap > second) second = gap
  return second
}
