import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LiveSink, openLiveFeed } from '../../api/live.ts'
import { addAsset } from '../../inventory/assets.ts'
import { addDevice } from '../../inventory/devices.ts'
import { install, uninstall } from '../../inventory/installations.ts'
import { addToken } from '../../inventory/tokens.ts'
import { type LiveReading, liveSocketPath } from '../../store/live.ts'
import { openTestApi, type TestApi } from '../support/api.ts'
import { until } from '../support/until.ts'

let api: TestApi
let url: string
let teller: Teller | null = null

beforeEach(async () => {
  api = await openTestApi()
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}/api/v1/stream`
})

afterEach(async () => {
  await teller?.close()
  teller = null
  await api.close()
})

type Teller = Awaited<ReturnType<typeof openTeller>>

/** The socket on which ingest tells: what the feed connects to. */
async function openTeller(dataDir: string) {
  mkdirSync(dataDir, { recursive: true })
  const path = liveSocketPath(dataDir)
  rmSync(path, { force: true })
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    sockets,
    tell(text: string) {
      for (const socket of sockets) socket.write(text)
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function line(reading: Partial<LiveReading> = {}): string {
  const whole = { deviceId: 'probe-1', channel: '', quantity: 'fill_level', value: 1, observedAt: 0, receivedAt: 1 }
  return `${JSON.stringify({ ...whole, ...reading })}\n`
}

/** Listens as a browser does; `text` is all that came. */
async function listen(query = '', token: string | null = api.tokens.viewer) {
  const aborting = new AbortController()
  const response = await fetch(`${url}${query}`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    signal: aborting.signal,
  })
  const heard = { response, text: '', ended: false, stop: () => aborting.abort() }
  const read = async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) heard.text += chunk
  }
  void read()
    .catch(() => {})
    .finally(() => {
      heard.ended = true
    })
  return heard
}

describe('GET /stream', () => {
  it('tells readings as they are committed', async () => {
    teller = await openTeller(api.config.PARVIS_DATA_DIR)
    const heard = await listen()
    expect(heard.response.headers.get('content-type')).toBe('text/event-stream')
    expect(heard.response.headers.get('cache-control')).toBe('no-store')
    await until(() => teller!.sockets.size === 1)
    const text = line({ value: 72.5, observedAt: 1000, receivedAt: 2000, channel: '2' })
    teller.tell(text.slice(0, 20))
    teller.tell(`${text.slice(20)}not JSON\n${line({ quantity: 'nothing' })}`)
    await until(() => heard.text.includes('event: reading'))
    const data = /^event: reading\ndata: (.*)$/m.exec(heard.text)![1]!
    expect(JSON.parse(data)).toEqual({
      deviceId: 'probe-1',
      channel: '2',
      quantity: 'fill_level',
      value: 72.5,
      unit: '%',
      observedAt: '1970-01-01T00:00:01.000Z',
      receivedAt: '1970-01-01T00:00:02.000Z',
    })
    expect(heard.text.match(/event:/g)).toHaveLength(1)
    heard.stop()
  })

  it('tells of an asset what hangs on it now, through its calibration, and to each service its own', async () => {
    teller = await openTeller(api.config.PARVIS_DATA_DIR)
    const { access } = api
    await addDevice(access, { id: 'probe-1', model: 'generic-json' })
    for (const service of ['Propreté', 'Voirie'])
      await addAsset(access, { id: service, kind: 'bench', label: service, service })
    const calibration = { fill: { emptyM: 2, fullM: 0 } }
    await install(access, { deviceId: 'probe-1', assetId: 'Voirie', installedAt: 0, removedAt: 1000 })
    await install(access, { deviceId: 'probe-1', assetId: 'Propreté', installedAt: 2000, calibration })
    const asset = await listen(`?assetId=${encodeURIComponent('Propreté')}&quantity=fill_level`)
    const { token } = await addToken(access, { role: 'viewer', services: ['Voirie'] })
    const limited = await listen('', token)
    expect((await listen(`?assetId=${encodeURIComponent('Propreté')}`, token)).response.status).toBe(404)
    await until(() => teller!.sockets.size === 1)
    const tell = (observedAt: number) => teller!.tell(line({ quantity: 'distance', value: 1.5, observedAt }))
    for (const observedAt of [500, 1500, 2500]) tell(observedAt)
    await until(() => asset.text.includes('event:') && limited.text.includes('event:'))
    expect(asset.text.match(/"value":25,"unit":"%","observedAt":"1970-01-01T00:00:02.500Z"/g)).toHaveLength(1)
    expect(limited.text.match(/"value":1.5,"unit":"m","observedAt":"1970-01-01T00:00:00.500Z"/g)).toHaveLength(1)
    // What is corrected meanwhile is told as it is known from then on.
    await uninstall(access, { deviceId: 'probe-1', removedAt: 3000 })
    await install(access, { deviceId: 'probe-1', assetId: 'Voirie', installedAt: 3000 })
    await until(() => {
      tell(4000)
      return limited.text.includes('00:00:04.000Z')
    })
    expect(limited.text).not.toContain('00:00:02')
    for (const each of [asset, limited]) each.stop()
  })

  it('tells each listener what it asked for, over one connection', async () => {
    teller = await openTeller(api.config.PARVIS_DATA_DIR)
    const all = await listen()
    const one = await listen('?deviceId=probe-2&deviceId=probe-3')
    const co2 = await listen('?quantity=co2')
    await until(() => teller!.sockets.size === 1)
    teller.tell(line() + line({ deviceId: 'probe-2' }) + line({ deviceId: 'probe-3', quantity: 'co2' }))
    await until(() => all.text.includes('probe-3') && one.text.includes('probe-3') && co2.text.includes('probe-3'))
    const count = (text: string) => text.match(/event: reading/g)?.length
    expect([count(all.text), count(one.text), count(co2.text)]).toEqual([3, 2, 1])
    expect(teller.sockets.size).toBe(1)
    for (const each of [all, one, co2]) each.stop()
  })

  it('connects only while someone listens, and again when ingest comes back', async () => {
    teller = await openTeller(api.config.PARVIS_DATA_DIR)
    expect(teller.sockets.size).toBe(0)
    const heard = await listen()
    await until(() => teller!.sockets.size === 1)
    await teller.close()
    teller = await openTeller(api.config.PARVIS_DATA_DIR)
    await until(() => teller!.sockets.size === 1)
    teller.tell(line({ deviceId: 'after' }))
    await until(() => heard.text.includes('after'))
    heard.stop()
    await until(() => teller!.sockets.size === 0)
  })

  it('asks for a token, and refuses what it does not know', async () => {
    expect((await listen('', null)).response.status).toBe(401)
    expect((await listen('?quantity=nothing')).response.status).toBe(400)
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(405)
  })

  it('ends when the API closes', async () => {
    const heard = await listen()
    await api.app.close()
    await until(() => heard.ended)
  })
})

describe('openLiveFeed', () => {
  it('keeps little for a slow listener, and says how much it did not tell', async () => {
    teller = await openTeller(api.config.PARVIS_DATA_DIR)
    const feed = openLiveFeed(api.config.PARVIS_DATA_DIR)
    const slow = { written: [] as string[], writableLength: 0 }
    const sink: LiveSink = {
      write: (text) => {
        slow.written.push(text)
        slow.writableLength += text.length
      },
      get writableLength() {
        return slow.writableLength
      },
      end: () => {},
    }
    feed.listen({}, sink)
    await until(() => teller!.sockets.size === 1)
    const fast = { count: 0 }
    feed.listen(
      {},
      { write: (text: string) => (fast.count += text.split('event:').length - 1), writableLength: 0, end() {} },
    )
    for (let i = 0; i < 200; i++) teller.tell(line({ value: i }).repeat(50))
    await until(() => fast.count === 10_000)
    expect(slow.writableLength).toBeLessThan(1_000_000)
    const told = slow.written.join('').split('event: reading').length - 1
    slow.writableLength = 0
    slow.written.length = 0
    teller.tell(line({ deviceId: 'last' }))
    await until(() => slow.written.length > 0 && slow.written.at(-1)!.includes('last'))
    expect(slow.written[0]).toBe(`event: lagged\ndata: {"missed":${10_000 - told}}\n\n`)
    feed.close()
  })

  it('sends a comment now and then, so that an idle connection is not taken for dead', async () => {
    const feed = openLiveFeed(api.config.PARVIS_DATA_DIR, { heartbeatMs: 5 })
    let text = ''
    feed.listen({}, { write: (more: string) => (text += more), writableLength: 0, end() {} })
    await until(() => text.includes(': '))
    expect(text).toMatch(/^(:[^\n]*\n\n)+$/)
    feed.close()
  })

  it('takes a bounded number of listeners', () => {
    const feed = openLiveFeed(api.config.PARVIS_DATA_DIR)
    const sink: LiveSink = { write: () => {}, writableLength: 0, end: () => {} }
    const stops = Array.from({ length: 200 }, () => feed.listen({}, sink))
    expect(stops.every((stop) => stop !== null)).toBe(true)
    expect(feed.listen({}, sink)).toBeNull()
    stops[0]!()
    expect(feed.listen({}, sink)).not.toBeNull()
    feed.close()
  })
})
