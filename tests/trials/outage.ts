import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { openInfluxStore } from '../../store/influx.ts'
import { openInflux1 } from '../../store/influx1.ts'
import { readRoleState } from '../../store/role-state.ts'
import { startFaultyProxy } from '../support/faulty-proxy.ts'
import { startInfluxd } from '../support/influxd.ts'
import { freePort, type Platform, parvis, startPlatform } from '../support/platform.ts'
import { noteRealPackage } from '../support/real-parts.ts'
import { until } from '../support/until.ts'

/** What can happen to InfluxDB. */
export const outages = ['refuses', 'hangs', 'fails', 'is slow', 'has no space', 'lost its database'] as const
export type Outage = (typeof outages)[number]

/**
 * What an outage trial found: PUBACK's 99th percentile in ms over what was published while Parvis ran, clients that were
 * disconnected otherwise than by our own kill, and how long ingest took to catch up after the outage, in ms.
 */
export type OutageReport = {
  outage: Outage
  sent: number
  acknowledged: number
  lost: number
  invented: number
  disconnected: number
  pubackP99Ms: number
  caughtUpMs: number
}

export type OutageOptions = {
  folder: string
  outage: Outage
  devices: number
  /** Messages a second, of all devices together. */
  perSecond: number
  /** How long InfluxDB is ill, and whether Parvis is killed (SIGKILL) in the middle. */
  outageMs: number
  killsParvis: boolean
  log?(line: string): void
}

const database = 'parvis'
const diskMiB = 96

/**
 * Publishes with QoS 1 at a steady pace while InfluxDB is ill, then compares what was acknowledged with what InfluxDB
 * holds once ingest has caught up. Readings are told apart by device and observedAt.
 */
export async function runOutageTrial(options: OutageOptions): Promise<OutageReport> {
  noteRealPackage('mqtt')
  const { outage, outageMs, log = () => {} } = options
  const dataDir = join(options.folder, 'data')
  const influxDir = join(options.folder, 'influxdb')
  for (const folder of [dataDir, influxDir]) mkdirSync(folder, { recursive: true })
  // A disk of its own, that can be filled.
  if (outage === 'has no space')
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', influxDir], { stdio: 'inherit' })
  let influxd = await startInfluxd({ folder: influxDir })
  const proxy = await startFaultyProxy(influxd)
  const env = { PARVIS_STORE: 'influxdb1', PARVIS_INFLUX_URL: proxy.url, PARVIS_LOG_LEVEL: 'error' }
  const ports = { http: await freePort(), mqtt: await freePort() }
  const devices: Device[] = []
  for (let i = 0; i < options.devices; i++) {
    const id = `outage-${i}`
    const { secret } = await parvis<{ secret: string }>(dataDir, 'device', 'add', id, '--model', 'generic-json')
    devices.push({ id, secret, next: Date.now() - 86_400_000 })
  }
  let platform: Platform = await startPlatform({ dataDir, ports, env })
  const load = startLoad(devices, ports.mqtt, options.perSecond)

  const stored = () => (readRoleState(dataDir, 'ingest').counters.readings_total ?? 0) > 0
  const isCaughtUp = () => {
    const { journal_last_seq: lastSeq } = readRoleState(dataDir, 'broker').counters
    const { ready, counters } = readRoleState(dataDir, 'ingest')
    return ready && lastSeq !== undefined && (counters.cursor ?? 0) >= lastSeq
  }

  try {
    await until(stored, 30_000)
    log(`InfluxDB ${outage}`)
    const heal = await fallIll()
    const beganAt = Date.now()
    // What Parvis says of it: since when, and how much waits.
    const isTold = () => /\d+ messages wait in the journal/.test(readRoleState(dataDir, 'ingest').detail ?? '')
    if (outage !== 'is slow') await until(isTold, 60_000)
    await setTimeout(Math.max(0, outageMs / 2 - (Date.now() - beganAt)))
    if (options.killsParvis) {
      log('Parvis is killed')
      load.pause()
      await platform.kill()
      platform = await startRole()
      load.resume()
    }
    await setTimeout(Math.max(0, outageMs - (Date.now() - beganAt)))
    await heal()
    const healedAt = Date.now()
    await load.stop()
    await until(isCaughtUp, 300_000)
    const caughtUpMs = Date.now() - healedAt
    const found = await readAll(influxd.url)
    return {
      outage,
      sent: load.sent.size,
      acknowledged: load.acknowledged.size,
      lost: [...load.acknowledged].filter((key) => !found.has(key)).length,
      invented: [...found].filter((key) => !load.sent.has(key)).length,
      disconnected: load.disconnected,
      pubackP99Ms: load.p99Ms(),
      caughtUpMs,
    }
  } finally {
    await load.stop()
    await platform.kill()
    await proxy.close()
    await influxd.stop('SIGKILL')
    if (outage === 'has no space') execFileSync('umount', ['--lazy', influxDir])
    rmSync(influxDir, { recursive: true, force: true })
  }

  // The roles start without InfluxDB: only ingest is not ready.
  async function startRole(): Promise<Platform> {
    return startPlatform({ dataDir, ports, env, readyPath: '/api/openapi.json' })
  }

  /** Makes InfluxDB ill; answers how to heal it. */
  async function fallIll(): Promise<() => Promise<void>> {
    if (outage === 'refuses') {
      await influxd.stop('SIGKILL')
      return async () => {
        influxd = await startInfluxd({ folder: influxDir, port: influxd.port })
      }
    }
    if (outage === 'hangs') {
      influxd.process.kill('SIGSTOP')
      return async () => void influxd.process.kill('SIGCONT')
    }
    if (outage === 'has no space') {
      const filler = join(influxDir, 'filler')
      const { bavail, bsize } = statfsSync(influxDir)
      writeFileSync(filler, Buffer.alloc(bavail * bsize))
      return async () => {
        rmSync(filler)
        // InfluxDB 1.6 goes on refusing once its log could not be written: whoever frees the disk restarts it too.
        await influxd.stop('SIGKILL')
        influxd = await startInfluxd({ folder: influxDir, port: influxd.port })
      }
    }
    if (outage === 'lost its database') {
      const query = new URLSearchParams({ q: `DROP DATABASE "${database}"` })
      const answer = await fetch(`${influxd.url}/query?${query}`, { method: 'POST' })
      await answer.text()
      return async () => {}
    }
    proxy.set(outage === 'fails' ? 'fail' : 'slow')
    return async () => proxy.set('pass')
  }
}

