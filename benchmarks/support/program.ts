import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'

/** A program that a benchmark started. */
export type Program = { pid: number; child: ChildProcess; stop(): Promise<void> }

const readyMs = 60_000
const killMs = 10_000

/**
 * Starts a program and waits until `isReady`; it is killed when the benchmark ends. Throws with what it wrote when it
 * ends before.
 */
export async function startProgram(options: {
  command: string
  arguments: readonly string[]
  cwd?: string
  env?: Record<string, string | undefined>
  isReady(child: ChildProcess): Promise<boolean>
}): Promise<Program> {
  const child = spawn(options.command, options.arguments, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (bytes) => {
      output = (output + bytes).slice(-10_000)
    })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  ended.then(() => process.off('exit', kill))

  const deadline = Date.now() + readyMs
  while (!(await options.isReady(child).catch(() => false))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      kill()
      throw new Error(`${options.command} did not start:\n${output}`)
    }
    await setTimeout(50)
  }
  return {
    pid: child.pid!,
    child,
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([ended, setTimeout(killMs, undefined, { ref: false }).then(kill)])
      await ended
    },
  }
}
