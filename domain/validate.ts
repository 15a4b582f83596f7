import { type DecodedReading, type Fault, fault } from './fault.ts'
import { defineQuantity } from './quantity.ts'
import { formatTime } from './time.ts'
import { maxClockAheadMs } from './uplink.ts'

const dayMs = 86_400_000
// The times that a Date can tell (ECMA-262, time values and time range).
const maxTimeMs = 8.64e15

/**
 * Judges a decoded reading: its value by the quantity's range and states, its time by the moment of reception, so that
 * a replay judges as the first time did. `receivedAt` is in epoch milliseconds; a reading older than `horizonDays`
 * before it is too old, one more than `maxClockAheadMs` after it comes from a clock that is ahead. Null when it is good.
 */
export function judge(reading: DecodedReading, receivedAt: number, horizonDays: number): Fault | null {
  return judgeValue(reading) ?? judgeTime(reading, receivedAt, horizonDays)
}

function judgeValue({ quantity, value }: DecodedReading): Fault | null {
  const { unit, min, max, kind, states } = defineQuantity(quantity)
  if (!Number.isFinite(value)) return fault('not_a_number', { quantity, value: String(value) })
  if (value < min || value > max) return fault('out_of_range', { quantity, value, unit, min, max })
  if (kind === 'state' && !states!.some((state) => state.value === value))
    return fault('unknown_state', { quantity, value, states: states!.map((state) => state.name).join(', ') })
  return null
}

function judgeTime({ quantity, observedAt }: DecodedReading, receivedAt: number, horizonDays: number): Fault | null {
  if (observedAt === undefined) return null
  if (!(Math.abs(observedAt) <= maxTimeMs)) return fault('bad_time')
  if (observedAt > receivedAt + maxClockAheadMs)
    return fault('clock_future', { quantity, observedAt: formatTime(observedAt) })
  if (observedAt < receivedAt - horizonDays * dayMs)
    return fault('too_old', { quantity, observedAt: formatTime(observedAt), days: horizonDays })
  return null
}
