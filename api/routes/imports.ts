import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem } from '../../domain/problem.ts'
import { importAssets, importDevices } from '../../inventory/import.ts'
import type { Api, Routes } from '../context.ts'
import { limits } from '../limits.ts'

const tags = ['files']

const query = z.strictObject({
  dryRun: z.enum(['true', 'false']).default('false').describe('Say what would be done, and do nothing.'),
})

const description =
  'CSV with a head line; columns are the JSON names, separated by `,` or `;`, in UTF-8 or the `charset` of the content type. All or nothing: with one bad line nothing is imported, and the refusal names every bad line.'

export const importRoutes: Routes = (api, { registry }) => {
  // Within a scope of their own, so that other routes go on refusing CSV.
  api.register(async (instance) => {
    const scope = instance as unknown as Api
    scope.addContentTypeParser('text/csv', { parseAs: 'buffer', bodyLimit: limits.maxImportBytes }, readCsv)

    scope.post(
      '/imports/assets',
      {
        config: { role: 'manager' },
        bodyLimit: limits.maxImportBytes,
        schema: {
          tags,
          summary: 'Import assets',
          description,
          consumes: ['text/csv'],
          querystring: query,
          body: z.string().meta({ examples: ['id,kind,label\nbin-1,waste_container,Rue de la Paix 3'] }),
        },
      },
      async (request) => importAssets(registry, request.body, { dryRun: request.query.dryRun === 'true' }),
    )

    scope.post(
      '/imports/devices',
      {
        config: { role: 'manager' },
        bodyLimit: limits.maxImportBytes,
        schema: {
          tags,
          summary: 'Import devices, and what they are installed on',
          description: `${description} A device file may add \`assetId\` and \`installedAt\`.`,
          consumes: ['text/csv'],
          querystring: query,
          body: z.string().meta({ examples: ['id,model,assetId\nprobe-1,generic-json,bin-1'] }),
        },
      },
      async (request) => importDevices(registry, request.body, { dryRun: request.query.dryRun === 'true' }),
    )
  })
}

async function readCsv(request: FastifyRequest, body: Buffer): Promise<string> {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body)
  } catch {
    throw new Problem('bad_request', `the file is not text in ${charset}; its content type can name another charset`)
  }
}
