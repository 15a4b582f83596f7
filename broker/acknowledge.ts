import type { NewUplink } from '../store/journal.ts'

type Done = (error?: Error | null) => void

/** What the broker needs of the journal. */
export type Append = (uplink: NewUplink, appended: (error: Error | null) => void) => void

/**
 * The commit point. aedes sends PUBACK and PUBREC after the callback of `authorizePublish`, so that calling it once the
 * journal has the uplink on disk makes "acknowledged" mean durable, in the order of arrival.
 *
 * A QoS 2 publish is journaled once, however often its client sends it before PUBREL (MQTT 3.1.1, 4.3.3): what has the
 * same packet identifier joins the first, also within one chunk of a socket.
 */
export function createAcknowledger(append: Append) {
  const held = new Map<string, Map<number, { isDone: boolean; waiting: Done[] }>>()

  function acknowledge(uplink: NewUplink, qos: number, messageId: number | undefined, done: Done) {
    if (qos !== 2 || messageId === undefined) {
      append(uplink, done)
      return
    }
    let ofClient = held.get(uplink.clientId)
    if (ofClient === undefined) {
      ofClient = new Map()
      held.set(uplink.clientId, ofClient)
    }
    const first = ofClient.get(messageId)
    if (first?.isDone === true) done(null)
    else if (first !== undefined) first.waiting.push(done)
    else {
      const entry = { isDone: false, waiting: [done] }
      ofClient.set(messageId, entry)
      append(uplink, (error) => {
        entry.isDone = true
        if (error !== null) ofClient.delete(messageId)
        for (const each of entry.waiting) each(error)
        entry.waiting = []
      })
    }
  }

  /** Ends the handshake of one packet identifier, or of all of a client (null). */
  function release(clientId: string, messageId: number | null) {
    if (messageId === null) held.delete(clientId)
    else {
      const ofClient = held.get(clientId)
      ofClient?.delete(messageId)
      if (ofClient?.size === 0) held.delete(clientId)
    }
  }

  return { acknowledge, release }
}
