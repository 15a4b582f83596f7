import { Readable } from 'node:stream'
import { z } from 'zod'
import { assetIdSchema } from '../../domain/asset.ts'
import { deviceIdSchema } from '../../domain/id.ts'
import { Problem } from '../../domain/problem.ts'
import type { Reading } from '../../domain/reading.ts'
import { formatTime } from '../../domain/time.ts'
import { formatCsvLine } from '../../inventory/csv.ts'
import { openView, type View } from '../../inventory/view.ts'
import type { Routes } from '../context.ts'
import { timeIn } from '../shapes.ts'

/** About what is written at once. */
const chunkChars = 64 * 1024

const columns = ['deviceId', 'channel', 'quantity', 'value', 'observedAt'] as const

const formats = {
  csv: { type: 'text/csv; charset=utf-8', head: formatCsvLine(columns), write: writeCsv },
  ndjson: { type: 'application/x-ndjson', head: '', write: writeNdjson },
} as const

const query = z.strictObject({
  deviceId: deviceIdSchema.optional(),
  assetId: assetIdSchema.optional().describe('What was installed on it, while it was, with its calibrations.'),
  from: timeIn.optional().describe('Included; from the first when left out.'),
  to: timeIn.optional().describe('Excluded; up to now when left out.'),
  format: z.enum(['csv', 'ndjson']).default('csv'),
})

export const exportRoutes: Routes = (api, { reader }) => {
  api.get(
    '/exports/readings',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        tags: ['files'],
        summary: 'Readings as a file, a line each',
        description: 'Comes as it is read, however long it is. An answer that breaks off is not complete.',
        querystring: query,
        response: {
          200: {
            description: 'Columns, or keys: `deviceId`, `channel`, `quantity`, `value`, `observedAt`.',
            content: { 'text/csv': { schema: z.string() }, 'application/x-ndjson': { schema: z.string() } },
          },
        },
      },
    },
    async (request, reply) => {
      const { deviceId, assetId, from = 0, to = Date.now(), format } = request.query
      if (from >= to) throw new Problem('bad_request', { fr: 'from : pas avant to', en: 'from: it is not before to' })
      if (deviceId !== undefined && assetId !== undefined)
        throw new Problem('bad_request', 'assetId: it does not go with deviceId')
      const view = await openView(request.access, {
        deviceIds: deviceId === undefined ? undefined : [deviceId],
        assetId,
      })
      const devices = view.deviceIds
      const readings = reader.readings.scan({ ...(devices === null ? {} : { devices }), from, to })
      const { type, head, write } = formats[format]
      reply.type(type).header('content-disposition', `attachment; filename="readings.${format}"`)
      // Nothing is read ahead of a slow client: the stream asks for a chunk when the last one has gone.
      return Readable.from(inChunks(readings, view, head, write), { highWaterMark: 1 }) as never
    },
  )
}

async function* inChunks(
  readings: AsyncIterable<Reading>,
  view: View,
  head: string,
  write: (reading: Reading) => string,
) {
  let chunk = head
  for await (const reading of readings) {
    for (const each of view.see(reading)) chunk += write(each)
    if (chunk.length < chunkChars) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

function writeNdjson({ deviceId, channel, quantity, value, observedAt }: Reading): string {
  return `${JSON.stringify({ deviceId, channel, quantity, value, observedAt: formatTime(observedAt) })}\n`
}

function writeCsv({ deviceId, channel, quantity, value, observedAt }: Reading): string {
  return formatCsvLine([deviceId, channel, quantity, value, formatTime(observedAt)])
}
