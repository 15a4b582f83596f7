import { parseCommandTopic } from '../domain/uplink.ts'
import type { Journal, NewUplink } from '../store/journal.ts'
import { mayPublish } from './access.ts'
import type { Connection } from './connection.ts'

/** The topic that a client last published to, as bytes and text: it may, and nobody heard of it at this revision. */
export type Route = { bytes: Buffer; topic: string; revision: number }

type ExpressUplink = NewUplink & { connection: Connection; messageId: number }

/**
 * The short way of what a broker of sensors mostly gets: a publish of QoS 1 to a topic that nobody subscribes to goes
 * from the socket's bytes to the journal, and its PUBACK back, all of a group and client in one write. aedes, which
 * would do the same at four times the cost, gets the rest: other QoS, what is retained, heard, or forbidden.
 */
export function createExpress(options: {
  append: Journal['append']
  /** Whether anyone, connected or away, subscribes to a topic. It can only begin to be so at a new `revision`. */
  isHeard(topic: string): boolean
  revision(): number
  counters: { published: number; refusedPublishes: number }
}) {
  const { append, counters } = options
  let answered: Connection[] = []

  /**
   * Journals the PUBLISH of QoS 1, not retained, whose variable header begins at `body`. Answers false, and does nothing,
   * when it has to go the long way.
   */
  function take(connection: Connection, bytes: Buffer, body: number, end: number): boolean {
    const topicEnd = body + 2 + bytes.readUInt16BE(body)
    const route = connection.route
    const isKnown = route !== null && route.bytes.compare(bytes, body + 2, topicEnd) === 0
    if (!isKnown || route.revision !== options.revision()) {
      connection.route = findRoute(connection, bytes.subarray(body + 2, topicEnd))
      if (connection.route === null) return false
    }
    const uplink = {
      clientId: connection.client!.id,
      topic: connection.route!.topic,
      payload: bytes.subarray(topicEnd + 2, end),
      receivedAt: Date.now(),
      connection,
      messageId: bytes.readUInt16BE(topicEnd),
    }
    connection.pending++
    append(uplink, settle)
    return true
  }

  function findRoute({ principal }: Connection, bytes: Buffer): Route | null {
    const topic = bytes.toString()
    if (principal === null || !mayPublish(principal, topic) || options.isHeard(topic)) return null
    if (principal.kind === 'internal' && parseCommandTopic(topic) !== null) return null
    return { bytes: Buffer.from(bytes), topic, revision: options.revision() }
  }

  function settle(error: Error | null, { connection, messageId }: ExpressUplink) {
    if (error === null) {
      counters.published++
      if (connection.answers === null) {
        connection.answers = []
        if (answered.push(connection) === 1) process.nextTick(flushAll)
      }
      connection.answers.push(messageId)
    } else {
      counters.refusedPublishes++
      connection.socket.destroy()
    }
    connection.settle()
  }

  function flushAll() {
    const all = answered
    answered = []
    for (const connection of all) flush(connection)
  }

  /** Writes the PUBACKs that are due to a client, before what else it is sent. */
  function flush(connection: Connection) {
    const { answers, socket } = connection
    connection.answers = null
    if (answers === null || socket.destroyed) return
    const bytes = Buffer.allocUnsafe(4 * answers.length)
    for (const [i, messageId] of answers.entries()) bytes.writeUInt32BE(0x40_02_00_00 + messageId, 4 * i)
    socket.write(bytes)
  }

  return { take, flush }
}
