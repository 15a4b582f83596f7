import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { tellDetail } from '../../domain/problem.ts'
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
 * What an outage trial found: PUBACK's 99th percentile and longest in ms, over what was published while Parvis ran, from
 * before the outages until all is caught up; clients that were disconnected otherwise than by our own kill; how many
 * messages waited at the end of each outage, and how long ingest took to catch up then, in ms.
 *
 * What others on the machine take is told beside it, as 99th percentiles in ms: `diskP99Ms` is an fdatasync of 20 KB, alone,
 * on the same disk; `loopP99Ms` how late the event loop of the publishers ran.
 */
export type OutageReport = {
  sent: number
  acknowledged: number
  lost: number
  twice: number
  invented: number
  disconnected: number
  pubackP99Ms: number
  pubackMaxMs: number
  /** The same 99th percentile by what InfluxDB was up to. */
  pubackP99ByPhase: Record<Phase, number>
  diskP99Ms: number
  loopP99Ms: number
  waited: Record<string, number>
  caughtUpMs: Record<string, number>
}

const phases = ['well', 'ill', 'catching up'] as const
type Phase = (typeof phases)[number]

export type OutageOptions = {
  folder: string
  /** What happens to InfluxDB, one after another. */
  outages: readonly Outage[]
  devices: number
  /** Messages a second, of all devices together. */
  perSecond: number
  /** How long InfluxDB is ill each time. */
  outageMs: number
  /** In the middle of which outages Parvis is killed (SIGKILL), and started again. */
  killsIn: readonly Outage[]
  log?(line: string): void
}

const database = 'parvis'
const dayMs = 86_400_000

/**
 * Publishes with QoS 1 at a steady pace while InfluxDB is ill in one way after another, then compares what was
 * acknowledged with what InfluxDB holds. Readings are told apart by device and observedAt. InfluxDB has a disk of its own,
 * of memory, that can be filled: this needs root.
 */
export async function runOutageTrial(options: OutageOptions): Promise<OutageReport> {
  noteRealPackage('mqtt')
  const { folder, outageMs, log = () => {} } = options
  const dataDir = join(folder, 'data')
  const influxDir = join(folder, 'influxdb')
  for (const each of [dataDir, influxDir]) mkdirSync(each, { recursive: true })
  const diskMiB = 64 + Math.ceil((options.perSecond * outageMs * options.outages.length) / 1e7)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', influxDir], { stdio: 'inherit' })
  let influxd = await startInfluxd({ folder: influxDir })
  const proxy = await startFaultyProxy(influxd)
  const env = { PARVIS_STORE: 'influxdb1', PARVIS_INFLUX_URL: proxy.url, PARVIS_LOG_LEVEL: 'error' }
  const ports = { http: await freePort(), mqtt: await freePort() }
  const devices = await registerDevices(dataDir, folder, options.devices)
  // Each makes InfluxDB ill, and answers how to heal it.
  const illnesses: Record<Outage, () => Promise<() => Promise<void>>> = {
    async refuses() {
      await influxd.stop('SIGKILL')
      return restart
    },
    async hangs() {
      influxd.process.kill('SIGSTOP')
      return async () => void influxd.process.kill('SIGCONT')
    },
    async fails() {
      proxy.set('fail')
      return async () => proxy.set('pass')
    },
    async 'is slow'() {
      proxy.set('slow')
      return async () => proxy.set('pass')
    },
    async 'has no space'() {
      const filler = join(influxDir, 'filler')
      fillUp(filler)
      return async () => {
        rmSync(filler)
        // InfluxDB 1.6 goes on refusing once its log could not be written: whoever frees the disk restarts it too.
        await restart()
      }
    },
    async 'lost its database'() {
      const query = new URLSearchParams({ q: `DROP DATABASE "${database}"` })
      await (await fetch(`${influxd.url}/query?${query}`, { method: 'POST' })).text()
      return async () => {}
    },
  }
  let platform: Platform = await startPlatform({ dataDir, ports, env })
  const load = startLoad(devices, ports.mqtt, options.perSecond)
  const machine = await probeMachine(folder)
  const waited: Record<string, number> = {}
  const caughtUpMs: Record<string, number> = {}

  try {
    for (const outage of options.outages) {
      const before = readingsStored(dataDir)
      await until(() => readingsStored(dataDir) > before, 60_000)
      log(`InfluxDB ${outage}`)
      load.phase = 'ill'
      const heal = await illnesses[outage]()
      const beganAt = Date.now()
      if (outage !== 'is slow') await until(() => isTold(dataDir), 60_000)
      await setTimeout(Math.max(0, outageMs / 2 - (Date.now() - beganAt)))
      if (options.killsIn.includes(outage)) {
        log('Parvis is killed')
        load.pause()
        await platform.kill()
        // It starts without InfluxDB too: only ingest is not ready.
        platform = await startPlatform({ dataDir, ports, env, readyPath: '/api/openapi.json' })
        await load.resume()
      }
      await setTimeout(Math.max(0, outageMs - (Date.now() - beganAt)))
      const lastSeq = lastOf(dataDir)
      waited[outage] = lastSeq - (readRoleState(dataDir, 'ingest').counters.cursor ?? 0)
      await heal()
      load.phase = 'catching up'
      const healedAt = Date.now()
      await until(() => isStored(dataDir, lastSeq), 300_000)
      caughtUpMs[outage] = Date.now() - healedAt
      load.phase = 'well'
      log(`caught up after ${caughtUpMs[outage]} ms`)
    }
    await load.stop()
    const stoppedAt = Date.now()
    await until(() => readRoleState(dataDir, 'broker').toldAt > stoppedAt)
    await until(() => isStored(dataDir, lastOf(dataDir)), 300_000)
    const found = await readAll(influxd.url)
    return {
      sent: load.sent.size,
      acknowledged: load.acknowledged.size,
      lost: [...load.acknowledged].filter((key) => !found.has(key)).length,
      twice: [...found.values()].filter((count) => count > 1).length,
      invented: [...found.keys()].filter((key) => !load.sent.has(key)).length,
      disconnected: load.disconnected,
      pubackP99Ms: load.quantileMs(0.99),
      pubackMaxMs: load.quantileMs(1),
      pubackP99ByPhase: Object.fromEntries(
        phases.map((phase) => [phase, load.quantileMs(0.99, phase)]),
      ) as OutageReport['pubackP99ByPhase'],
      ...machine.read(),
      waited,
      caughtUpMs,
    }
  } finally {
    await load.stop().catch(() => {})
    await machine.stop()
    await platform.kill()
    await proxy.close()
    await influxd.stop('SIGKILL')
    execFileSync('umount', ['--lazy', influxDir])
  }

  /** Starts InfluxDB again over what it kept. */
  async function restart() {
    await influxd.stop('SIGKILL')
    influxd = await startInfluxd({ folder: influxDir, port: influxd.port })
  }
}
// InfluxDB writes meanwhile, so that what is free cannot be known beforehand.
function fillUp(file: string) {
  const piece = Buffer.alloc(1 << 16)
  try {
    for (;;) appendFileSync(file, piece)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error
  }
}

