import { commandLimits } from '../domain/command.ts'
import type { Detail } from '../domain/problem.ts'
import type { StoredAnswer } from '../store/ingest-file.ts'
import type { Registry } from '../store/registry.ts'
import { type DeviceCommand, toCommand } from './commands.ts'

/*
 * What becomes of commands once they are written down. These changes are Parvis's own bookkeeping: they do not move the
 * change counter, which would have everybody look at the registry again, and stand in no audit.
 */

/** The commands for which something is still waited, oldest first. */
export async function readOpenCommands(registry: Registry): Promise<DeviceCommand[]> {
  const rows = await registry
    .selectFrom('commands')
    .selectAll()
    .where('ended_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .limit(commandLimits.open)
    .execute()
  return rows.map(toCommand)
}

/** A command was handed over. Without `awaitsMore` nothing more will be heard of it. */
export async function markSent(
  registry: Registry,
  id: string,
  { integration, awaitsMore }: { integration: string | null; awaitsMore: boolean },
): Promise<void> {
  const now = Date.now()
  await registry
    .updateTable('commands')
    .set((e) => ({
      state: 'sent',
      sent_at: now,
      integration,
      attempts: e('attempts', '+', 1),
      ended_at: awaitsMore ? null : now,
    }))
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
}

/** A command has come to its end. */
export async function endCommand(
  registry: Registry,
  id: string,
  end: { state: 'acknowledged'; by: 'device' | 'network' } | { state: 'failed'; detail: Detail },
  answerSeq: number | null = null,
): Promise<void> {
  await registry
    .updateTable('commands')
    .set({
      state: end.state,
      ended_at: Date.now(),
      answer_seq: answerSeq,
      ...(end.state === 'acknowledged' ? { acknowledged_by: end.by } : { detail: JSON.stringify(end.detail) }),
    })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
}

/** Ends what was not through in time. Answers how many. */
export async function expireCommands(registry: Registry, now = Date.now()): Promise<number> {
  let count = 0
  for (const [state, detail] of expiries) {
    const { numUpdatedRows } = await registry
      .updateTable('commands')
      .set({ state: 'expired', ended_at: now, detail: JSON.stringify(detail) })
      .where('ended_at', 'is', null)
      .where('state', '=', state)
      .where('expires_at', '<=', now)
      .executeTakeFirstOrThrow()
    count += Number(numUpdatedRows)
  }
  return count
}

const expiries = [
  ['queued', { fr: 'l’appareil n’a pas écouté à temps', en: 'the device did not listen in time' }],
  ['sent', { fr: 'envoyée, sans réponse à temps', en: 'sent, and not answered in time' }],
] as const

/** The last uplink whose answer was taken into account. */
export async function readAnsweredSeq(registry: Registry): Promise<number> {
  const { seq } = await registry
    .selectFrom('commands')
    .select((e) => e.fn.max('answer_seq').as('seq'))
    .executeTakeFirstOrThrow()
  return Number(seq ?? 0)
}

/**
 * Takes into account what a network said of a command, if it is one that went through this integration. A command that
 * asked for no confirmation is through when it was transmitted; one that asked waits for the device's.
 */
export async function noteAnswer(registry: Registry, answer: StoredAnswer): Promise<void> {
  const { commandId, integration, outcome, detail, seq } = answer
  const row = await registry
    .selectFrom('commands')
    .selectAll()
    .where('ended_at', 'is', null)
    .where('id', 'like', `${commandId}%`)
    .where((e) => e.or([e('integration', '=', integration), e('integration', 'is', null)]))
    .executeTakeFirst()
  if (row === undefined) return
  if (outcome === 'refused') {
    const refused = { fr: 'refusée par le réseau', en: 'refused by the network' }
    await endCommand(registry, row.id, { state: 'failed', detail: detail ?? refused }, seq)
  } else if (outcome === 'acknowledged')
    await endCommand(registry, row.id, { state: 'acknowledged', by: 'device' }, seq)
  else if (!row.confirmed) await endCommand(registry, row.id, { state: 'acknowledged', by: 'network' }, seq)
}
