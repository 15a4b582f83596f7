import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../tests/support/platform.ts'
import { startProgram } from '../support/program.ts'

const run = promisify(execFile)
const packages = ['node-red@5.0.7', 'node-red-contrib-influxdb@0.7.0']
const installed = join(tmpdir(), 'parvis-benchmarks', packages.join('+'))

/**
 * Node-RED with its InfluxDB node, wired as its users do: MQTT in, a function that makes a point of the message,
 * InfluxDB out. Installed from npm on the first call, outside of the project.
 */
export async function startNodeRed(folder: string, ports: { mqtt: number; influxdb: number }) {
  await install()
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  writeFileSync(join(folder, 'flows.json'), JSON.stringify(makeFlow(ports)))
  writeFileSync(
    join(folder, 'settings.js'),
    `module.exports = {
  flowFile: 'flows.json', uiHost: '127.0.0.1', uiPort: ${port},
  telemetry: { enabled: false, updateNotification: false }, logging: { console: { level: 'warn' } },
}\n`,
  )
  // Nodes that are packages are looked for in the user's folder.
  symlinkSync(join(installed, 'node_modules'), join(folder, 'node_modules'))
  const program = await startProgram({
    command: process.execPath,
    arguments: [join(installed, 'node_modules', 'node-red', 'red.js'), '--userDir', folder],
    cwd: folder,
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/flows`)).status === 200,
  })
  return { pid: program.pid, stop: program.stop }
}

async function install() {
  if (existsSync(join(installed, 'installed'))) return
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ private: true }))
  await run('npm', ['install', '--no-audit', '--no-fund', '--omit=dev', ...packages], {
    cwd: installed,
    maxBuffer: 64 << 20,
  })
  writeFileSync(join(installed, 'installed'), '')
}

function makeFlow(ports: { mqtt: number; influxdb: number }): unknown[] {
  const makePoint = `const device = msg.topic.split('/')[1]
const { observedAt, readings } = msg.payload
msg.payload = [{ ...readings, time: observedAt }, { device }]
return msg`
  return [
    { id: 'tab', type: 'tab', label: 'City' },
    {
      id: 'broker',
      type: 'mqtt-broker',
      broker: '127.0.0.1',
      port: String(ports.mqtt),
      clientid: 'node-red',
      autoConnect: true,
      protocolVersion: '4',
      keepalive: '60',
      cleansession: false,
    },
    { id: 'database', type: 'influxdb', hostname: '127.0.0.1', port: String(ports.influxdb), database: 'city' },
    {
      id: 'in',
      type: 'mqtt in',
      z: 'tab',
      topic: 'devices/+/up',
      qos: '1',
      datatype: 'json',
      broker: 'broker',
      inputs: 0,
      wires: [['point']],
    },
    { id: 'point', type: 'function', z: 'tab', func: makePoint, outputs: 1, wires: [['out']] },
    {
      id: 'out',
      type: 'influxdb out',
      z: 'tab',
      influxdb: 'database',
      measurement: 'readings',
      precision: 'ms',
      wires: [],
    },
  ]
}
