import { parentPort, workerData } from 'node:worker_threads'
import type { Config } from '../config.ts'
import { startApi } from './start.ts'

/* The thread of the role "api": its queries are synchronous, and hold up nobody but those who ask. */

const port = parentPort!
const { config } = workerData as { config: Config }
const api = await startApi(config)

port.on('message', async () => {
  await api.close()
  port.close()
})
port.postMessage({ ready: true, url: api.url })
