import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokerProcess, startBrokerProcess } from '../support/broker-process.ts'
import { abuses, runAbuse } from '../trials/abuse.ts'
import { runFuzz } from '../trials/fuzz.ts'

/* The real broker and journal in a process of its own; how long others wait is measured by `npm run trials -- abuse`. */

// What is not in use any more is given back to the machine when the runtime finds the time: 65 were seen on a busy one.
const grownMaxMib = 128

let broker: BrokerProcess
beforeAll(async () => {
  broker = await startBrokerProcess()
})
afterAll(() => broker?.stop())

test('there are twelve', () => expect(abuses.length).toBe(12))

test.each(abuses)(
  '%s: comes to nothing, others connect and publish meanwhile, memory stays',
  async (name) => {
    const { grownMib, connects } = await runAbuse(broker, name)
    expect(connects).toBeGreaterThan(0)
    expect(grownMib).toBeLessThan(grownMaxMib)
    expect(broker.isAlive()).toBe(true)
  },
  90_000,
)

test('packets that are bent at random: the process lives, and serves others', async () => {
  const { packets, crashes } = await runFuzz(broker, { seed: 1, packets: 5000 })
  expect(packets).toBeGreaterThanOrEqual(5000)
  expect(crashes).toBe(0)
}, 90_000)
