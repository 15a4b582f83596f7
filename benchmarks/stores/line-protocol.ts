import { readdirSync, statSync } from 'node:fs'
import * as http from 'node:http'
import { join } from 'node:path'
import type { Reading } from '../../domain/reading.ts'

/** A line a message, with its quantities as fields: what costs InfluxDB and VictoriaMetrics least. */
export function encodeLines(batch: readonly Reading[]): string {
  const lines: string[] = []
  for (let i = 0; i < batch.length; ) {
    const { deviceId, observedAt, seq } = batch[i]!
    const fields: string[] = []
    for (; i < batch.length; i++) {
      const each = batch[i]!
      if (each.deviceId !== deviceId || each.observedAt !== observedAt || each.seq !== seq) break
      fields.push(`${each.quantity}=${each.value}`)
    }
    lines.push(`readings,device=${deviceId} ${fields.join()} ${observedAt}`)
  }
  return lines.join('\n')
}

/** Writes lines to an address over a connection that is kept. */
export function createLineWriter(url: string): (body: string) => Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  return (body) =>
    new Promise((resolve, reject) => {
      const request = http.request(url, { method: 'POST', agent }, (response) => {
        response.resume()
        response.once('end', () => {
          if (response.statusCode === 204) resolve()
          else reject(new Error(`${url} answered ${response.statusCode}`))
        })
      })
      request.once('error', reject)
      request.end(body)
    })
}

/** Bytes of all files under a folder. */
export function countFolderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .reduce((sum, each) => sum + (statSync(join(each.parentPath, each.name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

const quietS = 12
const longestS = 180

/** Waits until a folder has had the same size for some seconds; answers that. */
export async function waitForSameSize(folder: string): Promise<number> {
  let size = -1
  let since = 0
  for (let i = 0; i < longestS && since < quietS; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const found = countFolderBytes(folder)
    since = found === size ? since + 1 : 0
    size = found
  }
  return size
}
