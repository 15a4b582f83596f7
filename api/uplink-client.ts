import { randomBytes } from 'node:crypto'
import mqtt, { type MqttClient } from 'mqtt'
import { Problem } from '../domain/problem.ts'
import { commandTopic, internalName } from '../domain/uplink.ts'
import { limits } from './limits.ts'

/** Hands messages over to the broker. */
export type UplinkClient = {
  /**
   * Resolves once the broker has acknowledged the message, which is when the journal has it on disk. Throws Problem
   * `not_ready` when the broker cannot be reached, refuses or does not answer: then the message may be sent again.
   */
  publish(topic: string, payload: Buffer): Promise<void>
  /** Hands over a command for a client or a bridge's other side; what becomes of it is told to the listener. */
  command(commandId: string, name: string, topic: string, payload: Buffer): Promise<void>
  close(): Promise<void>
}

/** Where the broker is, and the secret of Parvis's own name there. */
export type BrokerAddress = { host: string; port: number; secret: string }

/** Who wants to hear from the broker: told of each connection once its filters are subscribed to. */
export type Listener = {
  filters: string[]
  onConnect(): void
  onClose(): void
  onMessage(topic: string, payload: Buffer): void
}

const reconnectMs = 500

/**
 * The API as a client of the broker, over MQTT, under Parvis's own name. A connection that ends takes what waits on it
 * along: each of those is refused, and nothing is sent again that nobody waits for.
 */
export function openUplinkClient(options: BrokerAddress, listener?: Listener): UplinkClient {
  let client: MqttClient | null = null
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let waiting = 0
  const ended = new Set<() => void>()

  function connect() {
    const current = mqtt.connect({
      host: reachableHost(options.host),
      port: options.port,
      protocolVersion: 4,
      clientId: `${internalName}/${process.pid}-${randomBytes(4).toString('hex')}`,
      username: internalName,
      password: options.secret,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: limits.uplinkTimeoutMs,
      keepalive: 30,
    })
    current.on('connect', () => {
      client = current
      if (listener === undefined) return
      current.subscribe(listener.filters, { qos: 0 }, (error) => {
        if (error == null) listener.onConnect()
        else current.end(true)
      })
    })
    if (listener !== undefined) current.on('message', (topic, payload) => listener.onMessage(topic, payload))
    // Every error is followed by a close.
    current.on('error', () => {})
    current.on('close', () => {
      client = null
      listener?.onClose()
      for (const end of [...ended]) end()
      if (isClosed || timer !== undefined) return
      timer = setTimeout(() => {
        timer = undefined
        connect()
      }, reconnectMs)
    })
    return current
  }
  const first = connect()

  function publish(topic: string, payload: Buffer): Promise<void> {
    const current = client
    if (current === null)
      return Promise.reject(
        new Problem('not_ready', { fr: 'le broker ne répond pas', en: 'the broker does not answer' }),
      )
    if (waiting >= limits.maxUplinksWaiting)
      return Promise.reject(
        new Problem('not_ready', {
          fr: 'trop de messages attendent le broker',
          en: 'too many messages wait for the broker',
        }),
      )
    waiting++
    return new Promise<void>((resolve, reject) => {
      const settle = (problem: Problem | null) => {
        if (!ended.delete(end)) return
        clearTimeout(timeout)
        waiting--
        if (problem === null) resolve()
        else reject(problem)
      }
      const end = () =>
        settle(
          new Problem('not_ready', {
            fr: 'le broker a fermé la connexion : son journal est-il plein ?',
            en: 'the broker ended the connection: is its journal full?',
          }),
        )
      const timeout = setTimeout(() => {
        settle(
          new Problem('not_ready', {
            fr: 'le broker n’a pas acquitté à temps',
            en: 'the broker did not acknowledge in time',
          }),
        )
        // What it did not acknowledge must not come later, when its sender has sent it again.
        current.end(true)
      }, limits.uplinkTimeoutMs)
      ended.add(end)
      current.publish(topic, payload, { qos: 1 }, (error) => {
        if (error == null) settle(null)
        else end()
      })
    })
  }

  return {
    publish,
    command: (commandId, name, topic, payload) => publish(commandTopic(commandId, name, topic), payload),
    async close() {
      isClosed = true
      clearTimeout(timer)
      await (client ?? first).endAsync(true).catch(() => {})
    },
  }
}

// What listens on every address is reached on the loopback one.
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}
