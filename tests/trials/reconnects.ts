import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { makePublish, makeSubscribe, openRawClient, startOpenBroker } from '../support/raw-client.ts'

/** Heap in use after a collection, in MiB, at equal steps of the reconnects that were counted. */
export type ReconnectReport = { reconnects: number; heapMib: number[]; grownMib: number }

const clients = 500
const atOnce = 20
const steps = 8

/**
 * Has clients with sessions come, subscribe, publish, and leave again, with and without DISCONNECT; then measures what
 * stays in memory over so many reconnects.
 */
export async function runReconnects(options: {
  reconnects: number
  warmUp: number
  log?(line: string): void
}): Promise<ReconnectReport> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const open = await startOpenBroker({
    journal: { append: (uplink, appended) => setImmediate(appended, null, uplink) },
  })
  const heapMib: number[] = []
  let number = 0

  async function reconnect(i: number) {
    const id = `client-${i % clients}`
    const client = openRawClient(open.broker.ports.mqtt)
    await client.connect({ clientId: id, clean: false, will: { topic: `will/${id}`, payload: 'gone', qos: 1 } })
    client.send(
      makeSubscribe({ [`to/${id}`]: 1 }),
      makePublish(`to/client-${(i * 7) % clients}`, 'x', 1, { messageId: 7 }),
    )
    await client.next('puback')
    for (const packet of client.packets.splice(0))
      if (packet.cmd === 'publish') client.send({ cmd: 'puback', messageId: packet.messageId })
    if (i % 3 === 0) client.end()
    else client.send({ cmd: 'disconnect' })
    await client.closed()
  }

  async function run(until: number) {
    const work = async () => {
      while (number < until) await reconnect(number++)
    }
    await Promise.all(Array.from({ length: atOnce }, work))
  }

  try {
    await run(options.warmUp)
    for (let step = 0; step <= steps; step++) {
      await run(options.warmUp + (options.reconnects * step) / steps)
      await new Promise((resolve) => setImmediate(resolve))
      collect()
      heapMib.push(Number((process.memoryUsage().heapUsed / 2 ** 20).toFixed(2)))
      options.log?.(`${number - options.warmUp} reconnects: ${heapMib.at(-1)} MiB`)
    }
  } finally {
    await open.close()
  }
  return { reconnects: options.reconnects, heapMib, grownMib: Number((heapMib.at(-1)! - heapMib[0]!).toFixed(2)) }
}
