import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem, problemDocument } from '../../domain/problem.ts'
import { formatTime } from '../../domain/time.ts'
import { importDevices } from '../../inventory/import-devices.ts'
import { type Mapping, mappingSchema } from '../../inventory/import-mapping.ts'
import { getProfile, listProfiles, putProfile, removeProfile } from '../../inventory/import-profiles.ts'
import { listImports } from '../../inventory/import-undo.ts'
import type { Api, Routes } from '../context.ts'
import type { ImportJob } from '../import-jobs.ts'
import { limits } from '../limits.ts'
import { idParams, pageOf, tellTime, timeOut, wholeList } from '../shapes.ts'

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

const assetImportSchema = z.object({
  importId: z.string().nullable().describe('Undoes it: `POST /imports/{id}/undo`. Null when nothing was written.'),
  dryRun: z.boolean(),
  created: z.number().int(),
  changed: z.number().int(),
  unchanged: z.number().int(),
  installed: z.number().int(),
  changes: z
    .array(
      z.object({
        line: z.number().int(),
        id: z.string(),
        fields: z.record(z.string(), z.object({ before: z.unknown(), after: z.unknown() })),
      }),
    )
    .describe('What it changes of each asset; the first thousand.'),
  devices: z
    .array(z.object({ id: z.string(), secret: z.string() }))
    .describe('New ones and their secrets, this one time.'),
})

const assetQuery = query.extend({
  allowChanges: z.enum(['true', 'false']).default('false').describe('Lets lines change assets that are there already.'),
  profile: z.string().max(120).optional().describe('A saved mapping profile.'),
  wait: z
    .enum(['true', 'false'])
    .default('true')
    .describe('`false` answers 202 at once: ask `GET /imports/jobs/{id}`.'),
})

const jobSchema = z
  .object({
    id: z.string(),
    state: z.enum(['queued', 'running', 'done', 'failed']),
    phase: z.string().nullable().describe('`reading`, `checking` or `writing`.'),
    done: z.number().int(),
    total: z.number().int(),
    outcome: assetImportSchema.nullable(),
    problem: z.looseObject({}).nullable(),
  })
  .meta({ id: 'ImportJob' })

const importSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    createdAt: timeOut,
    created: z.number().int(),
    changed: z.number().int(),
    installed: z.number().int(),
    undoneAt: timeOut.nullable(),
  })
  .meta({ id: 'Import' })

const profileSchema = z.object({ name: z.string(), mapping: mappingSchema }).meta({ id: 'ImportProfile' })
const profileParams = z.object({ name: z.string().min(1).max(120) })

const deviceImportSchema = z.object({
  dryRun: z.boolean(),
  created: z.number().int(),
  installed: z.number().int(),
  devices: z.array(z.object({ id: z.string(), secret: z.string() })).describe('Their secrets, this one time.'),
})

export const importRoutes: Routes = (api, { imports, onChange }) => {
  api.addHook('preClose', () => imports.close())
  addProfileRoutes(api)

  api.get(
    '/imports',
    {
      config: { role: 'manager' },
      schema: { tags, summary: 'Imports that were made, the newest first', response: { 200: pageOf(importSchema) } },
    },
    async (request) =>
      wholeList(
        (await listImports(request.access)).map((each) => ({
          ...each,
          createdAt: formatTime(each.createdAt),
          undoneAt: tellTime(each.undoneAt),
        })),
      ),
  )

  api.get(
    '/imports/jobs/:id',
    {
      config: { role: 'manager' },
      schema: { tags, summary: 'How far an import is', params: idParams, response: { 200: jobSchema } },
    },
    async (request) => {
      const job = imports.get(request.params.id)
      if (job === undefined || job.actorId !== request.access.actor.id)
        throw new Problem('not_found', request.params.id)
      return tellJob(job)
    },
  )

  api.post(
    '/imports/:id/undo',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Undo an import, in one step',
        description: 'Refused as `changed_since`, naming them, when rows were changed or are used since.',
        params: idParams,
        response: { 200: z.object({ removed: z.number().int(), restored: z.number().int() }) },
      },
    },
    async (request) =>
      (await imports.start(request.access, { undo: request.params.id }).finished) as {
        removed: number
        restored: number
      },
  )

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
          querystring: assetQuery,
          body: csvBody.meta({ type: 'string', examples: ['id,kind,label\nbin-1,waste_container,Rue de la Paix 3'] }),
          response: { 200: assetImportSchema, 202: jobSchema },
        },
      },
      async (request, reply) => {
        const { dryRun, allowChanges, profile, wait } = request.query
        const mapping = profile === undefined ? undefined : (await getProfile(request.access, profile)).mapping
        const job = imports.start(request.access, {
          file: request.body,
          dryRun: dryRun === 'true',
          allowChanges: allowChanges === 'true',
          mapping,
        })
        if (wait === 'true') return (await job.finished) as z.infer<typeof assetImportSchema>
        job.finished.then(onChange, () => {})
        reply.code(202).header('location', `/api/v1/imports/jobs/${job.id}`)
        return tellJob(job)
      },
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

function addProfileRoutes(api: Api): void {
  api.get(
    '/import-profiles',
    {
      config: { role: 'manager' },
      schema: { tags, summary: 'Mapping profiles', response: { 200: pageOf(profileSchema) } },
    },
    async (request) => wholeList((await listProfiles(request.access)).map(tellProfile)),
  )

  api.put(
    '/import-profiles/:name',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Save how a file of another house is read',
        params: profileParams,
        body: mappingSchema,
        response: { 200: profileSchema },
      },
    },
    async (request) => tellProfile(await putProfile(request.access, request.params.name, request.body)),
  )

  api.delete(
    '/import-profiles/:name',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Remove a mapping profile',
        params: profileParams,
        response: { 204: z.undefined().describe('Removed.') },
      },
    },
    async (request, reply) => {
      await removeProfile(request.access, request.params.name)
      reply.code(204)
    },
  )
}

function tellProfile({ name, mapping }: { name: string; mapping: Mapping }): z.infer<typeof profileSchema> {
  return { name, mapping: mappingSchema.parse(mapping) }
}

function tellJob({ id, state, phase, done, total, outcome, problem }: ImportJob): z.infer<typeof jobSchema> {
  return {
    id,
    state,
    phase,
    done,
    total,
    outcome: outcome as z.infer<typeof assetImportSchema> | null,
    problem: problem === null ? null : problemDocument(problem, 'en'),
  }
}
