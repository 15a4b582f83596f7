import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { type Asset, assetIdSchema } from '../../domain/asset.ts'
import { deviceIdSchema } from '../../domain/id.ts'
import { Problem } from '../../domain/problem.ts'
import type { Reading } from '../../domain/reading.ts'
import { formatTime } from '../../domain/time.ts'
import { searchAssets } from '../../inventory/asset-search.ts'
import { formatCsvLine } from '../../inventory/csv.ts'
import { detailDevices } from '../../inventory/device-details.ts'
import { listDevices } from '../../inventory/devices.ts'
import { listInstallations } from '../../inventory/installations.ts'
import {
  type ReadPage,
  writeAssetsCsv,
  writeAssetsGeojson,
  writeDevicesCsv,
  writeInstallationsCsv,
} from '../../inventory/register-export.ts'
import { openView, type View } from '../../inventory/view.ts'
import type { Routes } from '../context.ts'
import { takeAreas } from '../place-query.ts'
import { asKnownAt, timeIn } from '../shapes.ts'
import { assetFilterQuery } from './assets.ts'

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

const nothing = z.strictObject({})

/** How a file of the register is told of in the OpenAPI document. */
function describeFile(summary: string, description: string, types: readonly string[] = ['text/csv']) {
  const content = Object.fromEntries(types.map((type) => [type, { schema: z.string() }]))
  return { tags: ['files'], summary, description, response: { 200: { description: 'The file.', content } } }
}

// Nothing is read ahead of a slow client: the stream asks for a chunk when the last one has gone.
function sendFile(reply: FastifyReply, name: string, type: string, chunks: AsyncIterable<string>) {
  reply.type(type).header('content-disposition', `attachment; filename="${name}"`)
  return Readable.from(chunks, { highWaterMark: 1 }) as never
}

export const exportRoutes: Routes = (api, { reader, board }) => {
  const csv = 'text/csv; charset=utf-8'

  api.get(
    '/exports/assets',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        ...describeFile(
          'Assets as a file',
          'As CSV, which can be imported again, or as GeoJSON, whose properties have the same names. In CSV a text that a spreadsheet would take for a formula has an apostrophe before it.',
          ['text/csv', 'application/geo+json'],
        ),
        querystring: z.strictObject({ ...assetFilterQuery, format: z.enum(['csv', 'geojson']).default('csv') }),
      },
    },
    async ({ access, query: { format, ...asked } }, reply) => {
      const filter = takeAreas(asked)
      const read: ReadPage<Asset> = (page) => searchAssets(access, board, { ...filter, ...page })
      return format === 'csv'
        ? sendFile(reply, 'assets.csv', csv, writeAssetsCsv(read))
        : sendFile(reply, 'assets.geojson', 'application/geo+json', writeAssetsGeojson(read))
    },
  )

  api.get(
    '/exports/devices',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: { ...describeFile('Devices as CSV', 'Without their secrets, which nobody knows.'), querystring: nothing },
    },
    async ({ access }, reply) =>
      sendFile(
        reply,
        'devices.csv',
        csv,
        writeDevicesCsv(async (page) => {
          const { items, next } = await listDevices(access, page)
          return { items: await detailDevices(access, reader, items), next }
        }),
      ),
  )

  api.get(
    '/exports/installations',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        ...describeFile('Installations as CSV', 'Which device was on which asset when, and its calibration as JSON.'),
        querystring: z.strictObject({ asKnownAt }),
      },
    },
    async ({ access, query }, reply) =>
      sendFile(
        reply,
        'installations.csv',
        csv,
        writeInstallationsCsv((page) => listInstallations(access, { ...query, ...page })),
      ),
  )

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
        throw new Problem('bad_request', {
          fr: 'assetId : ne va pas avec deviceId',
          en: 'assetId: it does not go with deviceId',
        })
      const view = await openView(request.access, {
        deviceIds: deviceId === undefined ? undefined : [deviceId],
        assetId,
      })
      const devices = view.deviceIds
      const readings = reader.readings.scan({ ...(devices === null ? {} : { devices }), from, to })
      const { type, head, write } = formats[format]
      return sendFile(reply, `readings.${format}`, type, inChunks(readings, view, head, write))
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
