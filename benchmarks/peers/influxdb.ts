import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebianPackage } from '../../tests/support/debian.ts'
import { freePort } from '../../tests/support/platform.ts'
import { startProgram } from '../support/program.ts'

/** Debian's InfluxDB 1.6 with its own defaults but for what is given of [data], over a folder, with an empty database. */
export async function startInfluxDb(folder: string, database = 'city', settings: Record<string, string> = {}) {
  const command = await ensureDebianPackage('influxdb', 'influxd')
  const port = await freePort()
  const config = join(folder, 'influxdb.conf')
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${await freePort()}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
${Object.entries(settings)
  .map(([name, value]) => `  ${name} = "${value}"`)
  .join('\n')}
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
`,
  )
  const url = `http://127.0.0.1:${port}`
  const program = await startProgram({
    command,
    arguments: ['-config', config],
    isReady: async () => (await fetch(`${url}/ping`)).status === 204,
  })

  async function ask(query: string): Promise<Answer> {
    const response = await fetch(`${url}/query?${new URLSearchParams({ db: database, epoch: 'ms', q: query })}`, {
      method: 'POST',
    })
    return (await response.json()) as Answer
  }
  await ask(`CREATE DATABASE ${database}`)

  return {
    pid: program.pid,
    port,
    url,
    writeUrl: `${url}/write?db=${database}&precision=ms`,
    ask,
    /** Points that were written since it started, by its own count: it costs no query. */
    async countWritten(): Promise<number> {
      const told = (await (await fetch(`${url}/debug/vars`)).json()) as Record<string, Statistics>
      return Object.values(told)
        .filter(({ name, tags }) => name === 'shard' && tags?.database === database)
        .reduce((sum, { values }) => sum + (values.writePointsOk ?? 0), 0)
    },
    /** Points of a measurement with a field, whose time is in [from, to), UTC epoch ms. */
    async count(measurement: string, field: string, from: number, to: number): Promise<number> {
      const answer = await ask(`SELECT count(${field}) FROM ${measurement} WHERE time >= ${from}ms AND time < ${to}ms`)
      return answer.results[0]?.series?.[0]?.values[0]?.[1] ?? 0
    },
    stop: program.stop,
  }
}

type Answer = { results: { series?: { values: number[][] }[] }[] }
type Statistics = { name?: string; tags?: { database?: string }; values: Record<string, number> }
