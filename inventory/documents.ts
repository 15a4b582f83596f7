import { createHash, randomUUIDv7 } from 'node:crypto'
import type { ReadStream } from 'node:fs'
import {
  type AssetDocument,
  type DocumentKind,
  documentTypes,
  maxDocumentBytes,
  maxDocuments,
  type NewDocument,
  newDocumentSchema,
} from '../domain/document.ts'
import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import {
  hashDocumentFile,
  readDocumentFile,
  readFreeBytes,
  removeDocumentFile,
  writeDocumentFile,
} from '../store/document-files.ts'
import { type Change, mutate, type Registry } from '../store/registry.ts'
import type { DocumentTable } from '../store/registry-tables.ts'
import { getAsset } from './assets.ts'
import { parseInput } from './input.ts'

/** What the disk keeps free: messages of devices come before photos. */
const freeBytesKept = 2 ** 30

/**
 * Adds a file to an asset: what it is, its content says, and its name is made to end accordingly. `maxTotalBytes` bounds
 * all documents together. Throws Problem `not_found`, `bad_request`, `payload_too_large`, `unsupported_media_type` for
 * what is not taken, or `documents_full`.
 */
export async function addDocument(
  access: Access,
  assetId: string,
  bytes: Uint8Array,
  input: NewDocument,
  maxTotalBytes: number,
): Promise<AssetDocument> {
  const { name, kind, caption = null } = parseInput(newDocumentSchema, input)
  const { dataDir } = access.registry
  await getAsset(access, assetId)
  if (bytes.length > maxDocumentBytes) throw new Problem('payload_too_large', tellSizes(maxDocumentBytes))
  const mediaType = await findMediaType(bytes, name)
  const isImage = mediaType.startsWith('image/')
  if (kind === 'photo' && !isImage)
    throw new Problem('unsupported_media_type', {
      fr: `${mediaType} n’est pas une photo`,
      en: `${mediaType} is no photo`,
    })
  if ((await readFreeBytes(dataDir)) - bytes.length < freeBytesKept) throw new Problem('documents_full')
  const chosenKind: DocumentKind = kind ?? (isImage ? 'photo' : 'document')
  const row = {
    id: randomUUIDv7(),
    asset_id: assetId,
    kind: chosenKind,
    name: nameFile(name ?? chosenKind, mediaType),
    media_type: mediaType,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    caption,
    created_at: Date.now(),
    created_by: access.actor.name ?? access.actor.id,
    removed_at: null,
  }
  await writeDocumentFile(dataDir, row.id, bytes)
  try {
    return await mutate(access, async (change) => {
      await checkRoom(change, row, maxTotalBytes)
      await change.trx
        .insertInto('documents')
        .values({ ...row, revision: change.revision })
        .execute()
      const document = toDocument(row)
      change.record('document', row.id, null, document)
      return document
    })
  } catch (error) {
    await removeDocumentFile(dataDir, row.id)
    throw error
  }
}

/** The documents of an asset, the newest first. Throws Problem `not_found`. */
export async function listDocuments(access: Access, assetId: string, kind?: DocumentKind): Promise<AssetDocument[]> {
  await getAsset(access, assetId)
  let query = access.registry
    .selectFrom('documents')
    .selectAll()
    .where('asset_id', '=', assetId)
    .where('removed_at', 'is', null)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  return (await query.orderBy('id', 'desc').execute()).map(toDocument)
}

/** Throws Problem `not_found`. */
export async function getDocument(access: Access, assetId: string, id: string): Promise<AssetDocument> {
  return toDocument(await readRow(access.registry, assetId, id))
}

/** A document with its file as a stream. Throws Problem `not_found`, also when the file is not where it was put. */
export async function openDocument(
  access: Access,
  assetId: string,
  id: string,
): Promise<{ document: AssetDocument; open(): Promise<ReadStream> }> {
  const document = await getDocument(access, assetId, id)
  return {
    document,
    async open() {
      const file = await readDocumentFile(access.registry.dataDir, document.id)
      if (file === null)
        throw new Problem('not_found', {
          fr: `le fichier de ${document.name} manque dans le dossier de données`,
          en: `the file of ${document.name} is missing from the data folder`,
        })
      return file
    },
  }
}

/** Takes a document away, and its file; that it was there, the history of the asset tells. Throws Problem `not_found`. */
export async function removeDocument(access: Access, assetId: string, id: string): Promise<void> {
  await mutate(access, async ({ trx, revision, record }) => {
    const row = await readRow(trx, assetId, id)
    await trx.updateTable('documents').set({ removed_at: Date.now(), revision }).where('id', '=', id).execute()
    record('document', id, toDocument(row), null)
  })
  await removeDocumentFile(access.registry.dataDir, id)
}

