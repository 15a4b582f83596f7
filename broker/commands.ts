import { type DeliveryReport, listeningTree, parseCommandTopic, reportTree } from '../domain/uplink.ts'
import { mayReceive } from './access.ts'
import type { Connection } from './connection.ts'
import { matchesTopic } from './topic.ts'

/** Sends a command by other ways than a client's connection; false where it has none for that name now. */
export type SendElsewhere = (
  name: string,
  topic: string,
  payload: Buffer,
  report: (what: DeliveryReport) => void,
) => boolean

/**
 * The way of commands through the broker. Parvis's own client hands one over for a device or an integration; whoever is
 * connected under that name and subscribes to its topic gets it, at once or not at all: what nobody listens to stays in
 * the registry, and the client is told when someone begins to listen. Nothing of it is journaled.
 */
export function createCommands(options: {
  /** The connections of a user name. */
  connectionsOf(name: string): Iterable<Connection>
  sendElsewhere: SendElsewhere
}) {
  // Connections of Parvis's own client that asked to be told.
  const told = new Set<Connection>()

  function tell(tree: string, topicEnd: string, payload: string) {
    const topic = `${tree}${topicEnd}`
    for (const connection of told) if (findQos(connection, topic) >= 0) connection.send(topic, Buffer.from(payload), 0)
  }

  /**
   * A client of that name, or a bridge of that integration, begins to listen. Told at once: the reports of commands that
   * came before are before it, of those that come after behind.
   */
  function begin(name: string) {
    tell(listeningTree, name, '')
  }

  /** Takes a publish of Parvis's own client; false when it is no command. */
  function take(topic: string, payload: Buffer): boolean {
    const command = parseCommandTopic(topic)
    if (command === null) return false
    const report = (what: DeliveryReport) => tell(reportTree, command.commandId, what)
    let best = -1
    for (const connection of options.connectionsOf(command.name)) {
      const qos = Math.min(1, findQos(connection, command.topic))
      if (qos < 0 || !connection.send(command.topic, payload, qos, () => report('acknowledged'))) continue
      best = Math.max(best, qos)
    }
    if (best >= 0) report(best === 0 ? 'sent0' : 'sent')
    else if (!options.sendElsewhere(command.name, command.topic, payload, report)) report('unheard')
    return true
  }

  return {
    take,
    /** A client has a topic filter more. */
    hear(connection: Connection) {
      const { principal } = connection
      if (principal === null) return
      if (principal.kind === 'internal') {
        if (!told.has(connection)) connection.socket.once('close', () => told.delete(connection))
        told.add(connection)
      } else if (told.size > 0) begin(principal.name)
    },
    begin,
  }
}

export type Commands = ReturnType<typeof createCommands>

function findQos({ principal, filters, isInside }: Connection, topic: string): number {
  if (!isInside || principal === null || filters === null || !mayReceive(principal, topic)) return -1
  let qos = -1
  for (const [filter, granted] of filters) if (granted > qos && matchesTopic(filter, topic)) qos = granted
  return qos
}
