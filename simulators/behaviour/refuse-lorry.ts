import { dayMs } from '../calendar.ts'
import type { PlannedDevice } from '../plan.ts'
import { between, hashOf, smoothNoise } from '../random.ts'
import { type Behaviour, value } from './surroundings.ts'
import { emptyings, fillAt, liftsUntil } from './waste-container.ts'

/** A lorry speaks when it lifts a container, and not otherwise: the times in [from, to), in order. */
export function liftTimes(lorry: PlannedDevice, from: number, to: number): number[] {
  const times = new Set<number>()
  for (const container of lorry.serves?.values() ?? [])
    for (const time of emptyings(container, from, to)) times.add(time)
  return [...times].sort((a, b) => a - b)
}

/**
 * A refuse lorry with a bin lift: which container it lifts at that time, known by its tag, how often that one was lifted
 * and what was in it, and how many lifts the lorry counts in all.
 */
export const refuseLorry: Behaviour = (lorry, time) => {
  const readings = []
  let lifts = 0
  for (const [tag, container] of lorry.serves ?? []) {
    const before = hashOf(container.seed, 16) % 300
    lifts += liftsUntil(container, time)
    if (emptyings(container, time, time + 1).length === 0) continue
    const kgPerPercent = between(container.seed, 18, 0.4, 0.9)
    const packed = 1 + 0.1 * smoothNoise(container.seed, 19, time / dayMs)
    const weightKg = kgPerPercent * packed * fillAt(container, time - 1)
    readings.push(
      value('lift_count', before + liftsUntil(container, time), tag),
      value('weight', Math.round(10 * weightKg) / 10, tag),
    )
  }
  return [value('lift_count', (hashOf(lorry.seed, 16) % 20_000) + lifts), ...readings]
}
