import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './until.ts'

const root = join(import.meta.dirname, '..', '..')

/** The real platform, as `npm start` runs it, in a process of its own. */
export type Platform = {
  dataDir: string
  httpUrl: string
  mqttPort: number
  process: ChildProcess
  /** What it wrote on stdout and stderr. */
  output(): string
  /** Ends it as an operator does; answers its exit code. */
  stop(): Promise<number | null>
  /** Ends it as the out-of-memory killer does. */
  kill(): Promise<void>
}

/** Starts the platform over a data folder, on ports that are free, and waits until every role is ready. */
export async function startPlatform(options: {
  dataDir: string
  env?: Record<string, string>
  arguments?: string[]
  execArguments?: string[]
  ports?: { http: number; mqtt: number }
  /** What answers with 200 once it has started; `/health` does when every role is ready. */
  readyPath?: string
}): Promise<Platform> {
  const http = options.ports?.http ?? (await freePort())
  const mqtt = options.ports?.mqtt ?? (await freePort())
  const child = spawn(
    process.execPath,
    [...(options.execArguments ?? []), join(root, 'main.ts'), ...(options.arguments ?? [])],
    {
      cwd: options.dataDir,
      env: {
        PATH: process.env.PATH,
        PARVIS_DATA_DIR: options.dataDir,
        PARVIS_HTTP_PORT: String(http),
        PARVIS_MQTT_PORT: String(mqtt),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const httpUrl = `http://127.0.0.1:${http}`
  await until(async () => {
    if (child.exitCode !== null) return true
    return (await fetch(`${httpUrl}${options.readyPath ?? '/health'}`).catch(() => null))?.status === 200
  }, 60_000)
  if (child.exitCode !== null) {
    // A port that was free a moment ago may be another test's by now.
    if (options.ports === undefined && /port \d+ is taken/.test(output)) return startPlatform(options)
    throw new Error(`the platform ended with ${child.exitCode}:\n${output}`)
  }
  return {
    dataDir: options.dataDir,
    httpUrl,
    mqttPort: mqtt,
    process: child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      return ended
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Runs the command line over a data folder, and answers what it prints, as JSON. Throws with its stderr. */
export function parvis<Answer = unknown>(dataDir: string, ...args: string[]): Promise<Answer> {
  return parvisText(dataDir, ...args, '--json').then((text) => JSON.parse(text) as Answer)
}

/** The same, as text. */
export function parvisText(dataDir: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) =>
    execFile(
      process.execPath,
      [join(root, 'cli', 'parvis.ts'), ...args],
      { cwd: root, env: { PATH: process.env.PATH, PARVIS_DATA_DIR: dataDir }, maxBuffer: 1 << 30 },
      (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr || error.message))),
    ),
  )
}

/** A folder of its own, and how to remove it. */
export function makeFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'parvis-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A port of the loopback address that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
