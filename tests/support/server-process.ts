import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './platform.ts'
import { until } from './until.ts'

/** A server that a test started, in a folder and on a port of its own. */
export type ServerProcess = {
  url: string
  port: number
  folder: string
  process: ChildProcess
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Ends it, and removes what it kept. */
  remove(): Promise<void>
}

/** Starts an HTTP server, and waits until `readyPath` answers with a 2xx. */
export async function startServerProcess(
  binary: string,
  readyPath: string,
  tellArguments: (place: { folder: string; port: number }) => string[],
  options: { port?: number; folder?: string } = {},
): Promise<ServerProcess> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'parvis-server-'))
  const port = options.port ?? (await freePort())
  const child = spawn(binary, tellArguments({ folder, port }), { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${binary} ended with ${child.exitCode}`)
    return (await fetch(`${url}${readyPath}`).catch(() => null))?.ok === true
  }, 60_000)

  async function stop(signal: NodeJS.Signals = 'SIGTERM') {
    child.kill(signal)
    await ended
  }

  async function remove() {
    await stop('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }

  return { url, port, folder, process: child, stop, remove }
}
