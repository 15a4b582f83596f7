import mqtt from 'mqtt'

/** Seconds between two pings; a radio device is content with five minutes. */
const keepaliveS = 300

/** First and longest wait before a lost connection is tried again. */
const reconnectMs = { first: 1000, longest: 60_000 }

/** How long a closing connection waits for its acknowledgements. */
const farewellMs = 2000

/** A simulated device's own MQTT connection. */
export type DeviceClient = {
  /** Whether a message would leave now. */
  readonly connected: boolean
  /** Whether it will never be connected again: closed, or refused for good. */
  readonly gone: boolean
  /** Messages that are not yet acknowledged. */
  readonly inFlight: number
  /** Publishes to the device's `up` topic at QoS 1; settles at PUBACK, across reconnections, and fails once closed. */
  publish(payload: Uint8Array): Promise<void>
  /** Subscribes to the commands to it, at QoS 1, now and at each connection; `take` gets them. */
  listen(take: (payload: Uint8Array) => void): void
  /** Says goodbye and closes. */
  close(): Promise<void>
}

/**
 * Connects one device, under its own credential: user name and client id are its id. Answers once it is connected or
 * refused: `refused` says why, and such a device does not try again. A broker that is not there is tried again, with
 * growing waits.
 */
export function connectDevice(options: {
  mqttUrl: string
  id: string
  secret: string
  signal: AbortSignal
}): Promise<DeviceClient | { refused: string }> {
  const { mqttUrl, id, secret, signal } = options
  const client = mqtt.connect(mqttUrl, {
    clientId: id,
    username: id,
    password: secret,
    keepalive: keepaliveS,
    protocolVersion: 4,
    clean: true,
    resubscribe: false,
    reconnectPeriod: reconnectMs.first,
    connectTimeout: 30_000,
  })
  client.on('connect', () => {
    client.options.reconnectPeriod = reconnectMs.first
  })
  client.on('reconnect', () => {
    const next = Math.min(reconnectMs.longest, client.options.reconnectPeriod! * 2)
    // Devices that lost the broker together must not come back together.
    client.options.reconnectPeriod = next * (0.75 + 0.5 * Math.random())
  })
  const topic = `devices/${id}/up`
  let inFlight = 0
  const device: DeviceClient = {
    get connected() {
      return client.connected
    },
    get gone() {
      return client.disconnecting
    },
    get inFlight() {
      return inFlight
    },
    async publish(payload) {
      inFlight++
      try {
        await client.publishAsync(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), {
          qos: 1,
        })
      } finally {
        inFlight--
      }
    },
    listen(take) {
      const down = `devices/${id}/down`
      const subscribe = () => client.subscribe(down, { qos: 1 })
      client.on('message', (topic, payload) => topic === down && take(payload))
      client.on('connect', subscribe)
      if (client.connected) subscribe()
    },
    async close() {
      // What is in flight may still be acknowledged; a broker that does not is left without a word.
      const timer = setTimeout(() => client.end(true), farewellMs)
      await client.endAsync(!client.connected)
      clearTimeout(timer)
    },
  }
  return new Promise((resolve) => {
    const stop = () => {
      client.end(true)
      resolve({ refused: 'stopped' })
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    client.once('connect', () => {
      signal.removeEventListener('abort', stop)
      resolve(device)
    })
    client.on('error', (error) => {
      // A CONNACK with a code is an answer; anything else is a connection that will be tried again.
      if (!('code' in error) || typeof error.code !== 'number') return
      resolve({ refused: error.message })
      client.end(true)
    })
  })
}
