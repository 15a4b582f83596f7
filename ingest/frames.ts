import { crc32 } from 'node:zlib'
import type { Envelope } from '../devices/model.ts'
import type { Uplink } from '../domain/uplink.ts'

/** How far apart the copies of one frame may have been heard: also a device that says it again until it is answered. */
export const sameFrameMs = 5 * 60_000

/** Most frames that are remembered; the oldest go first. */
const maxFrames = 100_000

type Heard = { seq: number; at: number; address: string | undefined; check: number }

/**
 * Remembers radio frames, to tell one that two networks heard, or one that a network hands over again: the first in the
 * journal is the uplink, the others give nothing. It is the same frame when device, port, counter and payload are, the
 * addresses do not differ, and both were heard within `sameFrameMs`. After a join the address is another; after a reset
 * of the counter the payload or the time is.
 */
export function rememberFrames() {
  const heard = new Map<string, Heard>()

  /** Whether an earlier uplink brought this frame; the earliest is remembered. An uplink is no repeat of itself. */
  function isRepeat({ seq, receivedAt }: Uplink, { deviceId, frame, port, payload, observedAt }: Envelope): boolean {
    if (frame === undefined || deviceId === null) return false
    const key = `${deviceId} ${frame.counter} ${port ?? ''}`
    const { address } = frame
    const now = { seq, at: observedAt ?? receivedAt, address, check: payload === null ? 0 : crc32(payload) }
    const first = heard.get(key)
    if (first !== undefined && first.seq <= seq && isSame(first, now)) return first.seq !== seq
    heard.delete(key)
    heard.set(key, now)
    if (heard.size > maxFrames) heard.delete(heard.keys().next().value!)
    return false
  }

  return { isRepeat }
}

export type FrameMemory = ReturnType<typeof rememberFrames>

function isSame(a: Heard, b: Heard): boolean {
  const isSameAddress = a.address === undefined || b.address === undefined || a.address === b.address
  return isSameAddress && a.check === b.check && Math.abs(a.at - b.at) <= sameFrameMs
}
