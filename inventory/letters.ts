import { formats } from '../devices/catalogue.ts'
import type { Envelope } from '../devices/model.ts'
import { isInternal, parseDeviceTopic, parsePushTopic, type Uplink } from '../domain/uplink.ts'
import type { Access } from '../store/access.ts'

/** A dead letter, or any other message, before its envelope is opened. */
export type Letter = Pick<Uplink, 'clientId' | 'topic' | 'payload' | 'receivedAt'>

/** The integration that handed a message over, or null. What was pushed over HTTP, Parvis published itself: its topic says for whom. */
export async function findIntegration(
  { registry }: Pick<Access, 'registry'>,
  { clientId, topic }: Letter,
): Promise<{ name: string; format: string } | null> {
  const sender = isInternal(clientId) ? (parsePushTopic(topic) ?? '') : clientId
  const row = await registry
    .selectFrom('integrations')
    .select(['name', 'format'])
    .where('name', 'in', [sender, sender.split('/', 1)[0]!])
    .executeTakeFirst()
  return row ?? null
}

/** What a message holds, once its network's envelope is opened; null when nobody knows how. */
export function openEnvelope(
  integration: { format: string } | null,
  { clientId, topic, payload, receivedAt }: Letter,
  zone: string,
): Pick<Envelope, 'payload' | 'port' | 'observedAt' | 'decoded'> | null {
  if (parseDeviceTopic(topic)?.deviceId === clientId) return { payload }
  const format = integration === null ? undefined : formats.get(integration.format)
  return format?.open(topic, payload, { receivedAt, zone }) ?? null
}