/** Holds the file of each document against its size and hash. Answers what is wrong, in words. */
export async function checkDocuments({ registry }: Pick<Access, 'registry'>): Promise<string[]> {
  const rows = await registry
    .selectFrom('documents')
    .select(['id', 'asset_id', 'name', 'bytes', 'sha256'])
    .where('removed_at', 'is', null)
    .execute()
  const found: string[] = []
  for (const { id, asset_id, name, bytes, sha256 } of rows) {
    const file = await hashDocumentFile(registry.dataDir, id)
    const what = `document ${id} (${name}) of ${asset_id}`
    if (file === null) found.push(`${what}: its file is missing`)
    else if (file.bytes !== Number(bytes) || file.sha256 !== sha256) found.push(`${what}: its file was changed`)
  }
  return found
}

async function readRow(registry: Pick<Registry, 'selectFrom'>, assetId: string, id: string): Promise<DocumentTable> {
  const row = await registry
    .selectFrom('documents')
    .selectAll()
    .where('asset_id', '=', assetId)
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', id)
  return row
}

async function checkRoom(
  { trx, all }: Pick<Change, 'trx' | 'all'>,
  row: Pick<DocumentTable, 'asset_id' | 'bytes'>,
  maxTotalBytes: number,
): Promise<void> {
  // It was there before its file was written.
  const asset = await trx.selectFrom('assets').select('id').where('id', '=', row.asset_id).executeTakeFirst()
  if (asset === undefined) throw new Problem('not_found', row.asset_id)
  const { count } = await trx
    .selectFrom('documents')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('asset_id', '=', row.asset_id)
    .where('removed_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (Number(count) >= maxDocuments)
    throw new Problem('bad_request', {
      fr: `un équipement a au plus ${maxDocuments} documents`,
      en: `an asset has at most ${maxDocuments} documents`,
    })
  const { total } = await all
    .selectFrom('documents')
    .select((e) => e.fn.sum<number | null>('bytes').as('total'))
    .where('removed_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (Number(total ?? 0) + row.bytes > maxTotalBytes) throw new Problem('documents_full', tellSizes(maxTotalBytes))
}

/** What a file is by its content. Throws Problem `unsupported_media_type` for what is not taken. */
async function findMediaType(bytes: Uint8Array, name: string | undefined): Promise<string> {
  // Loaded with the first file that comes: most processes never see one.
  const { fileTypeFromBuffer } = await import('file-type')
  const detected = (await fileTypeFromBuffer(bytes))?.mime
  // A text has no signature: it is one when it says so itself, and holds nothing but text.
  const isText = detected === undefined && hasExtension(name ?? '', 'text/plain') && isPlainText(bytes)
  const mediaType = isText ? 'text/plain' : detected
  if (mediaType !== undefined && Object.hasOwn(documentTypes, mediaType)) return mediaType
  const taken = Object.values(documentTypes).map(({ extensions }) => extensions[0]!)
  throw new Problem('unsupported_media_type', {
    fr: `le contenu du fichier (${detected ?? 'inconnu'}) n’est pas admis ; sont admis : ${taken.join(', ')}`,
    en: `what the file holds (${detected ?? 'unknown'}) is not taken; taken are: ${taken.join(', ')}`,
  })
}

function isPlainText(bytes: Uint8Array): boolean {
  try {
    return !/[^\P{Cc}\t\n\r]/u.test(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return false
  }
}

/** The name without folders, ending as its content wants it: `photo.exe` that is a JPEG becomes `photo.exe.jpg`. */
function nameFile(name: string, mediaType: string): string {
  const bare = name.replace(/^.*[/\\]/, '') || 'document'
  return hasExtension(bare, mediaType) ? bare : `${bare}.${documentTypes[mediaType]!.extensions[0]}`
}

function hasExtension(name: string, mediaType: string): boolean {
  const extension = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''
  return documentTypes[mediaType]!.extensions.includes(extension)
}

function tellSizes(most: number): { fr: string; en: string } {
  const mebibytes = Math.floor(most / 2 ** 20)
  return { fr: `au plus ${mebibytes} Mio`, en: `at most ${mebibytes} MiB` }
}

function toDocument(row: Omit<DocumentTable, 'revision'>): AssetDocument {
  return {
    id: row.id,
    assetId: row.asset_id,
    kind: row.kind,
    name: row.name,
    mediaType: row.media_type,
    bytes: Number(row.bytes),
    sha256: row.sha256,
    caption: row.caption,
    createdAt: Number(row.created_at),
    createdBy: row.created_by,
  }
}