async function readAll(url: string): Promise<Set<string>> {
  const store = openInfluxStore(openInflux1({ url, database, timeoutMs: 60_000 }))
  const found = new Set<string>()
  for await (const { deviceId, observedAt } of store.scan({ from: 0, to: Number.MAX_SAFE_INTEGER }))
    found.add(`${deviceId} ${observedAt}`)
  return found
}

type Device = { id: string; secret: string; next: number }

const tickMs = 20

/** Publishes at a steady pace, each device over a connection that comes back by itself and sends again what is open. */
function startLoad(devices: readonly Device[], port: number, perSecond: number) {
  const sent = new Set<string>()
  const acknowledged = new Set<string>()
  const latenciesMs: number[] = []
  let disconnected = 0
  let isPaused = false
  const clients = devices.map((device): MqttClient => {
    const { id, secret } = device
    const client = mqtt.connect({
      port,
      clientId: id,
      username: id,
      password: secret,
      reconnectPeriod: 100,
      clean: false,
    })
    client.on('error', () => {})
    client.on('close', () => {
      if (!isPaused) disconnected++
    })
    return client
  })
  let due = 0
  let turn = 0
  let last = performance.now()

  function publish() {
    const at = turn++ % devices.length
    const device = devices[at]!
    const observedAt = device.next++
    const key = `${device.id} ${observedAt}`
    const payload = JSON.stringify({ observedAt, readings: { fill_level: observedAt % 100 } })
    const begun = performance.now()
    const wasPaused = isPaused
    sent.add(key)
    clients[at]!.publish(`devices/${device.id}/up`, payload, { qos: 1 }, (error) => {
      if (error != null) return
      acknowledged.add(key)
      if (!wasPaused && !isPaused) latenciesMs.push(performance.now() - begun)
    })
  }

  const timer = setInterval(() => {
    const now = performance.now()
    due += ((now - last) / 1000) * perSecond
    last = now
    for (; due >= 1; due--) publish()
  }, tickMs)

  let stopped: Promise<void> | null = null
  return {
    sent,
    acknowledged,
    get disconnected() {
      return disconnected
    },
    /** Parvis is about to be killed: what happens now is ours. */
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
    },
    p99Ms: () => latenciesMs.sort((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)] ?? 0,
    /** Publishes no more, waits until all is acknowledged, and disconnects. */
    stop() {
      stopped ??= (async () => {
        clearInterval(timer)
        await until(() => acknowledged.size === sent.size, 60_000)
        isPaused = true
        await Promise.all(clients.map((client) => client.endAsync(true)))
      })()
      return stopped
    },
  }
}
