import { join } from 'node:path'
import { startProgram } from '../support/program.ts'
import type { Credentials, Subject } from '../support/subject.ts'
import { startInfluxDb } from './influxdb.ts'
import { startMosquitto } from './mosquitto.ts'
import { startNodeRed } from './node-red.ts'

/* What people use instead: Mosquitto, something between, and InfluxDB. */

/** Mosquitto, a batching script of MQTT.js, InfluxDB 1.6. */
export async function startBatchingScript(folder: string, clients: number): Promise<Subject> {
  return startStack(folder, clients, (mosquitto, influxDb) =>
    startProgram({
      command: process.execPath,
      arguments: [join(import.meta.dirname, 'batching-script.ts'), String(mosquitto.port), influxDb.writeUrl],
      isReady: waitForLine('subscribed'),
    }),
  )
}

/** Mosquitto, Node-RED with its InfluxDB node, InfluxDB 1.6. */
export async function startNodeRedStack(folder: string, clients: number): Promise<Subject> {
  return startStack(folder, clients, (mosquitto, influxDb) =>
    startNodeRed(join(folder, 'node-red'), { mqtt: mosquitto.port, influxdb: influxDb.port }),
  )
}

type Part = { pid: number; stop(): Promise<void> }
type Mosquitto = Awaited<ReturnType<typeof startMosquitto>>
type InfluxDb = Awaited<ReturnType<typeof startInfluxDb>>

async function startStack(
  folder: string,
  clients: number,
  startMiddle: (mosquitto: Mosquitto, influxDb: InfluxDb) => Promise<Part>,
): Promise<Subject> {
  const mosquitto = await startMosquitto(join(folder, 'mosquitto'))
  const influxDb = await startInfluxDb(join(folder, 'influxdb'))
  const middle = await startMiddle(mosquitto, influxDb)
  const credentials: Credentials = Array.from({ length: clients }, (_, i) => ({ id: `load-${i}`, secret: 'none' }))
  return {
    mqttPort: mosquitto.port,
    credentials,
    pids: [mosquitto.pid, middle.pid, influxDb.pid],
    storePids: [influxDb.pid],
    countStored: influxDb.countWritten,
    verify: (from, to) => influxDb.count('readings', 'fill_level', from, to),
    async stop() {
      for (const part of [middle, mosquitto, influxDb]) await part.stop()
    },
  }
}

// Ready once the program has written a line.
function waitForLine(line: string): Parameters<typeof startProgram>[0]['isReady'] {
  let output: string | null = null
  return async (child) => {
    if (output === null) {
      output = ''
      child.stdout!.on('data', (bytes) => {
        output += bytes
      })
    }
    return output.includes(line)
  }
}
