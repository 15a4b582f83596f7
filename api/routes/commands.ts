import { z } from 'zod'
import { commandStates, newCommandSchema } from '../../domain/command.ts'
import { tellDetail } from '../../domain/problem.ts'
import { formatTime } from '../../domain/time.ts'
import { addCommand, cancelCommand, type DeviceCommand, getCommand, listCommands } from '../../inventory/commands.ts'
import type { Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import type { Language } from '../language.ts'
import { idParams, pageOf, pageQuery, tellTime, timeOut } from '../shapes.ts'

const tags = ['devices']

const commandSchema = z
  .object({
    id: z.string(),
    deviceId: z.string(),
    state: z
      .enum(commandStates)
      .describe(
        '`queued` until device or network listens; `sent` to it; `acknowledged`; `expired` before that; `failed` on its way.',
      ),
    data: z.unknown().describe('What was asked for; null for raw bytes.'),
    payloadHex: z.string().describe('The bytes that go out.'),
    fPort: z.number().int().nullable(),
    confirmed: z.boolean(),
    attempts: z.number().int().describe('How often it was handed over.'),
    askedBy: z.object({ kind: z.string(), id: z.string(), name: z.string().nullable() }),
    reason: z.string().nullable(),
    createdAt: timeOut,
    expiresAt: timeOut,
    sentAt: timeOut.nullable(),
    endedAt: timeOut.nullable().describe('When nothing more was to be waited for.'),
    integration: z.string().nullable().describe('Through which it went; null for a connection of the device’s own.'),
    acknowledgedBy: z
      .enum(['device', 'network'])
      .nullable()
      .describe('`network`: sent by radio; no confirmation was asked for.'),
    detail: z.string().nullable().describe('Why it ended, in the language of `Accept-Language`.'),
  })
  .meta({ id: 'Command' })

const commandParams = idParams.extend({ commandId: z.string().max(64) })

export const commandRoutes: Routes = (api, { config, scripts, reader }) => {
  api.post(
    '/devices/:id/commands',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Command a device',
        description:
          'Encoded by the device’s model, or given as raw bytes; sent to the device’s own connection, or to the network that it was last heard by. It waits until they listen, or until it expires. A device may get it twice.',
        params: idParams,
        body: newCommandSchema,
        response: { 201: commandSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const command = await addCommand(request.access, { pool: scripts, reader }, id, request.body)
      reply.code(201).header('location', `/api/v1/devices/${encodeURIComponent(id)}/commands/${command.id}`)
      return tell(command, languageOf(request, config))
    },
  )

  api.get(
    '/devices/:id/commands',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'The commands to a device, newest first',
        params: idParams,
        querystring: z.strictObject({ ...pageQuery, state: z.enum(commandStates).optional() }),
        response: { 200: pageOf(commandSchema) },
      },
    },
    async (request) => {
      const { items, next } = await listCommands(request.access, request.params.id, request.query)
      return { items: items.map((command) => tell(command, languageOf(request, config))), next }
    },
  )

  api.get(
    '/devices/:id/commands/:commandId',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One command', params: commandParams, response: { 200: commandSchema } },
    },
    async (request) => {
      const { id, commandId } = request.params
      return tell(await getCommand(request.access, id, commandId), languageOf(request, config))
    },
  )

  api.delete(
    '/devices/:id/commands/:commandId',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Take back a command that still waits',
        description: 'It is then `expired`. Refused as `in_use` once it is on its way.',
        params: commandParams,
        response: { 200: commandSchema },
      },
    },
    async (request) => {
      const { id, commandId } = request.params
      return tell(await cancelCommand(request.access, id, commandId), languageOf(request, config))
    },
  )
}

function tell(command: DeviceCommand, language: Language): z.infer<typeof commandSchema> {
  const { bytes, port, createdAt, expiresAt, sentAt, endedAt, detail, ...rest } = command
  return {
    ...rest,
    payloadHex: Buffer.from(bytes).toString('hex'),
    fPort: port,
    createdAt: formatTime(createdAt),
    expiresAt: formatTime(expiresAt),
    sentAt: tellTime(sentAt),
    endedAt: tellTime(endedAt),
    detail: detail === null ? null : tellDetail(detail, language),
  }
}
