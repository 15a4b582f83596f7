import { z } from 'zod'
import {
  type AssetDocument,
  documentKinds,
  documentTypes,
  maxDocumentBytes,
  newDocumentSchema,
} from '../../domain/document.ts'
import { formatTime } from '../../domain/time.ts'
import { addDocument, getDocument, listDocuments, openDocument, removeDocument } from '../../inventory/documents.ts'
import type { Api, Routes } from '../context.ts'
import { idParams, pageOf, tagged, timeOut, wholeList } from '../shapes.ts'

const tags = ['assets']

const documentSchema = z
  .object({
    id: z.string(),
    assetId: z.string(),
    kind: z.enum(documentKinds),
    name: z.string(),
    mediaType: z.string().describe('What the file is by its content.'),
    bytes: z.number().int(),
    sha256: z.string(),
    caption: z.string().nullable(),
    createdAt: timeOut,
    createdBy: z.string().nullable(),
  })
  .meta({ id: 'Document' })

const documentParams = idParams.extend({ documentId: z.string().max(64) })

const file = z.custom<Uint8Array>((body) => body instanceof Uint8Array)

// What a file holds never runs as part of Parvis, whatever a browser makes of it.
const contentPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

export const documentRoutes: Routes = (api, { config }) => {
  api.get(
    '/assets/:id/documents',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Documents and photos of an asset, the newest first',
        params: idParams,
        querystring: z.strictObject({ kind: z.enum(documentKinds).optional() }),
        response: { 200: pageOf(documentSchema) },
      },
    },
    async (request) => {
      const documents = await listDocuments(request.access, request.params.id, request.query.kind)
      return wholeList(documents.map(tellDocument))
    },
  )

  // In a scope of its own: here a body is bytes, whatever it says of itself.
  api.register(async (instance) => {
    const scope = instance as unknown as Api
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body)
    scope.post(
      '/assets/:id/documents',
      {
        config: { role: 'technician' },
        bodyLimit: maxDocumentBytes,
        schema: {
          tags,
          summary: 'Add a document or photo to an asset',
          description:
            'The body is the file. What it is, its content says: images, PDF, texts and office documents are taken; its name is made to end accordingly. An image is a photo unless `kind` says otherwise.',
          params: idParams,
          querystring: newDocumentSchema,
          consumes: ['application/octet-stream'],
          body: file.meta({ type: 'string', format: 'binary' }),
          response: { 201: documentSchema },
        },
      },
      async (request, reply) => {
        const { id } = request.params
        const maxBytes = config.PARVIS_DOCUMENTS_MAX_BYTES
        const document = await addDocument(request.access, id, request.body, request.query, maxBytes)
        const place = `/api/v1/assets/${encodeURIComponent(id)}/documents/${document.id}`
        reply.code(201).header('location', place)
        return tagged(reply, tellDocument(document))
      },
    )
  })

  api.get(
    '/assets/:id/documents/:documentId',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'One document of an asset',
        params: documentParams,
        response: { 200: documentSchema },
      },
    },
    async (request, reply) => {
      const { id, documentId } = request.params
      return tagged(reply, tellDocument(await getDocument(request.access, id, documentId)))
    },
  )

  api.get(
    '/assets/:id/documents/:documentId/content',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'The file of a document',
        description: 'Images are shown; anything else is an attachment.',
        params: documentParams,
        response: {
          200: {
            description: 'The file, as it was given.',
            content: { 'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) } },
          },
          304: z.undefined().describe('It is the one named in `If-None-Match`: a file never changes.'),
        },
      },
    },
    async (request, reply) => {
      const { id, documentId } = request.params
      const { document, open } = await openDocument(request.access, id, documentId)
      const { mediaType, name, bytes, sha256 } = document
      const tag = `"${sha256}"`
      // Kept by the browser, and asked for again each time: who may not see it any more is not shown it.
      reply.headers({ etag: tag, 'cache-control': 'private, no-cache', 'content-security-policy': contentPolicy })
      if (request.headers['if-none-match'] === tag) return reply.code(304).send()
      const file = await open()
      const disposition = documentTypes[mediaType]?.isShown === true ? 'inline' : 'attachment'
      reply.type(mediaType === 'text/plain' ? 'text/plain; charset=utf-8' : mediaType)
      reply.header('content-length', bytes)
      reply.header('content-disposition', `${disposition}; filename*=UTF-8''${encodeName(name)}`)
      return file as never
    },
  )

  api.delete(
    '/assets/:id/documents/:documentId',
    {
      config: { role: 'technician' },
      schema: {
        tags,
        summary: 'Remove a document of an asset',
        description: 'Its file is gone; the history of the asset says that it was there.',
        params: documentParams,
        response: { 204: z.undefined().describe('Removed.') },
      },
    },
    async (request, reply) => {
      await removeDocument(request.access, request.params.id, request.params.documentId)
      reply.code(204)
    },
  )
}

/** A name in a header, as RFC 8187 section 3.2.1 wants it. */
function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
}

function tellDocument(document: AssetDocument): z.infer<typeof documentSchema> {
  return { ...document, createdAt: formatTime(document.createdAt) }
}
