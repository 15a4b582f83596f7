import { parentPort, workerData } from 'node:worker_threads'
import type { Config } from '../config.ts'
import { acquireLock } from '../store/lock.ts'
import { startApi } from './start.ts'

/* The thread of the role "api": its queries are synchronous, and hold up nobody but those who ask. */

const lockWaitMs = 5000

const port = parentPort!
const { config } = workerData as { config: Config }
const lock = acquireLock(config.PARVIS_DATA_DIR, 'api', lockWaitMs)
const api = await startApi(config)

port.on('message', async () => {
  await api.close()
  lock.release()
  port.close()
})
port.postMessage({ ready: true, url: api.url })
