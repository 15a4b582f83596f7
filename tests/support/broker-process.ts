import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './until.ts'

/** The real broker and journal in a process of its own, everyone admitted. */
export type BrokerProcess = {
  process: ChildProcess
  port: number
  isAlive(): boolean
  /** Memory that it holds, in MiB (VmRSS of proc(5)). */
  memoryMib(): number
  stop(): Promise<void>
}

// As `npm start` runs it: what is measured is the broker, not how long V8 puts off collecting.
const flags = ['--max-semi-space-size=4', '--heap-growing-percent=30']

/** Starts the broker that `npm run conformance-broker` starts, on any free port. */
export async function startBrokerProcess(): Promise<BrokerProcess> {
  const program = join(import.meta.dirname, '..', '..', 'broker', 'conformance.ts')
  const child = spawn(process.execPath, [...flags, program, '--port', '0'], {
    env: { PATH: process.env.PATH, MALLOC_ARENA_MAX: '2' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => {
      output = (output + bytes).slice(-10_000)
    })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const isAlive = () => child.exitCode === null && child.signalCode === null
  let port = 0
  await until(() => {
    if (!isAlive()) throw new Error(`the broker ended:\n${output}`)
    port = Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1] ?? 0)
    return port > 0
  }, 60_000)
  return {
    process: child,
    port,
    isAlive,
    memoryMib() {
      if (!isAlive()) throw new Error(`the broker ended:\n${output}`)
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
