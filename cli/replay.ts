import { setTimeout } from 'node:timers/promises'
import { Problem } from '../domain/problem.ts'
import { requestReplay } from '../inventory/requests.ts'
import type { ReplayState } from '../store/ingest-file.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { isLocked } from '../store/lock.ts'
import { type Command, type Context, textOption, timeOption } from './command.ts'

const pollMs = 200

type ReplaySpan = { from: number | null; to: number | null; deviceId: string | null; replace: boolean }

export const replayCommands: Record<string, Command> = {
  replay: {
    usage: 'replay [--from t] [--to t] [--device d] [--replace]',
    summary: {
      fr: 'Décode à nouveau les messages reçus, et attend la fin',
      en: 'Decodes again the messages that were received, and waits for the end',
    },
    words: 0,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      device: { type: 'string' },
      replace: { type: 'boolean' },
    },
    optionTexts: {
      from: { fr: 'début de la réception, compris', en: 'beginning of reception, included' },
      to: { fr: 'fin de la réception, exclue', en: 'end of reception, excluded' },
      device: { fr: 'un seul appareil', en: 'one device only' },
      replace: {
        fr: 'retire d’abord les relevés de la période : ce que le codec ne donne plus disparaît',
        en: 'first removes the readings of the span: what the codec no longer gives goes away',
      },
    },
    async run(context, _, values) {
      const span = {
        from: timeOption(values, 'from') ?? null,
        to: timeOption(values, 'to') ?? null,
        deviceId: textOption(values, 'device') ?? null,
        replace: values.replace === true,
      }
      const state = isLocked(context.config.PARVIS_DATA_DIR)
        ? await askIngest(context, span)
        : await replayHere(context, span)
      if (state.state === 'failed') throw new Problem(state.code ?? 'internal', state.detail)
      const { uplinks, readings, deadLetters } = state
      context.print(
        {
          ...state,
          ...(state.finishedAt === undefined ? {} : { finishedAt: new Date(state.finishedAt).toISOString() }),
        },
        describe(context, { uplinks, readings, deadLetters }),
      )
    },
  },
}

/** Writes the request down for ingest, which runs, and follows it to its end. */
async function askIngest(context: Context, span: ReplaySpan): Promise<ReplayState> {
  const dataDir = context.config.PARVIS_DATA_DIR
  const { id } = await requestReplay(await context.access(), span)
  const reader = openIngestReader(dataDir)
  let told = ''
  try {
    while (true) {
      const state = reader.replay(id)
      if (state !== null) {
        if (state.state !== 'running') return state
        const text = describe(context, state)
        if (text !== told) context.progress(text)
        told = text
      }
      if (!isLocked(dataDir))
        throw new Problem('not_ready', {
          fr: `le traitement s’est arrêté entre-temps ; il reprendra la relecture ${id} quand il repartira`,
          en: `ingest ended meanwhile; it takes up the replay ${id} when it starts`,
        })
      await setTimeout(pollMs)
    }
  } finally {
    reader.close()
  }
}

/** Does ingest's work itself, since nothing else does. */
async function replayHere({ config, access }: Context, span: ReplaySpan): Promise<ReplayState> {
  const { replayOffline } = await import('../ingest/offline.ts')
  return replayOffline(config, await access(), span)
}

function describe({ language }: Context, counts: { uplinks: number; readings: number; deadLetters: number }): string {
  const { uplinks, readings, deadLetters } = counts
  return language === 'fr'
    ? `${uplinks} messages lus, ${readings} relevés écrits, ${deadLetters} messages écartés`
    : `${uplinks} uplinks read, ${readings} readings written, ${deadLetters} dead letters`
}
