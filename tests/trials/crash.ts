import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { addDevice } from '../../inventory/devices.ts'
import { systemAccess } from '../../store/access.ts'
import { openRegistry } from '../../store/registry.ts'
import { readRoleState } from '../../store/role-state.ts'
import { verifyData } from '../../store/verify.ts'
import { freePort, parvisText, startPlatform } from '../support/platform.ts'
import { seededRandom } from '../support/random.ts'
import { noteRealPackage } from '../support/real-parts.ts'
import { until } from '../support/until.ts'

/** What a crash trial found. Lost: acknowledged and not stored; invented: stored and never sent; wrong: another value. */
export type CrashReport = {
  rounds: number
  sent: number
  acknowledged: number
  stored: number
  lost: number
  twice: number
  invented: number
  wrong: number
  /** Readings that lie in sealed blocks in the end, and blocks or rollups that are damaged. */
  sealed: number
  damaged: number
}

export type CrashOptions = {
  folder: string
  rounds: number
  publishers: number
  seed: number
  /** Undo, at each kill, everything that was not synced; `deaf`: paths whose syncs are not heard, to see the trial fail. */
  powerCut?: { deaf?: string }
  log?(line: string): void
}

const inFlight = 10
// Of the newest acknowledgements so many are taken as lost at a kill: their messages come again, though they are stored.
const acknowledgementsLost = 5
// Days ago: what was stored before a start is sealed after it, while the next kill comes.
const oldMs = 3 * 86_400_000
// A round is cut somewhere in its first seconds: while publishers connect, publish, or the store catches up.
const longestRoundMs = 1500

/**
 * Publishes with QoS 1 to the real platform, kills it with SIGKILL at random moments, starts it again, and compares what
 * was acknowledged with what is stored in the end. Readings are told apart by device and observedAt.
 */
export async function runCrashTrial(options: CrashOptions): Promise<CrashReport> {
  noteRealPackage('mqtt')
  const dataDir = join(options.folder, 'data')
  const shadowDir = join(options.folder, 'shadow')
  mkdirSync(dataDir, { recursive: true })
  const random = seededRandom(options.seed)
  const sent = new Map<string, number>()
  const acknowledged = new Set<string>()
  const devices: Publisher[] = []
  const registry = await openRegistry({ dataDir, database: 'sqlite' })
  const access = systemAccess(registry, 'trial')
  for (let i = 0; i < options.publishers; i++) {
    const id = `crash-${i}`
    const { secret } = await addDevice(access, { id, model: 'generic-json' })
    devices.push({ id, secret, next: Date.now() - oldMs, open: new Map(), newest: new Map() })
  }
  await registry.destroy()
  const ports = { http: await freePort(), mqtt: await freePort() }
  const preload = options.powerCut === undefined ? null : buildPowerCut(options.folder)

  for (let round = 1; round <= options.rounds; round++) {
    const env: Record<string, string> = { PARVIS_LOG_LEVEL: 'error' }
    if (preload !== null) {
      rmSync(shadowDir, { recursive: true, force: true })
      cpSync(dataDir, shadowDir, { recursive: true })
      Object.assign(env, {
        LD_PRELOAD: preload,
        POWER_CUT_FROM: dataDir,
        POWER_CUT_TO: shadowDir,
        UV_USE_IO_URING: '0',
      })
      if (options.powerCut?.deaf !== undefined) env.POWER_CUT_DEAF = options.powerCut.deaf
    }
    const platform = await startPlatform({ dataDir, ports, env })
    const clients = devices.map((device) => publishEndlessly(device, ports.mqtt, sent, acknowledged))
    const before = acknowledged.size
    await until(() => acknowledged.size > before)
    await new Promise((resolve) => setTimeout(resolve, random() * longestRoundMs))
    await platform.kill()
    for (const client of clients) client.end(true)
    if (preload !== null) {
      rmSync(dataDir, { recursive: true })
      renameSync(shadowDir, dataDir)
    }
    options.log?.(`round ${round}: ${acknowledged.size} of ${sent.size} acknowledged so far`)
  }

  const platform = await startPlatform({ dataDir, ports })
  const stored = await settle(dataDir)
  await platform.stop()
  const { sealed } = await verifyData(dataDir)
  const keys = new Set(stored.map(({ key }) => key))
  return {
    rounds: options.rounds,
    sent: sent.size,
    acknowledged: acknowledged.size,
    stored: stored.length,
    lost: [...acknowledged].filter((key) => !keys.has(key)).length,
    twice: stored.length - keys.size,
    invented: stored.filter(({ key }) => !sent.has(key)).length,
    wrong: stored.filter(({ key, value }) => sent.has(key) && sent.get(key) !== value).length,
    sealed: sealed.readings,
    damaged: sealed.damaged,
  }
}

// A device: its credential, the time of its next reading, what it published without an acknowledgement, and the newest
// that it has one of.
type Publisher = {
  id: string
  secret: string
  next: number
  open: Map<string, string>
  newest: Map<string, string>
}

// Keeps some publishes in flight until its connection ends; first come those that the last connection left open, as QoS 1
// asks, and those whose acknowledgements were lost on the way. Every reading has a time of its own.
function publishEndlessly(device: Publisher, port: number, sent: Map<string, number>, acknowledged: Set<string>) {
  const client = mqtt.connect({
    port,
    clientId: device.id,
    username: device.id,
    password: device.secret,
    reconnectPeriod: 0,
  })
  for (const [key, payload] of device.newest) device.open.set(key, payload)
  device.newest.clear()
  const resend = [...device.open.keys()]

  function publish() {
    const key = resend.shift() ?? make()
    client.publish(`devices/${device.id}/up`, device.open.get(key)!, { qos: 1 }, (error) => {
      if (error != null || client.disconnecting || client.disconnected) return
      acknowledged.add(key)
      device.newest.set(key, device.open.get(key)!)
      if (device.newest.size > acknowledgementsLost) device.newest.delete(device.newest.keys().next().value!)
      device.open.delete(key)
      publish()
    })
  }

  function make(): string {
    const observedAt = device.next++
    const value = observedAt % 100
    const key = `${device.id} ${new Date(observedAt).toISOString()}`
    sent.set(key, value)
    device.open.set(key, JSON.stringify({ observedAt, readings: { fill_level: value } }))
    return key
  }

  client.on('connect', () => {
    for (let i = 0; i < inFlight; i++) publish()
  })
  client.on('error', () => {})
  return client
}

// What is stored once ingest has caught up with the journal.
async function settle(dataDir: string): Promise<{ key: string; value: number }[]> {
  await until(() => {
    const lastSeq = readRoleState(dataDir, 'broker').counters.journal_last_seq
    return lastSeq !== undefined && (readRoleState(dataDir, 'ingest').counters.cursor ?? 0) >= lastSeq
  }, 120_000)
  // Nothing at all may be stored where no sync was heard.
  return (await parvisText(dataDir, 'export', 'readings'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { deviceId: string; observedAt: string; value: number })
    .map(({ deviceId, observedAt, value }) => ({ key: `${deviceId} ${observedAt}`, value }))
}

function buildPowerCut(folder: string): string {
  const library = join(folder, 'power-cut.so')
  if (!existsSync('/usr/bin/gcc')) {
    execFileSync('apt-get', ['update'], { stdio: 'ignore' })
    execFileSync('apt-get', ['install', '-y', 'gcc', 'libc6-dev'], { stdio: 'ignore' })
  }
  const source = join(import.meta.dirname, 'power-cut.c')
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { cwd: tmpdir() })
  return library
}
