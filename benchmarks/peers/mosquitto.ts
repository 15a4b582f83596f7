import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { ensureDebianPackage } from '../../tests/support/debian.ts'
import { freePort } from '../../tests/support/platform.ts'
import { startProgram } from '../support/program.ts'

/**
 * Debian's Mosquitto over a folder, open to everyone on the loopback address. Its defaults drop what a subscriber does
 * not take fast enough (1,000 messages a client): here nothing is dropped, so that all arrive.
 */
export async function startMosquitto(folder: string) {
  const command = await ensureDebianPackage('mosquitto', 'mosquitto')
  const port = await freePort()
  const config = join(folder, 'mosquitto.conf')
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1
allow_anonymous true
user root
persistence true
persistence_location ${folder}/
max_queued_messages 0
max_inflight_messages 1000
set_tcp_nodelay true
log_dest none
`,
  )
  const program = await startProgram({ command, arguments: ['-c', config], isReady: () => canConnect(port) })
  return { pid: program.pid, port, stop: program.stop }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
