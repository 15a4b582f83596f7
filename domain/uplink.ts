/**
 * One accepted device message, as the broker got it: nothing is decoded yet.
 *
 * - `seq`: position in the journal, strictly rising, never used twice
 * - `clientId`: who published: a device id, or an integration's name with what follows its first `/`
 * - `receivedAt`: UTC epoch milliseconds, never falling from one uplink to the next
 */
export type Uplink = { seq: number; clientId: string; topic: string; payload: Uint8Array; receivedAt: number }

/** Most readings that one uplink may give; the rest of a larger one is a fault of its dead letter. */
export const maxReadingsPerUplink = 20_000

/** How far ahead of `receivedAt` a device's clock may be, before its reading becomes a dead letter (`clock_future`). */
export const maxClockAheadMs = 5 * 60_000

const deviceTree = 'devices/'

/** The device and branch of a topic of a device's own subtree, or null for any other topic. */
export function parseDeviceTopic(topic: string): { deviceId: string; branch: 'up' | 'status' } | null {
  if (!topic.startsWith(deviceTree)) return null
  const end = topic.indexOf('/', deviceTree.length)
  if (end <= deviceTree.length) return null
  const deviceId = topic.slice(deviceTree.length, end)
  const branch = topic.slice(end + 1)
  return branch === 'up' || branch === 'status' ? { deviceId, branch } : null
}

/** The user name of Parvis's own client at its broker, which no device or integration can have. */
export const internalName = 'parvis/internal'

const pushTopicPattern = /^uplinks\/([^/]+)(?:\/|$)/

/** The integration of a message that came over HTTP, by its topic, or null. */
export function parsePushTopic(topic: string): string | null {
  return pushTopicPattern.exec(topic)?.[1] ?? null
}

/** Whether an uplink was published by Parvis itself, for who pushed it over HTTP. */
export function isInternal(clientId: string): boolean {
  return clientId === internalName || clientId.startsWith(`${internalName}/`)
}

/** Where Parvis's own client hands over commands: `$parvis/commands/{command}/{who is to get it}/{its topic}`. */
const commandTree = '$parvis/commands/'

/** The topic under which the broker is handed a command for a client (device or integration) or a bridge's other side. */
export function commandTopic(commandId: string, name: string, topic: string): string {
  return `${commandTree}${commandId}/${name}/${topic}`
}

/** The parts of such a topic, or null for any other. */
export function parseCommandTopic(topic: string): { commandId: string; name: string; topic: string } | null {
  if (!topic.startsWith(commandTree)) return null
  const [commandId, name, ...rest] = topic.slice(commandTree.length).split('/')
  if (!commandId || !name || rest.length === 0) return null
  return { commandId, name, topic: rest.join('/') }
}

/**
 * What the broker tells Parvis's own client: under `reports` what became of a command that it was handed (`unheard`:
 * nobody listens; `sent`, or `sent0` where no acknowledgement will come; `acknowledged`), under `listening` that a client
 * or a bridge begins to listen.
 */
export const reportTree = '$parvis/reports/'
export const listeningTree = '$parvis/listening/'
export type DeliveryReport = 'unheard' | 'sent' | 'sent0' | 'acknowledged'
