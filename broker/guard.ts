import type { Duplex } from 'node:stream'

/** Largest value of MQTT's four-byte remaining length (MQTT 3.1.1, 2.2.3). */
const longestLengthBytes = 4

/**
 * Watches the fixed headers of a client's packets as its socket is read, and destroys the socket when one announces more
 * than `maxBytes()` now allows: before a byte of such a packet is kept. A length of more than four bytes is malformed.
 * While `isFull()` nothing is read, so that the client is slowed by TCP; call `resume` when it no longer is.
 */
export function guardSocket(socket: Duplex, options: { maxBytes(): number; isFull(): boolean }) {
  const read = socket.read.bind(socket)
  let bodyLeft = 0
  let lengthBytes = -1 // -1: the next byte is a packet's first; else the bytes of its length that were seen
  let length = 0
  let isHeld = false

  function check(bytes: Uint8Array): boolean {
    let at = 0
    while (at < bytes.length) {
      if (bodyLeft > 0) {
        const skipped = Math.min(bodyLeft, bytes.length - at)
        bodyLeft -= skipped
        at += skipped
        continue
      }
      const byte = bytes[at++]!
      if (lengthBytes === -1) {
        lengthBytes = 0
        length = 0
        continue
      }
      length += (byte & 0x7f) * 128 ** lengthBytes
      lengthBytes++
      if ((byte & 0x80) !== 0) {
        if (lengthBytes === longestLengthBytes) return false
        continue
      }
      if (1 + lengthBytes + length > options.maxBytes()) return false
      bodyLeft = length
      lengthBytes = -1
    }
    return true
  }

  socket.read = (size?: number) => {
    if (options.isFull()) {
      isHeld = true
      return null
    }
    const bytes = read(size)
    if (bytes === null || check(bytes)) return bytes
    socket.destroy()
    return null
  }

  return {
    resume() {
      if (!isHeld || options.isFull()) return
      isHeld = false
      socket.emit('readable')
    },
  }
}
