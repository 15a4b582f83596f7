import { fork } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { runBroker } from './broker/role.ts'
import { addressOfPages, type Config, ConfigError, loadConfig } from './config.ts'
import { readFirstLink } from './inventory/sign-in.ts'
import { addToken } from './inventory/tokens.ts'
import { systemAccess } from './store/access.ts'
import type { Group } from './store/journal.ts'
import { openRegistry, type Registry } from './store/registry.ts'
import { type Role, roles } from './store/role-state.ts'
import { startThread } from './thread.ts'

/*
 * Composition: which roles run in this process. The broker has the main thread to itself; ingest and the API have one
 * each. Ingest gets the uplinks from memory when the broker runs here, and reads the journal's files otherwise.
 */

// Groups handed to ingest and not yet stored; past this it reads the files.
const handedBytesMax = 16 << 20
// Waking another thread costs as much for one group as for many: under load they are handed over together.
const handOverMs = 40
const shutdownMs = 9000
const parentPollMs = 500

const usage = `usage: npm start -- [--role broker,ingest,api]
       npm run demo

Runs the platform, or some of its roles. Settings are environment variables; README.md lists them.`

function readArguments(): { run: Set<Role>; isDemo: boolean } {
  const { values } = parseArgs({
    options: { role: { type: 'string' }, demo: { type: 'boolean', default: false }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    console.log(usage)
    process.exit(0)
  }
  const names = values.role?.split(',') ?? roles
  const unknown = names.find((name) => !roles.includes(name as Role))
  if (unknown !== undefined) throw new ConfigError(`--role ${unknown}: the roles are ${roles.join(', ')}`)
  return { run: new Set(names as Role[]), isDemo: values.demo }
}

async function start() {
  const { run, isDemo } = readArguments()
  if (isDemo) process.env.PARVIS_DATA_DIR ??= './data/demo'
  const config = loadConfig()
  const logger = pino({ level: config.PARVIS_LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const log = (level: 'info' | 'warn' | 'error', text: string) => logger[level](text)
  mkdirSync(config.PARVIS_DATA_DIR, { recursive: true, mode: 0o700 })
  const registry = await openRegistry({ dataDir: config.PARVIS_DATA_DIR, database: config.PARVIS_REGISTRY })

  // The last to be closed: the broker and ingest read only, and leave what was written lately beside the file, where a
  // copy of the file alone would miss it.
  const closing: (() => Promise<void>)[] = [() => registry.destroy()]
  const ingest = run.has('ingest') ? await startIngestThread(config, log) : null
  if (ingest !== null) closing.push(ingest.close)
  if (run.has('broker')) {
    const broker = await runBroker(config, log, ingest?.offer)
    closing.push(broker.close)
    log('info', `MQTT at ${config.PARVIS_MQTT_HOST}, ports ${JSON.stringify(broker.ports)}`)
    config.PARVIS_MQTT_PORT = broker.ports.mqtt
  }
  if (run.has('api')) {
    const api = await startThread({
      name: 'api',
      entry: new URL('./api/thread.ts', import.meta.url),
      data: { config },
      semiSpaceMib: 4,
      // A query may take a while; a device that waits for its acknowledgement comes first.
      niceness: 10,
      log,
    })
    closing.push(api.close)
    const url = String(api.ready.url)
    log('info', `pages and API at ${url}`)
    if (isDemo) closing.push(await startDemo(config, url, registry))
    else await tellFirstLink(config, url, registry)
  }
  stopOnSignals(closing, log)
}

// Starts ingest's thread, with the hand-over of groups: what it does not keep up with it reads from the files.
async function startIngestThread(config: Config, log: (level: 'info' | 'warn' | 'error', text: string) => void) {
  let handed: { lastSeq: number; bytes: number }[] = []
  let handedBytes = 0
  let waiting: Group[] = []
  let timer: NodeJS.Timeout | null = null
  const thread = await startThread({
    name: 'ingest',
    entry: new URL('./ingest/thread.ts', import.meta.url),
    data: { config },
    semiSpaceMib: 8,
    log,
    onMessage(message) {
      const cursor = message.cursor as number
      while (handed.length > 0 && handed[0]!.lastSeq <= cursor) handedBytes -= handed.shift()!.bytes
    },
    onRestart() {
      waiting = []
      handed = []
      handedBytes = 0
    },
  })
  function handOver() {
    timer = null
    if (waiting.length === 0) return
    thread.post(
      { groups: waiting },
      waiting.map(({ records }) => records.buffer as ArrayBuffer),
    )
    waiting = []
    timer = setTimeout(handOver, handOverMs)
  }

  return {
    close: thread.close,
    offer(group: Group) {
      const bytes = group.records.length
      if (handedBytes + bytes > handedBytesMax) return
      handed.push({ lastSeq: group.lastSeq, bytes })
      handedBytes += bytes
      waiting.push(group)
      if (timer === null) handOver()
    },
  }
}

// Nobody can sign in to a new platform. Whoever reads its output is the operator: there is never a password to begin with.
async function tellFirstLink(config: Config, url: string, registry: Registry) {
  const link = await readFirstLink(registry)
  if (link === null) return
  const address = `${addressOfPages(config, Number(new URL(url).port) || config.PARVIS_HTTP_PORT)}/#link=${link}`
  const texts = {
    fr: 'Il n’y a pas encore d’administrateur. Ouvrez cette adresse pour créer le premier (elle ne sert qu’une fois) :',
    en: 'There is no administrator yet. Open this address to make the first one (it works once):',
  }
  console.log(`\n${texts[config.PARVIS_LANG]}\n\n  ${address}\n`)
}

// The simulated city is a process of its own, as any client: it has HTTP, MQTT and a token.
async function startDemo(config: Config, url: string, registry: Registry) {
  const { token } = await addToken(systemAccess(registry, 'demo'), { role: 'admin', name: 'demo' })
  const options = { httpUrl: url, mqttUrl: `mqtt://${config.PARVIS_MQTT_HOST}:${config.PARVIS_MQTT_PORT}`, token }
  const city = fork(new URL('./simulators/demo.ts', import.meta.url), [], {
    env: { ...process.env, PARVIS_DEMO: JSON.stringify({ ...options, dataDir: config.PARVIS_DATA_DIR }) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const texts = {
    fr: 'Parvis est en marche. Ouvrez cette adresse, qui vous connecte :',
    en: 'Parvis is running. Open this address, which signs you in:',
  }
  console.log(`\n${texts[config.PARVIS_LANG]}\n\n  ${url}/#token=${token}\n`)
  return async () => {
    city.kill()
  }
}

// Ends everything on a signal, and when the process that started this one was killed: npm does not pass that on.
function stopOnSignals(closing: (() => Promise<void>)[], log: (level: 'info' | 'error', text: string) => void) {
  let isStopping = false
  const stop = async (why: string) => {
    if (isStopping) return
    isStopping = true
    log('info', `stopping: ${why}`)
    setTimeout(() => process.exit(1), shutdownMs).unref()
    for (const close of closing.reverse()) await close().catch((error: Error) => log('error', error.message))
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal))
  const parent = process.ppid
  if (process.env.npm_lifecycle_event !== undefined)
    setInterval(() => {
      if (process.ppid !== parent) stop('the process that started this one is gone')
    }, parentPollMs)
}

start().catch((error: Error & { code?: string }) => {
  console.error(error instanceof ConfigError ? `Parvis cannot start:\n${error.message}` : explain(error))
  process.exit(error instanceof ConfigError ? 2 : 1)
})

function explain(error: Error & { code?: string; port?: number }): string {
  if (error.code === 'EADDRINUSE')
    return `Parvis cannot start: port ${error.port} is taken by another program. Set PARVIS_MQTT_PORT or PARVIS_HTTP_PORT to a free one.`
  if (error.code === 'EDATALOCKED')
    return `Parvis cannot start: ${error.message}. Stop it first, or set PARVIS_DATA_DIR to another folder.`
  return `Parvis cannot start: ${error.stack ?? error.message}`
}
