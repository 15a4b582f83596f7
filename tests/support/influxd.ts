import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebianPackage } from './debian.ts'
import { startServerProcess } from './server-process.ts'

/** A real InfluxDB 1.6. */
export async function startInfluxd(options: { port?: number; folder?: string } = {}) {
  const binary = await ensureDebianPackage('influxdb', 'influxd')
  const tellArguments = ({ folder, port }: { folder: string; port: number }) => {
    const file = join(folder, 'influxdb.conf')
    writeFileSync(file, configuration(folder, port))
    return ['-config', file]
  }
  return startServerProcess(binary, '/ping', tellArguments, options)
}

function configuration(folder: string, port: number): string {
  return `reporting-disabled = true
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
`
}
