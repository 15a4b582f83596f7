import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { say } from '../../domain/issue.ts'
import { Problem, problemDocument, tellDetail } from '../../domain/problem.ts'
import { formatTime } from '../../domain/time.ts'
import { type Mapping, mappingSchema } from '../../inventory/import-mapping.ts'
import { type ImportKind, importKinds, previewImport } from '../../inventory/import-preview.ts'
import { getProfile, listProfiles, putProfile, removeProfile } from '../../inventory/import-profiles.ts'
import { listImports } from '../../inventory/import-undo.ts'
import type { Access } from '../../store/access.ts'
import type { Api, Routes } from '../context.ts'
import { languageOf } from '../errors.ts'
import type { ImportJob } from '../import-jobs.ts'
import type { Language } from '../language.ts'
import { limits } from '../limits.ts'
import { idParams, pageOf, tellTime, timeOut, wholeList } from '../shapes.ts'

const tags = ['files']

// In the address, beside the file as the body: what an address may hold bounds it, and a profile holds more.
const mappingText = z
  .string()
  .transform((text, context): z.infer<typeof mappingSchema> => {
    try {
      return mappingSchema.parse(JSON.parse(text))
    } catch {
      context.addIssue({
        code: 'custom',
        message: say({ fr: 'une correspondance en JSON', en: 'expected a mapping as JSON' }),
      })
      return z.NEVER
    }
  })
  .meta({ type: 'string' })

const mappingQuery = {
  profile: z.string().max(120).optional().describe('A saved mapping profile.'),
  mapping: mappingText
    .optional()
    .describe('A mapping as JSON, as `PUT /import-profiles/{name}` takes it, instead of a saved one.'),
}

const csvBody = z.custom<string | Uint8Array>((body) => typeof body === 'string' || body instanceof Uint8Array)

const description =
  'CSV with a header; columns are the JSON names, separated by `,`, `;` or tabs. All or nothing: with one bad line nothing is imported, and the refusal names every bad line.'

const options = {
  config: { role: 'manager' },
  bodyLimit: limits.maxImportBytes,
} as const

const outcomeSchema = z.object({
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

const importQuery = z.strictObject({
  ...mappingQuery,
  dryRun: z.enum(['true', 'false']).default('false').describe('Say what would be done, and do nothing.'),
  allowChanges: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Lets lines change assets that are there already; a file never changes devices.'),
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
    outcome: outcomeSchema.nullable(),
    problem: z.looseObject({}).nullable(),
  })
  .meta({ id: 'ImportJob' })

const importSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    createdAt: timeOut,
    actorName: z.string().nullable(),
    reason: z.string().nullable(),
    created: z.number().int(),
    changed: z.number().int(),
    installed: z.number().int(),
    undoneAt: timeOut.nullable(),
  })
  .meta({ id: 'Import' })

const profileSchema = z.object({ name: z.string(), mapping: mappingSchema }).meta({ id: 'ImportProfile' })
const profileParams = z.object({ name: z.string().min(1).max(120) })

const previewSchema = z
  .object({
    encoding: z.enum(['utf-8', 'utf-16le', 'windows-1252']),
    separator: z.enum([';', ',', '\t']),
    lineCount: z.number().int(),
    columns: z.array(
      z.object({
        name: z.string(),
        values: z.array(z.string()).describe('The first that are different.'),
        valueCount: z.number().int(),
      }),
    ),
    fields: z
      .array(
        z.object({
          name: z.string(),
          type: z.enum(['text', 'number', 'time', 'date', 'json']),
          isNeeded: z.boolean(),
          options: z.array(z.string()).nullable(),
        }),
      )
      .describe('What a column may become.'),
    mapping: mappingSchema.describe('The given one, else one that is suggested.'),
    lines: z
      .array(
        z.object({
          line: z.number().int(),
          fields: z.record(z.string(), z.unknown()),
          errors: z.array(z.object({ column: z.string().nullable(), message: z.string() })),
        }),
      )
      .describe('What the first lines become.'),
  })
  .meta({ id: 'ImportPreview' })

const examples: Record<ImportKind, string> = {
  assets: 'id,kind,label\nbin-1,waste_container,Rue de la Paix 3',
  devices: 'id,model,assetId\nprobe-1,generic-json,bin-1',
}
const summaries: Record<ImportKind, string> = {
  assets: 'Import assets',
  devices: 'Import devices, and what they are installed on',
}

export const importRoutes: Routes = (api, { config, imports, onChange }) => {
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
      return tellJob(job, languageOf(request, config))
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

    for (const kind of importKinds) {
      const body = csvBody.meta({ type: 'string', examples: [examples[kind]] })
      scope.post(
        `/imports/${kind}`,
        {
          ...options,
          schema: {
            tags,
            summary: summaries[kind],
            description,
            consumes: ['text/csv'],
            querystring: importQuery,
            body,
            response: { 200: outcomeSchema, 202: jobSchema },
          },
        },
        async (request, reply) => answerImport(kind, request as ImportRequest, reply),
      )
      scope.post(
        `/imports/${kind}/preview`,
        {
          ...options,
          schema: {
            tags,
            summary: `How a file of ${kind} is understood, and what its first lines become`,
            consumes: ['text/csv'],
            querystring: z.strictObject(mappingQuery),
            body,
            response: { 200: previewSchema },
          },
        },
        async (request) => {
          const mapping = await findMapping(request.access, request.query)
          const { lines, ...preview } = await previewImport(kind, request.body, mapping)
          const language = languageOf(request, config)
          return {
            ...preview,
            mapping: mappingSchema.parse(preview.mapping),
            lines: lines.map(({ line, fields, errors }) => ({
              line,
              fields,
              errors: errors.map(({ column, message }) => ({
                column: column ?? null,
                message: tellDetail(message, language),
              })),
            })),
          }
        },
      )
    }
  })

  async function answerImport(kind: ImportKind, request: ImportRequest, reply: FastifyReply) {
    const { dryRun, allowChanges, wait, ...named } = request.query
    const job = imports.start(request.access, {
      kind,
      file: request.body,
      dryRun: dryRun === 'true',
      allowChanges: allowChanges === 'true',
      mapping: await findMapping(request.access, named),
    })
    if (wait === 'true') return (await job.finished) as z.infer<typeof outcomeSchema>
    job.finished.then(onChange, () => {})
    reply.code(202).header('location', `/api/v1/imports/jobs/${job.id}`)
    return tellJob(job, languageOf(request, config))
  }
}

type ImportRequest = FastifyRequest & { query: z.infer<typeof importQuery>; body: string | Uint8Array }

async function findMapping(
  access: Access,
  { profile, mapping }: { profile?: string | undefined; mapping?: Mapping | undefined },
): Promise<Mapping | undefined> {
  return mapping ?? (profile === undefined ? undefined : (await getProfile(access, profile)).mapping)
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

function tellJob(
  { id, state, phase, done, total, outcome, problem }: ImportJob,
  language: Language,
): z.infer<typeof jobSchema> {
  return {
    id,
    state,
    phase,
    done,
    total,
    outcome: outcome as z.infer<typeof outcomeSchema> | null,
    problem: problem === null ? null : problemDocument(problem, language),
  }
}
