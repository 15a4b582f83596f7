import { z } from 'zod'
import { deviceIdSchema } from '../../domain/id.ts'
import { Problem, tellDetail } from '../../domain/problem.ts'
import { formatTime } from '../../domain/time.ts'
import { getRequest, type ReplayRequest, requestReplay } from '../../inventory/requests.ts'
import type { ReplayState } from '../../store/ingest-file.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import type { Language } from '../language.ts'
import { idParams, tellTime, timeIn, timeOut } from '../shapes.ts'

const tags = ['ingest']

const replayStates = ['queued', 'running', 'done', 'failed'] as const

const newReplaySchema = z.strictObject({
  from: timeIn.nullable().optional(),
  to: timeIn.nullable().optional(),
  deviceId: deviceIdSchema.nullable().optional(),
  replace: z.boolean().optional().describe('First remove the readings of that span.'),
})

const replaySchema = z
  .object({
    id: z.string(),
    state: z.enum(replayStates),
    from: timeOut.nullable(),
    to: timeOut.nullable(),
    deviceId: z.string().nullable(),
    replace: z.boolean(),
    uplinks: z.number().int().describe('Uplinks that were read again.'),
    readings: z.number().int().describe('Readings that they gave.'),
    deadLetters: z.number().int().describe('Uplinks that still fail.'),
    code: z.string().nullable().describe('Why it failed: a code of the problem documents.'),
    detail: z.string().nullable(),
    createdAt: timeOut,
    finishedAt: timeOut.nullable(),
  })
  .meta({ id: 'Replay' })

export const replayRoutes: Routes = (api, { config, reader }) => {
  api.post(
    '/replays',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Read uplinks again, after a codec was mended',
        description:
          'Takes the uplinks received in [from, to), of one device or all, and overwrites equal readings. What the mended codec no longer gives stays, unless `replace`. Answers at once; `GET /replays/{id}` tells how far it is.',
        body: newReplaySchema,
        response: { 202: replaySchema },
      },
    },
    async (request, reply) => {
      const { from, to, deviceId, replace } = request.body
      const replay = await requestReplay(request.access, { from, to, deviceId, replace })
      reply.code(202).header('location', `/api/v1/replays/${replay.id}`)
      return tellReplay(replay, null, languageOf(request, config))
    },
  )

  api.get(
    '/replays/:id',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'How far a replay is', params: idParams, response: { 200: replaySchema } },
    },
    async (request) => {
      const { id } = request.params
      const replay = await getRequest(request.access, id)
      if (replay === null) throw new Problem('not_found', id)
      return tellReplay(replay, reader.replay(id), languageOf(request, config))
    },
  )
}

// A replay that ingest does not know yet waits in the registry.
function tellReplay(
  request: ReplayRequest,
  progress: ReplayState | null,
  language: Language,
): z.infer<typeof replaySchema> {
  return {
    id: request.id,
    state: progress?.state ?? 'queued',
    from: tellTime(request.from),
    to: tellTime(request.to),
    deviceId: request.deviceId,
    replace: request.replace,
    uplinks: progress?.uplinks ?? 0,
    readings: progress?.readings ?? 0,
    deadLetters: progress?.deadLetters ?? 0,
    code: progress?.code ?? null,
    detail: progress?.detail === undefined ? null : tellDetail(progress.detail, language),
    createdAt: formatTime(request.createdAt),
    finishedAt: tellTime(progress?.finishedAt ?? null),
  }
}
