import { z } from 'zod'
import { line } from './text.ts'

/** What a document of an asset is: a photo of it, or anything else that goes with it. */
export const documentKinds = ['photo', 'document'] as const
export type DocumentKind = (typeof documentKinds)[number]

/** Largest file of one document, in bytes. */
export const maxDocumentBytes = 16 * 2 ** 20

/** Most documents of one asset. */
export const maxDocuments = 200

/** What is said of a document that is added; without `kind`, an image is a photo. */
export const newDocumentSchema = z.strictObject({
  name: line(200).optional(),
  kind: z.enum(documentKinds).optional(),
  caption: line(500).nullable().optional(),
})
export type NewDocument = z.infer<typeof newDocumentSchema>

/** A document of an asset, without its file. Times are UTC epoch milliseconds. */
export type AssetDocument = {
  id: string
  assetId: string
  kind: DocumentKind
  name: string
  mediaType: string
  bytes: number
  /** Of the file, in lower-case hexadecimal. */
  sha256: string
  caption: string | null
  createdAt: number
  /** Who added it, as the audit knows them. */
  createdBy: string | null
}

/** The files that are taken: what they are by their content, how they are named, and whether a page may show them. */
export const documentTypes: Readonly<Record<string, { extensions: readonly string[]; isShown: boolean }>> = {
  'image/jpeg': { extensions: ['jpg', 'jpeg'], isShown: true },
  'image/png': { extensions: ['png'], isShown: true },
  'image/webp': { extensions: ['webp'], isShown: true },
  'image/gif': { extensions: ['gif'], isShown: true },
  'image/avif': { extensions: ['avif'], isShown: true },
  'image/heic': { extensions: ['heic', 'heif'], isShown: false },
  'image/heif': { extensions: ['heif', 'heic'], isShown: false },
  'image/tiff': { extensions: ['tif', 'tiff'], isShown: false },
  'image/vnd.dwg': { extensions: ['dwg'], isShown: false },
  'application/pdf': { extensions: ['pdf'], isShown: false },
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': { extensions: ['docx'], isShown: false },
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': { extensions: ['xlsx'], isShown: false },
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': {
    extensions: ['pptx'],
    isShown: false,
  },
  'application/vnd.oasis.opendocument.text': { extensions: ['odt'], isShown: false },
  'application/vnd.oasis.opendocument.spreadsheet': { extensions: ['ods'], isShown: false },
  'application/vnd.oasis.opendocument.presentation': { extensions: ['odp'], isShown: false },
  'text/plain': { extensions: ['txt', 'csv'], isShown: false },
}
