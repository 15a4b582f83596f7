import { isUtf8 } from 'node:buffer'
import { limits } from './limits.ts'

/*
 * What MQTT 3.1.1 asks of a packet and mqtt-packet does not see to, judged on the bytes of a whole packet before aedes
 * gets it. A packet that breaks a clause closes its connection (4.8): the clause is named beside what checks it.
 */

/** What `findEnd` answers when the length is not there yet, and when it is of more than four bytes [2.2.3]. */
export const unknown = -1
export const malformed = -2

/** Where the packet that begins at `at` ends, by its fixed header (MQTT 3.1.1, 2.2.3); it may be past what there is. */
export function findEnd(bytes: Uint8Array, at: number): number {
  let length = 0
  let unit = 1
  for (let i = at + 1; i < at + 5; i++) {
    if (i >= bytes.length) return unknown
    length += (bytes[i]! & 0x7f) * unit
    if (bytes[i]! < 0x80) return i + 1 + length
    unit *= 128
  }
  return malformed
}

/** Where the variable header of the packet that begins at `at` begins, once `findEnd` has found its end. */
export function findBody(bytes: Uint8Array, at: number): number {
  let body = at + 1
  while (bytes[body]! >= 0x80) body++
  return body + 1
}

const ascii = { slash: 0x2f, plus: 0x2b, hash: 0x23 }

/** What to do with a CONNECT: let it in, answer with a CONNACK return code and close, or close without an answer. */
export type ConnectVerdict = 'accept' | 'close' | { returnCode: 1 | 2 }

const flag = {
  reserved: 0x01,
  clean: 0x02,
  will: 0x04,
  willQos: 0x18,
  willRetain: 0x20,
  password: 0x40,
  userName: 0x80,
}

/** Judges the first packet of a connection, at the beginning of `bytes`, whose variable header begins at `body`. */
export function judgeConnect(bytes: Uint8Array, body: number, end: number): ConnectVerdict {
  // [MQTT-3.1.0-1]: it is a CONNECT; [MQTT-2.2.2-2]: its flags are 0.
  if (bytes[0] !== 0x10) return 'close'
  const nameEnd = skipString(bytes, body, end)
  if (nameEnd < 0 || nameEnd + 4 > end) return 'close'
  const level = bytes[nameEnd]!
  // [MQTT-3.1.2-1], [MQTT-3.1.2-2]: another protocol is closed, another level of this one is answered.
  if (spells(bytes, body + 2, nameEnd, 'MQTT')) {
    if (level !== 4) return { returnCode: 1 }
  } else if (spells(bytes, body + 2, nameEnd, 'MQIsdp')) {
    if (level !== 3) return { returnCode: 1 }
  } else return 'close'

  const flags = bytes[nameEnd + 1]!
  const hasWill = (flags & flag.will) !== 0
  // [MQTT-3.1.2-3], [MQTT-3.1.2-11] to [MQTT-3.1.2-15], [MQTT-3.1.2-22].
  if ((flags & flag.reserved) !== 0) return 'close'
  if (!hasWill && (flags & (flag.willQos | flag.willRetain)) !== 0) return 'close'
  if ((flags & flag.willQos) === flag.willQos) return 'close'
  if ((flags & flag.userName) === 0 && (flags & flag.password) !== 0) return 'close'

  // [MQTT-3.1.3-1]: identifier, will topic, will message, user name, password, in this order and nothing else.
  const idAt = nameEnd + 4
  let at = skipString(bytes, idAt, end)
  const isAnonymous = at === idAt + 2
  if (hasWill && at >= 0) {
    const topicAt = at
    at = skipString(bytes, topicAt, end)
    if (at >= 0 && !isTopicName(bytes, topicAt + 2, at)) return 'close'
    if (at >= 0) at = skipBinary(bytes, at, end)
  }
  if ((flags & flag.userName) !== 0 && at >= 0) at = skipString(bytes, at, end)
  if ((flags & flag.password) !== 0 && at >= 0) at = skipBinary(bytes, at, end)
  if (at !== end) return 'close'
  // [MQTT-3.1.3-8]: without an identifier there is no session to come back to.
  if (isAnonymous && ((flags & flag.clean) === 0 || level === 3)) return { returnCode: 2 }
  return 'accept'
}

/** Whether a packet that follows a CONNECT may begin so: told by its first byte, before the rest has come. */
export function isPacketStart(first: number): boolean {
  return first >> 4 === 3 || fixedFirstBytes.has(first)
}

// All but PUBLISH: PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT [MQTT-2.2.2-2].
const fixedFirstBytes = new Set([0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0])

