import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem } from '../../domain/problem.ts'
import { importAssets } from '../../inventory/import-assets.ts'
import { importDevices } from '../../inventory/import-devices.ts'
import type { Api, Routes } from '../context.ts'
import { limits } from '../limits.ts'

const tags = ['files']

const query = z.strictObject({
  dryRun: z.enum(['true', 'false']).default('false').describe('Say what would be done, and do nothing.'),
})

const csvBody = z.custom<string | Uint8Array>((body) => typeof body === 'string' || body instanceof Uint8Array)

const description =
  'CSV with a header; columns are the JSON names, separated by `,`, `;` or tabs. All or nothing: with one bad line nothing is imported, and the refusal names every bad line.'

const options = {
  config: { role: 'manager' },
  bodyLimit: limits.maxImportBytes,
} as const

const assetImportSchema = z.object({ dryRun: z.boolean(), created: z.number().int() })

const deviceImportSchema = assetImportSchema.extend({
  installed: z.number().int(),
  devices: z.array(z.object({ id: z.string(), secret: z.string() })).describe('Their secrets, this one time.'),
})

export const importRoutes: Routes = (api) => {
  // In a scope of their own, so that other routes go on refusing CSV, and these refuse JSON.
  api.register(async (instance) => {
    const scope = instance as unknown as Api
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('text/csv', { parseAs: 'buffer' }, readCsv)

    scope.post(
      '/imports/assets',
      {
        ...options,
        schema: {
          tags,
          summary: 'Import assets',
          description,
          consumes: ['text/csv'],
          querystring: query,
          body: csvBody.meta({ type: 'string', examples: ['id,kind,label\nbin-1,waste_container,Rue de la Paix 3'] }),
          response: { 200: assetImportSchema },
        },
      },
      async (request) => importAssets(request.access, request.body, { dryRun: request.query.dryRun === 'true' }),
    )

    scope.post(
      '/imports/devices',
      {
        ...options,
        schema: {
          tags,
          summary: 'Import devices, and what they are installed on',
          description: `${description} A device file may add \`assetId\` and \`installedAt\`.`,
          consumes: ['text/csv'],
          querystring: query,
          body: csvBody.meta({ type: 'string', examples: ['id,model,assetId\nprobe-1,generic-json,bin-1'] }),
          response: { 200: deviceImportSchema },
        },
      },
      async (request) => importDevices(request.access, request.body, { dryRun: request.query.dryRun === 'true' }),
    )
  })
}

// Without a charset the import finds out by itself, as spreadsheets name none.
async function readCsv(request: FastifyRequest, body: Buffer): Promise<string | Buffer> {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1]
  if (charset === undefined) return body
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body)
  } catch {
    throw new Problem('bad_request', {
      fr: `le fichier n’est pas un texte en ${charset}`,
      en: `the file is not text in ${charset}`,
    })
  }
}
