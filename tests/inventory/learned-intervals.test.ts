import { expect, test } from 'vitest'
import { learnIntervals } from '../../inventory/learned-intervals.ts'

const minute = 60_000

test('an interval is learned from twenty gaps, whatever one outage says', () => {
  const learner = learnIntervals()
  const told = Array.from({ length: 25 }, (_, i) => learner.hear('d', i * 10 * minute + (i > 12 ? 900 * minute : 0)))
  expect(told.filter((each) => each !== null)).toEqual([600])
  expect(told.indexOf(600)).toBe(20)
})

test('a device that sends in bursts is expected after its pause; a changed rhythm is told again', () => {
  const learner = learnIntervals()
  let time = 0
  let last: number | null = null
  const hear = (gap: number) => {
    time += gap
    last = learner.hear('d', time) ?? last
  }
  for (let day = 0; day < 6; day++) for (let i = 0; i < 5; i++) hear(i === 0 ? 86_000_000 : 1000)
  expect(last).toBe(86_000)
  for (let i = 0; i < 30; i++) hear(5 * minute)
  expect(last).toBe(300)
  expect(learner.hear('d', time)).toBeNull()
})
