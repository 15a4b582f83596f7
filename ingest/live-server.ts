import { chmodSync, rmSync } from 'node:fs'
import * as net from 'node:net'
import type { Reading } from '../domain/reading.ts'
import { type LiveReading, liveSocketPath } from '../store/live.ts'

// A listener that leaves more than this unread is dropped: it can come again, and the readings are in the store.
const unreadBytesMax = 4 << 20

/** Tells committed readings to whoever listens on the live socket of a data folder. Costs nothing while nobody does. */
export async function startLiveServer(dataDir: string) {
  const path = liveSocketPath(dataDir)
  const listeners = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    listeners.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => listeners.delete(socket))
    socket.resume()
  })
  // Left by a process that was killed: ingest's lock says that no other one serves here.
  rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)

  return {
    tell(readings: readonly Reading[]) {
      if (listeners.size === 0 || readings.length === 0) return
      const lines = readings.map((each) => `${JSON.stringify(toLive(each))}\n`).join('')
      for (const socket of listeners)
        if (socket.writableLength > unreadBytesMax) socket.destroy()
        else socket.write(lines)
    },
    async close() {
      for (const socket of listeners) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function toLive({ deviceId, channel, quantity, value, observedAt, receivedAt }: Reading): LiveReading {
  return { deviceId, channel, quantity, value, observedAt, receivedAt }
}