function readingsStored(dataDir: string): number {
  return readRoleState(dataDir, 'ingest').counters.readings_total ?? 0
}

function lastOf(dataDir: string): number {
  return readRoleState(dataDir, 'broker').counters.journal_last_seq ?? 0
}

function isStored(dataDir: string, seq: number): boolean {
  const { ready, counters } = readRoleState(dataDir, 'ingest')
  return ready && (counters.cursor ?? 0) >= seq
}

/** Whether Parvis says that InfluxDB is ill, and how much waits. */
function isTold(dataDir: string): boolean {
  return /\d+ messages wait in the journal/.test(tellDetail(readRoleState(dataDir, 'ingest').detail ?? '', 'en'))
}

async function registerDevices(dataDir: string, folder: string, count: number): Promise<Device[]> {
  const file = join(folder, 'devices.csv')
  const lines = Array.from({ length: count }, (_, i) => `outage-${i},generic-json`)
  writeFileSync(file, `id,model\n${lines.join('\n')}\n`)
  const { devices } = await parvis<{ devices: { id: string; secret: string }[] }>(dataDir, 'device', 'import', file)
  return devices.map((each) => ({ ...each, next: Date.now() - dayMs }))
}

/** How often each message is there. */
async function readAll(url: string): Promise<Map<string, number>> {
  const store = openInfluxStore(openInflux1({ url, database, timeoutMs: 60_000 }))
  const found = new Map<string, number>()
  for await (const { deviceId, observedAt } of store.scan({ from: 0, to: Number.MAX_SAFE_INTEGER })) {
    const key = `${deviceId} ${observedAt}`
    found.set(key, (found.get(key) ?? 0) + 1)
  }
  return found
}

const probeEveryMs = 100
const probeBytes = 20_000

/** Measures, a few times a second, what the machine itself lets wait. */
async function probeMachine(folder: string) {
  const file = await open(join(folder, 'probe'), 'w')
  const bytes = Buffer.alloc(probeBytes)
  const loop = monitorEventLoopDelay({ resolution: 5 })
  const tookMs: number[] = []
  let isStopped = false
  loop.enable()
  const probing = (async () => {
    while (!isStopped) {
      const begun = performance.now()
      await file.write(bytes, 0, bytes.length, 0)
      await file.datasync()
      tookMs.push(performance.now() - begun)
      await setTimeout(probeEveryMs)
    }
    await file.close()
  })()
  return {
    read: () => ({ diskP99Ms: quantile(tookMs, 0.99), loopP99Ms: loop.percentile(99) / 1e6 }),
    async stop() {
      isStopped = true
      await probing
    },
  }
}

function quantile(values: number[], share: number): number {
  values.sort((a, b) => a - b)
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0
}

type Device = { id: string; secret: string; next: number }

const tickMs = 20

/** Publishes at a steady pace, each device over a connection that comes back by itself and sends again what is open. */
function startLoad(devices: readonly Device[], port: number, perSecond: number) {
  const sent = new Set<string>()
  const acknowledged = new Set<string>()
  const latenciesMs: Record<Phase, number[]> = { well: [], ill: [], 'catching up': [] }
  let phase: Phase = 'well'
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
    const ours = latenciesMs[phase]
    sent.add(key)
    clients[at]!.publish(`devices/${device.id}/up`, payload, { qos: 1 }, (error) => {
      if (error != null) return
      acknowledged.add(key)
      if (!wasPaused && !isPaused) ours.push(performance.now() - begun)
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
    async resume() {
      await until(() => clients.every((client) => client.connected), 60_000)
      isPaused = false
    },
    set phase(now: Phase) {
      phase = now
    },
    quantileMs: (share: number, of?: Phase) =>
      quantile(of === undefined ? Object.values(latenciesMs).flat() : latenciesMs[of], share),
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
