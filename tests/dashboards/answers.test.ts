import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { follow } from '../../dashboards/web/src/follow.ts'
import { createNewest } from '../../dashboards/web/src/newest.ts'
import { once } from '../../dashboards/web/src/once.ts'

test('of answers that come in another order than they were asked for, the last one asked for stays', async () => {
  const newest = createNewest()
  const [first, second, third] = [1, 2, 3].map(() => Promise.withResolvers<string>())
  const taken: string[] = []
  const ask = (answer: Promise<string>) =>
    newest.ask(
      () => answer,
      (text) => taken.push(text),
      () => taken.push('refused'),
    )
  const asked = [ask(first!.promise), ask(second!.promise)]
  second!.resolve('second')
  await asked[1]
  first!.reject(new Error('too late'))
  await asked[0]
  expect(taken).toEqual(['second'])
  const overtaken = ask(third!.promise)
  newest.overtake()
  third!.resolve('third')
  await overtaken
  expect(taken).toEqual(['second'])
})

test('work is not begun twice for the same thing, and is for another, and again once it ended or failed', async () => {
  let held = Promise.withResolvers<void>()
  const begun: string[] = []
  const work = once(async (id: string) => {
    begun.push(id)
    await held.promise
  })
  const first = work('a')
  await work('a')
  void work('b').catch(() => {})
  expect(begun).toEqual(['a', 'b'])
  held.reject(new Error('no'))
  await expect(first).rejects.toThrow('no')
  held = Promise.withResolvers()
  held.resolve()
  await work('a')
  expect(begun).toEqual(['a', 'b', 'a'])
})

describe('work that takes a while', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('is followed across a break of the network, and not across a refusal', async () => {
    const states = ['running', 0, 'done', 404] as const
    let asked = 0
    const told: string[] = []
    const ask = async () => {
      const next = states[asked++]!
      if (typeof next === 'number') throw { status: next }
      return { state: next }
    }
    const ended = follow({ state: 'queued' }, ask, ({ state }) => told.push(state), 300)
    await vi.runAllTimersAsync()
    expect(await ended).toEqual({ state: 'done' })
    expect(told).toEqual(['queued', 'running', 'running'])
    const refused = expect(follow({ state: 'queued' }, ask, () => {}, 300)).rejects.toEqual({ status: 404 })
    await vi.runAllTimersAsync()
    await refused
  })
})
