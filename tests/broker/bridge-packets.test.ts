import * as net from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'
import { expect, onTestFinished, test } from 'vitest'
import { checksumOf, type Journaled, startBridge } from '../../broker/bridge.ts'
import type { BridgeSettings } from '../../inventory/bridges.ts'
import { until } from '../support/until.ts'

/* What no real broker can be made to do at the right moment: the other side is a script of packets. */

async function openOtherSide(journaled: Journaled = new Map()) {
  const acknowledged: number[] = []
  const held: ((error: Error | null) => void)[] = []
  let socket: net.Socket | null = null
  let connections = 0
  const server = net.createServer((accepted) => {
    const incoming = parser({ protocolVersion: 4 })
    incoming.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') accepted.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: true }))
      if (packet.cmd === 'puback') acknowledged.push(packet.messageId!)
      if (packet.cmd !== 'subscribe') return
      accepted.write(generate({ cmd: 'suback', messageId: packet.messageId!, granted: [1] }))
      socket = accepted
      connections++
    })
    accepted.on('data', (bytes: Buffer) => void incoming.parse(bytes))
    accepted.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const settings: BridgeSettings = {
    name: 'far',
    integration: 'net',
    url: `mqtt://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    topics: ['net/#'],
    qos: 1,
    clientId: 'c',
    userName: null,
    password: null,
    ca: null,
    insecure: false,
  }
  const append = (_: unknown, appended: (error: Error | null) => void) => held.push(appended)
  const bridge = startBridge(settings, { append, maxPacketBytes: 1 << 20, journaled, log: () => {} })
  onTestFinished(async () => {
    for (const appended of held.splice(0)) appended(null)
    await bridge.stop()
    socket?.destroy()
    server.close()
  })
  await until(() => bridge.state.state === 'connected' && connections === 1)
  return {
    bridge,
    acknowledged,
    held,
    send(messageId: number, dup: boolean, payload = `message ${messageId}`) {
      socket!.write(generate({ cmd: 'publish', topic: 'net/a/up', payload, qos: 1, messageId, dup, retain: false }))
    },
    async reconnect() {
      const before = connections
      socket!.destroy()
      await until(() => connections > before)
    },
    commit: (count: number) => held.splice(0, count).forEach((appended) => void appended(null)),
  }
}

test('two hundred are under way, and acknowledged in their order, each after its commit', async () => {
  const { send, held, acknowledged, commit } = await openOtherSide()
  const ids = Array.from({ length: 200 }, (_, i) => i + 1)
  for (const id of ids) send(id, false)
  await until(() => held.length === 200)
  expect(acknowledged).toEqual([])
  commit(150)
  await until(() => acknowledged.length === 150)
  commit(50)
  await until(() => acknowledged.length === 200)
  expect(acknowledged).toEqual(ids)
})

test('what comes again with DUP is acknowledged and not journaled again: committed, under way, or journaled before a kill', async () => {
  const known: Journaled = new Map([[9, checksumOf('net/a/up', Buffer.from('message 9'))]])
  const { send, held, acknowledged, commit, reconnect, bridge } = await openOtherSide(known)
  send(9, true)
  await until(() => acknowledged.includes(9))
  send(1, false)
  await until(() => held.length === 1)
  commit(1)
  await until(() => acknowledged.includes(1))
  send(2, false)
  await until(() => held.length === 1)
  await reconnect()
  send(1, true)
  send(2, true)
  await until(() => acknowledged.filter((id) => id === 1).length === 2)
  expect(held).toHaveLength(1)
  commit(1)
  await until(() => acknowledged.includes(2))
  expect([bridge.state.journaled, bridge.state.repeated]).toEqual([2, 3])
})

test('an identifier that is used again is another message: without DUP, or with another content', async () => {
  const { send, held, commit } = await openOtherSide()
  send(1, false)
  await until(() => held.length === 1)
  commit(1)
  send(1, false)
  await until(() => held.length === 1)
  commit(1)
  send(1, true, 'another')
  await until(() => held.length === 1)
})

test('a journal that refuses ends the connection, and nothing is acknowledged', async () => {
  const { send, held, acknowledged, bridge } = await openOtherSide()
  send(1, false)
  await until(() => held.length === 1)
  held.splice(0)[0]!(new Error('the disk is full'))
  await until(() => bridge.state.state === 'waiting')
  expect(bridge.state.detail?.en).toMatch(/the disk is full/)
  expect(acknowledged).toEqual([])
})
