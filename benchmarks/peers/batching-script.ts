import * as http from 'node:http'
import mqtt from 'mqtt'

/*
 * What a careful integrator writes between Mosquitto and InfluxDB: a QoS 1 subscription of a session that stays
 * (`clean: false`), lines gathered while a write is under way, one write at a time over a connection that is kept, tried
 * again until it succeeds. MQTT.js acknowledges a message as it is handed over: what is gathered here dies with the
 * process, which is the common way. Takes the broker's port and the address to write to.
 */

const [brokerPort, writeUrl] = process.argv.slice(2) as [string, string]
const longestBatchLines = 10_000
const gatherMs = 100
const firstRetryMs = 100
const longestRetryMs = 5000

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
const topicPattern = /^devices\/([^/]+)\/up$/
let lines: string[] = []
let isWriting = false
let timer: NodeJS.Timeout | null = null

type Message = { observedAt: number; readings: Record<string, number> }

function toLine(topic: string, payload: Buffer): string | null {
  const device = topicPattern.exec(topic)?.[1]
  if (device === undefined) return null
  try {
    const { observedAt, readings } = JSON.parse(payload.toString()) as Message
    const fields = Object.entries(readings).map(([quantity, value]) => `${quantity}=${value}`)
    return `readings,device=${device.replace(/[ ,=]/g, '\\$&')} ${fields.join()} ${observedAt}`
  } catch (error) {
    console.error(`${topic}: ${(error as Error).message}`)
    return null
  }
}

function write(body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.request(writeUrl, { method: 'POST', agent }, (response) => {
      response.resume()
      response.once('end', () => {
        if (response.statusCode === 204) resolve()
        else reject(new Error(`InfluxDB answered ${response.statusCode}`))
      })
    })
    request.once('error', reject)
    request.end(body)
  })
}

async function flush() {
  if (timer !== null) clearTimeout(timer)
  timer = null
  if (isWriting) return
  isWriting = true
  while (lines.length > 0) {
    const batch = lines.slice(0, longestBatchLines)
    lines = lines.slice(longestBatchLines)
    await writeUntilDone(batch.join('\n'))
    if (lines.length < longestBatchLines) break
  }
  isWriting = false
  if (lines.length > 0) timer ??= setTimeout(flush, gatherMs)
}

async function writeUntilDone(body: string) {
  for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, longestRetryMs))
    try {
      await write(body)
      return
    } catch (error) {
      console.error((error as Error).message)
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
}

const client = mqtt.connect({
  port: Number(brokerPort),
  host: '127.0.0.1',
  clientId: 'to-influxdb',
  clean: false,
  resubscribe: false,
})
client.on('connect', ({ sessionPresent }) => {
  const subscribed = () => console.log('subscribed')
  if (sessionPresent) subscribed()
  else client.subscribe('devices/+/up', { qos: 1 }, subscribed)
})
client.on('message', (topic, payload) => {
  const line = toLine(topic, payload)
  if (line === null) return
  lines.push(line)
  if (lines.length >= longestBatchLines) flush()
  else timer ??= setTimeout(flush, gatherMs)
})
