import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

// The kernel takes 108 bytes for the path of a Unix socket, its end included.
const longestSocketPath = 107

/** One committed reading as ingest tells it on the live socket: a line of JSON each, times in UTC epoch ms. */
export type LiveReading = {
  deviceId: string
  channel: string
  quantity: string
  value: number
  observedAt: number
  receivedAt: number
}

/** The Unix socket on which ingest tells the readings that it has just committed, to whoever on this machine listens. */
export function liveSocketPath(dataDir: string): string {
  const path = resolve(dataDir, 'live.sock')
  if (Buffer.byteLength(path) <= longestSocketPath) return path
  return join(tmpdir(), `parvis-${createHash('sha256').update(path).digest('hex').slice(0, 24)}.sock`)
}