/** Whether the packet in `bytes[start, end)`, whose variable header begins at `body`, may follow a CONNECT. */
export function isWellFormed(bytes: Uint8Array, start: number, body: number, end: number): boolean {
  const first = bytes[start]!
  if (first >> 4 === 3) return isPublish(bytes, first, body, end)
  // [MQTT-2.2.2-2]: the flags of all others are fixed.
  switch (first) {
    case 0x40: // PUBACK
    case 0x50: // PUBREC
    case 0x62: // PUBREL
    case 0x70: // PUBCOMP
      return end - body === 2 && hasIdentifier(bytes, body, end)
    case 0x82: // SUBSCRIBE
      return isSubscribe(bytes, body, end)
    case 0xa2: // UNSUBSCRIBE
      return isUnsubscribe(bytes, body, end)
    case 0xc0: // PINGREQ
    case 0xe0: // DISCONNECT
      return end === body
    default: // What only a server sends, a second CONNECT [MQTT-3.1.0-2], the reserved types.
      return false
  }
}

function isPublish(bytes: Uint8Array, first: number, body: number, end: number): boolean {
  const qos = (first >> 1) & 3
  // [MQTT-3.3.1-4]: no QoS 3; [MQTT-3.3.1-2]: what is sent at most once is no duplicate.
  if (qos === 3 || (qos === 0 && (first & 0x08) !== 0)) return false
  const topicEnd = skipString(bytes, body, end)
  if (topicEnd < 0 || !isTopicName(bytes, body + 2, topicEnd)) return false
  return qos === 0 || hasIdentifier(bytes, topicEnd, end)
}

function isSubscribe(bytes: Uint8Array, body: number, end: number): boolean {
  if (!hasIdentifier(bytes, body, end)) return false
  let at = body + 2
  // [MQTT-3.8.3-3]: at least one filter; [MQTT-3.8.3-4]: a QoS of 0 to 2, the other bits 0.
  if (at === end) return false
  while (at < end) {
    const filterEnd = skipString(bytes, at, end)
    if (filterEnd < 0 || filterEnd >= end || !isTopicFilter(bytes, at + 2, filterEnd)) return false
    if (bytes[filterEnd]! > 2) return false
    at = filterEnd + 1
  }
  return true
}

function isUnsubscribe(bytes: Uint8Array, body: number, end: number): boolean {
  if (!hasIdentifier(bytes, body, end)) return false
  let at = body + 2
  // [MQTT-3.10.3-2]: at least one filter.
  if (at === end) return false
  while (at < end) {
    const filterEnd = skipString(bytes, at, end)
    if (filterEnd < 0 || !isTopicFilter(bytes, at + 2, filterEnd)) return false
    at = filterEnd
  }
  return true
}

// [MQTT-2.3.1-1]: a packet identifier is not 0.
function hasIdentifier(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 2 <= end && (bytes[at] !== 0 || bytes[at + 1] !== 0)
}

function skipBinary(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) return -1
  const next = at + 2 + bytes[at]! * 256 + bytes[at + 1]!
  return next <= end ? next : -1
}

// Where the string that begins at `at` ends; -1 where it is cut short, or is not UTF-8 [MQTT-1.5.3-1], which neither
// surrogates nor overlong forms are, or has U+0000 [MQTT-1.5.3-2] or another control character, which 1.5.3 lets a server
// refuse. Nearly all are ASCII, and cost one loop.
function skipString(bytes: Uint8Array, at: number, end: number): number {
  const next = skipBinary(bytes, at, end)
  for (let i = at + 2; i < next; i++) {
    const byte = bytes[i]!
    if (byte < 0x20 || byte === 0x7f) return -1
    if (byte >= 0x80) return isText(bytes.subarray(i, next)) ? next : -1
  }
  return next
}

function isText(bytes: Uint8Array): boolean {
  if (!isUtf8(bytes)) return false
  for (const [i, byte] of bytes.entries()) {
    if (byte < 0x20 || byte === 0x7f) return false
    // U+0080 to U+009F.
    if (byte === 0xc2 && bytes[i + 1]! < 0xa0) return false
  }
  return true
}

// [MQTT-4.7.3-1]: at least one character; [MQTT-3.3.2-2]: a name has no wildcards.
function isTopicName(bytes: Uint8Array, at: number, end: number): boolean {
  let levels = 1
  for (let i = at; i < end; i++) {
    const byte = bytes[i]
    if (byte === ascii.hash || byte === ascii.plus) return false
    if (byte === ascii.slash) levels++
  }
  return at < end && levels <= limits.topicLevels
}

// [MQTT-4.7.1-2], [MQTT-4.7.1-3]: a wildcard is a whole level, and "#" the last.
function isTopicFilter(bytes: Uint8Array, at: number, end: number): boolean {
  let levels = 1
  for (let i = at; i < end; i++) {
    const byte = bytes[i]
    if (byte === ascii.slash) levels++
    if (byte !== ascii.hash && byte !== ascii.plus) continue
    if (i > at && bytes[i - 1] !== ascii.slash) return false
    if (i + 1 < end && (byte === ascii.hash || bytes[i + 1] !== ascii.slash)) return false
  }
  return at < end && levels <= limits.topicLevels
}

function spells(bytes: Uint8Array, at: number, end: number, text: string): boolean {
  if (end - at !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}
