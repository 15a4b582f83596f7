import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureDebianPackage } from './debian.ts'
import { freePort } from './platform.ts'
import { until } from './until.ts'

/** A real InfluxDB 1.6, in a process and folder of its own, on a free port of the loopback address. */
export async function startInfluxd(options: { port?: number; folder?: string } = {}) {
  const binary = await ensureDebianPackage('influxdb', 'influxd')
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'parvis-influxd-'))
  const port = options.port ?? (await freePort())
  const config = join(folder, 'influxdb.conf')
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "${folder}/meta"
[data]
dir = "${folder}/data"
wal-dir = "${folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
`,
  )
  const child = spawn(binary, ['-config', config], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`influxd ended with ${child.exitCode}`)
    return (await fetch(`${url}/ping`).catch(() => null))?.status === 204
  }, 60_000)

  async function stop(signal: NodeJS.Signals = 'SIGTERM') {
    child.kill(signal)
    await ended
  }

  return {
    url,
    port,
    folder,
    process: child,
    stop,
    /** Ends it, and removes what it kept. */
    async remove() {
      await stop('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type Influxd = Awaited<ReturnType<typeof startInfluxd>>
